"""Beats: how well the tempo map of a transcription is heard, on unseen kits and human grooves.

    python benchmarks/beats.py --kits ../shared/data/kits/kits.csv --grooves ../shared/data/grooves \
        --backing ../shared/data/backing [--split test] [--json benchmarks/results/beats.json]

Each groove of the split is played on a kit of a held-out family, drums only and with accompaniment at 0 dB,
and goes through the shipped transcriber and the beat tracker. Beats are those of the tempo map that is
written, between the first and the last stroke that was played; the reference is the click that the player
heard. Nothing is trimmed at the beginning. Intervals are 95 % bootstrap intervals over grooves. With
``--cache`` hits are kept in a folder, so that another tracker is measured in seconds. Also: the drift over
ten minutes of a steady tempo, and what an hour costs. See docs/beats.md.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drumlane import formats
from drumlane.data.families import in_test, in_validation
from drumlane.data.gmd import Groove, load_grooves
from drumlane.evaluation.beats import beat_scores, beats_of, f_measure
from drumlane.evaluation.heldout import render_heldout
from drumlane.models.beat_model import BEAT_FORMAT_VERSION, SHIPPED_BEATS, BeatCard
from drumlane.models.card import Score, read_card_of, write_card
from drumlane.performance import Hit, Performance
from drumlane.rendering.accompaniment import load_clips
from drumlane.rendering.kits import SAMPLE_RATE, load_kits
from drumlane.timing import TempoMap
from drumlane.transcription.beats import BeatOptions, BeatTracker
from drumlane.transcription.transcribe import Transcriber, TranscriptionOptions
from drumlane.vocabulary import Drum

SECONDS = 60.0  # the most of each groove
LONG = 10.0  # seconds; shorter grooves say little of a tempo
MEASURES = ("F beats", "F downbeats", "CMLt", "AMLt", "tempo ±1 %")
LEVELS = ("drums only", "accompaniment at 0 dB")
N_RESAMPLES = 10000
COMMAND = (
    "python benchmarks/beats.py --kits ../shared/data/kits/kits.csv --grooves ../shared/data/grooves "
    "--backing ../shared/data/backing"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A groove as it was played, and what was transcribed of it."""

    groove: Groove
    shift: float  # seconds by which its click is later than in the groove
    played: tuple[float, float]  # first and last stroke, seconds
    hits: Performance


def main() -> None:
    """Measure, print Markdown, and write JSON."""
    parser = argparse.ArgumentParser(description="Measure how well beats are heard.")
    parser.add_argument("--kits", type=Path, required=True)
    parser.add_argument("--grooves", type=Path, required=True)
    parser.add_argument("--backing", type=Path, required=True)
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--cache", type=Path, help="folder that keeps hits between runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", action="store_true", help="write the scores into the shipped model's card")
    given = parser.parse_args()
    tracker = BeatTracker()
    measured: dict[str, Any] = {}
    for level in LEVELS:
        heard = list(transcribed(given, level))
        measured |= report(level, heard, tracker)
    measured |= steady(tracker)
    if given.json:
        given.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    if given.card:
        path = SHIPPED_BEATS.with_suffix(".json")
        card = read_card_of(BeatCard, path, BEAT_FORMAT_VERSION)
        write_card(card.model_copy(update={"scores": card_scores(measured)}), path)


def transcribed(given: argparse.Namespace, level: str) -> Iterator[Heard]:
    """Yield the grooves of the split with what the transcriber hears of them."""
    grooves = {groove.id: groove for groove in load_grooves(given.grooves, given.split)}
    for name, reference, hits in _kept(given, level, grooves) or _rendered(given, level, grooves):
        times = [hit.time for hit in reference.hits]
        shift = times[0] - grooves[name].performance.hits[0].time
        yield Heard(grooves[name], shift, (times[0], times[-1]), hits)


_Item = tuple[str, Performance, Performance]  # a groove's name, what was played, what was heard


def _rendered(given: argparse.Namespace, level: str, grooves: dict[str, Groove]) -> Iterator[_Item]:
    kits = load_kits(given.kits, in_test if given.split == "test" else in_validation)
    clips = load_clips(given.backing, held_out=True) if level != LEVELS[0] else ()
    transcriber = Transcriber(options=TranscriptionOptions(beats=BeatOptions(tracker="none")))
    played = {name: groove.performance for name, groove in grooves.items()}
    for item in render_heldout(played, kits, clips, 0.0, SECONDS):
        hits = transcriber.transcribe(item.samples, SAMPLE_RATE)
        if folder := _folder(given, level):
            folder.mkdir(parents=True, exist_ok=True)
            formats.write(item.reference, folder / f"{item.name.replace('/', ' ')}.reference.json")
            formats.write(hits, folder / f"{item.name.replace('/', ' ')}.heard.json")
        yield item.name, item.reference, hits


def _folder(given: argparse.Namespace, level: str) -> Path | None:
    return given.cache / given.split / level if given.cache else None


def _kept(given: argparse.Namespace, level: str, grooves: dict[str, Groove]) -> list[_Item]:
    """Return what an earlier run has kept; nothing if it did not keep all."""
    folder = _folder(given, level)
    if folder is None or not folder.is_dir():
        return []
    names = [name for name, groove in grooves.items() if groove.performance.hits]
    places = [(name, folder / name.replace("/", " ")) for name in names]
    if not all(Path(f"{place}.heard.json").exists() for _, place in places):
        return []
    return [
        (name, formats.read(f"{place}.reference.json"), formats.read(f"{place}.heard.json"))
        for name, place in places
    ]


def report(level: str, heard: list[Heard], tracker: BeatTracker) -> dict[str, Any]:
    """Print a table of all grooves and of the long ones; return its numbers."""
    rows = np.array([scores(one, tracker) for one in heard])
    long = np.array([one.played[1] - one.played[0] >= LONG for one in heard])
    print(f"\n{level}\n\n| | n | {' | '.join(MEASURES)} |\n|---|---|{'---|' * len(MEASURES)}")
    found: dict[str, Any] = {}
    for name, chosen in (("all", rows), (f"at least {LONG:g} s", rows[long]), ("shorter", rows[~long])):
        cells = [interval(chosen[:, i]) for i in range(len(MEASURES))]
        print(
            f"| {name} | {len(chosen)} | {' | '.join(f'{m:.3f} [{a:.3f}, {b:.3f}]' for m, a, b in cells)} |"
        )
        found[f"{level}, {name}"] = {"n": len(chosen), **dict(zip(MEASURES, cells, strict=True))}
    return found


def card_scores(measured: dict[str, Any]) -> tuple[Score, ...]:
    """Return the rows of the card: of grooves that are long enough to have a tempo."""
    rows = [(level, measured[f"{level}, at least {LONG:g} s"]) for level in LEVELS]
    return tuple(
        Score(
            measure=f"{measure}, unseen kits, {level}, grooves of at least {LONG:g} s",
            value=round(row[measure][0], 4),
            n=row["n"],
            interval=(round(row[measure][1], 4), round(row[measure][2], 4)),
            command=COMMAND,
        )
        for level, row in rows
        for measure in MEASURES
    )


def scores(one: Heard, tracker: BeatTracker) -> tuple[float, ...]:
    """Return the measures of one groove."""
    first, last = one.played
    interval = 60.0 / one.groove.bpm
    signature = one.groove.performance.tempo.signatures[0]
    reference = np.arange(0.0, last + interval, interval) + one.shift
    bar = round(4 * signature.numerator / signature.denominator)
    tempo = tracker.tempo(one.hits)
    beats, downbeats = (_between(times, first, last) for times in beats_of(tempo, last + 1.0))
    found = beat_scores(_between(reference, first, last), beats)
    down = f_measure(_between(reference[::bar], first, last), downbeats)
    right = abs(_usual_bpm(tempo, last) / one.groove.bpm - 1.0) <= 0.01
    return found.f, down, found.cmlt, found.amlt, float(right)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean and its 95 % bootstrap interval."""
    drawn = np.random.default_rng(0).integers(0, len(values), (N_RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def steady(tracker: BeatTracker) -> dict[str, Any]:
    """Print the drift over ten minutes at steady tempos, and the cost of an hour."""
    tempos = (61.7, 97.3, 123.45, 128.0, 171.7)
    drifts = {bpm: drift(bpm, tracker) for bpm in tempos}
    print("\ndrift over 600 s, ms: " + ", ".join(f"{bpm:g} bpm {ms:.2f}" for bpm, ms in drifts.items()))
    hour = rock(140.0, 3600.0, 2.0)
    start = time.process_time()
    tracker.tempo(hour)
    cost = time.process_time() - start
    print(f"an hour of {len(hour)} hits: {cost:.2f} s of processor time, {cost / 60:.4f} s a minute")
    return {"drift ms": drifts, "hour": {"hits": len(hour), "cpu seconds": cost}}


def drift(bpm: float, tracker: BeatTracker) -> float:
    """Return how far a beat of the map is from the click, at most, in ms; strokes waver by 8 ms."""
    tempo = tracker.tempo(rock(bpm, 600.0, 2.0))
    click = 2.0 + np.arange(int(598.0 * bpm / 60.0)) * 60.0 / bpm
    beats, _ = beats_of(tempo, 601.0)
    return float(np.abs(click[:, None] - beats).min(axis=1).max() * 1000.0)


def rock(bpm: float, seconds: float, start: float, waver: float = 0.008) -> Performance:
    """Return a plain beat in eighths."""
    rng = np.random.default_rng(0)
    hits = []
    for eighth in range(int((seconds - start) * bpm / 30.0)):
        struck = [Drum.HIHAT_CLOSED]
        struck += [Drum.KICK] * (eighth % 8 in (0, 4)) + [Drum.SNARE] * (eighth % 8 in (2, 6))
        struck += [Drum.CRASH] * (eighth % 64 == 0)
        time_of_click = start + eighth * 30.0 / bpm
        hits += [Hit(time_of_click + float(rng.normal(0, waver)), drum, 90) for drum in struck]
    return Performance.of(hits, seconds)


def _usual_bpm(tempo: TempoMap, end: float) -> float:
    """Return the tempo that most of the piece has."""
    starts = tempo.beats_to_seconds([change.beat for change in tempo.changes])
    lengths = np.diff([*np.minimum(starts, end), end])
    return tempo.changes[int(lengths.argmax())].bpm


def _between(times: np.ndarray, first: float, last: float) -> np.ndarray:
    return times[(times >= first - 0.07) & (times <= last + 0.07)]


if __name__ == "__main__":
    main()
