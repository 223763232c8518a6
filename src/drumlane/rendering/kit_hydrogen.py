"""Hydrogen kits: drum kits of the Hydrogen drum machine, as folders and as ``.h2drumkit`` archives.

Flow: drumkit.xml (hydrogen_archive) -> **kit_hydrogen** -> kits

All structures since 2003 are read: a sample in each instrument, layers in each instrument, layers in
components (microphones that sound together). Names say what an instrument is; its MIDI note is asked only if
the name says nothing and the kit's other notes are those of General MIDI, because Hydrogen numbers
instruments from note 36 on.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import DatasetError, DrumlaneError
from drumlane.files import shown
from drumlane.rendering.assembly import in_balance, kit_of, layered_piece, mixed, read_sound
from drumlane.rendering.hydrogen_archive import unpack
from drumlane.rendering.kit_files import named_file
from drumlane.rendering.kits import Kit, Piece
from drumlane.rendering.piece_names import Meanings, drums_named, is_one_stroke, notes_agree
from drumlane.vocabulary import GENERAL_MIDI, Drum

DRUMKIT = "drumkit.xml"
ARCHIVE_SUFFIX = ".h2drumkit"
MAX_XML = 16_000_000  # bytes
_SURE = 0.9  # share of named instruments on General MIDI notes for the notes of the others to be believed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Layer:
    file: Path
    low: float  # velocity 0..1, inclusive
    high: float  # velocity 0..1, inclusive
    gain: float  # linear
    semitones: float


@dataclass(frozen=True, slots=True)
class _Instrument:
    name: str
    names: tuple[str, ...]  # what may say which drum it is
    note: int | None
    components: tuple[tuple[_Layer, ...], ...]  # microphones, each with its layers
    takes_turns: bool  # among layers of one velocity; else the first is played

    @property
    def meanings(self) -> Meanings:
        return next((meanings for name in self.names if (meanings := drums_named(name))), ())

    @property
    def by_note(self) -> Drum | None:
        return None if self.note is None else GENERAL_MIDI.get(self.note)


def read_hydrogen(path: Path) -> Kit:
    """Read a Hydrogen kit.

    Args:
        path: a folder with a ``drumkit.xml``, that file, or an ``.h2drumkit`` archive.

    Raises:
        DatasetError: it is missing, damaged, unsafe or holds no drum.
        AudioError: a sample cannot be decoded.
    """
    if path.suffix.lower() == ARCHIVE_SUFFIX and path.is_file():
        with TemporaryDirectory(prefix="drumlane-") as unpacked:
            return _read_archive(path, Path(unpacked))
    return _read_kit(path / DRUMKIT if path.is_dir() else path)


def _read_archive(path: Path, unpacked: Path) -> Kit:
    try:
        return _read_kit(unpack(path, unpacked, DRUMKIT))
    except DrumlaneError as error:  # the user knows the archive, not where it was unpacked
        raise type(error)(str(error).replace(str(unpacked), shown(path))) from None


def _read_kit(description: Path) -> Kit:
    root = parse_safely(description)
    if root.tag != "drumkit_info":
        raise DatasetError(f"{shown(description)}: is not a Hydrogen drum kit but <{root.tag}>")
    instruments = [
        instrument
        for element in root.iter("instrument")
        if (instrument := _instrument(element, description)).components
    ]
    name = _text(root, "name") or description.absolute().parent.name
    return kit_of(name, in_balance(_pieces(instruments, description)))


def parse_safely(path: Path) -> ElementTree.Element:
    """Parse an XML file of a stranger; tags come without their namespaces.

    Raises:
        DatasetError: the file cannot be read, is no XML, or declares a document type or entities: a few lines
            of these can fill the memory or fetch other files.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_XML else b""
    except OSError as error:
        raise DatasetError(f"{shown(path)}: cannot be read ({error.strerror})") from None
    if not data:
        raise DatasetError(
            f"{shown(path)}: {size} bytes are too few or too many for a drum kit's description"
        )
    try:
        _refuse_declarations(data, path)
        root = ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise DatasetError(f"{shown(path)}: not XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _refuse_declarations(data: bytes, path: Path) -> None:
    # The parser itself looks, so that no encoding hides them and quoted ones do not count.
    def refuse(*_: object) -> None:
        raise DatasetError(
            f"{shown(path)}: declares a document type or entities, which no drum kit needs; remove the "
            "<!DOCTYPE …> if you trust the file"
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.Parse(data, True)


def _instrument(element: ElementTree.Element, description: Path) -> _Instrument:
    gain = _number(element, "volume", 1.0, description) * _number(element, "gain", 1.0, description)
    tune = _number(element, "pitchOffset", 0.0, description)
    parents = [element, *element.findall("instrumentComponent")]
    components = tuple(layers for p in parents if (layers := _layers(p, description, gain, tune)))
    if _text(element, "isMuted") == "true":
        components = ()
    name, note = _text(element, "name"), _text(element, "midiOutNote")
    files = [layer.file.stem for layers in components for layer in layers]
    return _Instrument(
        name=name,
        names=(name, _text(element, "type"), *files[:1]),
        note=int(note) if note.isdecimal() else None,
        components=components,
        takes_turns=_text(element, "sampleSelectionAlgo") in ("ROUND_ROBIN", "RANDOM"),
    )


def _layers(parent: ElementTree.Element, description: Path, gain: float, tune: float) -> tuple[_Layer, ...]:
    """Return the layers right below an element; an instrument may have one file and no layers."""
    if parent.tag == "instrumentComponent":
        gain *= _number(parent, "gain", 1.0, description)
    elements = parent.findall("layer") or ([parent] if _text(parent, "filename") else [])
    return tuple(
        _Layer(
            file=_file(_text(element, "filename"), description),
            low=_number(element, "min", 0.0, description),
            high=_number(element, "max", 1.0, description),
            gain=gain * (1.0 if element is parent else _number(element, "gain", 1.0, description)),
            semitones=tune + _number(element, "pitch", 0.0, description),
        )
        for element in elements
        if _text(element, "filename")
    )


def _file(name: str, description: Path) -> Path:
    # Some kits write "/kick.wav" for a file beside the description.
    return named_file(name.lstrip("/\\"), description.parent, description.parent, description)


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _number(element: ElementTree.Element, tag: str, default: float, description: Path) -> float:
    text = _text(element, tag)
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e6:
        raise DatasetError(f"{shown(description)}: <{tag}>{text}</{tag}> is not a usual number; correct it")
    return value


def _pieces(instruments: Sequence[_Instrument], description: Path) -> list[Piece]:
    trusted = notes_agree(((i.meanings, i.by_note) for i in instruments), _SURE)
    pieces, strangers = [], []
    for instrument in instruments:
        by_note = (instrument.by_note,) if trusted and instrument.by_note else ()
        meanings = (instrument.meanings or by_note) if is_one_stroke(instrument.name) else ()
        piece = _piece(instrument, meanings[0]) if meanings else None
        if piece is None:
            strangers.append(instrument.name or "one without a name")
        else:
            pieces.append(piece)
    if not pieces:
        raise DatasetError(f"{shown(description)}: none of its instruments is named like a drum")
    if strangers:
        _log.warning("%s: left out %s (no drum's name, or silent)", shown(description), ", ".join(strangers))
    return pieces


def _piece(instrument: _Instrument, drum: Drum | None) -> Piece | None:
    def takes_at(velocity: int) -> tuple[tuple[_Layer, ...], ...]:
        return tuple(dict.fromkeys(_takes(instrument, velocity / 127)))

    return layered_piece(drum, takes_at, _played)


def _takes(instrument: _Instrument, velocity: float) -> Iterator[tuple[_Layer, ...]]:
    """Yield what sounds together, one layer of each component, at each turn."""
    choices = [
        [layer for layer in layers if layer.low <= velocity <= layer.high] for layers in instrument.components
    ]
    sounding = [layers for layers in choices if layers]
    n_turns = max(map(len, sounding), default=0) if instrument.takes_turns else min(1, len(sounding))
    for turn in range(n_turns):
        yield tuple(layers[turn % len(layers)] for layers in sounding)


def _played(take: tuple[_Layer, ...]) -> NDArray[np.float32]:
    return mixed([read_sound(layer.file, layer.semitones) * np.float32(layer.gain) for layer in take])
