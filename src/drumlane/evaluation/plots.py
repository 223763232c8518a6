"""Plots: a transcription under its spectrogram, for a whole song, laid out in rows like a score.

Flow: audio.features, transcription -> **plots** -> cli

Each row shows up to half a minute: the log-mel spectrogram above, and below it one strip per lane with the
activation as a filled curve and every hit as a stem as high as its velocity. With a reference, its hits stand
under the strips: dark where they were found, hollow where they were missed; invented hits are crossed out.
Needs the ``plot`` extra.
"""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.figures import new_figure, save
from drumlane.evaluation.matching import match_onsets
from drumlane.performance import Performance
from drumlane.vocabulary import LANES, Lane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_SECONDS = 20.0  # short pieces; longer ones get up to half as much again to stay on one page
MAX_ROW_SECONDS = 30.0
ROWS_PER_PAGE = 12
WINDOW = 0.05  # seconds, for telling found from missed
_WIDTH, _SPECTROGRAM_HEIGHT, _STRIPS_HEIGHT = 22.0, 1.1, 3.0  # inches
_STRIP = 0.8  # of the distance between two strips is drawn on
LANE_COLOURS = ("#d62728", "#ff7f0e", "#bcbd22", "#2ca02c", "#17a2a2", "#1f77b4", "#7b52c7", "#c44fa0")


@dataclass(frozen=True, slots=True, eq=False)
class _Lane:
    """One lane of the whole piece."""

    times: NDArray[np.float64]  # (hits,) seconds
    velocities: NDArray[np.float64]  # (hits,) 0..1
    invented: NDArray[np.bool_]  # (hits,) not in the reference; all False without one
    reference: NDArray[np.float64]  # (references,) seconds
    found: NDArray[np.bool_]  # (references,)


def plot_transcription(
    features: NDArray[Any],
    activations: NDArray[Any],
    performance: Performance,
    path: Path,
    fps: float,
    reference: Performance | None = None,
) -> tuple[Path, ...]:
    """Draw a transcription; a piece of more than six minutes takes several pages.

    Args:
        features: log-mel spectrogram, shape (frames, mels); it sets the length of the plot.
        activations: onset activations, shape (frames or more, 8), 0..1, in the order of ``vocabulary.LANES``.
        performance: the hits.
        path: the PNG file; further pages are called ``name-2.png``, ``name-3.png`` …
        fps: frames a second.
        reference: the true hits, if known.

    Returns:
        The files written.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: a file cannot be written.
        ValueError: the shapes do not fit each other.
    """
    if len(features) > len(activations) or activations.shape[1:] != (len(LANES),):
        raise ValueError(f"features {features.shape} and activations {activations.shape} do not fit")
    duration = len(features) / fps
    row_seconds = min(max(ROW_SECONDS, duration / ROWS_PER_PAGE), MAX_ROW_SECONDS)
    n_rows = max(1, ceil(duration / row_seconds - 1e-9))
    piece = _Piece(features, activations, fps, _lanes(performance, reference), reference is not None)
    pages = []
    for number, first in enumerate(range(0, n_rows, ROWS_PER_PAGE), start=1):
        page = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        starts = [row * row_seconds for row in range(first, min(first + ROWS_PER_PAGE, n_rows))]
        piece.draw_page(starts, row_seconds if n_rows > 1 else duration, page)
        pages.append(page)
    return tuple(pages)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What is drawn, over the whole duration."""

    features: NDArray[Any]  # (frames, mels)
    activations: NDArray[Any]  # (frames, 8)
    fps: float
    lanes: tuple[_Lane, ...]
    has_reference: bool

    def draw_page(self, starts: list[float], seconds: float, path: Path) -> None:
        """Draw one row per start."""
        row_height = _SPECTROGRAM_HEIGHT + _STRIPS_HEIGHT
        figure = new_figure(_WIDTH, row_height * len(starts) + 0.5)
        ratios = [_SPECTROGRAM_HEIGHT, _STRIPS_HEIGHT] * len(starts)
        grid = figure.subplots(2 * len(starts), 1, height_ratios=ratios)
        for i, start in enumerate(starts):
            self.draw_spectrogram(grid[2 * i], start, seconds)
            self.draw_strips(grid[2 * i + 1], start, seconds)
        grid[-1].set_xlabel("seconds")
        grid[0].set_title(self.legend(), loc="left", fontsize=10)
        save(figure, path)

    def legend(self) -> str:
        """Say what is to be seen."""
        stems = "filled curves: activation · stems: hits, as high as their velocity"
        marks = " · below: reference, filled = found, hollow = missed · black cross: not in the reference"
        return stems + (marks if self.has_reference else "")

    def draw_spectrogram(self, axes: "Axes", start: float, seconds: float) -> None:
        """Draw the frames of a row; frame ``i`` is centred on ``i / fps``."""
        first, end = round(start * self.fps), round((start + seconds) * self.fps) + 1
        frames = self.features[first:end]
        low, high = (0.0, max(1e-6, float(np.max(self.features)))) if len(self.features) else (0.0, 1.0)
        if len(frames):
            edges = ((first - 0.5) / self.fps, (first + len(frames) - 0.5) / self.fps)
            extent = (*edges, -0.5, frames.shape[1] - 0.5)
            axes.imshow(
                frames.T, aspect="auto", origin="lower", extent=extent, cmap="magma", vmin=low, vmax=high
            )
        axes.set_xlim(start, start + seconds)
        axes.tick_params(labelbottom=False, bottom=False)
        axes.set_yticks([])
        axes.set_ylabel("mel", fontsize=8)

    def draw_strips(self, axes: "Axes", start: float, seconds: float) -> None:
        """Draw activation, hits and reference of every lane, the kick at the bottom."""
        first, end = max(0, round(start * self.fps) - 1), round((start + seconds) * self.fps) + 2
        times = np.arange(first, min(end, len(self.activations))) / self.fps
        for i, (lane, colour) in enumerate(zip(self.lanes, LANE_COLOURS, strict=True)):
            axes.axhline(i, color="0.85", linewidth=0.6, zorder=0)
            curve = i + _STRIP * self.activations[first:end, i].astype(np.float64)
            axes.fill_between(times, i, curve, color=colour, alpha=0.45, linewidth=0)
            _draw_hits(axes, lane, i, colour, (start, start + seconds))
        axes.set_xlim(start, start + seconds)
        axes.set_ylim(-0.35, len(LANES))
        axes.set_yticks(np.arange(len(LANES)) + 0.4, [lane.label for lane in Lane], fontsize=8)
        axes.tick_params(left=False)
        axes.xaxis.set_major_locator(_whole_seconds(seconds))
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)


def _whole_seconds(seconds: float) -> Any:
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    return MultipleLocator(1.0) if seconds >= 10 else MaxNLocator(10)


def _draw_hits(axes: "Axes", lane: _Lane, base: int, colour: str, span: tuple[float, float]) -> None:
    inside = (lane.times >= span[0]) & (lane.times < span[1])
    times, tops = lane.times[inside], base + _STRIP * lane.velocities[inside]
    axes.vlines(times, base, tops, color=colour, linewidth=1.4)
    axes.plot(times, tops, "o", color=colour, markersize=3)
    invented = lane.invented[inside]
    axes.plot(times[invented], tops[invented], "x", color="black", markersize=6, markeredgewidth=1.4)
    inside = (lane.reference >= span[0]) & (lane.reference < span[1])
    for times, face in (
        (lane.reference[inside & lane.found], "0.25"),
        (lane.reference[inside & ~lane.found], "none"),
    ):
        levels = np.full(len(times), base - 0.1)
        axes.plot(
            times, levels, "^", markersize=5, markerfacecolor=face, markeredgecolor="0.1", linestyle="none"
        )


def _lanes(performance: Performance, reference: Performance | None) -> tuple[_Lane, ...]:
    return tuple(_lane(performance, reference, lane) for lane in LANES)


def _lane(performance: Performance, reference: Performance | None, lane: Lane) -> _Lane:
    times = performance.lane_times(lane)
    velocities = np.array([hit.velocity for hit in performance if hit.drum.lane is lane], dtype=np.float64)
    truth = reference.lane_times(lane) if reference else np.zeros(0)
    pairs = match_onsets(truth, times, WINDOW)
    found, invented = np.zeros(len(truth), dtype=np.bool_), np.full(len(times), reference is not None)
    found[pairs[:, 0]], invented[pairs[:, 1]] = True, False
    return _Lane(times, velocities / 127, invented, truth, found)
