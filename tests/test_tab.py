"""Tablature: what is written comes back, tabs of the web are understood, broken ones refused."""

import logging
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import notation_material
import strategies
from drumlane.errors import FormatError
from drumlane.formats import read, write
from drumlane.formats.notation.dynamics import Dynamic
from drumlane.formats.notation.ornaments import GRACE_SECONDS
from drumlane.formats.notation.strokes import place
from drumlane.formats.notation.tab import DRIFT_SECONDS
from drumlane.formats.notation.tab_signs import DRUM_OF_LABEL, RESTS, ROWS, meaning_of, sign_of
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

in_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
DISTINCT = (Drum.KICK, Drum.HIHAT_CLOSED, Drum.RIDE, Drum.CRASH, Drum.COWBELL, Drum.TAMBOURINE)


def there_and_back(performance: Performance, folder: Path) -> Performance:
    write(performance, folder / "a.tab")
    return read(folder / "a.tab")


def hits_of(folder: Path, text: str) -> list[tuple[float, Drum]]:
    """Return (quarter, drum) of a tab at 120 bpm."""
    path = folder / "a.tab"
    path.write_text(text, encoding="utf-8")
    return [(hit.time * 2, hit.drum) for hit in read(path)]


# There and back -----------------------------------------------------------------------------------


@in_one_folder
@given(performance=notation_material.music(drums=DISTINCT))
def test_what_is_played_near_a_grid_comes_back_on_it(performance: Performance, tmp_path: Path) -> None:
    back = there_and_back(performance, tmp_path)
    assert back.counts() == performance.counts()
    if place(performance).swing is None:
        allowed = notation_material.HUMAN + DRIFT_SECONDS
        far = [h for h in performance if _distance(h, back) > allowed]
        assert len(far) <= max(4, 0.1 * len(performance))  # a beat may read as well in another row
    assert back.tempo == performance.tempo


def _distance(hit: Hit, performance: Performance) -> float:
    return min((abs(hit.time - other.time) for other in performance if other.drum is hit.drum), default=1e9)


@in_one_folder
@given(hits=st.lists(strategies.hits(30.0), max_size=40), bpm=st.floats(40.0, 300.0))
def test_no_stroke_is_invented_and_none_is_lost_but_on_one_line(
    hits: list[Hit], bpm: float, tmp_path: Path
) -> None:
    hits = [hit for hit in hits if hit.drum is not Drum.HIHAT_OPEN]  # shares its line with the closed one
    performance = Performance.of(hits, tempo=TempoMap.constant(bpm))
    back = there_and_back(performance, tmp_path)
    allowed = 0.1 + 60 / bpm / 8 + 2 * GRACE_SECONDS + DRIFT_SECONDS
    assert all(_distance(hit, performance) <= allowed for hit in back)
    assert all(_distance(hit, back) <= allowed for hit in performance)
    if not any(stroke.roll or len(stroke.graces) == 2 for stroke in place(performance).strokes):
        assert back.counts() == performance.counts()


@pytest.mark.parametrize("drum", Drum)
def test_every_drum_comes_back(drum: Drum, tmp_path: Path) -> None:
    assert list(there_and_back(Performance((Hit(0.5, drum, 90),)), tmp_path)) == [Hit(0.5, drum, 90)]


def test_velocities_become_one_of_three(tmp_path: Path) -> None:
    hits = [Hit(n / 2, Drum.SNARE, v) for n, v in enumerate((80, 80, 80, 30, 120))]
    back = there_and_back(Performance(tuple(hits)), tmp_path)
    assert [hit.velocity for hit in back] == [90, 90, 90, 38, 115]


def test_flams_drags_and_rolls_come_back(tmp_path: Path) -> None:
    drag = ((0.41, 40), (0.455, 42), (0.5, 100))
    flam = ((0.97, 30), (1.0, 99))
    roll = tuple((1.5 + n * 0.03125, 70) for n in range(16))
    back = there_and_back(
        Performance(tuple(Hit(t, Drum.SNARE, v) for t, v in (*drag, *flam, *roll))), tmp_path
    )
    assert [hit.time for hit in back] == pytest.approx(
        [0.44, 0.47, 0.5, 0.97, 1.0, *(1.5 + n * 0.03125 for n in range(16))]
    )


@pytest.mark.parametrize("meter", notation_material.METERS)
def test_meters_come_back(meter: tuple[int, int], tmp_path: Path) -> None:
    tempo = TempoMap((TempoChange(0.0, 96.0),), (TimeSignature(0.0, *meter),))
    hits = tuple(Hit(n * 60 / 96, Drum.SNARE, 90) for n in range(20))
    back = there_and_back(Performance(hits, tempo), tmp_path)
    assert back.tempo == tempo
    assert [hit.time for hit in back] == pytest.approx([hit.time for hit in hits])


def test_a_tempo_that_moves_with_every_beat_is_followed_bar_by_bar(tmp_path: Path) -> None:
    changes = tuple(TempoChange(float(beat), 118.0 + (beat * 7919 % 1000) / 250) for beat in range(1200))
    tempo = TempoMap(changes)
    starts = tempo.beats_to_seconds(list(range(0, 1200, 4))).tolist()
    back = there_and_back(Performance(tuple(Hit(t, Drum.KICK, 90) for t in starts), tempo), tmp_path)
    assert max(abs(a - hit.time) for a, hit in zip(starts, back, strict=True)) <= DRIFT_SECONDS


def test_swing_comes_back(tmp_path: Path) -> None:
    times = [beat * 0.5 + at for beat in range(32) for at in (0.0, 1 / 3)]
    back = there_and_back(Performance(tuple(Hit(t, Drum.RIDE, 90) for t in times)), tmp_path)
    assert "Swing: 8ths 2:1" in (tmp_path / "a.tab").read_text()
    assert [hit.time for hit in back] == pytest.approx(times)


def test_names_come_back(tmp_path: Path) -> None:
    song = Song(title="HH|x-x-x| & 120 bpm", artist="Ü 東京")
    assert there_and_back(replace(Performance(), song=song), tmp_path).song == song


def test_a_tab_is_written_like_this(tmp_path: Path) -> None:
    grid = {"HH": "x-x-x-x-x-x-x-o-", "SD": "----o--g----O---", "BD": "o-------o-o-----"}
    loud = {"x": 80, "o": 80, "g": 20, "O": 120}
    drums = {"HH": Drum.HIHAT_CLOSED, "SD": Drum.SNARE, "BD": Drum.KICK}
    hits = [
        Hit(n * 0.15, Drum.HIHAT_OPEN if label == "HH" and sign == "o" else drums[label], loud[sign])
        for label, line in grid.items()
        for n, sign in enumerate(line)
        if sign != "-"
    ]
    performance = replace(Performance.of(hits, tempo=TempoMap.constant(100.0)), song=Song("Groove", "Us"))
    write(performance, tmp_path / "a.tab")
    assert (tmp_path / "a.tab").read_text().splitlines() == [
        "Title: Groove",
        "Artist: Us",
        "",
        "Tempo: 100",
        "Time: 4/4",
        "  |1e+a2e+a3e+a4e+a|",
        "HH|x-x-x-x-x-x-x-o-|",
        "SD|----o--g----O---|",
        "BD|o-------o-o-----|",
    ]


@pytest.mark.parametrize(
    ("places", "meter", "columns"),
    [((0, 12), (4, 4), 16), ((0, 16, 32), (4, 4), 12), ((0, 6), (4, 4), 32), ((0, 24), (6, 8), 12)],
)
def test_a_bar_has_as_many_columns_as_it_needs(
    places: tuple[int, ...], meter: tuple[int, int], columns: int, tmp_path: Path
) -> None:
    tempo = replace(TempoMap(), signatures=(TimeSignature(0.0, *meter),))
    hits = tuple(Hit((b * 48 + p) / 96, Drum.SNARE, 90) for b in range(3) for p in places)
    write(Performance(hits, tempo), tmp_path / "a.tab")
    (line,) = (line for line in (tmp_path / "a.tab").read_text().splitlines() if line.startswith("SD|"))
    assert len(line) - 4 == columns


# Tabs of the web ----------------------------------------------------------------------------------

WEB = """
   My favourite song (drum tab)      120 bpm
   played by ear, C = crash | o = open

  Intro:
  C |x---------------|----------------|
  Hh|--x-x-x-x-x-x-x-|x-x-x-x-x-x-o---|  x2
  S |----o-------o---|----o-------o-oo|
  B |o-------o-------|o-------o-------|
     1 + 2 + 3 + 4 +   1 + 2 + 3 + 4 +

  Verse
"""


def test_a_tab_of_the_web_is_read_with_its_repeat(tmp_path: Path) -> None:
    hits = hits_of(tmp_path, WEB)
    counts = Counter(drum for _, drum in hits)
    assert counts == {Drum.CRASH: 2, Drum.HIHAT_CLOSED: 26, Drum.HIHAT_OPEN: 2, Drum.SNARE: 12, Drum.KICK: 8}
    assert [at for at, drum in hits if drum is Drum.CRASH] == [0.0, 8.0]
    assert [at for at, drum in hits if drum is Drum.HIHAT_OPEN] == [7.0, 15.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SD|o---|", [0.0]),
        ("SD:|--o-|", [2.0]),
        ("SD |-o--", [1.0]),
        ("sd: --o-|", []),  # no bar line: text
        ("SD:--o-|", [2.0]),
        ("SD|o---|o---|", [0.0, 4.0]),
        ("SD|o---||o---||", [0.0, 4.0]),
        ("SD|o---|\nSD|--o-|", [0.0, 6.0]),
        ("SD|o---|\n\nSD|--o-|", [0.0, 6.0]),
        ("SD|:o-:|--|", [0.0, 4.0]),
        ("SD|:o-:|o-| x3", [0.0, 4.0, 8.0, 12.0]),
        ("SD|o---| x3", [0.0, 4.0, 8.0]),
        ("SD|o---| (2x)", [0.0, 4.0]),
        ("Time: 3/4\nSD|o--|o--|", [0.0, 3.0]),
        ("SD|o   o   |", [0.0, 2.0]),
        ("SD|x.._@_=~|", [0.0, 2.0]),
    ],
)
def test_bars_and_repeats_are_found(text: str, expected: list[float], tmp_path: Path) -> None:
    if not expected:
        with pytest.raises(FormatError, match="holds no drum tab"):
            hits_of(tmp_path, text)
        return
    assert [at for at, _ in hits_of(tmp_path, text)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("header", "bpm"),
    [("Tempo: 90", 90.0), ("BPM = 90.5", 90.5), ("a song, 90 bpm, loud", 90.0), ("tempo: fast", 120.0)],
)
def test_the_tempo_is_found_in_the_text(header: str, bpm: float, tmp_path: Path) -> None:
    (tmp_path / "a.tab").write_text(f"{header}\n\nSD|o---|\n")
    assert read(tmp_path / "a.tab").tempo.changes[0].bpm == bpm


def test_lines_and_signs_that_mean_nothing_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert hits_of(tmp_path, "ZZ|x-x-|\nSD|o-p-|\n") == [(0.0, Drum.SNARE)]
    assert "left out 1 of 'line ZZ', 1 of 'p', which mean nothing" in caplog.text


def test_lines_of_different_lengths_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert hits_of(tmp_path, "HH|x---|x---|\nSD|--o-|\n") == [
            (0.0, Drum.HIHAT_CLOSED),
            (2.0, Drum.SNARE),
            (4.0, Drum.HIHAT_CLOSED),
        ]
    assert "have different numbers of bars" in caplog.text


def test_old_tabs_in_latin_1_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tab").write_bytes("Title: Für\nSD|o---|\n".encode("latin-1"))
    assert read(tmp_path / "a.tab").song.title == "Für"


@pytest.mark.parametrize("drum", Drum)
@pytest.mark.parametrize("dynamic", Dynamic)
@pytest.mark.parametrize("n_graces", [0, 1, 2])
def test_every_sign_means_what_it_was_written_for(drum: Drum, dynamic: Dynamic, n_graces: int) -> None:
    label = next(label for label, drums in ROWS if drum in drums)
    sign = sign_of(drum, dynamic, n_graces)
    meaning = meaning_of(sign, DRUM_OF_LABEL[label])
    assert sign not in RESTS
    assert meaning is not None
    if n_graces == 0 and dynamic is not Dynamic.GHOST:
        assert (meaning.drum, meaning.dynamic) == (drum, dynamic)
    assert meaning.n_graces == (0 if dynamic is Dynamic.GHOST and not n_graces else n_graces)


def test_no_two_lines_have_one_name() -> None:
    labels = sorted(label for label, _ in ROWS)
    assert all(a != b for a, b in pairwise(labels))


# Broken files -------------------------------------------------------------------------------------

NO_TAB = "holds no drum tab"
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"is empty \(0 bytes\)"),
    "blank": (b"\n\n  \n", NO_TAB),
    "text": (b"hello world", NO_TAB),
    "null bytes": (b"\0" * 100, NO_TAB),
    "midi": (b"MThd\0\0\0\6\0\1", NO_TAB),
    "png": (b"\x89PNG\r\n\x1a\n", NO_TAB),
    "zip": (b"PK\3\4", NO_TAB),
    "utf-16": ("SD|o---|".encode("utf-16"), NO_TAB),
    "header alone": (b"Title: x\nTempo: 120\n", NO_TAB),
    "count line alone": (b"  |1e+a2e+a|\n", NO_TAB),
    "guitar": (b"e|--0--2--3--|\nB|--1h2--3/5-|\nG|--0p2------|\n", NO_TAB),
    "label without line": (b"HH\nSD\n", NO_TAB),
    "line without label": (b"|x-x-x-x-|\n", NO_TAB),
    "legend": (b"x | hit it\no | open it\n", NO_TAB),
    "cut": (b"SD|", NO_TAB),
    "cut sign": (b"SD|o", NO_TAB),
    "bars of nothing": (b"SD||||||\n", NO_TAB),
    "long label": (b"A" * 100 + b"|x-x-|", NO_TAB),
    "many spaces": (b" " * 5000 + b"SD|x-x-|", NO_TAB),
    "long line": (b"SD|" + b"x-" * 20_000 + b"|", "line 1 has 40004 characters; break it"),
    "long bar": (b"SD|" + b"-" * 800 + b"|", "line 1: a bar of 800 columns; 768 is the most"),
    "long bar below": (b"\n\nSD|" + b"-" * 800 + b"|", "line 3: a bar of 800 columns"),
    "time of nothing": (b"Time: 0/4\nSD|o---|", "line 1: there is no time of 0/4"),
    "time of thirds": (b"Time: 4/3\nSD|o---|", "line 1: there is no time of 4/3"),
    "time of many": (b"Time: 999/4\nSD|o---|", "line 1: there is no time of 999/4"),
    "swing of nothing": (b"Swing: 8ths 0:1\nSD|o---|", "line 1: swing of 0 to 1: both must be positive"),
    "swing to nothing": (b"Swing: 16ths 1:0\nSD|o---|", "line 1: swing of 1 to 0"),
    "endless repeats": (
        b"\n\n".join([b"SD|" + b"o-|" * 600 + b" x999"]),
        "cannot be played .repeats make more than 50000 bars",
    ),
    "tags": (b"<html><body><pre></pre></body></html>", NO_TAB),
    "json": (b'{"SD": "x---"}', NO_TAB),
    "csv": (b"time,drum\n0.5,kick\n", NO_TAB),
    "colons": (b"SD:::::::\n", NO_TAB),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    content, message = BROKEN[case]
    path = tmp_path / "a.tab"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as refused:
        read(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_there_are_enough_broken_files() -> None:
    assert len(BROKEN) >= 30


@in_one_folder
@given(lines=st.lists(st.text("HSDB12|:-xXoOgfd#/ Tempo:\n", max_size=30), max_size=8))
def test_whatever_a_tab_holds_it_is_read_or_refused(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.tab").write_text("\n".join(lines), encoding="utf-8")
    message = ""
    try:
        read(tmp_path / "a.tab")
    except FormatError as error:
        message = str(error)
    assert "\n" not in message
