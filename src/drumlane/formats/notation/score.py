"""Score: printed pages: PDF, SVG and PNG.

Flow: Performance -> layout, musicxml, engraving -> **score** -> .pdf, .svg, .png

Everything here needs the extra ``score``. A PDF holds all pages. SVG and PNG hold one each: further pages go
beside the first as ``name-2.svg``, ``name-3.svg`` and so on.
"""

import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from drumlane.errors import FormatError, MissingExtraError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.notation.engraving import FONT_FAMILY, engraved
from drumlane.formats.notation.layout import bars_of
from drumlane.formats.notation.musicxml import musicxml_of
from drumlane.performance import Performance

PNG_WIDTH = 1654  # pixels: A4 at 200 dpi
_DPI = 96  # what a millimetre is in pixels before ``width`` scales it; without it millimetres are nothing
_POINTS_OF_A4 = ('width="595.28"', 'height="841.89"')


def write_pdf(performance: Performance, path: AnyPath) -> None:
    """Write all pages into one PDF, as shapes and text.

    Raises:
        MissingExtraError: the extra ``score`` is not installed.
        FormatError: the performance cannot be written down, or the file cannot be written.
    """
    pages = _pages(performance, path)
    try:
        import pypdf
        import svg2pdf_py
    except ImportError:
        raise MissingExtraError(shown(path), "svg2pdf-py", "score") from None
    fonts = svg2pdf_py.FontDatabase.system()  # for letters that our own font has not
    for font in font_files(path):
        fonts.load_font_file(font)
    book = pypdf.PdfWriter()
    for page in svg2pdf_py.svg_pages_to_pdfs([_in_points(page) for page in pages], fonts):
        book.append(io.BytesIO(page))
    song = performance.song
    book.add_metadata({"/Title": song.title, "/Author": song.artist, "/Creator": "drumlane"})
    with whole_file(path, FormatError) as partial, partial.open("wb") as stream:
        book.write(stream)


def write_svg(performance: Performance, path: AnyPath) -> None:
    """Write each page as an SVG file of its own.

    Raises:
        MissingExtraError, FormatError: as ``write_pdf``.
    """
    for target, page in page_files(path, _pages(performance, path)):
        with whole_file(target, FormatError) as partial:
            partial.write_text(page, encoding="utf-8")


def write_png(
    performance: Performance, path: AnyPath, width: int = PNG_WIDTH, one_line: bool = False
) -> None:
    """Write each page as a picture, black on white.

    Args:
        performance: what was played.
        path: the first page's file.
        width: in pixels.
        one_line: whether a page ends below its music instead of at the end of the paper.

    Raises:
        MissingExtraError, FormatError: as ``write_pdf``.
    """
    pages = _pages(performance, path, one_line)
    try:
        import resvg_py
    except ImportError:
        raise MissingExtraError(shown(path), "resvg-py", "score") from None
    fonts = font_files(path)
    for target, page in page_files(path, pages):
        picture = bytes(
            resvg_py.svg_to_bytes(
                svg_string=page,
                width=width,
                dpi=_DPI,
                background="white",
                font_files=fonts,
                serif_family=FONT_FAMILY,
            )
        )
        with whole_file(target, FormatError) as partial:
            partial.write_bytes(picture)


def page_files(path: AnyPath, pages: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield each page with its file: the first under the name itself, the others numbered.

    >>> [file.name for file, page in page_files("song.svg", ["", "", ""])]
    ['song.svg', 'song-2.svg', 'song-3.svg']
    """
    first = Path(path)
    for number, page in enumerate(pages, start=1):
        yield (first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")), page


def font_files(path: AnyPath) -> list[str]:
    """Return the files of the font that titles are set in.

    Raises:
        MissingExtraError: it is not installed.
    """
    package = find_spec("font_source_serif_pro")
    if package is None or package.origin is None:
        raise MissingExtraError(shown(path), "font-source-serif-pro", "score")
    folder = Path(package.origin).parent / "files"
    return [str(folder / f"SourceSerifPro-{face}.ttf") for face in ("Regular", "Bold", "It", "BoldIt")]


def _pages(performance: Performance, path: AnyPath, one_line: bool = False) -> list[str]:
    try:
        score = bars_of(performance)
    except ValueError as error:
        raise FormatError(f"{shown(path)}: cannot be written as notes ({error})") from error
    return engraved("".join(musicxml_of(score)), shown(path), one_line)


def _in_points(page: str) -> str:
    """Return the page with its size in points: PDF's own unit, which svg2pdf takes a number for."""
    width, height = _POINTS_OF_A4
    return page.replace('width="210mm"', width, 1).replace('height="297mm"', height, 1)
