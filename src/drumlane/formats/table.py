"""Tables: hits as lines of csv, tsv or plain text.

Flow: Performance <-> **table** <-> .csv, .tsv, and from .txt

Three layouts are read, told apart by the first line:
    ``time,drum,lane,velocity,confidence``  our own, as ``write_table`` writes it; time and drum are enough
    ``onset_s,lane,label,note``             annotations; the lane decides, the label refines it
    no header, two columns                  seconds, then a drum, lane, label or note number (ADTOF's too)
Columns are separated by tabs, semicolons, commas or (without a header) spaces; lines that begin with ``#``
are comments. A table has no tempo and no length: the performance ends with its last hit. Strokes that mean
no drum are counted in one logged warning.
"""

import csv
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path

from drumlane.errors import ConfigError, FormatError, nearest_first
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.labels import drum_in_lane, drum_of_name, names_near
from drumlane.formats.text_file import read_bytes
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import TD17, Drum, lane_by_name

COLUMNS = ("time", "drum", "lane", "velocity", "confidence")
ANNOTATION_COLUMNS = ("onset_s", "lane", "label", "note")
UNKNOWN_VELOCITY = 80  # for annotations that do not say how loud a stroke is
NO_LANE = "none"  # in a lane column: an auxiliary, or something that is no drum

_VELOCITY_IN_NOTE = re.compile(r"vel=(\d+)")

_log = logging.getLogger(__name__)

# A row becomes a hit, or the name of what is no drum. What is wrong with it is a ValueError.
_RowReader = Callable[[list[str]], Hit | str]


def read_table(path: AnyPath, note_map: Mapping[int, Drum] = TD17) -> Performance:
    """Read a table.

    Args:
        path: the file.
        note_map: what note numbers mean.

    Raises:
        FormatError: the file is missing or empty, or a line does not fit; the message names the line.
    """
    rows = list(_rows(_text(path), path))
    if not rows:
        raise FormatError(f"{shown(path)}: is empty; a table without hits has at least a header line")
    first_line, first = rows[0]
    with _at(path, first_line):
        read_row = _row_reader(first, note_map)
    strokes = []
    for line, cells in rows if _is_number(first[0]) else rows[1:]:
        with _at(path, line):
            strokes.append(read_row(cells))
    _warn_of_names(Counter(name for name in strokes if isinstance(name, str)), path)
    return Performance.of(hit for hit in strokes if isinstance(hit, Hit))


def write_table(performance: Performance, path: AnyPath) -> None:
    """Write the hits, times to the microsecond; tabs separate the columns of a ``.tsv``, commas otherwise.

    Raises:
        FormatError: the file cannot be written.
    """
    text = StringIO(newline="")
    writer = csv.writer(
        text, delimiter="\t" if Path(path).suffix.lower() == ".tsv" else ",", lineterminator="\n"
    )
    writer.writerow(COLUMNS)
    for hit in performance:
        confidence = f"{hit.confidence:.6f}".rstrip("0").rstrip(".")
        writer.writerow(
            [f"{hit.time:.6f}", hit.drum.value, _lane_name(hit.drum), int(hit.velocity), confidence]
        )
    with whole_file(path, FormatError) as file:
        file.write_text(text.getvalue(), encoding="utf-8", newline="")


# Lines --------------------------------------------------------------------------------------------


def _text(path: AnyPath) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{shown(path)}: byte {error.start} is not UTF-8 text; save it as UTF-8") from error


def _rows(text: str, path: AnyPath) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers, from 1, and the cells of lines that hold something."""
    lines = text.splitlines()
    filled = (line for line in lines if line.strip() and not line.startswith("#"))
    first = next(filled, "")
    delimiter = next((mark for mark in "\t;," if mark in first), None)
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        with _at(path, number):
            cells = (
                line.split()
                if delimiter is None
                else next(csv.reader([line], delimiter=delimiter, strict=True))
            )
        yield number, [cell.strip() for cell in cells]


@contextmanager
def _at(path: AnyPath, line: int) -> Iterator[None]:
    """Say in which line of which file something is wrong."""
    try:
        yield
    except (ValueError, ConfigError, csv.Error) as error:
        raise FormatError(f"{shown(path)}: line {line}: {error}") from error


def _warn_of_names(left_out: Counter[str], path: AnyPath) -> None:
    if left_out:
        counts = ", ".join(f"{n} of {name!r}" for name, n in sorted(left_out.items()))
        _log.warning("%s: left out %s, which mean no drum", shown(path), counts)


# Layouts ------------------------------------------------------------------------------------------


def _row_reader(first: list[str], note_map: Mapping[int, Drum]) -> _RowReader:
    """Return what reads the rows of a table with this first row."""
    if _is_number(first[0]):
        return partial(_read_pair, note_map=note_map)
    header = [name.lower() for name in first]
    for columns, required, read_cells in (
        (COLUMNS, {"time", "drum"}, _read_own),
        (ANNOTATION_COLUMNS, {"onset_s", "lane"}, _read_annotation),
    ):
        if required <= set(header):
            _check_header(header, columns)
            return partial(_read_named, header=header, read_cells=read_cells)
    raise ValueError(
        f"starts with {first[0]!r}, which is neither a time nor a header; "
        f"headers: {','.join(COLUMNS)} or {','.join(ANNOTATION_COLUMNS)}"
    )


def _check_header(header: list[str], columns: tuple[str, ...]) -> None:
    for name, count in Counter(header).items():
        if name not in columns:
            raise ValueError(f"unknown column {name!r}; columns: {nearest_first(name, columns)}")
        if count > 1:
            raise ValueError(f"column {name!r} is there {count} times")


def _read_named(
    cells: list[str], header: list[str], read_cells: Callable[[Mapping[str, str]], Hit | str]
) -> Hit | str:
    _check_count(cells, len(header))
    return read_cells(dict(zip(header, cells, strict=True)))


def _read_own(cells: Mapping[str, str]) -> Hit | str:
    drum = _drum(cells["drum"])
    lane = cells.get("lane") or _lane_name(drum)
    if lane != _lane_name(drum):
        raise ValueError(f"{drum.value} belongs to lane {_lane_name(drum)}, not to {lane!r}")
    velocity = int(cells.get("velocity") or UNKNOWN_VELOCITY)
    return Hit(float(cells["time"]), drum, velocity, float(cells.get("confidence") or 1.0))


def _read_annotation(cells: Mapping[str, str]) -> Hit | str:
    time, label = float(cells["onset_s"]), cells.get("label", "")
    lane = None if cells["lane"] == NO_LANE else lane_by_name(cells["lane"])
    velocity = _VELOCITY_IN_NOTE.fullmatch(cells.get("note", ""))
    drum = drum_in_lane(label, lane)
    return Hit(time, drum, int(velocity[1]) if velocity else UNKNOWN_VELOCITY) if drum else label


def _read_pair(cells: list[str], note_map: Mapping[int, Drum]) -> Hit | str:
    _check_count(cells, 2)
    time, name = float(cells[0]), cells[1]
    drum = note_map.get(int(name)) if name.isdecimal() else _drum(name)
    return Hit(time, drum, UNKNOWN_VELOCITY) if drum else f"note {name}"


def _check_count(cells: list[str], n_columns: int) -> None:
    if len(cells) != n_columns:
        raise ValueError(f"{len(cells)} columns instead of {n_columns}")


def _drum(name: str) -> Drum:
    drum = drum_of_name(name)
    if drum is None:
        raise ValueError(f"drum {name!r} is unknown; drums: {names_near(name)}")
    return drum


def _lane_name(drum: Drum) -> str:
    return NO_LANE if drum.lane is None else drum.lane.label


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
