"""Own recordings: a user's folder of recordings, each beside a MIDI file of the same name.

Flow: folder -> **own_recordings** -> preprocessing_plan

Folders may be as deep as they like and recordings of any kind that drumlane reads. Every recording is a
performance of its own, so that a split by file tears nothing apart and needs no warning.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from drumlane.audio.libsndfile import ENCODINGS
from drumlane.audio.media import MEDIA_SUFFIXES
from drumlane.data.egmd import MIDI_SUFFIXES, Take
from drumlane.data.splits import Split, parts_by_chance
from drumlane.errors import DatasetError
from drumlane.files import shown

AUDIO_SUFFIXES = frozenset({*ENCODINGS, ".aif", ".aiff", *MEDIA_SUFFIXES})


def find_recordings(folder: Path) -> tuple[Take, ...]:
    """Return every recording and every MIDI file below a folder, sorted; None stands for a missing partner.

    Raises:
        DatasetError: there is no folder, or no recording in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"{shown(folder)}: no such folder; pass the one with your recordings")
    beside: dict[Path, list[Path]] = {}
    for path in _files(folder):
        beside.setdefault(path.with_suffix(""), []).append(path)
    takes = tuple(
        take for stem, paths in sorted(beside.items()) for take in _takes_of(stem, sorted(paths), folder)
    )
    if not any(take.audio for take in takes):
        raise DatasetError(f"{shown(folder)}: holds no recording; put them there, each beside its MIDI file")
    return takes


def split_recordings(takes: Sequence[Take], shares: tuple[float, float, float], seed: int) -> Split:
    """Split by file, by chance; of two or more, at least one trains and one validates.

    Args:
        takes: in any order; the same ones are split in the same way.
        shares: of training, validation and test.
        seed: decides who goes where.
    """
    return Split(parts_by_chance(takes, shares, seed))


def _files(folder: Path) -> Iterator[Path]:
    """Yield recordings and MIDI files, without hidden ones and what macOS adds (``__MACOSX``)."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in {*AUDIO_SUFFIXES, *MIDI_SUFFIXES}:
                yield Path(place, name)


def _takes_of(stem: Path, paths: Sequence[Path], folder: Path) -> Iterator[Take]:
    """Yield the recordings of one name with their MIDI file, or the MIDI file alone."""
    midi = next((path for path in paths if path.suffix.lower() in MIDI_SUFFIXES), None)
    recordings = [path for path in paths if path.suffix.lower() not in MIDI_SUFFIXES]
    for audio in recordings or (None,):
        yield _take(stem.relative_to(folder).as_posix(), audio, midi, folder)


def _take(name: str, audio: Path | None, midi: Path | None, folder: Path) -> Take:
    return Take(
        drummer="",
        session="",
        id=name,
        style="",
        bpm=None,
        beat_type="",
        time_signature="",
        midi_filename=midi.relative_to(folder).as_posix() if midi else "",
        audio_filename=audio.relative_to(folder).as_posix() if audio else "",
        duration=None,
        split="",
        kit_name="",
        midi=midi,
        audio=audio,
    )
