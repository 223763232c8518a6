"""A run that is killed at any moment leaves whole files, and goes on to what an uninterrupted one writes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from drumlane.audio.io import Audio, write_audio
from drumlane.formats.midi import write_midi
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum
from process_material import run

pytest.importorskip("h5py", reason="the default storage needs the train extra")
pytestmark = pytest.mark.slow

N_KILLS = 24
N_TAKES = 30


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    noise = np.random.default_rng(0).normal(0.0, 0.1, 15 * 44100).astype(np.float32)
    for n in range(N_TAKES):
        write_audio(folder / f"{n:02}.wav", Audio(noise[n * 100 :], 44100))
        write_midi(Performance((Hit(n / 10, Drum.KICK, 100),), duration=5.0), folder / f"{n:02}.mid")
    return folder


def contents(folder: Path, skipped: tuple[str, ...] = ()) -> dict[str, bytes]:
    files = (
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(skipped or "?")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize(("storage", "num_workers"), [("hdf5", 2), ("npy", 1)])
def test_a_run_killed_again_and_again_ends_as_one_that_was_not(
    recordings: Path, tmp_path: Path, storage: str, num_workers: int
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert len(run(recordings, whole, 1, storage)) == N_TAKES
    expected = contents(whole)
    killed.mkdir()
    rng = np.random.default_rng(len(storage))
    n_within = 0
    while n_within < N_KILLS // 2:  # a run that has ended by itself was not killed
        before = set(contents(killed, (".drumlane-",)))
        process = start(recordings, killed, num_workers, storage)
        until_it_writes(killed, before, process)
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        n_within += process.wait() == -signal.SIGKILL
        time.sleep(0.3)  # its workers end by themselves
        found = contents(killed, (".drumlane-",))
        assert {name: found[name] == expected[name] for name in found} == dict.fromkeys(found, True)
        if "prepared.json" in found:  # it had the time to finish: begin again
            for path in sorted(killed.rglob("*")):
                path.unlink()
    finished = {name for name in contents(killed, (".drumlane-",)) if name.endswith((".h5", "_key.json"))}
    times = {name: (killed / name).stat().st_mtime_ns for name in finished}
    done = run(recordings, killed, 1, storage)
    suffix = ".h5" if storage == "hdf5" else "_key.json"
    assert set(done) == {f"{n:02}" for n in range(N_TAKES)} - {name.removesuffix(suffix) for name in finished}
    assert {name: (killed / name).stat().st_mtime_ns for name in finished} == times
    assert contents(killed) == expected


def start(recordings: Path, killed: Path, num_workers: int, storage: str) -> "subprocess.Popen[bytes]":
    """Start the engine and the worker of the command, without the seconds that a configuration takes."""
    script = Path(__file__).with_name("process_material.py")
    arguments = [str(recordings), str(killed), str(num_workers), storage]
    path = os.pathsep.join(sys.path)
    return subprocess.Popen([sys.executable, str(script), *arguments], env={**os.environ, "PYTHONPATH": path})


def until_it_writes(killed: Path, before: set[str], process: "subprocess.Popen[bytes]") -> None:
    """Wait until something new is in the folder: whatever comes earlier is only the start of Python."""
    while process.poll() is None and not {path.name for path in killed.iterdir()} - before:
        time.sleep(0.005)
