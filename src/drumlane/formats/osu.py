"""osu!mania with eight keys: .osu files of version 14.

Flow: Performance <-> **osu** <-> .osu

A column is a lane (``charting.lane_layouts``), times are whole milliseconds, a note's volume is its
velocity. Timing points are in ``osu_timing``. What has no column (cowbells) is left out and counted in one
logged warning, in either direction. Hold notes are read as taps. What the file says about sounds,
backgrounds and the editor is kept as far as it is in lines ``key: value``.
"""

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor
from pathlib import Path

from drumlane.charting.lane_layouts import EIGHT_COLUMNS, column_of_drum, drum_of_column
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.kept_fields import kept, kept_texts
from drumlane.formats.osu_timing import LATEST, tempo_of_points, timing_points
from drumlane.formats.text_file import read_text
from drumlane.formats.text_lines import at_line, number, one_line, write_text
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.vocabulary import Lane

N_COLUMNS = 8
UNKNOWN_VELOCITY = 80  # of notes without a volume of their own
ACCENT = 110  # velocity from which on a note has the finish sound; and of a note that has it but no volume
NO_AUDIO = "virtual"  # osu!'s own word for a map without a recording
LEAD_IN = 2.0  # seconds a player has before the first note

_MANIA = 3
_WIDTH = 512  # of the playfield, in osu! pixels
_TAP, _HOLD, _FINISH = 1, 128, 4
_FIRST_LINE = "osu file format v"
# Levels: name, overall difficulty and drain.
_LEVELS = {
    Level.EASY: ("Easy", 5),
    Level.MEDIUM: ("Normal", 6),
    Level.HARD: ("Hard", 7),
    Level.EXPERT: ("Expert", 8),
}
# Fields that follow from the performance; of the others, those below are written unless the file had its own.
_OURS = frozenset(
    [
        "AudioFilename",
        "AudioLeadIn",
        "PreviewTime",
        "Mode",
        "Bookmarks",
        "Title",
        "TitleUnicode",
        "Artist",
        "ArtistUnicode",
        "Creator",
        "CircleSize",
    ]
)
_DEFAULTS = {
    "General": {
        "Countdown": "0",
        "SampleSet": "Drum",
        "StackLeniency": "0.7",
        "LetterboxInBreaks": "0",
        "SpecialStyle": "0",
        "WidescreenStoryboard": "0",
    },
    "Editor": {"DistanceSpacing": "1", "BeatDivisor": "4", "GridSize": "8", "TimelineZoom": "1"},
    "Metadata": {"Source": "", "Tags": "", "BeatmapID": "0", "BeatmapSetID": "-1"},
    "Difficulty": {"ApproachRate": "5", "SliderMultiplier": "1.4", "SliderTickRate": "1"},
}

_log = logging.getLogger(__name__)


def read_osu(path: AnyPath, columns: Sequence[Lane] = EIGHT_COLUMNS) -> Performance:
    """Read an osu!mania map with eight keys.

    Args:
        path: the file.
        columns: the lanes from left to right.

    Raises:
        FormatError: the file is missing, no .osu file, for another game mode or number of keys, or a line of
            it does not fit; the message names the line.
    """
    parts = _parts(read_text(path), path)
    _check_mode(parts, path)
    drums = drum_of_column(columns)
    hits, left_out = [], 0
    for line_number, line in parts.lines.get("HitObjects", ()):
        with at_line(path, line_number):
            note = _note(line)
            if note is None or note[0] < 0:
                left_out += 1
            else:
                hits.append(Hit(note[0], drums[note[1]], note[2]))
    if left_out:
        _log.warning(
            "%s: left out %d objects that are no notes or come before the audio", shown(path), left_out
        )
    tempo = tempo_of_points(parts.lines.get("TimingPoints", ()), path)
    return Performance(tuple(hits), tempo, 0.0, _song_of(parts, path))


def write_osu(
    performance: Performance,
    path: AnyPath,
    level: Level = Level.EXPERT,
    columns: Sequence[Lane] = EIGHT_COLUMNS,
) -> None:
    """Write an osu!mania map with eight keys; of two hits of one lane in one millisecond the louder.

    Args:
        performance: what to write.
        path: the file.
        level: the map's name and how strict it is; a level's notes are what the performance has.
        columns: the lanes from left to right.

    Raises:
        FormatError: the file cannot be written.
    """
    notes = _notes_of(performance, columns, path)
    sections = {
        "General": _general(performance.song, notes),
        "Editor": _editor(performance.song),
        "Metadata": _metadata(performance.song, level),
        "Difficulty": {"HPDrainRate": str(_LEVELS[level][1]), "CircleSize": str(N_COLUMNS)}
        | {"OverallDifficulty": str(_LEVELS[level][1])},
    }
    others = kept_texts(performance.song, "osu")
    lines = [f"{_FIRST_LINE}14", ""]
    for name, fields in sections.items():
        lines += [f"[{name}]", *_field_lines(name, fields, others), ""]
    lines += ["[Events]", *_events(others), "", "[TimingPoints]", *timing_points(performance), ""]
    lines += ["[HitObjects]", *(_object_line(*note) for note in notes), ""]
    write_text("\n".join(lines), path)


# Notes --------------------------------------------------------------------------------------------

# Milliseconds, column, velocity.
_Note = tuple[int, int, int]


def _notes_of(performance: Performance, columns: Sequence[Lane], path: AnyPath) -> list[_Note]:
    column_of = column_of_drum(columns)
    loudest: dict[tuple[int, int], int] = {}
    without: Counter[str] = Counter()
    for hit in performance:
        column = column_of[hit.drum]
        if column is None:
            without[hit.drum.value] += 1
            continue
        place = (round(hit.time * 1000), column)
        loudest[place] = max(int(hit.velocity), loudest.get(place, 0))
    if without:
        counts = ", ".join(f"{n} of {name}" for name, n in sorted(without.items()))
        _log.warning("%s: left out %s, which have no column", shown(path), counts)
    return [(*place, velocity) for place, velocity in sorted(loudest.items())]


def _object_line(time: int, column: int, velocity: int) -> str:
    x = floor((column + 0.5) * _WIDTH / N_COLUMNS)
    volume = max(1, round(velocity * 100 / 127))
    return f"{x},192,{time},{_TAP},{_FINISH if velocity >= ACCENT else 0},0:0:0:{volume}:"


def _note(line: str) -> tuple[float, int, int] | None:
    """Return seconds, column and velocity; None for what is no note."""
    cells = line.split(",")
    if len(cells) < 5:
        raise ValueError(f"{len(cells)} values where an object has at least 5")
    x, time = float(cells[0]), number(cells[2], -LATEST, LATEST)
    kind, sound = int(cells[3]), int(cells[4])
    if not kind & (_TAP | _HOLD):
        return None
    column = min(max(floor(x * N_COLUMNS / _WIDTH), 0), N_COLUMNS - 1)
    return time / 1000, column, _velocity(cells[5] if len(cells) > 5 else "", sound, bool(kind & _HOLD))


def _velocity(sample: str, sound: int, hold: bool) -> int:
    """Return what ``normal:addition:index:volume:file`` says of a note, after the end of a hold."""
    values = sample.split(":")
    place = 4 if hold else 3
    volume = int(values[place]) if len(values) > place and values[place] else 0
    if volume <= 0:
        return ACCENT if sound & _FINISH else UNKNOWN_VELOCITY
    return max(1, round(min(volume, 100) * 127 / 100))


# Sections -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Parts:
    """A file's sections: fields by name, and the numbered lines of those that are tables."""

    fields: dict[str, str] = field(default_factory=dict)  # Metadata and others: "Title" -> ...
    section_of: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[tuple[int, str]]] = field(default_factory=dict)


def _parts(text: str, path: AnyPath) -> _Parts:
    lines = list(_filled(text))
    if not lines or not lines[0][1].lstrip("\ufeff").startswith(_FIRST_LINE):
        raise FormatError(f"{shown(path)}: is not an .osu file (it does not start with '{_FIRST_LINE}')")
    parts, section = _Parts(), ""
    for line_number, line in lines[1:]:
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section in ("TimingPoints", "HitObjects", "Events"):
            parts.lines.setdefault(section, []).append((line_number, line))
        elif ":" in line:
            name, _, value = line.partition(":")
            parts.fields[name.strip()] = value.strip()
            parts.section_of[name.strip()] = section
    return parts


def _filled(text: str) -> Iterator[tuple[int, str]]:
    for line_number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("//"):
            yield line_number, stripped


def _check_mode(parts: _Parts, path: AnyPath) -> None:
    mode, keys = parts.fields.get("Mode", "0"), parts.fields.get("CircleSize", "5")
    if mode != str(_MANIA):
        raise FormatError(f"{shown(path)}: game mode {mode!r}; only osu!mania (3) has lanes")
    try:
        n_keys = float(keys)
    except ValueError:
        n_keys = 0.0
    if n_keys != N_COLUMNS:
        raise FormatError(
            f"{shown(path)}: osu!mania with {keys} keys; only {N_COLUMNS} are a drum kit's lanes"
        )


def _song_of(parts: _Parts, path: AnyPath) -> Song:
    fields = parts.fields
    audio = fields.get("AudioFilename", "")
    return Song(
        title=fields.get("TitleUnicode") or fields.get("Title", ""),
        artist=fields.get("ArtistUnicode") or fields.get("Artist", ""),
        charter=fields.get("Creator", ""),
        audio=None if audio in ("", NO_AUDIO) else Path(audio),
        preview=_preview(fields.get("PreviewTime", "")),
        sections=_bookmarks(fields.get("Bookmarks", ""), path),
        foreign=kept("osu", _others(parts)),
    )


def _others(parts: _Parts) -> dict[str, str]:
    """Return what nothing here has a name for: ``Section.Key`` of fields, and the events in one text."""
    known = {f"{name}.{key}": value for name, fields in _DEFAULTS.items() for key, value in fields.items()}
    found = {
        f"{parts.section_of[key]}.{key}": value
        for key, value in parts.fields.items()
        if key not in _OURS and parts.section_of[key] in _DEFAULTS
    }
    others = {name: value for name, value in found.items() if known.get(name) != value}
    for name in ("Difficulty.HPDrainRate", "Difficulty.OverallDifficulty", "Metadata.Version"):
        others.pop(name, None)  # the level's
    events = "\n".join(line for _, line in parts.lines.get("Events", ()))
    return others | ({"Events": events} if events else {})


def _preview(value: str) -> float | None:
    try:
        seconds = float(value) / 1000
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _bookmarks(value: str, path: AnyPath) -> tuple[Section, ...]:
    try:
        times = [float(time) / 1000 for time in value.split(",") if time.strip()]
        return tuple(
            Section(time, f"section {i}") for i, time in enumerate(sorted(times), start=1) if time >= 0
        )
    except ValueError as error:
        raise FormatError(f"{shown(path)}: bookmarks: {one_line(str(error))[:100]}") from error


def _general(song: Song, notes: Sequence[_Note]) -> dict[str, str]:
    early = max(0, round(LEAD_IN * 1000) - notes[0][0]) if notes else 0
    return {
        "AudioFilename": one_line(song.audio.as_posix()) if song.audio else NO_AUDIO,
        "AudioLeadIn": str(early),
        "PreviewTime": str(-1 if song.preview is None else round(song.preview * 1000)),
        "Mode": str(_MANIA),
    }


def _editor(song: Song) -> dict[str, str]:
    times = sorted({round(section.time * 1000) for section in song.sections})
    return {"Bookmarks": ",".join(map(str, times))} if times else {}


def _metadata(song: Song, level: Level) -> dict[str, str]:
    return {
        "Title": _romanised(song.title),
        "TitleUnicode": one_line(song.title),
        "Artist": _romanised(song.artist),
        "ArtistUnicode": one_line(song.artist),
        "Creator": one_line(song.charter),
        "Version": _LEVELS[level][0],
    }


def _romanised(text: str) -> str:
    """Return the text in ASCII, as osu! wants it; as it is where nothing of it would be left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return one_line(plain) or one_line(text)


def _field_lines(section: str, fields: dict[str, str], others: dict[str, str]) -> list[str]:
    theirs = {
        name.removeprefix(f"{section}."): one_line(value)
        for name, value in others.items()
        if name.startswith(f"{section}.")
    }
    separator = ": " if section in ("General", "Editor") else ":"
    return [f"{name}{separator}{value}" for name, value in (fields | _DEFAULTS[section] | theirs).items()]


def _events(others: dict[str, str]) -> list[str]:
    """Return the lines of [Events]; none of them may open another section."""
    return [line for line in others.get("Events", "").splitlines() if not line.lstrip().startswith("[")]
