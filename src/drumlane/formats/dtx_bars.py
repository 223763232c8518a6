"""DTX bars: where bars begin, and which places in them keep a hit to a millisecond.

Used by ``dtx``. Positions are fractions of a bar. DTXMania itself has 384 places a bar: tempos are put on
them, hits where they keep their time, which is on them too when the chart was quantised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from drumlane.formats.dtx_text import N_BARS, bpm_text
from drumlane.formats.tempo_knots import retimed
from drumlane.timing import TempoChange, TempoMap, TimeSignature

PLACES = 384
LONGEST_BAR = 8.0  # quarter notes; longer ones are written in equal parts
TOLERANCE = 0.0009  # seconds that a hit may be off
_SHARED = (
    1,
    2,
    3,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    384,
)  # places a line for several hits may have
_MOST_PLACES = 20_000  # enough for bars of 36 seconds
_SHORTEST_BAR = 0.01  # quarter notes: what is left of a bar before a new meter belongs to the bar before
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit is: a bar, counted from 0, and a fraction of it."""

    bar: int
    place: int
    n_places: int


def bar_starts(tempo: TempoMap, end: float) -> NDArray[np.float64]:
    """Return the beats at which bars begin, and where the last one ends, after ``end``.

    Raises:
        ValueError: the bars are more than the format can number, even when neighbours are joined.
    """
    if not end < N_BARS * LONGEST_BAR - 2 * LONGEST_BAR:
        raise ValueError(f"{end:.0f} quarter notes do not fit into {N_BARS} bars")
    signatures = tempo.signatures or (TimeSignature(0.0, 4, 4),)
    starts: list[float] = []
    length = LONGEST_BAR
    for i, signature in enumerate(signatures):
        begin = 0.0 if i == 0 else signature.beat
        if begin > end:
            break
        limit = signatures[i + 1].beat if i + 1 < len(signatures) else np.inf
        if starts and limit - begin < _SHORTEST_BAR:
            continue
        length = _bar_length(signature)
        starts.extend(_evenly(begin, min(limit, end + length), length))
    if len(starts) > N_BARS - 2:
        starts, length = _joined(starts), LONGEST_BAR
    return np.array([*starts, starts[-1] + length])


def on_places(tempo: TempoMap, bars: NDArray[np.float64]) -> TempoMap:
    """Return the map as the file holds it: knots on the 384 places of bars and on whole milliseconds.

    DTXMania cuts times to milliseconds wherever the tempo or the length of bars changes; where those are
    whole ones nothing is cut, and a song with a thousand tempos does not drift.
    """
    lengths = np.diff(bars)
    changed = bars[1:-1][np.abs(np.diff(lengths)) > _SAME]
    wanted = np.unique(np.concatenate([[0.0], [c.beat for c in tempo.changes if c.beat < bars[-1]], changed]))
    i = np.clip(np.searchsorted(bars, wanted, side="right") - 1, 0, len(lengths) - 1)
    placed = bars[i] + np.rint((wanted - bars[i]) / lengths[i] * PLACES) / PLACES * lengths[i]
    inside = placed < bars[-1]
    held = retimed(tempo, wanted[inside], placed[inside])
    changes = [TempoChange(change.beat, float(bpm_text(change.bpm))) for change in held.changes]
    return TempoMap(tuple(changes), tempo.signatures)


def places_of(
    times: NDArray[np.float64], groups: Sequence[str], tempo: TempoMap, bars: NDArray[np.float64]
) -> list[Place]:
    """Return where each hit is, at most ``TOLERANCE`` off.

    Args:
        times: seconds, ascending, shape (hits,).
        groups: what shares a line with what in a bar, as many.
        tempo: the map as the file holds it.
        bars: where bars begin.
    """
    starts = tempo.beats_to_seconds(bars)
    bar = np.clip(np.searchsorted(starts, times + TOLERANCE, side="right") - 1, 0, len(bars) - 2)
    n_places = _shared_places(times, bar, groups, tempo, bars)
    begins, lengths = bars[bar], np.diff(bars)[bar]
    earliest = (tempo.seconds_to_beats(np.maximum(times - TOLERANCE, 0.0)) - begins) / lengths
    latest = (tempo.seconds_to_beats(times + TOLERANCE) - begins) / lengths
    for i in np.flatnonzero(n_places == 0).tolist():
        # A place is in the bar: never at its end.
        ends = max(0.0, float(earliest[i])), min(float(latest[i]), 1 - 1e-9)
        n_places[i] = min(simplest_fraction(*ends)[1], _MOST_PLACES)
    places = _nearest(times, bar, n_places, tempo, bars).astype(int)
    columns = (bar.tolist(), places.tolist(), n_places.tolist())
    return [Place(*row) for row in zip(*columns, strict=True)]


def simplest_fraction(low: float, high: float) -> tuple[int, int]:
    """Return the fraction from ``low`` to ``high`` with the smallest denominator; 0 <= low <= high.

    Source: the continued fractions of both ends, as far as they agree.

    >>> simplest_fraction(0.33, 0.34), simplest_fraction(0.412, 0.417), simplest_fraction(0.0, 0.1)
    ((1, 3), (5, 12), (0, 1))
    """
    whole = floor(low)
    if whole == low:
        return whole, 1
    if whole < floor(high):
        return whole + 1, 1
    numerator, denominator = simplest_fraction(1 / (high - whole), 1 / (low - whole))
    return whole * numerator + denominator, numerator


def _shared_places(
    times: NDArray[np.float64],
    bar: NDArray[np.int64],
    groups: Sequence[str],
    tempo: TempoMap,
    bars: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return for each hit the fewest places that hold all hits of its line; 0 where ``_SHARED`` has none."""
    names, group = np.unique(np.array(groups, dtype=str), return_inverse=True)
    _, line = np.unique(bar * max(1, len(names)) + group, return_inverse=True)
    n_places = np.zeros(len(times), dtype=np.int64)
    for n in reversed(_SHARED):
        misses = ~_fits(times, bar, n, tempo, bars)
        all_fit = np.bincount(line, weights=misses, minlength=1) == 0
        n_places = np.where(all_fit[line], n, n_places)
    return n_places


def _fits(
    times: NDArray[np.float64], bar: NDArray[np.int64], n: int, tempo: TempoMap, bars: NDArray[np.float64]
) -> NDArray[np.bool_]:
    places = _nearest(times, bar, np.full(len(times), n), tempo, bars)
    at = tempo.beats_to_seconds(bars[bar] + places / n * np.diff(bars)[bar])
    return np.asarray(np.abs(at - times) <= TOLERANCE)


def _nearest(
    times: NDArray[np.float64],
    bar: NDArray[np.int64],
    n: NDArray[np.int64],
    tempo: TempoMap,
    bars: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the nearest of ``n`` places in each hit's bar."""
    fractions = (tempo.seconds_to_beats(times) - bars[bar]) / np.diff(bars)[bar]
    return np.clip(np.rint(fractions * n), 0, n - 1)


def _bar_length(signature: TimeSignature) -> float:
    """Return quarter notes: of a whole bar, of an equal part of a long one, of several very short ones."""
    length = 4 * signature.numerator / signature.denominator
    return length / ceil(length / LONGEST_BAR) if length >= 1 else length * ceil(1 / length)


def _evenly(begin: float, limit: float, length: float) -> list[float]:
    n = max(1, ceil((limit - begin - _SHORTEST_BAR) / length))
    return [begin + i * length for i in range(n)]


def _joined(starts: list[float]) -> list[float]:
    """Return fewer bars: neighbours become one as long as it is not too long."""
    kept = starts[:1]
    for start, following in zip(starts[1:], [*starts[2:], np.inf], strict=True):
        if following - kept[-1] > LONGEST_BAR + _SAME:
            kept.append(start)
    if len(kept) > N_BARS - 2:
        raise ValueError(f"{len(kept)} bars, and there are {N_BARS}")
    return kept
