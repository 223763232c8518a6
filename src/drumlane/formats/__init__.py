"""Formats: performances as files; the name picks the format, which is loaded on first use.

Flow: Performance <-> **formats** <-> .mid, .csv, .json …

``registry.FORMATS`` lists them; docs/formats.md says what each one keeps. ``.mid`` keeps times to the tick
(at most 1 ms off), tempo and length; ``.csv`` and ``.tsv`` keep the hits alone, to the microsecond; ``.json``
keeps everything. ``.txt`` annotations can be read, not written. ``.musicxml`` and ``.tab`` are laid on a
grid for people to read; pages (``.pdf``, ``.svg``, ``.png``) can be written, not read.
"""

from collections.abc import Mapping
from pathlib import Path

from drumlane.files import AnyPath
from drumlane.formats.registry import format_of, suffixes_of
from drumlane.performance import Performance
from drumlane.vocabulary import Drum

WRITTEN_SUFFIXES = suffixes_of("written")
SUFFIXES = suffixes_of("read")


def read(path: AnyPath, note_map: Mapping[int, Drum] | None = None) -> Performance:
    """Read a performance.

    Args:
        path: a file with one of ``SUFFIXES``, or a song folder of Clone Hero.
        note_map: what notes mean, in MIDI files and in tables of note numbers; None for TD-17's meaning, or
            our own in a MIDI file that drumlane wrote.

    Raises:
        FormatError: the suffix is unknown, or the file cannot be read as what its suffix says.
    """
    if Path(path).is_dir() and Path(path).suffix.lower() not in SUFFIXES:
        from drumlane.formats.clone_hero.folder import read_folder

        return read_folder(path)
    found = format_of(path, "read")
    arguments = (note_map,) if found.notes and note_map is not None else ()
    performance: Performance = found.load_reader()(path, *arguments)
    return performance


def write(performance: Performance, path: AnyPath) -> None:
    """Write a performance, whole or not at all.

    Raises:
        FormatError: the suffix is unknown or the file cannot be written.
    """
    format_of(path, "written").load_writer()(performance, path)
