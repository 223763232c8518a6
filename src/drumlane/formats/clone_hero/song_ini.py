"""song.ini: what a game's song list shows.

Flow: Song <-> **song_ini** <-> song.ini

Keys are written as Clone Hero names them. What is unknown gets a plain word, because a game refuses a song
whose artist or album is empty.
"""

from math import ceil
from pathlib import Path

from drumlane.charting.density import difficulty_of
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.text_file import read_text
from drumlane.performance import Performance
from drumlane.song import Song

_UNKNOWN = {
    "name": "Unknown title",
    "artist": "Unknown artist",
    "album": "Unknown album",
    "genre": "Unknown genre",
    "year": "Unknown year",
    "charter": "drumlane",
}
_FIELD = {
    "name": "title",
    "artist": "artist",
    "album": "album",
    "genre": "genre",
    "year": "year",
    "charter": "charter",
}


def write_song_ini(performance: Performance, path: AnyPath) -> None:
    """Write the names, the length and the difficulty of a song.

    Raises:
        FormatError: the file cannot be written.
    """
    song = performance.song
    values = {key: _line(getattr(song, field)) or _UNKNOWN[key] for key, field in _FIELD.items()}
    difficulty = round(difficulty_of(performance) * 6 / 10)
    numbers = {
        "song_length": ceil(performance.duration * 1000) + 1,  # no event lies behind it
        "preview_start_time": round(1000 * _preview(performance)),
        "diff_drums": difficulty,
        "diff_drums_real": difficulty,
        "pro_drums": "True",
        "five_lane_drums": "False",
        "delay": 0,
        "loading_phrase": "Charted by ear: drumlane heard the drums and wrote them down.",
    }
    lines = ["[song]", *(f"{key} = {value}" for key, value in {**values, **numbers}.items())]
    with whole_file(path, FormatError) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_song_ini(path: AnyPath) -> Song:
    """Read the names of a song.

    Raises:
        FormatError: the file is missing, or is no song.ini.
    """
    values: dict[str, str] = {}
    inside = False
    for line in read_text(path).split("\n"):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.lower() == "[song]"
        elif inside and "=" in stripped and not stripped.startswith((";", "#", "//")):
            key, _, value = stripped.partition("=")
            values.setdefault(key.strip().lower(), value.strip())
    if not values:
        raise FormatError(f"{shown(path)}: has no section [song] with a name in it")
    named = {
        field: "" if values.get(key, "") == _UNKNOWN[key] else values.get(key, "")
        for key, field in _FIELD.items()
    }
    preview = values.get("preview_start_time", "")
    seconds = int(preview[:9]) / 1000 if preview.isascii() and preview.isdigit() else None
    return Song(**named, preview=seconds)  # type: ignore[arg-type]


def _line(text: str) -> str:
    """A value is one line; a semicolon at its start would make it a comment."""
    return "".join(mark if mark.isprintable() else " " for mark in text).strip().lstrip(";#=[ ")


def _preview(performance: Performance) -> float:
    """Return where a preview begins, seconds: where the song says, or a third into it."""
    preview = performance.song.preview
    return performance.duration / 3 if preview is None else min(preview, performance.duration)


def audio_beside(folder: Path) -> Path | None:
    """Return the recording of a song folder, if there is one."""
    for suffix in (".ogg", ".opus", ".mp3", ".wav"):
        if (folder / f"song{suffix}").is_file():
            return folder / f"song{suffix}"
    return None
