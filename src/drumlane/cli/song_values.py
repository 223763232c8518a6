"""Song values: names, grids and levels as the command line says them.

Flow: cli.convert, cli.chart -> **song_values** -> song, charting
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from drumlane.cli.usage import usage
from drumlane.errors import ConfigError, nearest_first

if TYPE_CHECKING:
    from drumlane.charting.quantisation import QuantisationOptions
    from drumlane.song import Song


def read_quantisation(
    grid: str | None, strength: float, max_shift: float, swing: bool
) -> "QuantisationOptions | None":
    """Return how strokes are moved, None for not at all; a wrong grid ends the program as wrong usage.

    Args:
        grid: a name of ``charting.quantisation.Grid``.
        strength: 0..1.
        max_shift: milliseconds.
        swing: whether swung eighths stay swung.
    """
    if grid is None:
        return None
    from drumlane.charting.quantisation import Grid, QuantisationOptions

    with usage("--quantize"):
        if grid not in tuple(Grid):
            raise ConfigError(f"grid {grid!r} is unknown; grids: {nearest_first(grid, Grid)}")
        return QuantisationOptions(Grid(grid), strength, max_shift / 1000, swing)


def read_formats(text: str) -> tuple[str, ...]:
    """Return the names of formats in a list with commas; an unknown one ends the program as wrong usage."""
    from drumlane.formats.registry import format_named

    with usage("-f"):
        names = [name.strip().lower().removeprefix(".") for name in text.split(",")]
        return tuple(dict.fromkeys(format_named(name).name for name in names))


def with_names(song: "Song", names: dict[str, str | None]) -> "Song":
    """Return the song with what the user calls it."""
    return replace(song, **{field: name for field, name in names.items() if name is not None})  # type: ignore[arg-type]
