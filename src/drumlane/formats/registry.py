"""Registry: every format that can be read or written, by name and suffix; its module loads on first use.

Flow: **registry** -> formats, cli

A file's full name is looked at before its suffix: ``notes.mid`` is a chart, any other ``.mid`` plain MIDI.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from drumlane.errors import ConfigError, FormatError, nearest_first
from drumlane.files import AnyPath, shown


@dataclass(frozen=True, slots=True)
class Format:
    """One format: where its reader and writer are, as ``module:function``, taken from drumlane.formats."""

    name: str  # as -f takes it
    says: str  # a few words for lists
    suffixes: tuple[str, ...]  # the first one is written; none: it is known by its file names alone
    reader: str = ""  # (path) -> Performance, or (path, note_map) where ``notes``; none: written only
    writer: str = ""  # (performance, path) -> None; none: read only
    file_names: tuple[str, ...] = ()  # whole names, lower case, that are this format whatever the suffix
    notes: bool = False  # its note numbers mean what a map says
    hands: bool = False  # a game for two hands and a kick pedal
    chords: bool = False  # a game, in which what is struck together stands at one time

    def load_reader(self) -> Callable[..., Any]:
        """Return the function that reads a file."""
        return _load(self.reader)

    def load_writer(self) -> Callable[..., Any]:
        """Return the function that writes a file."""
        return _load(self.writer)


FORMATS: tuple[Format, ...] = (
    Format(
        "clonehero",
        "Clone Hero and Rock Band chart",
        (),
        "clone_hero.notes_midi:read_notes_midi",
        "clone_hero.notes_midi:write_notes_midi",
        file_names=("notes.mid",),
        hands=True,
        chords=True,
    ),
    Format(
        "chart",
        "Clone Hero chart",
        (".chart",),
        "clone_hero.chart_text:read_chart",
        "clone_hero.chart_text:write_chart",
        hands=True,
        chords=True,
    ),
    Format("mid", "MIDI file", (".mid", ".midi"), "midi:read_midi", "midi:write_midi", notes=True),
    Format("csv", "table", (".csv",), "table:read_table", "table:write_table", notes=True),
    Format("tsv", "table with tabs", (".tsv",), "table:read_table", "table:write_table", notes=True),
    Format("txt", "annotation", (".txt",), "table:read_table", notes=True),
    Format("bsm", "BeatSight map", (".bsm",), "beatsight.read:read_bsm", "beatsight.write:write_bsm"),
    Format("bs", "older BeatSight map", (".bs",), "beatsight.read:read_bsm"),
    Format(
        "musicxml",
        "sheet music, as MusicXML",
        (".musicxml", ".xml", ".mxl"),
        "notation.musicxml_reading:read_musicxml",
        "notation.musicxml:write_musicxml",
    ),
    Format("tab", "drum tablature", (".tab",), "notation.tab_reading:read_tab", "notation.tab:write_tab"),
    Format("pdf", "printed pages", (".pdf",), writer="notation.score:write_pdf"),
    Format("svg", "printed pages, one a file", (".svg",), writer="notation.score:write_svg"),
    Format("png", "pictures of pages, one a file", (".png",), writer="notation.score:write_png"),
    Format("json", "everything, as JSON", (".json",), "document:read_document", "document:write_document"),
    Format("osu", "osu!mania, eight keys", (".osu",), "osu:read_osu", "osu:write_osu", chords=True),
    Format(
        "sm", "StepMania, two pads", (".sm",), "stepmania:read_stepmania", "stepmania:write_sm", chords=True
    ),
    Format("ssc", "StepMania 5", (".ssc",), "stepmania:read_stepmania"),
    Format("dtx", "DTXMania", (".dtx",), "dtx:read_dtx", "dtx:write_dtx", chords=True),
    Format("bjson", "drum-game", (".bjson",), "bjson:read_bjson", "bjson:write_bjson", chords=True),
)


def format_of(path: AnyPath, verb: str) -> Format:
    """Return the format of a file by its name; ``verb`` is "read" or "written".

    Raises:
        FormatError: no format has this name, or it cannot be done with it; the message lists those that can.
    """
    able = [f for f in FORMATS if (f.reader if verb == "read" else f.writer)]
    name, suffix = Path(path).name.lower(), Path(path).suffix.lower()
    for found in able:
        if name in found.file_names:
            return found
    for found in able:
        if suffix in found.suffixes:
            return found
    known = [suffix for f in able for suffix in (f.suffixes or f.file_names)]
    raise FormatError(
        f"{shown(path)}: {suffix or 'a name without suffix'} cannot be {verb}; "
        f"suffixes: {nearest_first(suffix, known)}"
    )


def format_named(name: str) -> Format:
    """Return a format that can be written, by the name that -f takes, or by one of its suffixes.

    Raises:
        ConfigError: there is none; the message lists them, nearest first.
    """
    able = [f for f in FORMATS if f.writer]
    for found in able:
        if name == found.name or f".{name}" in found.suffixes:
            return found
    known = nearest_first(name, [f.name for f in able])
    raise ConfigError(f"format {name!r} is unknown; formats: {known}")


def suffixes_of(verb: str) -> tuple[str, ...]:
    """Return all suffixes that can be "read" or "written", in order."""
    return tuple(s for f in FORMATS if (f.reader if verb == "read" else f.writer) for s in f.suffixes)


def _load(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    loaded: Callable[..., Any] = getattr(import_module(f"drumlane.formats.{module}"), function)
    return loaded
