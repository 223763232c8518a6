"""Snapping: strokes near a grid go onto it, and how well the grid fits is measured.

Flow: Performance -> **snapping** (charting.quantisation) -> process

A grid divides the beats of the tempo map, or has a step of its own in seconds. Strokes further from it than
``max_error`` stay where they are, unless all are forced.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.charting.quantisation import PARTS, Grid, QuantisationOptions, quantise
from drumlane.errors import ConfigError
from drumlane.performance import Performance
from drumlane.timing import TempoChange, TempoMap

GRIDS = (Grid.QUARTER, Grid.EIGHTH, Grid.TRIPLET, Grid.SIXTEENTH, Grid.THIRTYSECOND)
USUAL = Grid.SIXTEENTH  # where a grid is needed and none is named
SHORTEST_STEP, LONGEST_STEP = 0.001, 10.0  # seconds
_ANY = 1e6  # seconds; no stroke is further from a grid
_EXACT = 1e-6  # seconds


@dataclass(frozen=True, slots=True)
class SnapOptions:
    """Which grid, and what goes onto it."""

    grid: Grid | None = None  # None: strokes stay where they were played
    step: float | None = None  # seconds between grid lines, instead of a part of the beat
    max_error: float = 0.012  # seconds
    force: bool = False  # everything goes onto the grid

    def __post_init__(self) -> None:
        if self.grid is not None and self.grid not in GRIDS:
            raise ConfigError(f"quantization {self.grid} is unknown; grids: {', '.join(GRIDS)}")
        if self.step is not None and not SHORTEST_STEP <= self.step <= LONGEST_STEP:
            raise ConfigError(f"step {self.step:g} must be {SHORTEST_STEP:g} to {LONGEST_STEP:g} seconds")
        if not 0 <= self.max_error <= 1:
            raise ConfigError(f"snap error {1000 * self.max_error:g} must be 0 to 1000 milliseconds")

    @property
    def wanted(self) -> bool:
        """Whether anything moves."""
        return self.grid is not None or self.step is not None or self.force


@dataclass(frozen=True, slots=True)
class GridFit:
    """How far strokes were from the nearest grid line before anything moved; times in seconds."""

    grid: str
    step: float  # of the grid, at the first tempo after the lead-in
    offset: float  # of a grid line
    coverage: float  # share of strokes within ``max_error``, 0..1
    mean_error: float = 0.0
    median_error: float = 0.0
    max_error: float = 0.0
    n_moved: int = 0


def snap(performance: Performance, offset: float, options: SnapOptions) -> tuple[Performance, GridFit]:
    """Return the performance on its grid, with its own tempo map, and how well the grid fits.

    Args:
        performance: hits beside a tempo map.
        offset: seconds of a bar line; a grid with a step of its own is laid there.
        options: without a wish for a grid nothing moves, and the fit is that of sixteenths.
    """
    grid, tempo = _grid(performance.tempo, offset, options)
    fit = grid_fit(performance, tempo, grid, options.max_error)
    step = options.step or _beat_at(performance.tempo, offset) / PARTS[grid]
    fit = replace(fit, grid="step" if options.step else grid.value, offset=offset, step=step)
    if not options.wanted:
        return performance, fit
    limit = _ANY if options.force else options.max_error
    wish = QuantisationOptions(grid, max_shift=limit, swing=False)  # BeatSight's grids are straight
    quantised = quantise(replace(performance, tempo=tempo), wish)
    moved = replace(quantised.performance, tempo=performance.tempo)
    return moved, replace(fit, n_moved=quantised.statistics.n_moved)


def grid_fit(performance: Performance, tempo: TempoMap, grid: Grid, max_error: float) -> GridFit:
    """Return how far the strokes are from the grid of a tempo map."""
    errors = _errors(performance, tempo, PARTS[grid])
    step = 60.0 / tempo.changes[-1].bpm / PARTS[grid]
    if not len(errors):
        return GridFit(grid.value, step, 0.0, 0.0)
    return GridFit(
        grid.value,
        step,
        0.0,
        coverage=float(np.mean(errors <= max_error)),
        mean_error=float(errors.mean()),
        median_error=float(np.median(errors)),
        max_error=float(errors.max()),
    )


def even_grid(step: float, offset: float) -> TempoMap:
    """Return a tempo map whose beats are ``step`` seconds apart, one of them at ``offset``."""
    first = offset % step
    if first < _EXACT or step - first < _EXACT:
        return TempoMap.constant(60.0 / step)
    return TempoMap((TempoChange(0.0, 60.0 / first), TempoChange(1.0, 60.0 / step)))


def _grid(tempo: TempoMap, offset: float, options: SnapOptions) -> tuple[Grid, TempoMap]:
    if options.step is not None:
        return Grid.QUARTER, even_grid(options.step, offset)
    return options.grid or USUAL, tempo


def _errors(performance: Performance, tempo: TempoMap, parts: int) -> NDArray[np.float64]:
    times = np.array([hit.time for hit in performance])
    lines = tempo.beats_to_seconds(np.rint(tempo.seconds_to_beats(times) * parts) / parts)
    return np.asarray(np.abs(lines - times))


def _beat_at(tempo: TempoMap, seconds: float) -> float:
    """Return how long the beat after a time is."""
    at = tempo.seconds_to_beats(seconds)
    return float(tempo.beats_to_seconds(at + 1.0) - tempo.beats_to_seconds(at))
