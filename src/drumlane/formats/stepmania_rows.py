"""StepMania's rows: hits in the measures of a chart, both ways.

Used by ``stepmania``. A beat has 48 rows and nothing lies between two of them; a measure has four beats,
whatever the time signature, and is written with as few lines as its notes need.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

ROWS_PER_BEAT = 48
ROWS_PER_MEASURE = 192
LAST_BEAT = 1_000_000  # 250,000 measures: longer ones are mistakes

# Lines that a measure may have: every one divides 192.
_DIVISIONS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 192)
_EMPTY = b"0"
# Taps, the beginnings of holds and rolls, lifts; not tails, mines, fakes and sounds that play by themselves.
_STRUCK = frozenset("124L")
_CLOSING = {"{": "}", "[": "]", "<": ">"}


def measures_of(rows: Mapping[int, Sequence[int]], n_columns: int) -> str:
    """Return the note lines of row -> columns struck; measures are separated by commas."""
    by_measure: dict[int, list[int]] = {}
    for row in rows:
        by_measure.setdefault(row // ROWS_PER_MEASURE, []).append(row)
    last = max(by_measure, default=0)
    empty = _lines([], {}, n_columns)
    measures = (
        _lines(by_measure[number], rows, n_columns) if number in by_measure else empty
        for number in range(last + 1)
    )
    return ",\n".join(measures)


def notes_of(text: str, n_columns: int) -> tuple[NDArray[np.float64], list[int]]:
    """Return the beats and the columns of the notes that are struck.

    Raises:
        ValueError: a line has another number of columns, or the measure that it is in.
    """
    beats: list[float] = []
    columns: list[int] = []
    for number, measure in enumerate(_measures(text)):
        lines = [row for line in measure.splitlines() if (row := _plain(line.strip()))]
        for i, row in enumerate(lines):
            if len(row) != n_columns:
                raise ValueError(
                    f"measure {number + 1} has a line of {len(row)} columns instead of {n_columns}"
                )
            if row.strip("0"):
                struck = [column for column, mark in enumerate(row) if mark in _STRUCK]
                beats.extend([4 * number + 4 * i / len(lines)] * len(struck))
                columns.extend(struck)
    return np.array(beats), columns


def _measures(text: str) -> Iterator[str]:
    """Yield the measures; commas inside brackets are no ends of measures."""
    yield from text.split(",") if not any(mark in text for mark in _CLOSING) else _plain(text).split(",")


def _plain(text: str) -> str:
    """Return the text without what stands in brackets: sounds, attacks."""
    if not any(mark in text for mark in _CLOSING):
        return text
    kept: list[str] = []
    waiting_for = ""
    for character in text:
        if waiting_for:
            waiting_for = "" if character == waiting_for else waiting_for
        elif character in _CLOSING:
            waiting_for = _CLOSING[character]
        else:
            kept.append(character)
    return "".join(kept)


def _lines(places: Sequence[int], rows: Mapping[int, Sequence[int]], n_columns: int) -> str:
    """Return one measure's lines, as few as its rows allow."""
    step = next(
        ROWS_PER_MEASURE // division
        for division in _DIVISIONS
        if all(row % (ROWS_PER_MEASURE // division) == 0 for row in places)
    )
    width = n_columns + 1
    text = bytearray((_EMPTY * n_columns + b"\n") * (ROWS_PER_MEASURE // step))
    for row in places:
        for column in rows[row]:
            text[row % ROWS_PER_MEASURE // step * width + column] = ord("1")
    return text.decode("ascii")
