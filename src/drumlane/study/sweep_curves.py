"""Sweep curves: precision, recall and F over the threshold, one panel for each lane.

Flow: sweep, strategies -> **sweep_curves** -> cli

Needs the ``plot`` extra.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumlane.evaluation.figures import new_figure, save
from drumlane.study.strategies import Choice
from drumlane.study.sweep import FINE_GRID, LaneSweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CURVES = (("P", "precision", "#9ecae1"), ("R", "recall", "#4292c6"), ("F", "f", "#08306b"))


def plot_sweep(swept: Sequence[LaneSweep], choices: Sequence[Choice], title: str, path: Path) -> None:
    """Draw every lane with its chosen threshold as a line.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: the file cannot be written.
    """
    figure = new_figure(width=12, height=6)
    for axes, lane, choice in zip(figure.subplots(2, 4).flat, swept, choices, strict=True):
        _draw_lane(axes, lane, choice)
    figure.suptitle(title, fontsize=10, x=0.01, horizontalalignment="left")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="upper right", ncols=3, frameon=False)
    save(figure, path)


def _draw_lane(axes: "Axes", lane: LaneSweep, choice: Choice) -> None:
    for label, name, colour in _CURVES:
        values = np.array([getattr(counts, name) for counts in lane.counts])
        axes.plot(FINE_GRID, values, label=label, color=colour, linewidth=1.5)
    axes.axvline(choice.threshold, color="#d62728", linestyle="--" if choice.remark else "-", linewidth=1)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    title = f"{lane.lane.label}: {choice.threshold:.2f}, {lane.support} hits"
    axes.set_title(title, loc="left", fontsize=9)
