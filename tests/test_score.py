"""Pages: PDF, SVG and PNG that open, with their text in them, and the message when the extra is missing."""

import importlib.util
import io
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from drumlane.errors import FormatError, MissingExtraError
from drumlane.formats import read, write
from drumlane.formats.notation.engraving import flat_text
from drumlane.formats.notation.score import write_png
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.vocabulary import Drum

SVG = "{http://www.w3.org/2000/svg}"
has_score = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("verovio", "resvg_py", "svg2pdf_py", "pypdf")),
    reason="needs the score extra",
)
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "groove.mid"
NAMED = replace(read(EXAMPLE), song=Song(title="Für Elise, laut", artist="The Trio"))
LONG = replace(
    NAMED, hits=tuple(Hit(n / 8, Drum.HIHAT_CLOSED, 90) for n in range(4000)), duration=0.0
)  # 250 bars of sixteenths


@has_score
def test_a_pdf_has_the_names_as_text_and_pages_of_a4(tmp_path: Path) -> None:
    import pypdf

    write(NAMED, tmp_path / "a.pdf")
    book = pypdf.PdfReader(tmp_path / "a.pdf")
    (page,) = book.pages
    assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx((595.28, 841.89), abs=1)
    text = page.extract_text()
    assert "Für Elise, laut" in text
    assert "The Trio" in text
    assert "= 100" in text
    assert book.metadata is not None
    assert book.metadata.title == "Für Elise, laut"


@pytest.mark.slow
@has_score
def test_a_long_song_has_many_pages_in_a_pdf_and_a_file_each_elsewhere(tmp_path: Path) -> None:
    import pypdf

    write(LONG, tmp_path / "a.pdf")
    n_pages = len(pypdf.PdfReader(tmp_path / "a.pdf").pages)
    assert n_pages >= 3
    write(LONG, tmp_path / "a.svg")
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == sorted(
        ["a.svg", *(f"a-{n}.svg" for n in range(2, n_pages + 1))]
    )


@has_score
def test_an_svg_draws_its_music_signs_and_needs_no_font_for_them(tmp_path: Path) -> None:
    write(NAMED, tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert (root.get("width"), root.get("height")) == ("210mm", "297mm")
    texts = ["".join(text.itertext()).replace("\xa0", " ") for text in root.iter(f"{SVG}text")]
    assert {"Für Elise, laut", "The Trio", " = 100"} <= set(texts)
    assert all(c < "\ue000" or c > "\uf8ff" for text in texts for c in text)
    assert "@font-face" not in (tmp_path / "a.svg").read_text()


@has_score
def test_a_picture_has_ink_where_title_and_music_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    write_png(NAMED, tmp_path / "a.png", width=1000)
    write_png(replace(NAMED, song=Song()), tmp_path / "b.png", width=1000)
    named, nameless = (1 - np.asarray(imread(tmp_path / f"{name}.png"))[..., 0] for name in "ab")
    assert named.shape == (1415, 1000)
    assert named[40:90, 350:650].sum() > 100  # the title
    assert nameless[40:60, 350:650].sum() == 0
    assert named[100:300].sum() > 5000  # staves
    assert named[1000:].sum() == 0


@has_score
def test_the_same_music_gives_the_same_page(tmp_path: Path) -> None:
    write(NAMED, tmp_path / "a.svg")
    write(NAMED, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@has_score
def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="its folder does not exist"):
        write(NAMED, tmp_path / "none" / "a.pdf")
    with pytest.raises(FormatError, match=r"a\.png: cannot be written as notes"):
        write(Performance((Hit(1e9, Drum.KICK, 90),)), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "package"),
    [("svg", "verovio"), ("pdf", "svg2pdf-py"), ("png", "resvg-py"), ("pdf", "font-source-serif-pro")],
)
@has_score
def test_what_is_missing_is_named(suffix: str, package: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    monkeypatch.setattr("drumlane.formats.notation.score.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"a\.{suffix} needs {package}.*drumlane\[score\]"):
        write(NAMED, tmp_path / f"a.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_text_with_places_of_its_own_becomes_lines() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="100px" height="200px"><text font-size="0px">'
        '<tspan x="1" y="2" text-anchor="middle"><title>t</title><tspan font-size="30px">up</tspan></tspan>'
        '<tspan x="3" y="4"><tspan font-size="20px" font-weight="bold">down</tspan></tspan></text></svg>'
    )
    root = ElementTree.parse(io.StringIO(flat_text(svg))).getroot()
    lines = list(root.iter(f"{SVG}text"))
    assert [(line.get("x"), line.get("y"), line.get("text-anchor")) for line in lines] == [
        ("1", "2", "middle"),
        ("3", "4", "start"),
    ]
    assert [run.text for line in lines for run in line] == ["up", "down"]
    assert [run.get("font-size") for line in lines for run in line] == ["30px", "20px"]
