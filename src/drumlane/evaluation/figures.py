"""Figures: drawn without a display and written as PNG, whole or not at all.

Flow: bars, plots -> **figures** -> files

The one door to matplotlib, which comes with the ``plot`` extra.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from drumlane.errors import DatasetError, MissingExtraError
from drumlane.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of a size in inches that needs no display.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a plot", "matplotlib", "plot") from error
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        DatasetError: the file cannot be written.
    """
    with whole_file(path, DatasetError) as partial:
        figure.savefig(partial, format="png")
