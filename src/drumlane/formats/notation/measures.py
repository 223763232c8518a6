"""Measures: the bars of a tempo map and the beats in them, in whole units.

Flow: TempoMap -> **measures** -> grid, rhythm

A unit is 1/48 of a quarter note: thirty-seconds (6), eighth triplets (16) and sixteenth triplets (8) are
whole numbers of it. Units count from beat 0 of the tempo map, which is second 0 of the recording.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from drumlane.timing import TempoMap, TimeSignature, tempo_map_from_events

QUARTER = 48  # units
DOTTED_QUARTER = 72
EIGHTH = 24
THIRTY_SECOND = 6
MAX_BARS = 50_000  # 28 hours of 4/4 at 120 bpm; a page that says more is a mistake
_MAX_DENOMINATOR = 32
_BPM_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar of the page."""

    start: int  # units from beat 0
    length: int  # units; shorter than its time signature says where another one cuts it off
    numerator: int
    denominator: int
    beats: tuple[int, ...]  # lengths of its beats, units; what is beamed together

    @property
    def end(self) -> int:
        """Return where the next bar begins."""
        return self.start + self.length

    @property
    def is_short(self) -> bool:
        """Return whether the bar is cut off before its time signature is full."""
        return self.length < bar_length(self.numerator, self.denominator)


def as_written(tempo: TempoMap) -> TempoMap:
    """Return the map as a page holds it: changes on whole units, millionths of a bpm.

    Hits are laid on the rounded map, so that they keep their seconds.

    Raises:
        ValueError: a tempo is too slow to be written.
    """
    tempos = [(_on_unit(change.beat), round(change.bpm, _BPM_DECIMALS)) for change in tempo.changes]
    return tempo_map_from_events(tempos, [(s.beat, s.numerator, s.denominator) for s in tempo.signatures])


def measures_until(tempo: TempoMap, end: float) -> tuple[Measure, ...]:
    """Return the bars from beat 0 on, up to the first that ends after ``end`` (units); at least one.

    Raises:
        ValueError: more than ``MAX_BARS`` bars, or a time signature finer than thirty-seconds.
    """
    measures: list[Measure] = []
    for measure in _endless(tempo.signatures):
        measures.append(measure)
        if measure.end > end:
            break
        if len(measures) >= MAX_BARS:
            raise ValueError(f"more than {MAX_BARS} bars")
    return tuple(measures)


def bar_length(numerator: int, denominator: int) -> int:
    """Return the units of a full bar.

    >>> bar_length(6, 8)
    144
    """
    if denominator > _MAX_DENOMINATOR:
        raise ValueError(f"time signature {numerator}/{denominator}: 1/{_MAX_DENOMINATOR} is the finest")
    return numerator * 4 * QUARTER // denominator


@lru_cache(maxsize=1024)
def beats_of(length: int, numerator: int, denominator: int) -> tuple[int, ...]:
    """Return the beats of a bar, or of what is left of it, as drummers group them.

    Quarters; dotted quarters in 3/8, 6/8, 9/8 and 12/8; an odd eighth joins the quarter before it.

    >>> beats_of(144, 6, 8), beats_of(168, 7, 8), beats_of(144, 3, 4)
    ((72, 72), (48, 48, 72), (48, 48, 48))
    """
    beat = DOTTED_QUARTER if denominator == 8 and numerator % 3 == 0 else QUARTER
    beats, rest = [beat] * (length // beat), length % beat
    if denominator == 8 and beat == QUARTER and rest == EIGHTH and beats:
        return (*beats[:-1], DOTTED_QUARTER)
    for part in (QUARTER, EIGHTH, EIGHTH // 2, THIRTY_SECOND):
        beats += [part] * (rest // part)
        rest %= part
    return tuple(beats)


def _on_unit(beat: float) -> float:
    return round(beat * QUARTER) / QUARTER


def _endless(signatures: Sequence[TimeSignature]) -> Iterator[Measure]:
    """Yield bars for ever; time signatures begin on thirty-seconds, and cut the bar before them."""
    places: dict[int, TimeSignature] = {0: TimeSignature(0, 4, 4)}
    for signature in sorted(signatures):
        places[round(signature.beat * QUARTER / THIRTY_SECOND) * THIRTY_SECOND] = signature
    stops: list[float] = [*sorted(places), float("inf")]
    for start, stop in pairwise(stops):
        signature = places[int(start)]
        full = bar_length(signature.numerator, signature.denominator)
        at = int(start)
        while at < stop:
            length = int(min(full, stop - at))
            beats = beats_of(length, signature.numerator, signature.denominator)
            yield Measure(at, length, signature.numerator, signature.denominator, beats)
            at += length
