"""Opening: the bytes of a file of notes, bounded, and its XML without traps.

Flow: .musicxml, .xml, .mxl -> **opening** -> musicxml_reading; .tab -> **opening** -> tab_reading

A document type is allowed, since most programs write MusicXML's; entities are not: a few lines of them can
fill the memory. Nothing outside the file is ever fetched.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown

MAX_BYTES = 100_000_000  # of text; an hour of dense drums has 30 million
MAX_MEMBERS = 1000  # files in an archive
_MAX_DEPTH = 64
_MAX_LOOSE = 200_000  # elements between the ends of two measures
_ZIP = b"PK\x03\x04"
_CONTAINER = "META-INF/container.xml"


def content_of(path: AnyPath, most: int = MAX_BYTES) -> bytes:
    """Return a file's bytes, at most so many.

    Raises:
        FormatError: it is missing, empty, too large or cannot be read.
    """
    try:
        file = Path(path)
        size = file.stat().st_size
        content = file.read_bytes() if size <= most else b""
    except FileNotFoundError:
        raise FormatError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{shown(path)}: cannot be read ({reason})") from error
    if size > most:
        raise FormatError(f"{shown(path)}: {size} bytes are too many for notes; split it")
    if not content:
        raise FormatError(f"{shown(path)}: is empty (0 bytes)")
    return content


def xml_of(path: AnyPath) -> bytes:
    """Return the MusicXML text of a file, taken out of its archive if it is packed.

    Raises:
        FormatError: as ``content_of``, and where an archive is damaged or holds no score.
    """
    content = content_of(path)
    return _unpacked(content, path) if content.startswith(_ZIP) else content


def elements_of(content: bytes, path: AnyPath) -> Iterator[tuple[ElementTree.Element, ElementTree.Element]]:
    """Yield (document, element) for each ``part`` when it begins and each ``measure`` when it is whole.

    A measure is emptied afterwards; at the end the document comes once more, as its own element.

    Raises:
        FormatError: it is not XML, declares entities, or nests deeper than any score.
    """
    _check(content, path)
    root: ElementTree.Element | None = None
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(content), events=("start", "end")):
            root = element if root is None else root
            if event == "start" and element.tag == "part":
                yield root, element
            elif event == "end" and element.tag == "measure":
                yield root, element
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{shown(path)}: is not XML ({error})") from None
    if root is not None:
        yield root, root


def _check(content: bytes, path: AnyPath) -> None:
    """Go through the document once with nothing kept, and stop at whatever could harm."""
    parser = expat.ParserCreate()
    depth = loose = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, loose
        depth, loose = depth + 1, loose + 1
        if depth > _MAX_DEPTH or loose > _MAX_LOOSE:
            raise FormatError(f"{shown(path)}: is nested or long as no score is (at <{name[:20]}>)")

    def end(name: str) -> None:
        nonlocal depth, loose
        depth -= 1
        loose = 0 if name == "measure" else loose

    def refuse(*declaration: object) -> None:
        raise FormatError(f"{shown(path)}: declares XML entities, which no score needs; not opened")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FormatError(f"{shown(path)}: is not XML ({error}); export it again") from None


# Archives -----------------------------------------------------------------------------------------


def _unpacked(content: bytes, path: AnyPath) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MAX_MEMBERS:
                raise FormatError(f"{shown(path)}: holds more than {MAX_MEMBERS} files; is it a score?")
            return _member(archive, _score_name(archive, path), path)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise FormatError(f"{shown(path)}: damaged archive ({error}); export it again") from None
    except (OSError, KeyError) as error:
        raise FormatError(f"{shown(path)}: damaged archive ({error}); export it again") from None


def _score_name(archive: zipfile.ZipFile, path: AnyPath) -> str:
    names = archive.namelist()
    if _CONTAINER in names:
        try:
            container = _member(archive, _CONTAINER, path)
            _check(container, path)
            for rootfile in ElementTree.fromstring(container).iter():
                if rootfile.tag.endswith("rootfile") and (name := rootfile.get("full-path")) in names:
                    return str(name)
        except ElementTree.ParseError:
            pass  # the names say it as well
    for name in names:
        if name.lower().endswith((".musicxml", ".xml")) and not name.startswith("META-INF"):
            return name
    raise FormatError(f"{shown(path)}: the archive holds no MusicXML")


def _member(archive: zipfile.ZipFile, name: str, path: AnyPath) -> bytes:
    """Return a member's bytes, however long its header says that they are."""
    with archive.open(name) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise FormatError(f"{shown(path)}: unpacks to more than {MAX_BYTES} bytes; is it a score?")
    return content
