"""Grid: which subdivision each beat is written in, and where on it each stroke lands.

Flow: strokes' times, measures -> **grid** -> strokes

For every beat each subdivision is given a cost: how far its strokes are from it (squared, against a drummer's
15 ms), how many places it offers to a stroke (a fine grid fits anything), and how rarely it is written at
all. Strokes of one drum that fall together cost too, for one of them would be lost or become a grace note. Of
binary and ternary beats the cheapest row is taken, changes between the two cost extra. The same sum
over the whole piece says what kind of piece it is: even, in triplets, or with swung pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.formats.notation.measures import EIGHTH, QUARTER, Measure
from drumlane.formats.notation.swing import Swing
from drumlane.timing import TempoMap

Floats = NDArray[np.float64]
_JITTER = 0.015  # seconds, standard deviation of a drummer's strokes around what they mean
_TOGETHER = 0.012  # seconds; strokes this near are one movement and count as one witness
_WHOLE = 0  # stands for the beat's own length
_BINARY = (_WHOLE, EIGHTH, EIGHTH // 2, EIGHTH // 4)
_TERNARY = (QUARTER // 3, QUARTER // 6)
_RARITY = {_WHOLE: 0.0, 24: 0.0, 12: 0.2, 6: 3.5, 16: 2.0, 8: 4.0}
_RARITY_IN_TRIPLETS = {_WHOLE: 0.0, 24: 0.0, 12: 2.0, 6: 4.5, 16: 0.6, 8: 2.5}  # and in swing
_COLLISION = 1.5
_CHANGE = 1.5  # cost of a ternary beat after a binary one, or the other way round
_CHANGE_IN_SWING = 1.0  # where triplets are at home
_SWINGS = tuple(
    Swing(note, first, second)
    for note in (EIGHTH, EIGHTH // 2)
    for first, second in ((29, 21), (31, 19), (2, 1), (7, 3))
)
_SURE_OF_SWING = 12.0  # gained cost; about four off-beats that are clearly late
_SURE_OF_TRIPLETS = 6.0
_GAIN_PER_BEAT = 0.25  # and so much for each beat that is played in


@dataclass(frozen=True, slots=True)
class Fit:
    """Where strokes are written."""

    units: NDArray[np.int64]  # (strokes,), from beat 0
    swing: Swing | None


@dataclass(frozen=True, slots=True)
class _Places:
    """Strokes in their beats; of the arrays the first five are (strokes,), the rest (beats,)."""

    beat: NDArray[np.int64]
    position: Floats  # units from the beat's start
    weight: Floats
    by_drum: NDArray[np.int64]  # indices in order of drum, then time
    again: NDArray[np.bool_]  # in that order: it is the drum of the stroke before
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    seconds_per_unit: Floats

    def sums(self, values: Floats) -> Floats:
        summed = np.bincount(self.beat, values * self.weight, minlength=len(self.starts))
        return summed.astype(np.float64)

    def collisions(self, written: Floats) -> Floats:
        """Return for each beat how many strokes fall on another one of their drum, shape (beats,)."""
        places = np.rint(self.starts[self.beat] + written)[self.by_drum]
        falls = self.again & (np.diff(places, prepend=-1.0) == 0)
        beats = self.beat[self.by_drum]
        return np.bincount(beats, falls, minlength=len(self.starts)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Timed:
    """Strokes as they were played, each array (strokes,)."""

    times: Floats  # seconds, sorted
    drums: NDArray[np.int64]  # a number for each drum
    trust: Floats  # 0..1; how much a stroke says about the grid


def fit(strokes: Timed, tempo: TempoMap, measures: tuple[Measure, ...]) -> Fit:
    """Lay strokes on the grid that explains them with the least.

    Args:
        strokes: what was played.
        tempo: the map as written.
        measures: bars that cover all strokes and a beat more.
    """
    places = _placed(strokes, tempo, measures)
    feel = _feel(places)
    swing = feel.swing
    steps = _chosen(_costs(places, feel), _CHANGE_IN_SWING if swing else _CHANGE)
    own = np.where(steps == _WHOLE, places.lengths, steps)[places.beat]
    written = places.position
    if swing:
        bent = _may_swing(places, own, swing)
        written = np.where(bent, swing.written(written), written)
    units = _nearest(written, own)
    if swing:
        units = _swung_triplets(units, places, own, swing)
    return Fit((places.starts[places.beat] + units).astype(np.int64), swing)


def _placed(strokes: Timed, tempo: TempoMap, measures: tuple[Measure, ...]) -> _Places:
    lengths = np.array([beat for measure in measures for beat in measure.beats], dtype=np.int64)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    units = tempo.seconds_to_beats(strokes.times) * QUARTER
    beat = np.clip(np.searchsorted(edges, units, side="right") - 1, 0, len(lengths) - 1)
    groups = np.cumsum(np.diff(strokes.times, prepend=-1.0) > _TOGETHER)
    together = np.bincount(groups, minlength=1)[groups]
    seconds = np.diff(tempo.beats_to_seconds(edges / QUARTER)) / lengths
    by_drum = np.argsort(strokes.drums, kind="stable")
    again = np.diff(strokes.drums[by_drum], prepend=-1) == 0
    weight = strokes.trust / together
    return _Places(beat, units - edges[beat], weight, by_drum, again, edges[:-1], lengths, seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Feel:
    """What kind of piece it is."""

    rarity: Mapping[int, float]
    swing: Swing | None = None


_EVEN = _Feel(_RARITY)
_TRIPLETS = _Feel(_RARITY_IN_TRIPLETS)


def _feel(places: _Places) -> _Feel:
    """Return the feel that explains the piece; swing only if it does so clearly better than the others."""
    plain = {_EVEN: _total(places, _EVEN), _TRIPLETS: _total(places, _TRIPLETS) + _SURE_OF_TRIPLETS}
    swung = {feel: _total(places, feel) for feel in (_Feel(_RARITY_IN_TRIPLETS, swing) for swing in _SWINGS)}
    best_plain, best_swung = min(plain, key=plain.__getitem__), min(swung, key=swung.__getitem__)
    enough = max(_SURE_OF_SWING, _GAIN_PER_BEAT * len(np.unique(places.beat)))
    return best_swung if plain[best_plain] - swung[best_swung] >= enough else best_plain


def _total(places: _Places, feel: _Feel) -> float:
    return float(_costs(places, feel).min(axis=1).sum())


def _costs(places: _Places, feel: _Feel) -> Floats:
    """Return the cost of each subdivision in each beat, shape (beats, subdivisions)."""
    columns = [
        _cost(places, step, feel.swing if step in _BINARY else None) + feel.rarity[step]
        for step in _BINARY + _TERNARY
    ]
    costs = np.stack(columns, axis=1)
    costs[np.bincount(places.beat, minlength=len(costs)) == 0] = 0.0  # silence fits either row
    return costs


def _cost(places: _Places, step: int, swing: Swing | None) -> Floats:
    steps = np.full_like(places.lengths, step) if step else places.lengths
    own = steps[places.beat]
    nearest = _nearest(places.position, own)
    if swing:
        bent = _may_swing(places, own, swing)
        straight = _nearest(swing.written(places.position), own)
        nearest = np.where(bent, swing.played(straight), nearest)
    off = (places.position - nearest) * places.seconds_per_unit[places.beat]
    choice = np.log(places.lengths[places.beat] / own)
    cost = places.sums(off**2 / (2 * _JITTER**2) + choice) + _COLLISION * places.collisions(nearest)
    fits = (places.lengths % steps == 0) & ((places.lengths == QUARTER) if step in _TERNARY else True)
    return np.where(fits, cost, np.inf)


def _nearest(positions: Floats, step: NDArray[np.int64]) -> Floats:
    """Return the nearest grid places; half way the earlier, so that the pairs of a roll stay together."""
    return np.asarray(np.ceil(positions / step - 0.5) * step, dtype=np.float64)


def _may_swing(places: _Places, own: NDArray[np.int64], swing: Swing) -> NDArray[np.bool_]:
    """Return which strokes are in beats that swing: whole pairs, with a binary subdivision."""
    pairs = places.lengths[places.beat] % (2 * swing.note) == 0
    return np.asarray(pairs & ~np.isin(own, _TERNARY), dtype=bool)


def _swung_triplets(units: Floats, places: _Places, own: NDArray[np.int64], swing: Swing) -> Floats:
    """Return the places with triplets of which only the last is struck as swung eighths."""
    third = QUARTER / 3
    in_triplet = (own == _TERNARY[0]) & (swing.note == EIGHTH)
    has_middle = np.bincount(places.beat, in_triplet & (units == third), minlength=len(places.starts)) > 0
    last = in_triplet & (units == 2 * third) & ~has_middle[places.beat]
    return np.where(last, EIGHTH, units)


def _chosen(costs: Floats, change: float) -> NDArray[np.int64]:
    """Return the subdivision of each beat, binary and ternary rows as steady as the costs allow."""
    n_binary = len(_BINARY)
    binary, ternary = costs[:, :n_binary], costs[:, n_binary:]
    is_ternary = _cheapest_row(binary.min(axis=1).tolist(), ternary.min(axis=1).tolist(), change)
    steps = np.array(_BINARY + _TERNARY)
    best = np.where(is_ternary, n_binary + ternary.argmin(axis=1), binary.argmin(axis=1))
    return np.asarray(steps[best])


def _cheapest_row(binary: list[float], ternary: list[float], change: float) -> NDArray[np.bool_]:
    """Return for each beat whether it is ternary, by dynamic programming over the two."""
    came_from: list[tuple[bool, bool]] = []
    even = odd = 0.0
    for cost_even, cost_odd in zip(binary, ternary, strict=True):
        came_from.append((odd + change < even, not even + change < odd))
        even, odd = min(even, odd + change) + cost_even, min(odd, even + change) + cost_odd
    row, now = np.zeros(len(binary), dtype=bool), odd < even
    for i in range(len(binary) - 1, -1, -1):
        row[i] = now
        now = came_from[i][now]
    return row
