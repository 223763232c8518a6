"""Tempo fit: when beats are struck, and the fewest steady stretches that explain it.

Flow: transcription.pulse -> **tempo_fit** -> transcription.tempo_layout

The network knows to a frame where a beat is; the strokes on it know better. A line is laid through the beats:
if the strokes stay by it, the piece has one tempo, else it is parted where two lines explain it best, and
each part is looked at in turn. How near they have to stay is said by how evenly the player strikes: of 302
human grooves played to a click 98 % stay, in the mean of sixteen beats, within 3.6 times the spread from beat
to beat (10 ms by the median). Within a piece that has no one tempo, a closer line is asked for.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

NEAR = 0.06  # seconds; a stroke this near to a beat is on it
_NEAR_BEATS = 0.15
_LEAST_PART = 8  # beats
_UNSTRUCK = 0.1  # weight of a beat on which nothing is struck
SNAP_SECONDS = 0.005  # a whole number of bpm is taken if no beat moves by more
_SURE = 2.0  # or by this many standard errors

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near beats have to stay to a line."""

    mean_over: int  # beats
    spreads: float  # times the spread from beat to beat
    least: float  # seconds
    most: float

    def allowed(self, struck: "Struck") -> float:
        """Return how far the mean over some beats may be from the line, in seconds."""
        return float(np.clip(self.spreads * struck.spread, self.least, self.most))


WHOLE = Closeness(16, 3.5, 0.008, 0.045)  # for one tempo in all of a piece
PART = Closeness(8, 2.2, 0.008, 0.030)  # for one in a part of it


@dataclass(frozen=True, slots=True, eq=False)
class Struck:
    """Beats as they are struck."""

    times: Floats  # (beats,), seconds
    weights: Floats  # (beats,), how much each says about the tempo

    @property
    def spread(self) -> float:
        """Standard deviation of a beat around an even row, in seconds; slow changes do not count."""
        struck = self.times[self.weights > _UNSTRUCK]
        if len(struck) < _LEAST_PART:
            return 0.0
        # Second differences of independent errors have 6 times their variance.
        return float(1.4826 * np.median(np.abs(np.diff(struck, 2))) / np.sqrt(6.0))


@dataclass(frozen=True, slots=True, eq=False)
class Steady:
    """Stretches of one tempo each: beat ``knots[i]`` is at ``seconds[i]``, those between lie evenly."""

    knots: NDArray[np.intp]  # (stretches + 1,), numbers of beats; the first is 0, the last the last beat
    seconds: Floats

    def at(self, beats: Floats) -> Floats:
        """Return the times of beats, also of those before the first and behind the last."""
        inside = np.interp(beats, self.knots, self.seconds)
        first, last = (np.diff(self.seconds) / np.diff(self.knots))[[0, -1]]
        early = np.minimum(0.0, beats - self.knots[0]) * first
        return np.asarray(inside + early + np.maximum(0.0, beats - self.knots[-1]) * last)

    @property
    def intervals(self) -> Floats:
        """Seconds a beat of each stretch."""
        return np.asarray(np.diff(self.seconds) / np.diff(self.knots))


def struck_beats(beats: Floats, strokes: Floats, forces: Floats) -> Struck:
    """Return when beats are struck: the mean of the strokes on them, else what the network says.

    Args:
        beats: seconds, ascending, at least two.
        strokes: seconds of hits, ascending.
        forces: how much each counts.
    """
    for _ in range(2):  # the strokes on a beat are better told apart when it is where they are
        near = np.minimum(NEAR, _NEAR_BEATS * np.gradient(beats))
        number = np.clip(np.searchsorted((beats[1:] + beats[:-1]) / 2, strokes), 0, len(beats) - 1)
        late = strokes - beats[number]
        weight = np.where(np.abs(late) <= near[number], forces, 0.0)
        total = np.bincount(number, weight, len(beats))
        mean = np.bincount(number, weight * late, len(beats)) / np.maximum(total, 1e-9)
        beats = np.maximum.accumulate(beats + mean)
    return Struck(beats, np.where(total > 0, 1.0, _UNSTRUCK))


def steady_stretches(struck: Struck) -> Steady:
    """Return the fewest stretches that keep by the beats, at least one."""
    n_beats = len(struck.times)
    inner = [] if _keeps_by(struck, 0, n_beats, WHOLE) else _needed(struck, _parts(struck))
    knots = np.array([0, *inner, n_beats - 1], dtype=np.intp)
    return Steady(knots, _joined(struck, knots))


def fixed_interval(struck: Struck, interval: float) -> Steady:
    """Return one stretch with a given interval, as near to the beats as it can be."""
    numbers = np.arange(len(struck.times))
    start = float(_median(struck.times - numbers * interval, struck.weights))
    return Steady(np.array([0, numbers[-1]]), start + interval * np.array([0.0, numbers[-1]]))


def snapped(steady: Steady, struck: Struck, per_minute: float) -> Steady:
    """Return one stretch with a whole number of beats a minute, if the fit allows it, else the same.

    ``per_minute`` is 60 times the quarter notes of a beat: what it counts in the tempo that is written.
    """
    if len(steady.knots) != 2:
        return steady
    interval = float(steady.intervals[0])
    whole = per_minute / max(1.0, np.rint(per_minute / interval))
    n = len(struck.times)
    waver = struck.times - steady.at(np.arange(n, dtype=np.float64))
    # Players waver slowly: eight beats in a row say as much as one.
    error = float(np.std(waver)) * np.sqrt(12 * PART.mean_over / n**3)
    allowed = max(SNAP_SECONDS, _SURE * error * n / 2)
    return fixed_interval(struck, whole) if abs(whole - interval) * n / 2 <= allowed else steady


def _parts(struck: Struck) -> list[int]:
    """Return the beats at which the piece has to be parted, ascending."""
    waiting, found = [(0, len(struck.times))], []
    while waiting:
        begin, stop = waiting.pop()
        if stop - begin < 2 * _LEAST_PART or _keeps_by(struck, begin, stop, PART):
            continue
        middle = begin + _best_parting(struck.times[begin:stop], struck.weights[begin:stop])
        found.append(middle)
        waiting += [(begin, middle + 1), (middle, stop)]
    return sorted(found)


def _needed(struck: Struck, inner: list[int]) -> list[int]:
    """Return the partings without those that a better one beside them has made needless."""
    kept: list[int] = []
    for place, following in pairwise([*inner, len(struck.times) - 1]):
        if not _keeps_by(struck, kept[-1] if kept else 0, following + 1, PART):
            kept.append(place)
    return kept


def _keeps_by(struck: Struck, begin: int, stop: int, closeness: Closeness) -> bool:
    """Return whether beats keep by the best line through them, in the mean over some."""
    times, weights = struck.times[begin:stop], struck.weights[begin:stop]
    numbers = np.arange(len(times), dtype=np.float64)
    slope, start = _line(numbers, times, weights)
    over = np.ones(min(closeness.mean_over, len(times)))
    late = np.convolve((times - start - slope * numbers) * weights, over, "valid")
    astray = np.abs(late / np.convolve(weights, over, "valid")).max()
    return bool(astray <= closeness.allowed(struck))


def _line(numbers: Floats, times: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and start of the line through the times, which single beats do not pull."""
    trust = weights
    for _ in range(3):
        total = trust.sum()
        x, y = numbers - (trust @ numbers) / total, times - (trust @ times) / total
        slope = float((trust * x) @ y / ((trust * x) @ x))
        residual = y - slope * x
        width = max(0.004, 2.0 * float(_median(np.abs(residual), weights)))
        trust = weights * np.minimum(1.0, width / np.maximum(np.abs(residual), 1e-9))
    start = float((trust @ times) / total - slope * (trust @ numbers) / total)
    return slope, start


def _median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _best_parting(times: Floats, weights: Floats) -> int:
    """Return the beat at which two lines, one up to it and one from it on, leave the least behind."""
    numbers = np.arange(len(times), dtype=np.float64)
    x, y = numbers - numbers.mean(), times - times.mean()
    each = np.array([np.ones_like(x), x, y, x * x, x * y, y * y]) * weights
    sums = np.cumsum(each, axis=1)
    left, right = _left_behind(sums), _left_behind(sums[:, -1:] - sums + each)
    inside = slice(_LEAST_PART - 1, len(times) - _LEAST_PART + 1)
    return int((left + right)[inside].argmin()) + _LEAST_PART - 1


def _left_behind(sums: Floats) -> Floats:
    """Return the squared distances from the best line, of sums over 1, x, y, xx, xy and yy."""
    w, x, y, xx, xy, yy = sums
    w = np.maximum(w, 1e-12)
    spread = np.maximum(xx - x * x / w, 1e-9)
    return np.asarray(yy - y * y / w - (xy - x * y / w) ** 2 / spread)


def _joined(struck: Struck, knots: NDArray[np.intp]) -> Floats:
    """Return the times of the knots of the broken line nearest to the beats, shape (knots,).

    The least squares of a broken line have three diagonals; they are solved from the first knot to the last.
    """
    numbers = np.arange(len(struck.times))
    part = np.clip(np.searchsorted(knots, numbers, side="right") - 1, 0, len(knots) - 2)
    share = (numbers - knots[part]) / (knots[part + 1] - knots[part])
    trust = struck.weights
    for _ in range(3):
        seconds = _solved(part, share, trust, struck.times, len(knots))
        residual = np.abs(struck.times - np.interp(numbers, knots, seconds))
        width = max(0.004, 2.0 * _median(residual, struck.weights))
        trust = struck.weights * np.minimum(1.0, width / np.maximum(residual, 1e-9))
    return seconds


def _solved(part: NDArray[np.intp], share: Floats, trust: Floats, times: Floats, n_knots: int) -> Floats:
    left, right = 1.0 - share, share

    def summed(values: Floats, behind: int) -> Floats:
        return np.asarray(np.bincount(part + behind, trust * values, n_knots), dtype=np.float64)

    diagonal = summed(left * left, 0) + summed(right * right, 1) + 1e-9
    beside = summed(left * right, 0)[:-1]
    wanted = summed(left * times, 0) + summed(right * times, 1)
    for i in range(1, n_knots):
        factor = beside[i - 1] / diagonal[i - 1]
        diagonal[i] -= factor * beside[i - 1]
        wanted[i] -= factor * wanted[i - 1]
    seconds: Floats = np.zeros(n_knots)
    seconds[-1] = wanted[-1] / diagonal[-1]
    for i in range(n_knots - 2, -1, -1):
        seconds[i] = (wanted[i] - beside[i] * seconds[i + 1]) / diagonal[i]
    return seconds
