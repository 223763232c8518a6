"""Playing: bars that were read, as the strokes they mean, in the order they are played.

Flow: reading -> **playing** -> Performance
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, zip_longest

import numpy as np

from drumlane.formats.notation.measures import QUARTER, bar_length, beats_of
from drumlane.formats.notation.musicxml_part import PartReader
from drumlane.formats.notation.ornaments import GRACE_SECONDS
from drumlane.formats.notation.reading import ReadBar, ReadNote
from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.unrolling import Signs, played_order
from drumlane.performance import Hit, Performance
from drumlane.timing import tempo_map_from_events
from drumlane.vocabulary import Drum

MAX_STROKES = 2_000_000  # after repeats; more than a hundred hours of drums
_NO_BAR = ReadBar()


def merged(parts: Sequence[PartReader], drums: Sequence[PartReader]) -> list[ReadBar]:
    """Return the bars of a score: strokes from its drums, everything else from any part."""
    return [
        _together([bar or _NO_BAR for bar in bars], [any(part is d for d in drums) for part in parts])
        for bars in zip_longest(*(part.bars for part in parts))
    ]


def played(bars: Sequence[ReadBar]) -> Performance:
    """Return the performance of bars, repeats followed, up to the end of the last one.

    Raises:
        ValueError: repeats without measure, a tempo of 0, or strokes beyond ``MAX_STROKES``.
    """
    as_read = [_Playing(bar, quarters, meter) for bar, quarters, meter in _with_lengths(bars)]
    order = played_order([bar.signs for bar in bars])
    found = _Strokes()
    start, meter, swing = 0.0, (0, 0), None
    tempos: list[tuple[float, float]] = []
    meters: list[tuple[float, int, int]] = []
    for i in order:
        now = as_read[i]
        if now.meter != meter:
            meter = now.meter
            meters.append((start, *meter))
        swing = now.bar.swing[0] if now.bar.swing else swing
        tempos += [(start + at, bpm) for at, bpm in now.bar.tempos]
        found.add(now, start, swing)
        start += now.quarters
    tempo = tempo_map_from_events([(beat, bpm) for beat, bpm in tempos if bpm > 0], meters)
    times = tempo.beats_to_seconds(found.beats) - GRACE_SECONDS * np.array(found.leads)
    hits = tuple(
        Hit(max(0.0, time), drum, velocity)
        for time, drum, velocity in zip(times.tolist(), found.drums, found.velocities, strict=True)
    )
    return Performance(hits, tempo, float(tempo.beats_to_seconds(start)))


@dataclass(frozen=True, slots=True)
class _Playing:
    """A bar with the length it really has."""

    bar: ReadBar
    quarters: float
    meter: tuple[int, int]  # that says this length, where one does


def _with_lengths(bars: Sequence[ReadBar]) -> Iterator[tuple[ReadBar, float, tuple[int, int]]]:
    meter = (4, 4)
    for bar in bars:
        meter = bar.meter or meter
        full = 4.0 * meter[0] / meter[1]
        if not bar.quarters or (bar.quarters < full and not bar.is_implicit) or bar.quarters == full:
            yield bar, full, meter
        else:
            yield bar, bar.quarters, _meter_of(bar.quarters) or meter


def _meter_of(quarters: float) -> tuple[int, int] | None:
    for denominator in (4, 8, 16, 32):
        numerator = quarters * denominator / 4
        if 1 <= round(numerator) <= 255 and abs(numerator - round(numerator)) < 1e-6:
            return round(numerator), denominator
    return None


@dataclass(slots=True)
class _Strokes:
    """Strokes gathered bar by bar, as columns."""

    beats: list[float] = field(default_factory=list)
    leads: list[int] = field(default_factory=list)
    drums: list[Drum] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)

    def add(self, now: _Playing, start: float, swing: Swing | None) -> None:
        for note in now.bar.notes:
            at = _swung(note, now, swing) if swing and note.swings else note.start
            n_strokes, step = note.roll
            self.beats += [start + at + i * step for i in range(n_strokes)]
            self.leads += [note.leads_by] * n_strokes
            self.drums += [note.drum] * n_strokes
            self.velocities += [note.velocity] * n_strokes
        if len(self.beats) > MAX_STROKES:
            raise ValueError(f"more than {MAX_STROKES} strokes")


def _swung(note: ReadNote, now: _Playing, swing: Swing) -> float:
    """Return where a note of a swung bar sounds: beats that are whole pairs swing."""
    numerator, denominator = now.meter
    length = min(round(now.quarters * QUARTER), bar_length(numerator, min(denominator, 32)))
    edges = [0, *accumulate(beats_of(length, numerator, denominator))]
    at = note.start * QUARTER
    for start, end in pairwise(edges):
        if start <= at < end and (end - start) % (2 * swing.note) == 0:
            return (start + float(swing.played(np.array(at - start)))) / QUARTER
    return note.start


def _together(bars: Sequence[ReadBar], are_drums: Sequence[bool]) -> ReadBar:
    first = ReadBar(
        quarters=max(bar.quarters for bar in bars),
        is_implicit=any(bar.is_implicit for bar in bars),
        meter=next((bar.meter for bar in bars if bar.meter), None),
        tempos=next((bar.tempos for bar in bars if bar.tempos), []),
        swing=next((bar.swing for bar in bars if bar.swing), None),
        signs=Signs(
            any(bar.signs.begins for bar in bars),
            max(bar.signs.times for bar in bars),
            next((bar.signs.endings for bar in bars if bar.signs.endings), frozenset()),
        ),
    )
    first.notes = [
        note for bar, is_drums in zip(bars, are_drums, strict=True) if is_drums for note in bar.notes
    ]
    return first
