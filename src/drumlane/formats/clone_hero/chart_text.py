""".chart: a chart as text, as Clone Hero and Moonscraper read it.

Flow: track <-> **chart_text** <-> .chart

Sections of ``tick = event`` lines. Unlike in a notes.mid, yellow, blue and green are toms unless flagged as
cymbals, ghosts and accents are flags, and there is no flam. Tempos are whole thousandths of a beat a minute.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import log2
from types import MappingProxyType

from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.clone_hero.pads import Dynamic, Pad, PadNote
from drumlane.formats.clone_hero.track import ChartTrack, Span, fit, performance_of, track_of
from drumlane.formats.text_file import read_text
from drumlane.performance import Performance
from drumlane.song import Song
from drumlane.timing import TempoMap, tempo_map_from_events

NAME_OF_LEVEL: Mapping[Level, str] = MappingProxyType(
    {level: f"{level.value.title()}Drums" for level in Level}
)
DOUBLE_KICK, ACCENT, GHOST, CYMBAL = (
    32,
    33,
    39,
    64,
)  # of a pad: 33 + 1 is red's accent, 64 + 2 yellow's cymbal
STAR_POWER, ACTIVATION = 2, 64
_FIFTH, _FIVE_CYMBALS = 5, (Pad.YELLOW, Pad.GREEN)
_FASTEST = 2_000_000  # thousandths of a beat a minute
_NAMES: Mapping[str, str] = MappingProxyType(
    {"Name": "title", "Artist": "artist", "Charter": "charter", "Album": "album", "Genre": "genre"}
)
Section = list[tuple[int, str, str]]  # line number, key, value


def write_chart(
    performance: Performance, path: AnyPath, charts: Mapping[Level, Performance] | None = None
) -> None:
    """Write a chart of four levels; arguments and errors as of ``write_notes_midi``."""
    track = track_of(performance, lambda bpm: _thousandths(bpm) / 1000, path, charts)
    with whole_file(path, FormatError) as partial:
        partial.write_text("\n".join(lines_of(track)) + "\n", encoding="utf-8", newline="\r\n")


def read_chart(path: AnyPath, level: Level = Level.EXPERT) -> Performance:
    """Read a level of a chart.

    Raises:
        FormatError: the file is missing or no chart, a line does not fit, or it has no drums on that level.
    """
    return performance_of(chart_of(read_text(path), path), level, path)


def _thousandths(bpm: float) -> int:
    return max(1, min(_FASTEST, round(bpm * 1000)))


def lines_of(track: ChartTrack) -> Iterator[str]:
    """Yield the lines of a chart."""
    yield from _section("Song", _song_lines(track))
    yield from _section("SyncTrack", _sync_lines(track))
    yield from _section("Events", _event_lines(track))
    for level in reversed(Level):
        if level in track.notes:
            yield from _section(NAME_OF_LEVEL[level], _note_lines(track, level))


def _section(name: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"[{name}]"
    yield "{"
    for line in lines:
        yield f"  {line}"
    yield "}"


def _song_lines(track: ChartTrack) -> Iterator[str]:
    for key, field in _NAMES.items():
        yield f"{key} = {_quoted(getattr(track.song, field))}"
    yield f"Year = {_quoted(', ' + track.song.year if track.song.year else '')}"
    yield "Offset = 0"
    yield f"Resolution = {track.resolution}"
    yield "Player2 = bass"
    yield "Difficulty = 0"
    yield f"PreviewStart = {(track.song.preview or 0.0):.3f}"
    yield "PreviewEnd = 0"
    yield 'MediaType = "cd"'
    yield f"MusicStream = {_quoted(track.song.audio.name if track.song.audio else 'song.ogg')}"


def _quoted(text: str) -> str:
    """Quotes and line ends would end a value: they become what they look like."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text.replace('"', "\u201d"))
    return f'"{plain.strip()}"'


def _sync_lines(track: ChartTrack) -> Iterator[str]:
    found = [
        (round(s.beat * track.resolution), 0, _signature(s.numerator, s.denominator))
        for s in track.tempo.signatures
    ]
    found += [(round(c.beat * track.resolution), 1, f"B {_thousandths(c.bpm)}") for c in track.tempo.changes]
    for tick, _, what in sorted(found):
        yield f"{tick} = {what}"


def _signature(numerator: int, denominator: int) -> str:
    power = round(log2(denominator))
    return f"TS {numerator}" if power == 2 else f"TS {numerator} {power}"


def _event_lines(track: ChartTrack) -> Iterator[str]:
    for tick, name in track.sections:
        yield f"{tick} = E {_quoted('section ' + name)}"
    yield f"{track.end} = E {_quoted('end')}"


def _note_lines(track: ChartTrack, level: Level) -> Iterator[str]:
    events: list[tuple[int, int, str]] = []
    for note in track.notes[level]:
        for number in _numbers(note):
            events.append((note.tick, number, f"N {number} 0"))
    for kind, spans in ((STAR_POWER, track.star_power), (ACTIVATION, track.activations)):
        events += [(first, -1, f"S {kind} {last - first}") for first, last in spans]
    for tick, _, what in sorted(events):
        yield f"{tick} = {what}"


def _numbers(note: PadNote) -> Iterator[int]:
    yield DOUBLE_KICK if note.double_kick else int(note.pad)
    if note.pad is Pad.KICK:
        return
    if note.cymbal:
        yield CYMBAL + note.pad
    if note.dynamic is Dynamic.ACCENT:
        yield ACCENT + note.pad
    elif note.dynamic is Dynamic.GHOST:
        yield GHOST + note.pad


# Reading ------------------------------------------------------------------------------------------


def chart_of(text: str, path: AnyPath) -> ChartTrack:
    """Return the chart in a text.

    Raises:
        FormatError: it is no chart, or a line does not fit.
    """
    sections = _sections(text, path)
    named = {key.lower(): value.strip('"') for _, key, value in sections.get("song", ())}
    resolution = _resolution(named, path)
    levels, events = {}, sections.get("events", [])
    power: tuple[Span, ...] = ()
    fills: tuple[Span, ...] = ()
    end = 0
    for level, name in NAME_OF_LEVEL.items():
        lines = sections.get(name.lower())
        if lines is not None:
            levels[level], power, fills = _level_of(lines, path)
            end = max([end, *(note.tick for note in levels[level])])
    ticks = [(_tick(line, key, path), value) for line, key, value in events]
    end = max([end, *(tick for tick, _ in ticks)])
    return ChartTrack(
        resolution,
        _tempo(sections.get("synctrack", []), resolution, path),
        MappingProxyType(levels),
        end,
        power,
        fills,
        tuple(sorted(_named(ticks))),
        Song(
            **{field: named.get(key.lower(), "") for key, field in _NAMES.items()},  # type: ignore[arg-type]
            year=named.get("year", "").lstrip(", "),
        ),
    )


def _sections(text: str, path: AnyPath) -> dict[str, Section]:
    sections: dict[str, Section] = {}
    current: Section | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            current = sections.setdefault(stripped[1:-1].strip().lower(), [])
        elif current is not None and "=" in stripped:
            key, _, value = stripped.partition("=")
            current.append((number, key.strip(), value.strip()))
    if "song" not in sections and "synctrack" not in sections:
        raise FormatError(f"{shown(path)}: is no chart (no section [Song] or [SyncTrack])")
    return sections


def _resolution(named: Mapping[str, str], path: AnyPath) -> int:
    given = named.get("resolution", "192")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= 100_000:
        raise FormatError(f"{shown(path)}: Resolution = {given[:40]} is no number of ticks a beat")
    return int(given)


def _tick(line: int, key: str, path: AnyPath) -> int:
    if not key.isascii() or not key.isdigit() or len(key) > 15:
        raise FormatError(f"{shown(path)}: line {line}: {key[:40]!r} is no tick")
    return int(key)


def _number(line: int, value: str, path: AnyPath) -> int:
    try:
        if len(value) > 15:
            raise ValueError
        return int(value)
    except ValueError:
        raise FormatError(f"{shown(path)}: line {line}: {value[:40]!r} is no whole number") from None


def _tempo(lines: Section, resolution: int, path: AnyPath) -> TempoMap:
    tempos, signatures = [], []
    for line, key, value in lines:
        beat, words = _tick(line, key, path) / resolution, value.split()
        if len(words) >= 2 and words[0] == "B":
            thousandths = _number(line, words[1], path)
            if thousandths <= 0:
                raise FormatError(f"{shown(path)}: line {line}: a tempo of {thousandths} is none")
            tempos.append((beat, thousandths / 1000))
        elif len(words) >= 2 and words[0] == "TS":
            power = _number(line, words[2], path) if len(words) > 2 else 2
            numerator = _number(line, words[1], path)
            if not 0 <= power <= 8 or not 1 <= numerator <= 1000:
                raise FormatError(f"{shown(path)}: line {line}: {value[:40]!r} is no time signature")
            signatures.append((beat, numerator, 2**power))
    return tempo_map_from_events(tempos, signatures)


def _level_of(
    lines: Section, path: AnyPath
) -> tuple[tuple[PadNote, ...], tuple[Span, ...], tuple[Span, ...]]:
    numbers: dict[int, set[int]] = defaultdict(set)
    spans: dict[int, list[Span]] = defaultdict(list)
    for line, key, value in lines:
        tick, words = _tick(line, key, path), value.split()
        if len(words) >= 3 and words[0] == "N":
            numbers[tick].add(_number(line, words[1], path))
        elif len(words) >= 3 and words[0] == "S":
            kind, length = _number(line, words[1], path), max(1, _number(line, words[2], path))
            spans[kind].append((tick, tick + length))
    five_lanes = any(_FIFTH in found for found in numbers.values())
    notes = [note for tick, found in numbers.items() for note in _notes_at(tick, found, five_lanes)]
    return fit(notes), tuple(sorted(spans[STAR_POWER])), tuple(sorted(spans[ACTIVATION]))


def _notes_at(tick: int, numbers: set[int], five_lanes: bool) -> Iterator[PadNote]:
    """Yield the notes of one tick; of five lanes yellow and orange are cymbals, the fifth a low tom."""
    if DOUBLE_KICK in numbers and Pad.KICK not in numbers:
        yield PadNote(tick, Pad.KICK, double_kick=True)
    if five_lanes and _FIFTH in numbers and Pad.GREEN not in numbers:
        yield PadNote(tick, Pad.GREEN)
    for pad in Pad:
        if pad not in numbers:
            continue
        accent, ghost = ACCENT + pad in numbers, GHOST + pad in numbers
        dynamic = Dynamic.ACCENT if accent else Dynamic.GHOST if ghost else Dynamic.NORMAL
        cymbal = pad >= Pad.YELLOW and (CYMBAL + pad in numbers or (five_lanes and pad in _FIVE_CYMBALS))
        yield PadNote(tick, pad, cymbal, Dynamic.NORMAL if pad is Pad.KICK else dynamic)


def _named(events: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for tick, value in events:
        text = value.removeprefix("E").strip().strip('"').strip()
        for start in ("section ", "prc_"):
            if text.lower().startswith(start):
                yield tick, text[len(start) :].strip() or "section"
