"""Timing points of .osu files: the tempo map as osu! holds it, both ways.

Used by ``osu``. A point has a whole millisecond, the length of a beat and the beats in a bar; osu! counts
bars anew from every point. So a tempo that changes within a bar gets a point without a bar line, and
another point where the next bar begins.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from drumlane.files import AnyPath
from drumlane.formats.tempo_knots import map_from_seconds, retimed
from drumlane.formats.text_lines import at_line, number
from drumlane.performance import Performance
from drumlane.timing import TempoMap, TimeSignature

LATEST = 2.0**31  # milliseconds that osu! can count

_NO_BAR_LINE = 8  # effect
_ON_THE_LINE = 1e-6  # beats


def timing_points(performance: Performance) -> list[str]:
    """Return the lines of [TimingPoints]."""
    tempo = performance.tempo
    points = _points(tempo, float(tempo.seconds_to_beats(performance.duration)))
    beats = [point.beat for point in points]
    held = retimed(tempo, beats, beats)
    at = {point.beat: point for point in points}
    times = np.rint(held.beats_to_seconds([change.beat for change in held.changes]) * 1000).astype(int)
    return [
        f"{time},{60000 / change.bpm:.12g},{at[change.beat].meter},0,0,100,1,{at[change.beat].effects}"
        for time, change in zip(times.tolist(), held.changes, strict=True)
    ]


def tempo_of_points(lines: Sequence[tuple[int, str]], path: AnyPath) -> TempoMap:
    """Return the tempo map of numbered lines; inherited points only change how fast notes scroll.

    Raises:
        FormatError: a line does not fit; the message names it.
    """
    tempos, bar_lines = [], []
    for line_number, line in lines:
        with at_line(path, line_number):
            cells = line.split(",")
            time, length = number(cells[0], -LATEST, LATEST) / 1000, _beat_length(cells)
            if length is None:
                continue
            tempos.append((time, 60000 / length))
            if not (_integer(cells, 7, 0) & _NO_BAR_LINE):
                bar_lines.append((time, min(max(1, _integer(cells, 2, 4)), 255), 4))
    return map_from_seconds(tempos, bar_lines)


@dataclass(frozen=True, slots=True)
class _Point:
    beat: float
    meter: int  # beats in a bar
    effects: int


def _points(tempo: TempoMap, end: float) -> list[_Point]:
    """Return a point for each change of tempo or meter before ``end``, and where bars go on after one."""
    signatures = tempo.signatures or (TimeSignature(0.0, 4, 4),)
    starts = [signature.beat for signature in signatures]
    knots = sorted({0.0, *(change.beat for change in tempo.changes), *starts})
    points: dict[float, _Point] = {}
    for beat, following in zip(knots, [*knots[1:], inf], strict=True):
        signature = signatures[max(0, bisect_right(starts, beat) - 1)]
        bar_line = _bar_line(signature, beat)
        on_line = bar_line - beat < _ON_THE_LINE
        points[beat] = _Point(beat, _meter(signature), 0 if on_line else _NO_BAR_LINE)
        if not on_line and bar_line < min(following, end):
            points[bar_line] = _Point(bar_line, _meter(signature), 0)
    return [points[beat] for beat in sorted(points) if beat == 0 or beat < end]


def _bar_line(signature: TimeSignature, beat: float) -> float:
    """Return the first bar line at ``beat`` or after it."""
    bar = 4 * signature.numerator / signature.denominator
    return signature.beat + ceil((beat - signature.beat) / bar - _ON_THE_LINE) * bar


def _meter(signature: TimeSignature) -> int:
    """Return the quarter notes of a bar; osu! has whole ones only, so 7/8 has four."""
    return max(1, ceil(4 * signature.numerator / signature.denominator))


def _beat_length(cells: list[str]) -> float | None:
    """Return milliseconds, or None for an inherited point."""
    if len(cells) < 2:
        raise ValueError(f"{len(cells)} values where a timing point has at least 2")
    length = float(cells[1])
    if _integer(cells, 6, 1) == 0 or length < 0:
        return None
    if not 1e-3 <= length <= 1e9:
        raise ValueError(f"a beat of {length:g} ms; it must last 0.001 to 1000000000")
    return length


def _integer(cells: list[str], place: int, default: int) -> int:
    return int(float(cells[place])) if len(cells) > place and cells[place].strip() else default
