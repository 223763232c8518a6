"""Quantisation: strokes brought nearer to a grid, as an option of export; a Performance keeps its own times.

Flow: metre -> **quantisation** -> cli.convert, cli.chart, formats.notation

A grid divides every beat of the tempo map. ``auto`` chooses for every bar between halves, quarters and
eighths of a beat and its thirds and sixths, by how far the bar's strokes are from each; a finer grid must
explain more to be taken, because the finest always fits best. Swung eighths stay swung: where the second
eighths of a song are late by one ratio throughout, the grid is late with them.

A stroke further from the grid than ``max_shift`` stays where it is. Strokes of one drum never merge: of
several that want one place the nearest takes it and the others move along with it, so that flams and rolls
keep their gaps.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Performance
from drumlane.vocabulary import Drum


class Grid(StrEnum):
    """How a beat (a quarter note) is divided."""

    QUARTER = "quarter"
    EIGHTH = "eighth"
    TRIPLET = "triplet"
    SIXTEENTH = "sixteenth"
    SIXTEENTH_TRIPLET = "sixteenth_triplet"
    THIRTYSECOND = "thirtysecond"
    AUTO = "auto"


PARTS: Mapping[Grid, int] = MappingProxyType(
    {
        Grid.QUARTER: 1,
        Grid.EIGHTH: 2,
        Grid.TRIPLET: 3,
        Grid.SIXTEENTH: 4,
        Grid.SIXTEENTH_TRIPLET: 6,
        Grid.THIRTYSECOND: 8,
    }
)
_SIGMA = 0.012  # s, how loosely humans play
_FAR = 0.03  # s, beyond which a stroke counts no further against a grid
# What each finer grid costs: as much as a mean square of so many sigmas.
_COSTS: Mapping[Grid, float] = MappingProxyType(
    {
        Grid.QUARTER: 0.0,
        Grid.EIGHTH: 0.1,
        Grid.SIXTEENTH: 0.35,
        Grid.TRIPLET: 0.35,
        Grid.SIXTEENTH_TRIPLET: 0.9,
        Grid.THIRTYSECOND: 1.1,
    }
)
_SWING_LEAST, _SWING_MOST, _SWING_SPREAD = 0.54, 0.72, 0.035
_FEWEST_SWUNG = 8
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QuantisationOptions:
    """How strokes are moved."""

    grid: Grid = Grid.AUTO
    strength: float = 1.0  # 0: not at all, 1: onto the grid
    max_shift: float = 0.03  # s; what is further away stays
    swing: bool = True  # keep the swing of eighths

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength={self.strength} must lie in 0..1")
        if not 0 <= self.max_shift < float("inf"):
            raise ValueError(f"max_shift={self.max_shift} must be seconds >= 0")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What moved; times in seconds."""

    n_hits: int = 0
    n_moved: int = 0
    n_left: int = 0  # too far from the grid
    mean_shift: float = 0.0  # absolute, of what moved
    median_shift: float = 0.0
    max_shift: float = 0.0
    swing: float = 0.5  # where the second eighth of a beat falls; .5 is straight
    grids: Mapping[Grid, int] = field(default_factory=dict)  # bars of each


@dataclass(frozen=True, slots=True)
class Quantised:
    """A performance on its grid, and what was done to it."""

    performance: Performance
    statistics: Statistics


def quantise(performance: Performance, options: QuantisationOptions | None = None) -> Quantised:
    """Return the performance with its strokes nearer to the grid, none of them lost or merged."""
    chosen = options or QuantisationOptions()
    times = np.array([hit.time for hit in performance])
    if not len(times):
        return Quantised(performance, Statistics())
    beats = performance.tempo.seconds_to_beats(times)
    swing = swing_of(performance) if chosen.swing else 0.5
    straight = _straightened(beats, swing)
    grids = _grids(performance, straight, chosen.grid)
    parts = np.array([PARTS[grid] for grid in grids], dtype=np.float64)
    on_grid = _swung(np.rint(straight * parts) / parts, swing)
    targets = np.maximum(performance.tempo.beats_to_seconds(on_grid), 0.0)
    shifts = targets - times
    left = np.abs(shifts) > chosen.max_shift
    shifts[left] = 0.0
    shifts = _apart(performance, times, targets, shifts) * chosen.strength
    moved = tuple(
        replace(hit, time=float(time)) for hit, time in zip(performance, times + shifts, strict=True)
    )
    statistics = _statistics(shifts, int(left.sum()), swing, _bars_of(performance, grids))
    return Quantised(replace(performance, hits=moved), statistics)


def swing_of(performance: Performance) -> float:
    """Return where in a beat its second eighth falls throughout a song; .5 where it is straight or varies."""
    beats = performance.tempo.seconds_to_beats([hit.time for hit in performance])
    inside = beats - np.floor(beats)
    late = inside[(inside > 0.4) & (inside < 0.8)]
    if len(late) < _FEWEST_SWUNG:
        return 0.5
    ratio = float(np.median(late))
    alike = np.abs(late - ratio) <= _SWING_SPREAD
    steady = alike.mean() >= 0.7 and float(late[alike].std()) <= _SWING_SPREAD
    return ratio if steady and _SWING_LEAST <= ratio <= _SWING_MOST else 0.5


def _straightened(beats: Floats, swing: float) -> Floats:
    """Bend every beat so that its second eighth, wherever it falls, stands at its half."""
    whole = np.floor(beats)
    inside = beats - whole
    bent = np.where(inside < swing, inside * 0.5 / swing, 0.5 + (inside - swing) * 0.5 / (1 - swing))
    return np.asarray(whole + bent)


def _swung(beats: Floats, swing: float) -> Floats:
    whole = np.floor(beats)
    inside = beats - whole
    bent = np.where(inside < 0.5, inside * swing / 0.5, swing + (inside - 0.5) * (1 - swing) / 0.5)
    return np.asarray(whole + bent)


def _grids(performance: Performance, straight: Floats, grid: Grid) -> list[Grid]:
    """Return the grid of every stroke."""
    if grid is not Grid.AUTO:
        return [grid] * len(straight)
    bars = _bar_numbers(performance, straight)
    seconds = performance.tempo.beats_to_seconds(straight + 0.5) - performance.tempo.beats_to_seconds(
        straight - 0.5
    )
    errors = {
        each: np.minimum(np.abs(np.rint(straight * n) / n - straight) * seconds, _FAR)
        for each, n in PARTS.items()
    }
    best = {}
    for bar in np.unique(bars):
        inside = bars == bar
        best[int(bar)] = min(
            PARTS, key=lambda g: (float(np.mean((errors[g][inside] / _SIGMA) ** 2)) + _COSTS[g], PARTS[g])
        )
    return [best[int(bar)] for bar in bars]


def _bar_numbers(performance: Performance, beats: Floats) -> NDArray[np.intp]:
    # Humans are early: a stroke just before a bar line belongs to the bar that it begins.
    return performance.tempo.bars_at(beats + 0.1)[0]


def _bars_of(performance: Performance, grids: list[Grid]) -> dict[Grid, int]:
    beats = performance.tempo.seconds_to_beats([hit.time for hit in performance])
    of_bar = dict(zip(_bar_numbers(performance, beats).tolist(), grids, strict=True))
    return dict(Counter(of_bar.values()))


def _apart(performance: Performance, times: Floats, targets: Floats, shifts: Floats) -> Floats:
    """Return shifts with which the strokes of each drum stay apart and in order."""
    out = shifts.copy()
    by_drum: dict[Drum, list[int]] = {}
    for at, hit in enumerate(performance):
        by_drum.setdefault(hit.drum, []).append(at)
    for group in by_drum.values():
        places = np.array(group, dtype=np.intp)
        out[places] = _in_order(times[places], _shared(times[places], targets[places], out[places]))
    return out


def _shared(times: Floats, targets: Floats, shifts: Floats) -> Floats:
    """Of strokes of one drum that want one place the nearest takes it; the others go along with it."""
    out = shifts.copy()
    _, groups = np.unique(np.round(targets, 9), return_inverse=True)
    for group in np.flatnonzero(np.bincount(groups) > 1):
        at = np.flatnonzero(groups == group)
        out[at] = shifts[at[np.argmin(np.abs(targets[at] - times[at]))]]
    return out


def _in_order(times: Floats, shifts: Floats) -> Floats:
    """Leave strokes of one drum where they are where moving them would change their order."""
    out = shifts.copy()
    gaps = np.diff(times)
    while len(times) > 1:
        crossed = np.flatnonzero((np.diff(times + out) <= 0) & (gaps > 0))
        moving = np.unique(np.concatenate([crossed, crossed + 1]))
        moving = moving[out[moving] != 0]
        if not len(moving):
            break
        out[moving] = 0.0
    return out


def _statistics(shifts: Floats, n_left: int, swing: float, grids: Mapping[Grid, int]) -> Statistics:
    sizes = np.abs(shifts[shifts != 0])
    return Statistics(
        n_hits=len(shifts),
        n_moved=len(sizes),
        n_left=n_left,
        mean_shift=float(sizes.mean()) if len(sizes) else 0.0,
        median_shift=float(np.median(sizes)) if len(sizes) else 0.0,
        max_shift=float(sizes.max()) if len(sizes) else 0.0,
        swing=swing,
        grids=grids,
    )
