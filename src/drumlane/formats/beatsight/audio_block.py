"""Audio block: what a map says of its recording: name, hash, length, rate.

Flow: Song.audio + the file itself -> **audio_block** -> write

The recording is looked for where its name leads from the map's folder, then from the present one. BeatSight
requires a hash, a length and a rate: where there is no file they are those that the map was read with, or
sixty-four zeros (a hash that nothing has), the performance's length and 44.1 kHz.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drumlane.audio.io import probe
from drumlane.errors import AudioError, FormatError
from drumlane.files import shown
from drumlane.performance import Performance

NO_HASH = "sha256:" + 64 * "0"
NO_AUDIO = "no-audio.wav"  # the loader refuses an empty name
USUAL_RATE = 44100  # Hz


def audio_fields(
    performance: Performance, folder: Path, stem: Path | None, kept: Mapping[str, Any]
) -> dict[str, object]:
    """Return the fields of ``AudioFile``.

    Args:
        performance: names the recording.
        folder: of the map that is written.
        stem: the drums alone, if there are such.
        kept: the fields that the map was read with.

    Raises:
        FormatError: the stem is not there, or a file cannot be read.
    """
    name = performance.song.audio
    found = None if name is None else _found(name, folder)
    fields = _unseen(performance, name, kept) if found is None else _seen(performance, found, folder)
    if stem is not None:
        fields |= {"drumStem": _relative(stem, folder), "drumStemHash": sha256_of(stem)}
    return fields


def sha256_of(path: Path) -> str:
    """Return the hash of a file as BeatSight writes it.

    Raises:
        FormatError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise FormatError(
            f"{shown(path)}: cannot be read for its hash ({error.strerror or error})"
        ) from error


def _found(name: Path, folder: Path) -> Path | None:
    try:
        return next((path for path in (folder / name, name) if path.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return None


def _seen(performance: Performance, path: Path, folder: Path) -> dict[str, object]:
    seconds, rate = performance.duration, USUAL_RATE
    try:
        about = probe(path)
        seconds, rate = about.duration or seconds, about.sample_rate
    except AudioError:
        pass  # something else under that name: it has a hash all the same
    length = max(_milliseconds(seconds), _last(performance))
    return {
        "filename": _relative(path, folder),
        "hash": sha256_of(path),
        "duration": length,
        "sampleRate": rate,
    }


def _unseen(performance: Performance, name: Path | None, kept: Mapping[str, Any]) -> dict[str, object]:
    text = NO_AUDIO if name is None else _text_of(name)
    same = kept.get("filename") == text
    return {
        "filename": text,
        "hash": kept.get("hash", NO_HASH) if same else NO_HASH,
        "duration": max(_milliseconds(performance.duration), _last(performance)),
        "sampleRate": kept.get("sampleRate", USUAL_RATE) if same else USUAL_RATE,
    }


def _text_of(name: Path) -> str:
    """Return a relative name: of an absolute one that leads nowhere the last part says most."""
    return name.name if name.is_absolute() else name.as_posix()


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.name


def _last(performance: Performance) -> int:
    return _milliseconds(performance.hits[-1].time) if performance.hits else 0


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
