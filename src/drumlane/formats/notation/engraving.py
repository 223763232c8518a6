"""Engraving: MusicXML as pages of SVG that look the same everywhere, through verovio.

Flow: musicxml -> **engraving** -> score

verovio draws the music as shapes, but its text needs three repairs: sizes that stand on inner elements (other
programs take the outer size, which is 0), music signs inside text (they need a font that nobody has
installed) and a serif font by name only. ``flat_text`` turns all text into plain elements and the signs into
shapes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from drumlane.errors import FormatError, MissingExtraError

FONT_FAMILY = "Source Serif Pro"
_FAMILIES = f"{FONT_FAMILY}, Times, serif"
_SVG = "http://www.w3.org/2000/svg"
_MUSIC_FONT = "Leipzig"
_PAGE = (2100, 2970)  # A4 in tenths of a millimetre
_OPTIONS = {
    "pageWidth": _PAGE[0],
    "pageHeight": _PAGE[1],
    "pageMarginLeft": 150,
    "pageMarginRight": 150,
    "pageMarginTop": 120,
    "pageMarginBottom": 120,
    "scale": 100,
    "unit": 8,  # half the distance of two lines: a staff of 6.4 mm
    "header": "encoded",
    "footer": "none",
    "breaks": "auto",
    "breaksNoWidow": True,
    "spacingSystem": 6,
    "spacingLinear": 0.2,
    "font": _MUSIC_FONT,
    "mnumInterval": 0,
    "xmlIdSeed": 1,  # the same music, the same file
}


def engraved(musicxml: str, feature: str, one_line: bool = False) -> list[str]:
    """Return the pages of a score as SVG.

    Args:
        musicxml: the whole document.
        feature: what needs it, for the message if verovio is not installed.
        one_line: whether the page ends below the music instead of at the end of the paper.

    Raises:
        MissingExtraError: verovio is not installed.
        FormatError: verovio does not read the music.
    """
    toolkit = loaded(musicxml, feature, {"adjustPageHeight": one_line})
    return [flat_text(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def loaded(musicxml: str, feature: str, options: dict[str, object]) -> Any:
    """Return verovio's toolkit with the music laid out."""
    try:
        import verovio
    except ImportError:
        raise MissingExtraError(feature, "verovio", "score") from None
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(_OPTIONS | options)
    if not toolkit.loadData(musicxml):
        raise FormatError(f"{feature}: the music could not be engraved; write .musicxml to see it")
    return toolkit


def flat_text(svg: str) -> str:
    """Return a page with plain text elements, music signs as shapes, and its size in millimetres."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(svg)
    for style in [e for e in root.iter(f"{{{_SVG}}}style") if "@font-face" in (e.text or "")]:
        root.remove(style)
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            if child.tag == f"{{{_SVG}}}text":
                flat = ElementTree.Element(f"{{{_SVG}}}g")
                flat.extend(_elements(_lines(child)))
                flat.tail = child.tail
                parent[place] = flat
    scale = 10.0  # pixels of the page to a millimetre: the page is laid out in tenths
    for side in ("width", "height"):
        root.set(side, f"{float(root.get(side, '0').removesuffix('px')) / scale:g}mm")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


# Text ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Style:
    x: str = "0"
    y: str = "0"
    size: float = 0.0
    family: str = ""
    anchor: str = "start"
    weight: str = ""
    slant: str = ""


@dataclass(slots=True)
class _Line:
    style: _Style
    runs: list[tuple[_Style, str]] = field(default_factory=list)


def _lines(text: ElementTree.Element) -> list[_Line]:
    """Return the text's lines: a new one wherever an element has a place of its own."""
    lines: list[_Line] = []
    _gather(text, _styled(text, _Style()), lines)
    return [line for line in lines if line.runs]


def _gather(element: ElementTree.Element, style: _Style, lines: list[_Line]) -> None:
    if not lines or "x" in element.attrib:
        lines.append(_Line(style))
    if style.size and (words := element.text) and words.strip("\n"):
        lines[-1].runs.append((style, words))
    for child in element:
        if child.tag == f"{{{_SVG}}}tspan":
            _gather(child, _styled(child, style), lines)


def _styled(element: ElementTree.Element, outer: _Style) -> _Style:
    size = element.get("font-size")
    return replace(
        outer,
        x=element.get("x", outer.x),
        y=element.get("y", outer.y),
        size=float(size.removesuffix("px")) if size else outer.size,
        family=element.get("font-family", outer.family),
        anchor=element.get("text-anchor", outer.anchor),
        weight=element.get("font-weight", outer.weight),
        slant=element.get("font-style", outer.slant),
    )


def _elements(lines: list[_Line]) -> Iterator[ElementTree.Element]:
    for line in lines:
        x = float(line.style.x)
        while line.runs and line.runs[0][0].family == _MUSIC_FONT:
            style, signs = line.runs.pop(0)
            for sign in signs.strip():
                shape, advance = _sign(f"{ord(sign):04X}")
                if shape is not None:
                    yield _placed(shape, x, float(style.y), style.size / 1000)
                x += advance * style.size / 1000
        if line.runs:
            yield _plain(line, x)


def _plain(line: _Line, x: float) -> ElementTree.Element:
    text = ElementTree.Element(
        f"{{{_SVG}}}text",
        {"x": f"{x:g}", "y": line.style.y, "text-anchor": line.style.anchor, "font-family": _FAMILIES},
    )
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    for style, words in line.runs:
        run = ElementTree.SubElement(text, f"{{{_SVG}}}tspan", {"font-size": f"{style.size:g}px"})
        run.text = words.replace("\n", "")
        if style.weight:
            run.set("font-weight", style.weight)
        if style.slant:
            run.set("font-style", style.slant)
    return text


def _placed(path: str, x: float, y: float, scale: float) -> ElementTree.Element:
    matrix = f"translate({x:g}, {y:g}) scale({scale:g}, {-scale:g})"
    return ElementTree.Element(f"{{{_SVG}}}path", {"d": path, "transform": matrix, "stroke": "none"})


@lru_cache(maxsize=64)
def _sign(code: str) -> tuple[str | None, float]:
    """Return a music sign's outline (1000 to the em, y upwards) and its width, from verovio's own font."""
    import verovio

    folder = Path(verovio.__file__).parent / "data"
    try:
        outline = ElementTree.parse(folder / _MUSIC_FONT / f"{code}.xml").getroot().find("path")
        table = ElementTree.parse(folder / f"{_MUSIC_FONT}.xml").getroot()
    except (OSError, ElementTree.ParseError):
        return None, 0.0
    width = next((float(g.get("h-a-x", "0")) for g in table if g.get("c") == code), 0.0)
    return (outline.get("d") if outline is not None else None), width
