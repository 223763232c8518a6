"""Preprocessing: how many seconds of recordings one core prepares in a second, and what they take on disk.

``python benchmarks/preprocessing.py`` writes recordings of E-GMD's kind (16-bit wav, 44.1 kHz, mono; most of
them a few seconds long, a fifth over a minute) with MIDI files, prepares each in one process and prints JSON:
seconds of sound per second of processor time with a 95 % interval over the takes (bootstrap), the same for a
second run that finds all of them stored, and bytes an hour. What 444.5 hours would take is derived from that.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

for library in ("OPENBLAS", "OMP", "MKL"):  # before numpy: waiting threads would be counted as work
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from drumlane.audio.features import FeatureSpec  # noqa: E402
from drumlane.audio.io import write_audio  # noqa: E402
from drumlane.data.egmd import EGMD  # noqa: E402
from drumlane.data.prepare_take import Job, Preparation, prepare  # noqa: E402
from drumlane.formats.midi import write_midi  # noqa: E402
from drumlane.performance import Performance  # noqa: E402
from drumlane.rendering.composition import STYLES, compose  # noqa: E402
from drumlane.rendering.procedural import embedded_kit  # noqa: E402
from drumlane.rendering.render import RenderOptions, render  # noqa: E402
from drumlane.vocabulary import TD17, TD17_NOTE_OF_DRUM  # noqa: E402

# Seconds and their share: 64 % of E-GMD's test recordings last 1 to 3 s and 21 % over 60 s, up to 313 s.
LENGTHS = ((2.0, 64), (20.0, 15), (90.0, 16), (240.0, 5))
CORES = (1, 8, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=100)
    parser.add_argument("--storage", choices=("hdf5", "npy"), default="hdf5")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), arguments.takes, arguments.storage)
    json.dump(report, sys.stdout, indent=2)
    print()


def measure(folder: Path, n_takes: int, storage: Literal["hdf5", "npy"]) -> dict[str, object]:
    jobs = write_takes(folder / "takes", n_takes)
    preparation = Preparation(folder / "processed", storage, FeatureSpec(), TD17)
    prepare(jobs[0], preparation)  # libraries load, filters are built
    (first, seconds), (again, _) = (
        times_of(jobs, one) for one in (Preparation(folder / "p", storage, FeatureSpec(), TD17),) * 2
    )
    n_bytes = sum(path.stat().st_size for path in (folder / "p").rglob("*") if path.is_file())
    rate = float(seconds.sum() / first.sum())
    bytes_an_hour = n_bytes / seconds.sum() * 3600
    return {
        "takes": n_takes,
        "hours_of_sound": round(float(seconds.sum()) / 3600, 3),
        "storage": storage,
        "times_real_time_per_core": round(rate, 1),
        "interval_95": [round(end, 1) for end in interval(seconds, first)],
        "stored_already_times_real_time_per_core": round(float(seconds.sum() / again.sum()), 1),
        "megabytes_an_hour": round(bytes_an_hour / 1e6, 2),
        "derived_egmd_gigabytes": round(bytes_an_hour * EGMD.hours / 1e9, 1),
        "derived_egmd_hours_by_cores": {n: round(EGMD.hours / rate / n, 3) for n in CORES},
    }


def write_takes(folder: Path, n_takes: int) -> list[Job]:
    """Write recordings and MIDI files, their lengths as in ``LENGTHS``."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    kit = embedded_kit()
    shares = np.array([share for _, share in LENGTHS]) / 100
    counts = np.round(np.cumsum([0, *shares]) * n_takes).astype(int)
    jobs = []
    for (seconds, _), n in zip(LENGTHS, np.diff(counts), strict=True):
        for _ in range(n):
            style = STYLES[sorted(STYLES)[len(jobs) % len(STYLES)]]
            groove = Performance(compose(style, 110.0, seconds, rng).hits, duration=seconds)
            job = Job(f"{len(jobs)}", folder / f"{len(jobs)}.wav", folder / f"{len(jobs)}.midi")
            write_midi(groove, job.midi, note_of_drum=TD17_NOTE_OF_DRUM)
            write_audio(job.audio, render(groove, kit, RenderOptions(seed=len(jobs))))
            jobs.append(job)
    return jobs


def times_of(jobs: list[Job], preparation: Preparation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return processor seconds and seconds of sound of each take, shape (takes,)."""
    measured = []
    for job in jobs:
        began = time.process_time()
        outcome = prepare(job, preparation)
        assert outcome.problem is None, outcome.problem
        measured.append((time.process_time() - began, outcome.seconds))
    worked, seconds = np.array(measured).T
    return worked, seconds


def interval(seconds: NDArray[np.float64], worked: NDArray[np.float64]) -> tuple[float, float]:
    """Return where the rate of 95 % of 2,000 redrawn sets of takes lies."""
    drawn = np.random.default_rng(0).integers(0, len(seconds), (2000, len(seconds)))
    rates = seconds[drawn].sum(axis=1) / worked[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
