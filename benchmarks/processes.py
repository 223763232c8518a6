"""Processes: what one command costs in time and memory, measured from outside.

Memory is the kernel's peak of resident memory for that one process. A child starts as a copy of its parent,
so nothing heavy is imported here: it would count as the child's.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command cost."""

    wall_seconds: float
    cpu_seconds: float  # user and system, all threads
    peak_mb: float  # 1 MB = 10**6 bytes


def cost_of(command: Sequence[str], folder: Path | None = None) -> Cost:
    """Run a command to its end and return what it cost.

    Raises:
        SystemExit: it failed; its own words are shown.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{said.decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)
