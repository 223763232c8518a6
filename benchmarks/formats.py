"""Formats: what it costs to write and read an hour of drums, 40,000 strokes with a tempo that drifts.

    python benchmarks/formats.py
    python benchmarks/formats.py --format chart --format bsm

Every format is written and read in a process of its own, whose processor time (start excluded) and peak
memory are printed. The results go to benchmarks/results/formats.json.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "formats.json"
N_HITS, SECONDS = 40_000, 3600.0
LONGEST, LARGEST_MB = 3.0, 300.0  # what is promised


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--format", action="append", help="by name; all that are written if not given")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one)))
        return
    from drumlane.formats.registry import FORMATS

    names = options.format or [f.name for f in FORMATS if f.writer]
    rows = {}
    for name in names:
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name:12} {done.stderr.strip().splitlines()[-1]}")
            continue
        rows[name] = json.loads(done.stdout.splitlines()[-1])
        told = "  ".join(f"{key} {value:g}" for key, value in rows[name].items())
        fits = max(rows[name]["write_s"], rows[name].get("read_s", 0.0)) <= LONGEST
        print(f"{name:12} {told}  {'' if fits and rows[name]['peak_mb'] <= LARGEST_MB else 'TOO MUCH'}")
    if options.format is None:
        RESULTS.write_text(json.dumps({"hits": N_HITS, "seconds": SECONDS, "formats": rows}, indent=1) + "\n")


def measured(name: str) -> dict[str, float]:
    """Write and read once, after a small trial that loads every module."""
    from drumlane import formats
    from drumlane.formats.registry import format_named

    found = format_named(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (found.file_names[0] if not found.suffixes else "hour" + found.suffixes[0])
        trial = Path(folder) / "trial" / path.name
        trial.parent.mkdir()
        formats.write(hour(200, 20.0), trial)
        if found.reader:
            formats.read(trial)
        performance = hour(N_HITS, SECONDS)
        began = time.process_time()
        formats.write(performance, path)
        row = {"write_s": time.process_time() - began}
        if found.reader:
            began = time.process_time()
            formats.read(path)
            row["read_s"] = time.process_time() - began
        row["file_mb"] = path.stat().st_size / 2**20 if path.exists() else 0.0
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {key: round(value, 2) for key, value in row.items()}


def hour(n_hits: int, seconds: float):  # type: ignore[no-untyped-def]
    """Return a performance of all lanes on sixteenths of a drifting tempo, loosely."""
    from drumlane.performance import Hit, Performance
    from drumlane.song import Song
    from drumlane.timing import TempoChange, TempoMap
    from drumlane.vocabulary import DRUM_OF_LANE, LANES

    rng = np.random.default_rng(0)
    bpms = 120 + 10 * np.sin(np.arange(0, seconds / 2) / 7)
    tempo = TempoMap(tuple(TempoChange(4.0 * k, float(bpm)) for k, bpm in enumerate(bpms)))
    end = float(tempo.seconds_to_beats(seconds))
    places = np.sort(rng.choice(int(end * 4), min(n_hits, int(end * 4) - 1), replace=False)) / 4
    chords = np.sort(rng.choice(places, max(0, n_hits - len(places))))
    times = tempo.beats_to_seconds(np.concatenate([places, chords])) + rng.normal(0, 0.004, n_hits)
    drums = [DRUM_OF_LANE[LANES[int(k)]] for k in rng.integers(0, 8, n_hits)]
    hits = tuple(
        Hit(max(0.0, float(t)), drum, int(v))
        for t, drum, v in zip(times, drums, rng.integers(20, 127, n_hits), strict=True)
    )
    return Performance(hits, tempo, seconds, Song("An hour", "Nobody"))


if __name__ == "__main__":
    main()
