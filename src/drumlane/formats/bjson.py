"""drum-game: charts as .bjson files, which are JSON.

Flow: Performance <-> **bjson** <-> .bjson

Times are quarter notes from ``offset`` milliseconds of the audio. The game counts 14,400 ticks a quarter
and whole microseconds a beat, so the map is rounded to those first. It knows three loudnesses, which
``modifier`` says; our own field ``velocity`` keeps the exact one, and the game skips it. Fields that a
``Song`` has no name for are kept; those of single notes (rolls, presets) are not.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from drumlane.charting.lane_layouts import BJSON_CHANNEL_OF_DRUM, DRUM_OF_BJSON_CHANNEL
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.kept_fields import kept, kept_fields
from drumlane.formats.tempo_knots import map_from_seconds, signature_of
from drumlane.formats.text_file import read_text
from drumlane.formats.text_lines import one_line, write_text
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import DEFAULT_BPM, TempoMap, tempo_map_from_events
from drumlane.vocabulary import Drum

TICKS_PER_BEAT = 14400
ACCENT, NORMAL, GHOST = 120, 92, 45  # velocities read from notes that have none of their own
ACCENT_FROM, GHOST_TO = 110, 50  # velocities that are written as accents and ghost notes
DIFFICULTIES: Mapping[Level, str] = {
    Level.EASY: "Easy",
    Level.MEDIUM: "Normal",
    Level.HARD: "Hard",
    Level.EXPERT: "Expert",
}
_OURS = frozenset(
    [
        "title",
        "artist",
        "album",
        "mapper",
        "audio",
        "previewTime",
        "offset",
        "bpm",
        "measureConfig",
        "bookmarks",
        "notes",
        "tickRate",
    ]
)
_LATEST = 1e9  # quarter notes and milliseconds
_SLOWEST, _FASTEST = 1e-3, 6e7

_log = logging.getLogger(__name__)

Json = Mapping[str, Any]


def read_bjson(path: AnyPath) -> Performance:
    """Read a .bjson file.

    Raises:
        FormatError: the file is missing, not JSON, or a field is none that the game would read; the message
            names it.
    """
    try:
        chart = json.loads(read_text(path), parse_constant=_refuse)
        if not isinstance(chart, dict):
            raise ValueError(f"JSON: {type(chart).__name__} where an object with notes must be")
        return _performance(chart, path)
    except (ValueError, ArithmeticError) as error:
        raise FormatError(f"{shown(path)}: {one_line(str(error))[:200]}") from error
    except RecursionError:
        raise FormatError(f"{shown(path)}: JSON: nested too deeply") from None


def write_bjson(performance: Performance, path: AnyPath, level: Level | None = None) -> None:
    """Write a .bjson file.

    Args:
        performance: what to write.
        path: the file.
        level: the difficulty; None for the one that the performance was read with, or the hardest.

    Raises:
        FormatError: the file cannot be written.
    """
    tempo = _as_the_game_holds_it(performance.tempo)
    song = performance.song
    fields: dict[str, Any] = {
        "title": song.title,
        "artist": song.artist,
        "album": song.album,
        "mapper": song.charter,
        "audio": song.audio.as_posix() if song.audio else "",
        **{name: value for name, value in kept_fields(song, "bjson").items() if name not in _OURS},
    }
    if level is not None or not isinstance(fields.get("difficulty"), str):
        fields["difficulty"] = DIFFICULTIES[level or Level.EXPERT]
    if song.preview is not None:
        fields["previewTime"] = song.preview * 1000
    fields |= {"offset": 0.0, "bpm": _bpm(tempo), "measureConfig": _measures(tempo)}
    if song.sections:
        fields["bookmarks"] = _bookmarks(song.sections, tempo)
    head = [f"{_json(name)}: {_json(value)}" for name, value in fields.items() if value != ""]
    notes = ",\n  ".join(_json(note) for note in _notes(performance, tempo))
    write_text("{\n " + ",\n ".join([*head, f'"notes": [\n  {notes}\n ]']) + "\n}\n", path)


# Writing ------------------------------------------------------------------------------------------


def _microseconds(bpm: float) -> int:
    """Return the length of a beat as the game rounds it."""
    return max(1, int(60e6 / bpm + 0.5))


def _on_tick(beat: float) -> float:
    return round(beat * TICKS_PER_BEAT) / TICKS_PER_BEAT


def _as_the_game_holds_it(tempo: TempoMap) -> TempoMap:
    """Return the map with beats on ticks and beats of whole microseconds."""
    tempos = [(_on_tick(change.beat), 60e6 / _microseconds(change.bpm)) for change in tempo.changes]
    return tempo_map_from_events(
        tempos, [(_on_tick(bar.beat), bar.numerator, bar.denominator) for bar in tempo.signatures]
    )


def _human(bpm: float) -> float:
    """Return a tempo with three decimals where the game makes the same of it."""
    short = round(bpm, 3)
    return short if short > 0 and _microseconds(short) == _microseconds(bpm) else bpm


def _bpm(tempo: TempoMap) -> float | list[dict[str, float]]:
    changes = [{"time": _beat(change.beat), "bpm": _human(change.bpm)} for change in tempo.changes]
    return changes[0]["bpm"] if len(changes) == 1 else changes


def _measures(tempo: TempoMap) -> list[dict[str, float]]:
    bars = [(bar.beat, 4 * bar.numerator / bar.denominator) for bar in tempo.signatures]
    return [{"beats": length} | ({"time": _beat(beat)} if beat else {}) for beat, length in bars]


def _bookmarks(sections: Sequence[Section], tempo: TempoMap) -> list[dict[str, Any]]:
    beats = tempo.seconds_to_beats([section.time for section in sections]).tolist()
    return [{"time": _beat(b), "title": s.name} for b, s in zip(beats, sections, strict=True)]


def _notes(performance: Performance, tempo: TempoMap) -> Iterator[dict[str, Any]]:
    """Yield a note for each drum and tick that is struck, the louder of two hits."""
    ticks = tempo.seconds_to_ticks([hit.time for hit in performance], TICKS_PER_BEAT).tolist()
    loudest: dict[tuple[int, Drum], int] = {}
    for tick, hit in zip(ticks, performance, strict=True):
        loudest[tick, hit.drum] = max(int(hit.velocity), loudest.get((tick, hit.drum), 0))
    for (tick, drum), velocity in loudest.items():
        note: dict[str, Any] = {"time": _beat(tick / TICKS_PER_BEAT), "channel": BJSON_CHANNEL_OF_DRUM[drum]}
        if velocity >= ACCENT_FROM or velocity <= GHOST_TO:
            note["modifier"] = "accent" if velocity >= ACCENT_FROM else "ghost"
        if drum is Drum.CRASH2:
            note["sticking"] = "left"
        yield note | {"velocity": velocity}


def _beat(beat: float) -> float:
    return round(beat, 6)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# Reading ------------------------------------------------------------------------------------------


def _performance(chart: Json, path: AnyPath) -> Performance:
    notes = _objects(chart, "notes")
    beats = [_number(note, "time", f"notes.{i}", -_LATEST, _LATEST) for i, note in enumerate(notes)]
    tempo = _tempo(chart)
    offset = _number(chart, "offset", "", -_LATEST, _LATEST, 0.0) / 1000
    times = (tempo.beats_to_seconds(beats) + offset).tolist() if beats else []
    hits, left_out = [], Counter[str]()
    for i, (note, time) in enumerate(zip(notes, times, strict=True)):
        drum = _drum(note)
        if drum is None or time < -1e-6:
            left_out[str(note.get("channel"))[:40] if drum is None else "notes before the audio"] += 1
        else:
            hits.append(Hit(max(0.0, time), drum, _velocity(note, i)))
    _warn(left_out, path)
    return Performance(tuple(hits), _map(chart, tempo, offset), 0.0, _song(chart, tempo, offset))


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON: {constant} is no number")


def _objects(chart: Json, name: str) -> list[Json]:
    """Return a list of objects; one object counts as a list of one, nothing as none."""
    value = chart.get(name)
    items = [] if value is None else value if isinstance(value, list) else [value]
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise ValueError(f"{name}.{i}: {type(item).__name__} where an object must be")
    return items


def _number(
    item: Json, name: str, place: str, low: float, high: float, default: float | None = None
) -> float:
    value = item.get(name, default)
    shown_name = f"{place}.{name}" if place else name
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"{shown_name}: {'missing' if value is None else repr(value)[:40]}; it must be a number"
        )
    if not low <= value <= high:
        raise ValueError(f"{shown_name}: {float(value):g} is outside {low:g} to {high:g}")
    return float(value)


def _text(chart: Json, name: str) -> str:
    value = chart.get(name)
    return value if isinstance(value, str) else ""


def _tempo(chart: Json) -> TempoMap:
    """Return the map whose beat 0 is at the offset, with the game's whole microseconds."""
    value = chart.get("bpm")
    if value is None:
        return TempoMap.constant(DEFAULT_BPM)
    if not isinstance(value, list | dict):
        return TempoMap.constant(60e6 / _microseconds(_number(chart, "bpm", "", _SLOWEST, _FASTEST)))
    events = []
    for i, change in enumerate(_objects(chart, "bpm")):
        beat = _number(change, "time", f"bpm.{i}", -_LATEST, _LATEST, 0.0)
        bpm = _number(change, "bpm", f"bpm.{i}", _SLOWEST, _FASTEST)
        events.append((max(0.0, beat), 60e6 / _microseconds(bpm)))
    first = min(events, default=(0.0, DEFAULT_BPM))[1]
    return tempo_map_from_events([(0.0, first), *events])


def _map(chart: Json, tempo: TempoMap, offset: float) -> TempoMap:
    seconds = tempo.beats_to_seconds([change.beat for change in tempo.changes]) + offset
    knots = [(second, change.bpm) for second, change in zip(seconds.tolist(), tempo.changes, strict=True)]
    bars = [
        (
            _number(bar, "time", f"measureConfig.{i}", -_LATEST, _LATEST, 0.0),
            _number(bar, "beats", f"measureConfig.{i}", 1e-3, 1e4),
        )
        for i, bar in enumerate(_objects(chart, "measureConfig"))
    ] or [(0.0, 4.0)]
    lines = [(float(tempo.beats_to_seconds(beat)) + offset, *signature_of(beats)) for beat, beats in bars]
    return map_from_seconds(knots, lines)


def _drum(note: Json) -> Drum | None:
    channel = note.get("channel")
    drum = DRUM_OF_BJSON_CHANNEL.get(channel) if isinstance(channel, str) else None
    return Drum.CRASH2 if drum is Drum.CRASH and note.get("sticking") == "left" else drum


def _velocity(note: Json, i: int) -> int:
    if "velocity" in note:
        return round(_number(note, "velocity", f"notes.{i}", 1, 127))
    return {"accent": ACCENT, "ghost": GHOST}.get(str(note.get("modifier")), NORMAL)


def _warn(left_out: Counter[str], path: AnyPath) -> None:
    if left_out:
        counts = ", ".join(f"{n} of {name!r}" for name, n in sorted(left_out.items())[:20])
        _log.warning("%s: left out %s, which mean no drum or have no time", shown(path), counts)


def _song(chart: Json, tempo: TempoMap, offset: float) -> Song:
    audio = _text(chart, "audio").replace("\\", "/")
    preview = chart.get("previewTime")
    return Song(
        title=_text(chart, "title"),
        artist=_text(chart, "artist"),
        album=_text(chart, "album"),
        charter=_text(chart, "mapper"),
        audio=Path(audio) if audio else None,
        preview=float(preview) / 1000 if isinstance(preview, int | float) and _possible(preview) else None,
        sections=tuple(_sections(chart, tempo, offset)),
        foreign=kept("bjson", {name: value for name, value in chart.items() if name not in _OURS}),
    )


def _possible(milliseconds: float) -> bool:
    return 0 <= milliseconds <= _LATEST and not isinstance(milliseconds, bool)


def _sections(chart: Json, tempo: TempoMap, offset: float) -> Iterator[Section]:
    for i, bookmark in enumerate(_objects(chart, "bookmarks")):
        beat = _number(bookmark, "time", f"bookmarks.{i}", -_LATEST, _LATEST)
        second = float(tempo.beats_to_seconds(beat)) + offset
        if second >= 0:
            yield Section(second, _text(bookmark, "title"))
