"""SFZ text: includes, defines and inheritance are resolved; what is left is a list of regions.

Flow: .sfz -> **sfz_text** -> kit_sfz

SFZ 2 with the directives of the ARIA player: ``#define $NAME value`` holds from where it stands, the longest
name wins, and ``#include "file"`` is relative to the first file's folder (to the including file's, where
nothing lies there). A region inherits from ``<global>``, ``<master>`` and ``<group>``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.kit_files import named_file

MAX_DEPTH = 16  # of files that include files
MAX_FILES = 5_000  # read, the same file counted each time
MAX_CHARACTERS = 16_000_000  # of all files together
LEVELS = ("global", "master", "group", "region")

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_DIRECTIVE = re.compile(r'#define[ \t]+\$(\w+)[ \t]+(\S+)|#include[ \t]+"([^"\n]+)"')
_VARIABLE = re.compile(r"\$(\w+)")
_START = re.compile(r"<(\w+)>|(?<![^\s>])(\w+)=")


@dataclass(frozen=True, slots=True)
class SfzRegion:
    """One region with everything that it inherits."""

    opcodes: Mapping[str, str]  # ``key`` is spread to ``lokey``, ``hikey`` and ``pitch_keycenter``
    control: Mapping[str, str]  # of the ``<control>`` headers above it


@dataclass(slots=True)
class _Reader:
    """Reads one file and all that it includes."""

    first: Path
    root: Path
    defines: dict[str, str] = field(default_factory=dict)
    n_files: int = 0
    n_characters: int = 0

    def expanded(self, path: Path, above: tuple[Path, ...] = ()) -> Iterator[str]:
        """Yield the text of a file with its includes in their places."""
        self._check(path, above)
        text = _COMMENT.sub(" ", self._read(path))
        at = 0
        for directive in _DIRECTIVE.finditer(text):
            yield self._filled_in(text[at : directive.start()])
            at = directive.end()
            if directive[3] is None:
                self.defines[directive[1]] = self._filled_in(directive[2])
            else:
                included = self._included(self._filled_in(directive[3]), path)
                yield from self.expanded(included, (*above, path.resolve()))
                yield "\n"
        yield self._filled_in(text[at:])

    def _check(self, path: Path, above: tuple[Path, ...]) -> None:
        self.n_files += 1
        if path.resolve() in above:
            raise DatasetError(f"{shown(self.first)}: {shown(path)} includes itself; remove the #include")
        if len(above) > MAX_DEPTH or self.n_files > MAX_FILES:
            raise DatasetError(
                f"{shown(self.first)}: its includes are more than {MAX_DEPTH} deep or {MAX_FILES} in all; "
                "is this a drum kit?"
            )

    def _read(self, path: Path) -> str:
        try:
            self._count(path.stat().st_size)
            data = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"{shown(path)}: cannot be read ({error.strerror})") from None
        if b"\0" in data:
            raise DatasetError(f"{shown(path)}: is not SFZ, which is text; is it a sound?")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("cp1252", errors="replace")  # what older editors on Windows wrote

    def _included(self, name: str, including: Path) -> Path:
        beside = including.parent
        folder = self.first.parent
        if not (folder / name).is_file() and (beside / name).is_file():
            folder = beside
        return named_file(name, folder, self.root, self.first)

    def _filled_in(self, text: str) -> str:
        expanded = _VARIABLE.sub(self._value, text) if "$" in text else text
        self._count(max(0, len(expanded) - len(text)))
        return expanded

    def _count(self, n_characters: int) -> None:
        self.n_characters += n_characters
        if self.n_characters > MAX_CHARACTERS:
            raise DatasetError(
                f"{shown(self.first)}: more than {MAX_CHARACTERS // 10**6} MB of text; is this a drum kit?"
            )

    def _value(self, variable: re.Match[str]) -> str:
        name = variable[1]
        known = (n for n in range(len(name), 0, -1) if name[:n] in self.defines)
        longest = next(known, 0)
        return self.defines[name[:longest]] + name[longest:] if longest else variable[0]


def read_regions(path: Path, root: Path) -> list[SfzRegion]:
    """Read the regions of an SFZ file.

    Args:
        path: the file.
        root: the kit's folder; nothing outside it is included.

    Raises:
        DatasetError: a file is missing, lies outside ``root``, includes itself, or all of it is too much.
    """
    return list(_regions("".join(_Reader(path, root).expanded(path))))


def _regions(text: str) -> Iterator[SfzRegion]:
    levels: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    control: dict[str, str] = {}
    header = ""
    for name, opcode, value in _assignments(text):
        if not name:
            _assign(control if header == "control" else levels.get(header, {}), opcode, value)
            continue
        if header == "region":
            yield _region(levels, control)
        header = name
        for level in LEVELS[LEVELS.index(name) :] if name in LEVELS else ():
            levels[level] = {}
    if header == "region":
        yield _region(levels, control)


def _region(levels: Mapping[str, Mapping[str, str]], control: Mapping[str, str]) -> SfzRegion:
    inherited: dict[str, str] = {}
    for level in LEVELS:
        inherited |= levels[level]
    return SfzRegion(inherited, dict(control))


def _assign(target: dict[str, str], opcode: str, value: str) -> None:
    for name in ("lokey", "hikey", "pitch_keycenter") if opcode == "key" else (opcode,):
        target[name] = value


def _assignments(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield headers as (name, "", "") and opcodes as ("", name, value); a value ends with its line."""
    starts = list(_START.finditer(text))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        value = text[start.end() : end].partition("\n")[0].strip()
        yield (start[1] or "", start[2] or "", "" if start[1] else value)
