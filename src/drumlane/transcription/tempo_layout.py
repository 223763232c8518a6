"""Tempo layout: steady stretches and bars become a tempo map.

Flow: transcription.tempo_fit, transcription.bars -> **tempo_layout** -> timing.TempoMap

Beat 0 of a map is at second 0, and a song begins where it likes: a lead-in of whole beats, at a tempo of its
own, fills the time before the first beat. Where they are no whole bars, the first bar is a short one.
"""

from collections.abc import Iterator

import numpy as np

from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.transcription.bars import Bars
from drumlane.transcription.meters import Meter, meter_of
from drumlane.transcription.tempo_fit import Steady

AT_ONCE = 0.06  # seconds; no lead-in is shorter: the first beat is laid on second 0
_SAME = 0.001  # seconds; nothing that is heard is more exact
_EXACT = 1e-9  # seconds; what is given is
_SAME_TEMPO = 1e-9  # of the tempo


def tempo_map(steady: Steady, bars: Bars, quarters: float, same: float = _SAME) -> TempoMap:
    """Return the map of a piece.

    Args:
        steady: where its beats are; beat 0 may be before second 0 by a little.
        bars: which of them begin bars.
        quarters: quarter notes a beat.
        same: seconds; a lead-in that differs by less goes at the song's tempo.
    """
    lead = _lead_in(steady, bars, quarters)
    changes = _without_repeats(_all_changes(steady, lead, quarters, same))
    return TempoMap(changes, tuple(_signatures(bars, lead, quarters)))


def constant_map(bpm: float, first_downbeat: float, meter: Meter) -> TempoMap:
    """Return the map of one tempo, with a bar line at a given second.

    Args:
        bpm: quarter notes a minute.
        first_downbeat: seconds, >= 0.
        meter: of all bars.
    """
    interval = 60.0 * meter.quarters / bpm
    steady = Steady(np.array([0, 1]), np.array([first_downbeat, first_downbeat + interval]))
    return tempo_map(steady, Bars(np.array([0]), np.array([meter.beats])), meter.quarters, _EXACT)


def _lead_in(steady: Steady, bars: Bars, quarters: float) -> float:
    """Return the quarter notes before the first beat; with the upbeat they are whole."""
    upbeat = int(bars.first_beats[0]) * quarters
    return _lead_quarters(float(steady.seconds[0]), float(steady.intervals[0]) / quarters, upbeat % 1 == 0)


def _lead_quarters(seconds: float, interval: float, whole: bool) -> float:
    """Return how many quarter notes fill the seconds, nearest to an interval; halves where not ``whole``."""
    if seconds < AT_ONCE:
        return 0.0
    shift = 0.0 if whole else 0.5
    return max(1.0 - shift, float(np.rint(seconds / interval - shift)) + shift)


def _all_changes(steady: Steady, lead: float, quarters: float, same: float) -> list[TempoChange]:
    """Return the tempo of the lead-in and those of the stretches.

    Without a lead-in the first beat begins at second 0 whenever it is played: it is longer or shorter.
    """
    start, interval = float(steady.seconds[0]), float(steady.intervals[0])
    if lead and abs(start - lead * interval / quarters) > same:
        return [TempoChange(0.0, 60.0 * lead / start), *_changes(steady, lead, quarters, 0)]
    if lead:
        return [TempoChange(0.0, _bpm(quarters, interval)), *_changes(steady, lead, quarters, 0)]
    if abs(start) > same:
        first = max(start + interval, 0.1 * interval)
        return [TempoChange(0.0, 60.0 * quarters / first), *_changes(steady, lead, quarters, 1)]
    return list(_changes(steady, lead, quarters, 0))


def _changes(steady: Steady, lead: float, quarters: float, first_beat: int) -> Iterator[TempoChange]:
    for knot, interval in zip(steady.knots[:-1].tolist(), steady.intervals.tolist(), strict=True):
        yield TempoChange(lead + max(knot, first_beat) * quarters, _bpm(quarters, interval))


def _bpm(quarters: float, interval: float) -> float:
    """Return the tempo; the last digits are rounding, and a named tempo is written as it was named."""
    return round(60.0 * quarters / interval, 9)


def _without_repeats(changes: list[TempoChange]) -> tuple[TempoChange, ...]:
    """Return the changes that change anything."""
    kept = changes[:1]
    for change in changes[1:]:
        if abs(change.bpm / kept[-1].bpm - 1.0) > _SAME_TEMPO:
            kept.append(change)
    return tuple(kept)


def _signatures(bars: Bars, lead: float, quarters: float) -> Iterator[TimeSignature]:
    starts = (lead + bars.first_beats * quarters).tolist()
    meters = [meter_of(int(n), quarters) for n in bars.lengths]
    first_bar = float(bars.meters[0]) * quarters
    yield from _short_bar(starts[0], first_bar)
    before = None
    for start, meter in zip(starts, meters, strict=True):
        if before is None:
            start %= first_bar  # whole bars before it are alike
        if meter != before:
            yield TimeSignature(start, meter.numerator, meter.denominator)
        before = meter


def _short_bar(start: float, bar: float) -> list[TimeSignature]:
    """Return the time signature of what is left when whole bars before ``start`` are counted back from it."""
    rest = start % bar
    if not rest:
        return []
    return [TimeSignature(0.0, round(rest), 4) if rest % 1 == 0 else TimeSignature(0.0, round(2 * rest), 8)]
