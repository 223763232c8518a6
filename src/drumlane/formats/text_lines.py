"""Text lines: one value a line, with what is wrong with one said by its number; and texts written whole.

Used by osu, stepmania, dtx and bjson.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file

_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    r"""Return a text for a line of its own: line breaks and controls become spaces.

    >>> one_line(" two\r\nlines ")
    'two lines'
    """
    return _LINE_BREAKS.sub(" ", text).strip()


def number(text: str, low: float, high: float) -> float:
    """Return the number that a text says.

    Raises:
        ValueError: it says none, or one outside ``low`` to ``high``.
    """
    value = float(text)
    if not low <= value <= high:
        raise ValueError(f"{value:g} is outside {low:g} to {high:g}")
    return value


@contextmanager
def at_line(path: AnyPath, line: int) -> Iterator[None]:
    """Say in which line of which file something is wrong.

    Raises:
        FormatError: instead of a ValueError or an overflow.
    """
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise FormatError(f"{shown(path)}: line {line}: {one_line(str(error))[:200]}") from error


def write_text(text: str, path: AnyPath, encoding: str = "utf-8") -> None:
    """Write a file, whole or not at all.

    Raises:
        FormatError: the file cannot be written.
    """
    with whole_file(path, FormatError) as partial:
        partial.write_text(text, encoding=encoding, newline="", errors="replace")
