"""MusicXML, read: the drums of a score as they are played, repeats unrolled.

Flow: opening, musicxml_part -> **musicxml_reading** -> Performance

All parts are read, for tempo and repeats often stand in the first one; strokes come from those that are
percussion. What the page does not say exactly is played as it is written: on the grid.
"""

import logging
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.notation.instruments import Instruments, instruments_of
from drumlane.formats.notation.musicxml_part import PartReader
from drumlane.formats.notation.opening import elements_of, xml_of
from drumlane.formats.notation.playing import merged, played
from drumlane.performance import Performance
from drumlane.song import Song

_OURS = b"<software>drumlane"
_TOP = "score-partwise"

_log = logging.getLogger(__name__)


def read_musicxml(path: AnyPath) -> Performance:
    """Read the percussion of a score; ``.mxl`` is unpacked.

    Notes whose instrument, name and place mean no drum are counted in one logged warning, and so are jumps
    (da capo, segno, coda), which are not followed.

    Raises:
        FormatError: the file is missing, damaged, not MusicXML, or has no percussion.
    """
    content = xml_of(path)
    parts: dict[str, PartReader] = {}
    song = Song()
    reader: PartReader | None = None
    for root, element in elements_of(content, path):
        if root.tag != _TOP:
            raise FormatError(f"{shown(path)}: is <{root.tag[:40]}>, not MusicXML's <{_TOP}>")
        if element is root:
            song = _song(root)
        elif element.tag == "part":
            reader = PartReader(_instruments(root, element.get("id", ""), _OURS in content))
            parts[element.get("id", "")] = reader
        elif reader is not None:
            _read_bar(reader, element, path)
    performance = _performance(list(parts.values()), path)
    return replace(performance, song=song)


def _instruments(root: ElementTree.Element, name: str, is_ours: bool) -> Instruments:
    for part in root.iter("score-part"):
        if part.get("id") == name:
            return instruments_of(part, is_ours)
    return Instruments({}, {}, is_ours)


def _read_bar(reader: PartReader, measure: ElementTree.Element, path: AnyPath) -> None:
    try:
        reader.read(measure)
    except ValueError as error:
        raise FormatError(f"{shown(path)}: bar {len(reader.bars) + 1}: {error}") from None


def _song(root: ElementTree.Element) -> Song:
    creators = {c.get("type", "composer"): (c.text or "").strip() for c in root.iter("creator")}
    title = root.findtext("work/work-title") or root.findtext("movement-title") or ""
    return Song(
        title=title.strip(), artist=creators.get("composer", ""), charter=creators.get("arranger", "")
    )


def _performance(parts: list[PartReader], path: AnyPath) -> Performance:
    drums = [part for part in parts if part.is_percussion or part.instruments.is_on_drum_channel]
    if not drums or not any(part.bars for part in drums):
        names = ", ".join(sorted({name for part in parts for name in part.instruments.names.values()}))
        raise FormatError(f"{shown(path)}: no percussion part (instruments: {names or 'none named'})")
    if unknown := sum((part.unknown for part in drums), Counter[str]()):
        counts = ", ".join(f"{n} at {place}" for place, n in sorted(unknown.items()))
        _log.warning("%s: left out notes that mean no drum: %s", shown(path), counts)
    if any(part.has_jumps for part in parts):
        _log.warning("%s: da capo, segno and coda are not followed", shown(path))
    try:
        return played(merged(parts, drums))
    except ValueError as error:
        raise FormatError(f"{shown(path)}: cannot be played ({error})") from None
