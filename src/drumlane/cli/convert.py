"""``drumlane convert``: one score in, another out; the names say which formats.

Flow: cli.app -> **convert** -> formats, charting
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.shared_options import MaxShift, Strength, Swing
from drumlane.cli.song_values import read_formats, read_quantisation, with_names
from drumlane.cli.usage import usage
from drumlane.errors import ConfigError, DrumlaneError, nearest_first
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.charting.level import Level
    from drumlane.charting.quantisation import QuantisationOptions
    from drumlane.performance import Performance
    from drumlane.vocabulary import Drum


@dataclass(frozen=True, slots=True)
class _Changes:
    """What is done between reading and writing."""

    note_map: "Mapping[int, Drum] | None"
    lanes: bool
    level: "Level | None"
    grid: "QuantisationOptions | None"
    names: dict[str, str | None]


def convert(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FROM… TO", help="Scores, then a file or a folder to write.")
    ],
    formats: Annotated[
        str | None,
        typer.Option("--format", "-f", help="With a folder: mid, chart, bsm …; several with commas."),
    ] = None,
    note_map: Annotated[
        str | None,
        typer.Option("--map", help="What notes mean: td17, gm, drumlane … (default: the file says)"),
    ] = None,
    lanes: Annotated[
        bool, typer.Option("--lanes", help="Write every drum as its lane's plain stroke.")
    ] = False,
    difficulty: Annotated[
        str | None, typer.Option(help="easy, medium, hard or expert. (default: everything)")
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(help="Grid: auto, quarter, eighth, triplet, sixteenth … (default: times as they are)"),
    ] = None,
    strength: Strength = 1.0,
    max_shift: MaxShift = 30.0,
    swing: Swing = True,
    title: Annotated[str | None, typer.Option()] = None,
    artist: Annotated[str | None, typer.Option()] = None,
    charter: Annotated[str | None, typer.Option()] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace results that are there.")] = False,
) -> None:
    """Write a score in another format: drumlane convert song.mid song.musicxml."""
    with usage("FROM… TO"):
        if len(paths) < 2:
            raise ConfigError("name what to read and, last, what to write")
        jobs = _jobs(paths[:-1], paths[-1], () if formats is None else read_formats(formats), force)
    names = {"title": title, "artist": artist, "charter": charter}
    grid = read_quantisation(quantize, strength, max_shift, swing)
    changes = _Changes(_map(note_map), lanes, _level(difficulty), grid, names)
    n_failed = sum(not _done(source, targets, changes) for source, targets in jobs)
    raise typer.Exit(1 if n_failed else 0)


def _jobs(
    sources: list[Path], target: Path, formats: tuple[str, ...], force: bool
) -> list[tuple[Path, list[Path]]]:
    """Return each score and the files to make of it."""
    from drumlane.formats.registry import FORMATS, format_of, suffixes_of

    named = target.suffix.lower() in suffixes_of("written") or target.name.lower() in {
        name for f in FORMATS for name in f.file_names
    }
    if named and not target.is_dir():
        if len(sources) > 1 or formats:
            raise ConfigError(f"{shown(target)}: one file for one score; name a folder for more")
        format_of(target, "written")
        jobs = [(sources[0], [target])]
    elif not formats:
        format_of(target, "written")  # says which names there are
        raise ConfigError(f"{shown(target)}: is a folder; name formats with -f")
    else:
        suffixes = [f.suffixes[0] for f in FORMATS if f.name in formats and f.suffixes]
        jobs = [(source, [target / (source.stem + suffix) for suffix in suffixes]) for source in sources]
    for source, outputs in jobs:
        for output in outputs:
            if output.resolve() == source.resolve():
                raise ConfigError(f"{shown(output)}: is what is read; choose another name")
            if output.exists() and not force:
                raise ConfigError(f"{shown(output)}: already there; pass --force to replace it")
    return jobs


def _done(source: Path, targets: list[Path], changes: _Changes) -> bool:
    """Read, change and write one score; say what came of it."""
    import sys

    from drumlane import formats

    try:
        performance = _changed(formats.read(source, changes.note_map), changes)
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            formats.write(performance, target)
    except (DrumlaneError, OSError) as error:
        print(f"drumlane: {error}", file=sys.stderr)
        return False
    print(f"{shown(source)}: {len(performance)} hits -> {', '.join(map(shown, targets))}")
    return True


def _changed(performance: "Performance", changes: _Changes) -> "Performance":
    if changes.lanes:
        performance = performance.lanes_only()
    if changes.level is not None:
        from drumlane.charting.reduction import reduce_all

        performance = reduce_all(performance)[changes.level]
    if changes.grid is not None:
        from drumlane.charting.quantisation import quantise

        performance = quantise(performance, changes.grid).performance
    return replace(performance, song=with_names(performance.song, changes.names))


def _map(name: str | None) -> "Mapping[int, Drum] | None":
    if name is None:
        return None
    from drumlane.vocabulary import midi_map

    with usage("--map"):
        return midi_map(name)


def _level(name: str | None) -> "Level | None":
    if name is None:
        return None
    from drumlane.charting.level import Level

    with usage("--difficulty"):
        if name not in tuple(Level):
            raise ConfigError(f"level {name!r} is unknown; levels: {nearest_first(name, Level)}")
        return Level(name)
