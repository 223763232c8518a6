"""Node material: other people's parsers, run by Node.js, that the tests compare with.

``tests/node`` pins them; they are installed there on first use, once for all test processes.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "node"
_DONE = FOLDER / "node_modules" / ".drumlane"  # written when the installation has ended
_LOCK = FOLDER / ".installing"
_PATIENCE = 180  # s

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="needs Node.js and npm"
)


def run_node(script: str, job: object) -> Any:
    """Give ``job`` as JSON to a script of ``tests/node`` and return the JSON that it prints."""
    _install()
    done = subprocess.run(
        ["node", script], cwd=FOLDER, input=json.dumps(job), capture_output=True, text=True, timeout=_PATIENCE
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _install() -> None:
    wanted = (FOLDER / "package-lock.json").read_text(encoding="utf-8")
    end = time.monotonic() + _PATIENCE
    while not (_DONE.is_file() and _DONE.read_text(encoding="utf-8") == wanted):
        try:
            _LOCK.mkdir()
        except FileExistsError:  # another test process installs
            assert time.monotonic() < end, f"{_LOCK} is there: remove it if no test is running"
            time.sleep(0.2)
            continue
        try:
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=_PATIENCE)
            assert done.returncode == 0, done.stderr[-2000:]
            _DONE.write_text(wanted, encoding="utf-8")
        finally:
            _LOCK.rmdir()
