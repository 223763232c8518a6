"""Bars: precision, recall and F of every class as a chart.

Flow: protocol -> **bars** -> cli

Needs the ``plot`` extra.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import DatasetError
from drumlane.evaluation.figures import new_figure, save
from drumlane.evaluation.protocol import GroupScores
from drumlane.evaluation.tables import milliseconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = (("P", "precision", "#9ecae1"), ("R", "recall", "#4292c6"), ("F", "f", "#08306b"))
_PANELS_PER_FIGURE = 12  # more groups than this cannot be told apart on a page


def plot_scores(groups: Sequence[GroupScores], path: Path) -> None:
    """Draw precision, recall and F of each class, one panel per group, first class set and tolerance.

    Groups without reference hits have no such scores and are left out.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: the file cannot be written, or no group has reference hits.
    """
    shown = [group for group in groups if group.scores[0].micro.support][:_PANELS_PER_FIGURE]
    if not shown:
        raise DatasetError(f"{path}: nothing to draw, no group has reference hits")
    figure = new_figure(width=2.5 + 1.1 * len(shown[0].scores[0].classes), height=2.6 * len(shown))
    for axes, group in zip(np.atleast_1d(figure.subplots(len(shown), 1)), shown, strict=True):
        _draw_bars(axes, group)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="upper right", ncols=3, frameon=False)
    save(figure, path)


def _draw_bars(axes: "Axes", group: GroupScores) -> None:
    scores = group.scores[0]
    supported = [c for c in scores.classes if c.counts.support]
    centres = np.arange(len(supported))
    for i, (label, name, colour) in enumerate(_BARS):
        heights: NDArray[Any] = np.array([getattr(c.counts, name) for c in supported])
        bars = axes.bar(centres + 0.27 * (i - 1), np.nan_to_num(heights), 0.25, label=label, color=colour)
        axes.bar_label(bars, [f"{100 * h:.0f}" if np.isfinite(h) else "-" for h in heights], fontsize=7)
    axes.set_xticks(centres, [f"{c.label}\n{c.counts.support} hits" for c in supported], fontsize=8)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    title = f"{group.name}: micro F {scores.micro.f:.3f}, {len(scores.tracks)} tracks"
    axes.set_title(f"{title}, ±{milliseconds(scores.tolerance)} ms", loc="left", fontsize=10)
