"""Corpus: a manifest of annotated recordings, and the groups in which their scores are reported.

Flow: manifest csv -> **corpus** -> references (Track) -> protocol

A manifest is a csv file with a header and one row per recording. ``file`` (audio) and ``annotation`` are
paths relative to the manifest, ``dur_s``, if there, is the length in seconds; any other column can be used to
choose and to group rows. Conditions are ``column=pattern`` with the wildcards ``*`` and ``?``, upper and
lower case alike.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite, nan
from pathlib import Path, PurePosixPath

from drumlane.errors import ConfigError, DatasetError, nearest_first
from drumlane.evaluation.references import Track

REQUIRED_COLUMNS = ("file", "annotation")
DURATION_COLUMN = "dur_s"  # optional


@dataclass(frozen=True, slots=True)
class Condition:
    """A row's column must match a pattern."""

    column: str
    pattern: str  # with * and ?

    def accepts(self, columns: Mapping[str, str]) -> bool:
        """Return whether a row fulfils the condition."""
        return fnmatchcase(columns.get(self.column, "").casefold(), self.pattern.casefold())


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are scored together."""

    name: str
    conditions: tuple[Condition, ...] = ()

    def select(self, tracks: Sequence[Track]) -> tuple[Track, ...]:
        """Return the tracks that fulfil all conditions."""
        return tuple(t for t in tracks if all(c.accepts(t.columns) for c in self.conditions))


# The groups reported for a manifest that tells drums alone, drums with accompaniment and accompaniment alone
# apart in ``content``; a song is a recording made to a backing track ("minus one"), a phrase one without.
STANDARD_GROUPS: tuple[Group, ...] = (
    Group("drums, all", (Condition("content", "drums only*"),)),
    Group(
        "phrases d1",
        (
            Condition("content", "drums only*"),
            Condition("file", "*phrase*"),
            Condition("drummer", "d1"),
        ),
    ),
    Group(
        "phrases d2",
        (
            Condition("content", "drums only*"),
            Condition("file", "*phrase*"),
            Condition("drummer", "d2"),
        ),
    ),
    Group("songs, drums", (Condition("content", "drums only*"), Condition("file", "*minus-one*"))),
    Group("songs, mix", (Condition("content", "drums + accompaniment*"),)),
    Group("accompaniment", (Condition("content", "accompaniment only*"),)),
)


def read_manifest(path: Path) -> tuple[Track, ...]:
    """Read a manifest; the estimate of each track is its audio file.

    Raises:
        DatasetError: the file is missing, no csv, lacks a column or a row, or names a file that is not there.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read as a csv manifest ({error})") from error
    if not rows:
        raise DatasetError(f"{path}: no rows; a manifest has a header and a row per recording")
    absent = [column for column in REQUIRED_COLUMNS if column not in rows[0]]
    if absent:
        raise DatasetError(f"{path}: no column {absent[0]!r} (columns: {', '.join(map(str, rows[0]))})")
    return tuple(_track(path, number, row) for number, row in enumerate(rows, start=2))


def parse_condition(text: str) -> Condition:
    """Parse ``column=pattern``.

    >>> parse_condition("content=drums only*")
    Condition(column='content', pattern='drums only*')

    Raises:
        ConfigError: there is no ``=`` or no column.
    """
    column, equals, pattern = (part.strip() for part in text.partition("="))
    if not (column and equals):
        raise ConfigError(f"condition {text!r} must be column=pattern, for instance 'content=drums only*'")
    return Condition(column, pattern)


def choose(tracks: Sequence[Track], conditions: Sequence[Condition]) -> tuple[Track, ...]:
    """Return the tracks that fulfil all conditions.

    Raises:
        ConfigError: a column is unknown, or no track is left.
    """
    for condition in conditions:
        _check_column(tracks, condition.column)
    chosen = Group("", tuple(conditions)).select(tracks)
    if not chosen:
        wanted = " and ".join(f"{c.column}={c.pattern}" for c in conditions)
        raise ConfigError(f"none of the {len(tracks)} rows fulfils {wanted}; loosen the condition")
    return chosen


def groups_by_column(tracks: Sequence[Track], column: str) -> tuple[Group, ...]:
    """Return one group per value of a column, in order of first appearance.

    Raises:
        ConfigError: the column is unknown.
    """
    _check_column(tracks, column)
    values = dict.fromkeys(track.columns[column] for track in tracks)
    return tuple(Group(value or "(empty)", (Condition(column, _literally(value)),)) for value in values)


def groups_by_columns(tracks: Sequence[Track], columns: Sequence[str]) -> tuple[Group, ...]:
    """Return the groups of one column after the other; of several columns, names tell which.

    Raises:
        ConfigError: a column is unknown.
    """
    if len(columns) == 1:
        return groups_by_column(tracks, columns[0])
    return tuple(
        Group(f"{column} {group.name}", group.conditions)
        for column in columns
        for group in groups_by_column(tracks, column)
    )


def standard_groups(tracks: Sequence[Track]) -> tuple[Group, ...]:
    """Return the standard groups that have rows, or one of all rows if a row falls into none."""
    groups = tuple(group for group in STANDARD_GROUPS if group.select(tracks))
    covered = {track.name for group in groups for track in group.select(tracks)}
    return groups if len(covered) == len(tracks) else (Group("all"),)


def _track(manifest: Path, line: int, row: Mapping[str, str]) -> Track:
    audio, annotation = (manifest.parent / row[column] for column in REQUIRED_COLUMNS)
    for path in (audio, annotation):
        if not path.is_file():
            raise DatasetError(f"{manifest}: line {line}: {path} is not there; complete the material")
    name = PurePosixPath(row["file"]).with_suffix("").as_posix()
    return Track(name, annotation, audio, dict(row), _duration(manifest, line, row))


def _duration(manifest: Path, line: int, row: Mapping[str, str]) -> float:
    text = row.get(DURATION_COLUMN) or "0"
    try:
        duration = float(text)
    except ValueError:
        duration = nan
    if not (isfinite(duration) and duration >= 0):
        raise DatasetError(f"{manifest}: line {line}: {DURATION_COLUMN} {text!r} is no number of seconds")
    return duration


def _check_column(tracks: Sequence[Track], column: str) -> None:
    known = dict.fromkeys(name for track in tracks for name in track.columns)
    if column not in known:
        raise ConfigError(f"column {column!r} is unknown; columns: {nearest_first(column, known)}")


def _literally(value: str) -> str:
    """Return the pattern that matches only ``value``."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in value)
