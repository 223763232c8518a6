r"""Tablature, read: drums as plain text, our own and what is found on the web.

Flow: .tab -> **tab_reading** -> playing -> Performance

A line of a tab is a name, a bar line and signs; names and signs are those of ``tab_signs``. Lines one after
the other sound together; a blank line, or a name that comes again, begins the next ones. A bar lasts as long
as the time signature says (``Time: 3/4``, else 4/4) and is divided by its columns, however many they are.
``|: … :|`` and ``x4`` behind a line repeat. Everything else is text, of which ``Title:``, ``Artist:``,
``Tempo:`` (or ``120 bpm``), ``Time:`` and ``Swing:`` are understood.
"""

import logging
import re
from collections import Counter
from dataclasses import dataclass, field, replace

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.notation.measures import EIGHTH, QUARTER, THIRTY_SECOND
from drumlane.formats.notation.opening import content_of
from drumlane.formats.notation.playing import played
from drumlane.formats.notation.reading import ReadBar, ReadNote
from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.tab_signs import (
    DRUM_OF_LABEL,
    FLAM_VELOCITY_SHARE,
    RESTS,
    Meaning,
    meaning_of,
)
from drumlane.formats.notation.unrolling import Signs
from drumlane.performance import Performance
from drumlane.song import Song
from drumlane.vocabulary import Drum

MAX_BYTES = 10_000_000
MAX_COLUMNS = 768  # in one bar
MAX_TIMES = 100  # that a passage is repeated
_LONGEST_LINE = 20_000
_SIGNS = frozenset("xXoOgGfFdDbBrRsSpP#@+*>|:") | RESTS
_LINE = re.compile(r"\s{0,40}([A-Za-z][A-Za-z0-9-]{0,9})\s{0,8}(?::\s{0,8}\||\||:(?=[-xXoO]))(.*)")
_HEADER = re.compile(
    r"\s{0,40}(title|song|artist|band|tempo|bpm|time(?: signature)?|meter|swing)\s{0,8}[:=]\s{0,8}(.*)",
    re.IGNORECASE,
)
_BPM = re.compile(r"(?<![\d.])(\d{1,4}(?:\.\d{1,6})?)\s{0,3}bpm\b", re.IGNORECASE)
_FIRST_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,6})?")
_TIME = re.compile(r"(\d{1,3})\s{0,3}/\s{0,3}(\d{1,2})")
_SWING = re.compile(r"(8|16)ths (\d{1,3}):(\d{1,3})")
_TIMES = re.compile(r"\(?\s{0,3}[xX]\s{0,3}(\d{1,4})\b|\(?(\d{1,4})\s{0,3}[xX]\b")

_log = logging.getLogger(__name__)


def read_tab(path: AnyPath) -> Performance:
    """Read drum tablature.

    Names of lines and signs that mean nothing are counted in one logged warning.

    Raises:
        FormatError: the file is missing, holds no tab, or asks for what cannot be played.
    """
    text = _decoded(content_of(path, MAX_BYTES))
    reading = _Reading(path)
    for number, line in enumerate(text.splitlines(), start=1):
        reading.line(line, number)
    reading.end_system()
    if not reading.bars:
        raise FormatError(f"{shown(path)}: holds no drum tab (no lines like 'HH|x-x-x-x-|')")
    if reading.unknown:
        counts = ", ".join(f"{n} of {what!r}" for what, n in sorted(reading.unknown.items())[:20])
        _log.warning("%s: left out %s, which mean nothing", shown(path), counts)
    try:
        performance = played(reading.bars)
    except ValueError as error:
        raise FormatError(f"{shown(path)}: cannot be played ({error})") from None
    return replace(performance, song=reading.song)


def _decoded(content: bytes) -> str:
    """Return the text; old tabs are Latin-1, in which everything is a text."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


@dataclass(slots=True)
class _System:
    """Lines that sound together."""

    labels: set[str] = field(default_factory=set)
    lines: list[tuple[Drum | None, list[str]]] = field(default_factory=list)  # (drum, its bars)
    times: int = 0  # behind a line: of what its signs repeat, or of all of it
    has_signs: bool = False
    line_number: int = 0


class _Reading:
    """The bars found so far."""

    def __init__(self, path: AnyPath) -> None:
        self.path = path
        self.bars: list[ReadBar] = []
        self.song = Song()
        self.unknown: Counter[str] = Counter()
        self._system = _System()
        self._next = ReadBar()  # what has been said about the bar that comes
        self._meter = (4, 4)

    def line(self, line: str, number: int) -> None:
        if len(line) > _LONGEST_LINE:
            raise FormatError(f"{shown(self.path)}: line {number} has {len(line)} characters; break it")
        if not line.strip():
            self.end_system()
        elif header := _HEADER.match(line):
            self.end_system()
            self._header(header[1].lower(), header[2].strip(), number)
        elif (found := _LINE.match(line)) and _is_tab(found[2]):
            self._tab_line(found[1].upper(), found[2], number)
        elif not self.bars and (bpm := _BPM.search(line)):
            self._next.tempos = [(0.0, float(bpm[1]))]

    def _header(self, name: str, value: str, number: int) -> None:
        if name in ("title", "song"):
            self.song = replace(self.song, title=value)
        elif name in ("artist", "band"):
            self.song = replace(self.song, artist=value)
        elif name in ("tempo", "bpm"):
            if bpm := _FIRST_NUMBER.search(value):
                self._next.tempos = [(0.0, float(bpm[0]))]
        elif name == "swing":
            if swing := _SWING.search(value):
                self._next.swing = (self._swing(swing, number),)
        elif time := _TIME.search(value):
            self._meter = self._next.meter = self._time(time, number)

    def _time(self, time: re.Match[str], number: int) -> tuple[int, int]:
        meter = int(time[1]), int(time[2])
        if not 1 <= meter[0] <= 255 or meter[1] not in (1, 2, 4, 8, 16, 32):
            raise FormatError(f"{shown(self.path)}: line {number}: there is no time of {time[0]}")
        return meter

    def _swing(self, swing: re.Match[str], number: int) -> Swing:
        try:
            return Swing(EIGHTH * 8 // int(swing[1]), int(swing[2]), int(swing[3]))
        except ValueError as error:
            raise FormatError(f"{shown(self.path)}: line {number}: {error}") from None

    # Systems --------------------------------------------------------------------------------------

    def _tab_line(self, label: str, content: str, number: int) -> None:
        if label in self._system.labels:
            self.end_system()
        drum = DRUM_OF_LABEL.get(label)
        if drum is None:
            self.unknown[f"line {label}"] += 1
        inside, trailing = _split_trailing(content)
        if times := _TIMES.search(trailing):
            self._system.times = max(1, min(MAX_TIMES, int(times[1] or times[2])))
        self._system.has_signs |= ":" in inside
        self._system.labels.add(label)
        self._system.lines.append((drum, [bar for bar in inside.split("|") if bar]))
        self._system.line_number = number

    def end_system(self) -> None:
        system, self._system = self._system, _System()
        n_bars = max((len(bars) for _, bars in system.lines), default=0)
        if any(len(bars) != n_bars for _, bars in system.lines):
            _log.warning(
                "%s: the lines before line %d have different numbers of bars",
                shown(self.path),
                system.line_number + 1,
            )
        for i in range(n_bars):
            here = [(drum, bars[i]) for drum, bars in system.lines if i < len(bars)]
            self.bars.append(self._bar(here, system, is_first=i == 0, is_last=i == n_bars - 1))

    def _bar(
        self, lines: list[tuple[Drum | None, str]], system: _System, is_first: bool, is_last: bool
    ) -> ReadBar:
        bar, self._next = self._next, ReadBar()
        begins = any(text.startswith(":") for _, text in lines)
        ends = any(text.rstrip().endswith(":") for _, text in lines)
        lines = [(drum, text.strip(":")) for drum, text in lines]
        n_columns = max(len(text) for _, text in lines)
        if n_columns > MAX_COLUMNS:
            raise FormatError(
                f"{shown(self.path)}: line {system.line_number}: a bar of {n_columns} columns; "
                f"{MAX_COLUMNS} is the most"
            )
        bar.quarters = 4.0 * self._meter[0] / self._meter[1]
        bar.meter = self._meter
        for drum, text in lines:
            if drum is not None:
                bar.notes += self._notes(drum, text, bar.quarters / max(1, n_columns))
        bar.notes = _with_feel(bar.notes)
        repeats = bool(system.times) and not system.has_signs
        times = (system.times or 2) if ends else system.times if repeats and is_last else 0
        bar.signs = Signs(begins or (repeats and is_first), times)
        return bar

    def _notes(self, drum: Drum, text: str, column: float) -> list[ReadNote]:
        notes: list[ReadNote] = []
        for i, sign in enumerate(text):
            if sign in RESTS:
                continue
            meaning = meaning_of(sign, drum)
            if meaning is None:
                self.unknown[sign] += 1
            else:
                notes += _strokes(meaning, i * column)
        return notes


def _is_tab(content: str) -> bool:
    inside, _ = _split_trailing(content)
    return len(inside) >= 3 and _SIGNS.issuperset(inside) and any(c in "-xXoO" for c in inside)


def _split_trailing(content: str) -> tuple[str, str]:
    """Return a line's bars, and what stands behind the last bar line."""
    inside, line, trailing = content.rpartition("|")
    return (inside, trailing) if line else (content.rstrip(), "")


def _strokes(meaning: Meaning, at: float) -> list[ReadNote]:
    velocity = meaning.dynamic.value
    soft = max(1, round(velocity * FLAM_VELOCITY_SHARE))
    graces = [ReadNote(at, meaning.drum, soft, meaning.n_graces - i) for i in range(meaning.n_graces)]
    return [*graces, ReadNote(at, meaning.drum, velocity)]


def _with_feel(notes: list[ReadNote]) -> list[ReadNote]:
    """Return the notes with those of triplet beats marked: they do not swing."""
    triplets = {
        int(note.start)
        for note in notes
        if abs(note.start * QUARTER / THIRTY_SECOND - round(note.start * QUARTER / THIRTY_SECOND)) > 1e-6
    }
    return [replace(note, swings=False) if int(note.start) in triplets else note for note in notes]
