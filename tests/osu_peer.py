"""osu! in JavaScript: installed once from tests/node/osu and asked what .osu files mean."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent / "node" / "osu"
INSTALLED = Path(__file__).parents[1] / "build"  # kept between runs, not under version control


def read_as_osu_does(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what osu-parsers and osu-mania-stable make of each file; one process for all."""
    folder = _installed()
    names = "\n".join(str(path.resolve()) for path in paths)
    run = subprocess.run(
        ["node", "read.js"], cwd=folder, input=names, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    read: list[dict[str, Any]] = json.loads(run.stdout)
    return read


def _installed() -> Path:
    """Return a folder with the packages of the lock file; skip where there is no Node."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    content = b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))
    folder = INSTALLED / f"osu-peer-{hashlib.sha256(content).hexdigest()[:12]}"
    if not (folder / "read.js").is_file():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    """Install beside the folder, then take its name: another process may do the same at the same time."""
    INSTALLED.mkdir(exist_ok=True)
    partial = INSTALLED / f".{folder.name}-{hashlib.sha256(str(id(folder)).encode()).hexdigest()[:8]}"
    shutil.copytree(SOURCE, partial)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    try:
        partial.rename(folder)
    except OSError:  # the other one was first
        shutil.rmtree(partial)
