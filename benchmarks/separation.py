"""Separation: whether it helps to listen to the strokes alone, on songs whose drums are known.

    python benchmarks/separation.py --manifest ../shared/data/dev-audio/dev.csv \
        [--method none --method hpss …] [--json benchmarks/results/separation.json]

The shipped transcriber hears the drums with accompaniment, the same drums alone and the accompaniment alone,
each as it is and after every method. Micro F of five classes at ±50 ms with 95 % intervals, by class, and
false hits a minute in the accompaniment. These recordings serve measuring only. ``hpss:2`` is HPSS with a
margin of 2. See docs/beatsight.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.evaluation.classes import CLASS_SETS
from drumlane.evaluation.corpus import STANDARD_GROUPS, read_manifest
from drumlane.evaluation.metrics import Scores, score, score_track
from drumlane.evaluation.references import Track
from drumlane.formats import read
from drumlane.performance import Performance
from drumlane.separation.hpss import HpssOptions, percussive_blocks
from drumlane.separation.stems import HPSS, NONE, write_stem
from drumlane.transcription.transcribe import Transcriber

TOLERANCE = 0.05  # seconds
GROUPS = ("songs, mix", "songs, drums", "accompaniment")
METHODS = (NONE, HPSS, "hpss:2", "hpss:4")


def main() -> None:
    """Measure, print Markdown, and write JSON."""
    parser = argparse.ArgumentParser(description="Measure what separation does to transcriptions.")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--method", action="append", help="default: " + ", ".join(METHODS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    tracks = read_manifest(given.manifest)
    measured: dict[str, Any] = {}
    for name in GROUPS:
        group = next(group for group in STANDARD_GROUPS if group.name == name)
        for method in given.method or METHODS:
            measured.setdefault(name, {})[method] = row(group.select(tracks), method)
    print_table(measured)
    if given.json:
        given.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def row(tracks: tuple[Track, ...], method: str) -> dict[str, Any]:
    """Return the scores of some tracks after a method."""
    transcriber = Transcriber()
    began = time.process_time()
    heard = [(track, transcriber.decode(activations_of(transcriber, track, method))) for track in tracks]
    seconds = time.process_time() - began
    classes = CLASS_SETS["five"]
    scores = score(score_track(read(t.reference), p, TOLERANCE, classes, t.name) for t, p in heard)
    minutes = sum(p.duration for _, p in heard) / 60
    return figures(scores, [p for _, p in heard]) | {"cpu_seconds_per_minute": round(seconds / minutes, 2)}


def figures(scores: Scores, heard: list[Performance]) -> dict[str, Any]:
    """Return what is reported of scores."""
    by_class = {c.label: round(c.counts.f, 3) for c in scores.classes if c.counts.support}
    return {
        "tracks": len(heard),
        "hits": sum(map(len, heard)),
        "f": None if np.isnan(scores.micro.f) else round(scores.micro.f, 3),
        "interval": scores.interval and [round(end, 3) for end in scores.interval],
        "precision": None if np.isnan(scores.micro.precision) else round(scores.micro.precision, 3),
        "recall": None if np.isnan(scores.micro.recall) else round(scores.micro.recall, 3),
        "by_class": by_class,
        "false_hits_per_minute": round(sum(map(len, heard)) / (sum(p.duration for p in heard) / 60), 2),
    }


def activations_of(transcriber: Transcriber, track: Track, method: str) -> Any:
    """Return what is heard in a track after separation."""
    assert track.estimate is not None
    if method == NONE:
        return transcriber.activations(track.estimate)
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "stem.wav"
        writer_of(method)(track.estimate, stem)
        return transcriber.activations(stem)


def writer_of(method: str) -> Callable[[Path, Path], None]:
    """Return what writes a stem."""
    name, _, margin = method.partition(":")
    if name == HPSS and margin:
        return partial(_write_with_margin, margin=float(margin))
    return partial(write_stem, method=method)


def _write_with_margin(song: Path, stem: Path, margin: float) -> None:
    audio = read_audio(song)
    blocks = percussive_blocks([audio.samples], HpssOptions(margin=margin))
    write_audio(stem, Audio(np.concatenate(list(blocks)), audio.sample_rate))


def print_table(measured: dict[str, Any]) -> None:
    """Print Markdown."""
    print("| recordings | separation | hits | F ±50 ms | P | R | kick | snare | tom | hihat | cymbal |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, rows in measured.items():
        for method, cells in rows.items():
            if not cells["by_class"]:  # no drums: every hit is false
                print(f"| {name} | {method} | {cells['hits']} | {cells['false_hits_per_minute']} a minute |")
                continue
            low, high = cells["interval"]
            classes = " | ".join(
                f"{cells['by_class'].get(c, float('nan')):.3f}" for c in CLASS_SETS["five"].labels
            )
            score_cells = (
                f"{cells['f']:.3f} [{low:.3f} to {high:.3f}] | {cells['precision']} | {cells['recall']}"
            )
            print(f"| {name} | {method} | {cells['hits']} | {score_cells} | {classes} |")


if __name__ == "__main__":
    main()
