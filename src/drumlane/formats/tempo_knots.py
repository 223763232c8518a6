"""Tempo knots: tempo maps as the files of games can hold them, and their maps as ours.

Used by osu, stepmania, dtx and bjson. A knot is a place where the tempo changes. Files hold knots on a grid
of their own: on whole milliseconds, or on rows. ``retimed`` moves a map's knots there and chooses the
tempos between them anew, so that no knot is off by more than half a step however many there are. Hits are
laid on the map after that, and keep their seconds.

The other way, ``map_from_seconds`` takes tempos and bar lines at any second of the audio, also before it
begins, and lays them on a map that begins with beat 0 at second 0: whole beats at a tempo of their own fill
the time before the first knot.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drumlane.timing import DEFAULT_BPM, TempoChange, TempoMap, TimeSignature

SHORTEST = 0.001  # seconds between two knots: nearer ones become one
_NO_TIME = 0.0005  # seconds: a beat that is off by less is not off
_BEAT_DECIMALS = 6
_SAME_BAR = 0.02  # beats: a bar line that is off by less is where the meter has it
_FINEST_NOTE = 64  # of a bar's length

# Seconds or beats, bpm: from there on.
Knot = tuple[float, float]


def retimed(tempo: TempoMap, beats: ArrayLike, placed: ArrayLike, step: float | None = 0.001) -> TempoMap:
    """Return the map with a knot for each of ``beats``, at the beats ``placed`` and at whole steps.

    Args:
        tempo: the map; its own knots should be among the beats, beat 0 first.
        beats: where knots are, ascending.
        placed: where the file can have them, as many.
        step: seconds that a knot's time is a multiple of; None for any time.
    """
    wanted = np.asarray(beats, dtype=np.float64)
    seconds = tempo.beats_to_seconds(wanted)
    if step is not None:
        seconds = np.rint(seconds / step) * step
    places = np.asarray(placed, dtype=np.float64)
    knots = [(0.0, 0.0, tempo.changes[0].bpm)]
    for place, second, bpm in zip(places.tolist(), seconds.tolist(), _bpms_at(tempo, wanted), strict=True):
        if place > knots[-1][0] and second >= knots[-1][1] + SHORTEST / 2:
            knots.append((place, second, bpm))
        else:  # two knots in one place: the later one's tempo counts
            knots[-1] = (*knots[-1][:2], bpm)
    changes = [
        TempoChange(here[0], 60 * (there[0] - here[0]) / (there[1] - here[1]))
        for here, there in pairwise(knots)
    ]
    return TempoMap((*changes, TempoChange(knots[-1][0], knots[-1][2])), tempo.signatures)


def map_from_seconds(tempos: Sequence[Knot], bar_lines: Sequence[tuple[float, int, int]] = ()) -> TempoMap:
    """Return a map from tempos (second, bpm) and bar lines (second, numerator, denominator) in any order.

    Of several at one second the last one counts. Bar lines that come where the meter has them anyway, and
    tempos that change nothing, are left out.
    """
    ordered = sorted(tempos, key=lambda knot: knot[0]) or [(0.0, DEFAULT_BPM)]
    knots = _from_the_start(ordered)
    changes: dict[float, float] = {}
    beat = 0.0
    for (second, bpm), (following, _) in pairwise([*knots, (knots[-1][0], 0.0)]):
        changes[beat] = bpm
        beat = round(beat + (following - second) * bpm / 60, _BEAT_DECIMALS)
    tempo = TempoMap(tuple(TempoChange(b, bpm) for b, bpm in _without_repeats(changes)))
    bpm_before = [bpm for second, bpm in ordered if second < _NO_TIME or second == ordered[0][0]][-1]
    return TempoMap(tempo.changes, _signatures(_bars(tempo, bar_lines, bpm_before)))


def signature_of(beats: float) -> tuple[int, int]:
    """Return the time signature of a bar of so many quarter notes, the nearest in 64ths at worst.

    >>> signature_of(4.0), signature_of(3.5), signature_of(0.3)
    ((4, 4), (7, 8), (5, 64))
    """
    for denominator in (4, 8, 16, 32, _FINEST_NOTE):
        numerator = round(beats * denominator / 4)
        if numerator and abs(beats * denominator / 4 - numerator) <= 1e-3:
            return numerator, denominator
    return max(1, round(beats * _FINEST_NOTE / 4)), _FINEST_NOTE


def _bpms_at(tempo: TempoMap, beats: NDArray[np.float64]) -> list[float]:
    """Return the tempos from each of ``beats`` on."""
    bpms = np.array([change.bpm for change in tempo.changes])
    starts = [change.beat for change in tempo.changes]
    return list(bpms[np.searchsorted(starts, beats, side="right") - 1].tolist())


def _from_the_start(knots: Sequence[Knot]) -> list[Knot]:
    """Return the knots from second 0 on; ``knots`` are in order."""
    before = [knot for knot in knots if knot[0] < _NO_TIME]
    after = [knot for knot in knots if knot[0] >= _NO_TIME]
    if not before:  # the time before the first knot: as many whole beats as fit best
        second, bpm = after[0]
        return [(0.0, 60 * max(1, round(second * bpm / 60)) / second), *after]
    second, bpm = before[-1]
    beats_gone = max(0.0, -second) * bpm / 60
    next_beat = (np.ceil(beats_gone - 1e-6) - beats_gone) * 60 / bpm
    if next_beat < _NO_TIME:
        return [(0.0, bpm), *after]
    if after and after[0][0] < next_beat + _NO_TIME:
        return [(0.0, 60 / after[0][0]), *after]
    return [(0.0, 60 / float(next_beat)), (float(next_beat), bpm), *after]


def _without_repeats(changes: dict[float, float]) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for beat, bpm in changes.items():
        if not kept or abs(bpm - kept[-1][1]) > 1e-9 * bpm:
            kept.append((beat, bpm))
    return kept


# Beat, numerator, denominator: a bar line.
_Bar = tuple[float, int, int]


def _bars(tempo: TempoMap, bar_lines: Sequence[tuple[float, int, int]], bpm_before: float) -> list[_Bar]:
    """Return the bar lines in beats; what began before second 0 by the first bar line after it."""
    lines = sorted(bar_lines, key=lambda line: line[0])
    seconds = np.array([line[0] for line in lines])
    beats = np.round(tempo.seconds_to_beats(seconds), _BEAT_DECIMALS).tolist()
    bars = [(beat, n, d) for beat, (second, n, d) in zip(beats, lines, strict=True) if second > -_NO_TIME]
    begun = [line for line in lines if line[0] <= -_NO_TIME]
    if not begun:
        return bars
    second, numerator, denominator = begun[-1]
    gone = round(-second * bpm_before / 60, _BEAT_DECIMALS)
    bar = 4 * numerator / denominator
    following = float(np.ceil(gone / bar) * bar - np.floor(gone))
    return [(following, numerator, denominator), *bars] if not bars or following < bars[0][0] else bars


def _signatures(bars: Sequence[_Bar]) -> tuple[TimeSignature, ...]:
    meters: dict[float, tuple[int, int]] = {}
    for beat, numerator, denominator in bars:
        meter = (numerator, denominator)
        if not meters:
            meters = _first_bar(beat, meter)
        elif not _expected(meters, beat, meter):
            meters[beat] = meter
    return tuple(TimeSignature(beat, n, d) for beat, (n, d) in (meters or {0.0: (4, 4)}).items())


def _first_bar(beat: float, meter: tuple[int, int]) -> dict[float, tuple[int, int]]:
    """Return the meters up to the first bar line: whole bars, or a short one."""
    if beat < _SAME_BAR or _is_whole(beat, meter):
        return {0.0: meter}
    return {0.0: signature_of(beat), beat: meter}


def _expected(meters: dict[float, tuple[int, int]], beat: float, meter: tuple[int, int]) -> bool:
    last = next(reversed(meters))
    return meters[last] == meter and _is_whole(beat - last, meter)


def _is_whole(beats: float, meter: tuple[int, int]) -> bool:
    """Say whether so many beats are whole bars."""
    bar = 4 * meter[0] / meter[1]
    return abs(beats - round(beats / bar) * bar) < _SAME_BAR
