"""Formats: performances as files; the suffix picks the format, which is loaded on first use.

Flow: Performance <-> **formats** <-> .mid, .csv, .json

``.mid`` keeps times to the tick (at most 1 ms off), tempo and length; ``.csv`` and ``.tsv`` keep the hits
alone, to the microsecond; ``.json`` keeps everything. ``.txt`` annotations can be read, not written.
"""

from collections.abc import Mapping
from pathlib import Path

from drumlane.errors import FormatError, nearest_first
from drumlane.files import AnyPath, shown
from drumlane.performance import Performance
from drumlane.vocabulary import TD17, Drum

WRITTEN_SUFFIXES = (".mid", ".midi", ".csv", ".tsv", ".json")
SUFFIXES = (*WRITTEN_SUFFIXES, ".txt")  # all that can be read


def read(path: AnyPath, note_map: Mapping[int, Drum] | None = None) -> Performance:
    """Read a performance.

    Args:
        path: a file with one of ``SUFFIXES``.
        note_map: what notes mean, in MIDI files and in tables of note numbers; None for TD-17's meaning, or
            our own in a MIDI file that drumlane wrote.

    Raises:
        FormatError: the suffix is unknown, or the file cannot be read as what its suffix says.
    """
    suffix = _known_suffix(path, SUFFIXES, "read")
    if suffix in (".mid", ".midi"):
        from drumlane.formats.midi import read_midi

        return read_midi(path, note_map)
    if suffix == ".json":
        from drumlane.formats.document import read_document

        return read_document(path)
    from drumlane.formats.table import read_table

    return read_table(path, TD17 if note_map is None else note_map)


def write(performance: Performance, path: AnyPath) -> None:
    """Write a performance, whole or not at all.

    Raises:
        FormatError: the suffix is unknown or the file cannot be written.
    """
    suffix = _known_suffix(path, WRITTEN_SUFFIXES, "written")
    if suffix in (".mid", ".midi"):
        from drumlane.formats.midi import write_midi

        write_midi(performance, path)
    elif suffix == ".json":
        from drumlane.formats.document import write_document

        write_document(performance, path)
    else:
        from drumlane.formats.table import write_table

        write_table(performance, path)


def _known_suffix(path: AnyPath, suffixes: tuple[str, ...], verb: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise FormatError(
            f"{shown(path)}: {suffix or 'a name without suffix'} cannot be {verb}; "
            f"suffixes: {nearest_first(suffix, suffixes)}"
        )
    return suffix
