"""DTX text: commands and objects of .dtx files, both ways.

Used by ``dtx``. A line is ``#NAME: value ; comment``; a name of five characters that begins with a bar
number is ``#bbbcc: objects``, a channel of a bar. Bars are numbered 000 to Z99 (the first digit in base
36), objects are pairs of base-36 digits, spread evenly over the bar, 00 is a rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import floor, gcd

from drumlane.formats.text_lines import one_line

N_BARS = 3600  # 000 to Z99
N_IDS = 36 * 36 - 1  # 01 to ZZ
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of objects."""

    line: int
    bar: int
    name: str  # two digits, capitals
    value: str


@dataclass(slots=True)
class DtxText:
    """A file's lines: commands by name in capitals, channels in order."""

    commands: dict[str, str] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)


def parse(text: str) -> DtxText:
    """Return a file's commands and channels; of what stands in ``#IF`` only the first case is read."""
    parsed = DtxText()
    reads = True
    for line_number, line in enumerate(text.splitlines(), start=1):
        name, value = _split(line)
        if name == "IF":
            reads = value == "1"
        elif name == "ENDIF":
            reads = True
        elif name and reads:
            if (bar := _bar_number(name)) is not None:
                parsed.channels.append(Channel(line_number, bar, name[3:], value))
            else:
                parsed.commands[name] = value
    return parsed


def objects(value: str, digits: int = 36) -> Iterator[tuple[int, int, int]]:
    """Yield place, number of places and value of the objects that are no rests.

    Raises:
        ValueError: a character is no digit; of an odd number of characters the last one does not count.
    """
    plain = value.replace("_", "").upper()
    n_places = len(plain) // 2
    for place in range(n_places):
        pair = plain[2 * place : 2 * place + 2]
        if pair != "00":
            if not (pair[0] in _DIGITS and pair[1] in _DIGITS):
                raise ValueError(f"object {pair!r} is not two digits 0 to Z")
            yield place, n_places, int(pair, digits)


def line_of(bar: int, channel: str, placed: dict[int, str], n_places: int) -> str:
    """Return a line of objects, place -> two digits, in as few places as hold them."""
    step = gcd(n_places, *placed)
    pairs = ["00"] * (n_places // step)
    for place, pair in placed.items():
        pairs[place // step] = pair
    return line_start(bar, channel) + "".join(pairs)


def line_start(bar: int, channel: str) -> str:
    """Return what a channel's line begins with.

    >>> line_start(1234, "13")
    '#C3413: '
    """
    return f"#{bar_number(bar)}{channel}: "


def bpm_text(bpm: float) -> str:
    """Return a tempo of six decimals, cut and not rounded: no beat may end before its whole millisecond.

    >>> bpm_text(120.0), bpm_text(119.9999999)
    ('120', '119.999999')
    """
    return f"{floor(bpm * 1e6 + 1e-3) / 1e6:.6f}".rstrip("0").rstrip(".")


def bar_number(bar: int) -> str:
    """Return a bar's three digits.

    >>> bar_number(7), bar_number(1234)
    ('007', 'C34')
    """
    return f"{_DIGITS[bar // 100]}{bar % 100:02d}"


def id_of(number: int) -> str:
    """Return an object's two digits.

    >>> id_of(1), id_of(1295)
    ('01', 'ZZ')
    """
    return _DIGITS[number // 36] + _DIGITS[number % 36]


def command(name: str, value: str) -> str:
    """Return a line of a command; semicolons would begin a comment and become commas."""
    return f"#{name}: {one_line(value).replace(';', ',')}"


def _split(line: str) -> tuple[str, str]:
    """Return a line's name in capitals and its value; no name if it is no command."""
    stripped = line.strip()
    if not stripped.startswith("#"):
        return "", ""
    content = stripped[1:].partition(";")[0]
    ends = [place for mark in ": \t" if (place := content.find(mark)) >= 0]
    end = min(ends, default=len(content))
    return content[:end].upper(), content[end:].lstrip(": \t").rstrip()


def _bar_number(name: str) -> int | None:
    if len(name) != 5 or name[0] not in _DIGITS or not (name[1:3].isascii() and name[1:3].isdecimal()):
        return None
    if not set(name[3:]) <= set(_DIGITS[:16]):
        return None
    return _DIGITS.index(name[0]) * 100 + int(name[1:3])
