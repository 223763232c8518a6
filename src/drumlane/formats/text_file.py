"""Text files of games: read whole, in whichever encoding, with errors in one line.

Used by osu, stepmania, dtx and bjson. A byte order mark decides; without one the encodings are tried in
order.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def read_text(path: AnyPath, encodings: tuple[str, ...] = ("utf-8",)) -> str:
    """Return a file's text; one of ``encodings`` that fits any bytes may be last.

    Raises:
        FormatError: the file is missing, empty or no text.
    """
    content = _content(path)
    if not content.strip():
        raise FormatError(f"{shown(path)}: is empty ({len(content)} bytes)")
    marked = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    place = 0
    for encoding in marked or encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            place = error.start
    tried = " or ".join(name.upper() for name in marked or encodings)
    raise FormatError(f"{shown(path)}: byte {place} is not {tried} text; save it as UTF-8")


def write_text(text: str, path: AnyPath, encoding: str = "utf-8") -> None:
    """Write a file, whole or not at all.

    Raises:
        FormatError: the file cannot be written.
    """
    with whole_file(path, FormatError) as partial:
        partial.write_text(text, encoding=encoding, newline="", errors="replace")


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


def _content(path: AnyPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{shown(path)}: cannot be read ({reason})") from error
