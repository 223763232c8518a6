r"""StepMania's text: ``#NAME:value:value;`` in .sm and .ssc files, both ways.

Used by ``stepmania``. Comments run from ``//`` to the end of the line, a backslash takes the next character
as it is. As in the game, a ``#`` that begins a line ends a value whose semicolon was forgotten.
"""

import re
from collections.abc import Iterator

from drumlane.formats.text_lines import one_line

# A comment, an escaped character, a mark, or everything up to the next of them: nothing is looked at twice.
_PIECES = re.compile(r"//[^\r\n]*|\\[\s\S]|[#:;]|[^\\/#:;]+|[\s\S]")
_TO_ESCAPE = re.compile(r"([\\:;#]|//)")

Tag = tuple[str, list[str]]  # name in capitals, values


def tags_of(text: str) -> Iterator[Tag]:
    r"""Yield the tags of a file in order.

    >>> list(tags_of("#TITLE:a\\:b;#BPMS:0=120 // slow\n,4=60;"))
    [('TITLE', ['a:b']), ('BPMS', ['0=120 \n,4=60'])]
    """
    values: list[list[str]] | None = None  # of the tag that is open, in pieces; the first one is its name
    for match in _PIECES.finditer(text):
        piece = match[0]
        if piece.startswith("//"):
            continue
        if piece == "#" and (values is None or _at_line_start(text, match.start())):
            yield from _closed(values)
            values = [[]]
        elif values is None:
            continue
        elif piece == ";":
            yield from _closed(values)
            values = None
        elif piece == ":":
            values.append([])
        else:
            values[-1].append(piece[1] if piece.startswith("\\") and len(piece) == 2 else piece)
    yield from _closed(values)


def tag(name: str, value: str) -> str:
    r"""Return one tag with a value in which every character means itself.

    >>> tag("TITLE", "AC/DC: live; http://x")
    '#TITLE:AC/DC\\: live\\; http\\:\\/\\/x;'
    """
    escaped = _TO_ESCAPE.sub(lambda mark: "".join(f"\\{character}" for character in mark[0]), one_line(value))
    return f"#{name}:{escaped};"


def _closed(values: list[list[str]] | None) -> Iterator[Tag]:
    if values is not None:
        name, *rest = ["".join(pieces) for pieces in values]
        yield name.strip().upper(), [*rest] or [""]


def _at_line_start(text: str, place: int) -> bool:
    """Say whether only a line break stands before a character."""
    return place == 0 or text[place - 1] in "\r\n"
