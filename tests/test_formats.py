"""Formats: what is written comes back, what is broken is named by path, line and field."""

import json
import logging
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.errors import FormatError
from drumlane.formats import SUFFIXES, WRITTEN_SUFFIXES, read, write
from drumlane.formats.labels import DRUM_OF_LABEL, drum_of_name
from drumlane.formats.table import UNKNOWN_VELOCITY
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import TempoMap
from drumlane.vocabulary import DRUM_OF_LANE, GENERAL_MIDI, LANES, Drum, Lane

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# What a table can hold exactly: whole microseconds and millionths.
exact_hits = st.lists(
    st.builds(
        Hit,
        st.integers(0, 3_600_000_000).map(lambda n: n / 1e6),
        strategies.drums,
        strategies.velocities,
        st.integers(0, 1_000_000).map(lambda n: n / 1e6),
    )
)
WHOLE = (
    ".mid",
    ".midi",
    ".csv",
    ".tsv",
    ".json",
    ".bsm",
    ".bjson",
    ".musicxml",
    ".xml",
    ".mxl",
)  # formats that keep every hit with its drum and velocity
PAGES = {".pdf", ".svg", ".png"}
SMALL = Performance.of([Hit(0.5, Drum.KICK, 100, 0.75), Hit(1.0, Drum.COWBELL, 20)])


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


# By suffix ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITTEN_SUFFIXES if suffix in SUFFIXES])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_every_written_suffix_can_be_read_in_either_case(suffix: str, case, tmp_path: Path) -> None:
    path = tmp_path / f"two words é{case(suffix)}"
    write(SMALL, path)
    if suffix in WHOLE:
        assert [(hit.time, hit.drum, hit.velocity) for hit in read(path)] == [
            (hit.time, hit.drum, hit.velocity) for hit in SMALL
        ]
    else:  # what docs/formats.md says that every game keeps
        ((time, lane),) = [(hit.time, hit.drum.lane) for hit in read(path) if hit.drum.lane is not None]
        assert abs(time - 0.5) <= 1e-3
        assert lane is Lane.KICK
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", sorted(set(WRITTEN_SUFFIXES) - set(SUFFIXES)))
def test_what_is_only_written_says_so_when_it_is_read(suffix: str, tmp_path: Path) -> None:
    assert suffix in PAGES
    with pytest.raises(FormatError, match=rf"a\{suffix}: \{suffix} cannot be read; suffixes: "):
        read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.mdi", r"a\.mdi: \.mdi cannot be read; suffixes: \.midi, \.mid, "),
        ("a.jsn", r"suffixes: \.json, "),
        ("a", r"a: a name without suffix cannot be read; suffixes: "),
    ],
)
def test_an_unknown_suffix_lists_the_known_nearest_first(name: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(name)


def test_text_is_read_but_not_written(tmp_path: Path) -> None:
    assert ".txt" in SUFFIXES
    with pytest.raises(FormatError, match=r"a\.txt: \.txt cannot be written; suffixes: "):
        write(SMALL, tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_a_folder_and_an_empty_file_say_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with pytest.raises(FormatError, match="no such file"):
        read(path)
    path.touch()
    with pytest.raises(FormatError, match=r"is empty|EOF"):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FormatError, match=r"cannot be read \(Is a directory\)"):
        read(path)


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
def test_a_missing_folder_is_named(suffix: str, tmp_path: Path) -> None:
    if suffix in PAGES:
        pytest.importorskip("verovio", reason="needs the score extra")
    with pytest.raises(FormatError, match="its folder does not exist; create it first"):
        write(SMALL, tmp_path / "none" / f"a{suffix}")


def test_importing_formats_loads_neither_mido_nor_pydantic() -> None:
    code = "import sys, drumlane.formats; print({'mido', 'pydantic'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@in_one_folder
@given(content=st.binary(max_size=300), suffix=st.sampled_from(SUFFIXES))
def test_any_bytes_give_a_performance_or_a_format_error(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    try:
        read(path)
    except FormatError as error:
        message = str(error)
    else:
        return
    assert message.startswith(str(path))
    assert "\n" not in message


# Tables -------------------------------------------------------------------------------------------


@in_one_folder
@given(hits=exact_hits, suffix=st.sampled_from([".csv", ".tsv"]))
def test_a_table_gives_equal_hits(hits: list[Hit], suffix: str, tmp_path: Path) -> None:
    write(Performance.of(hits), tmp_path / f"a{suffix}")
    assert read(tmp_path / f"a{suffix}") == Performance.of(hits)


@in_one_folder
@given(performance=strategies.performances())
def test_a_table_keeps_times_to_half_a_microsecond(performance: Performance, tmp_path: Path) -> None:
    write(performance, tmp_path / "a.csv")
    back = read(tmp_path / "a.csv")
    for drum in Drum:
        written = sorted(hit.time for hit in performance if hit.drum is drum)
        assert sorted(hit.time for hit in back if hit.drum is drum) == pytest.approx(written, abs=0.51e-6)
    assert Counter((hit.drum, hit.velocity) for hit in back) == Counter(
        (hit.drum, hit.velocity) for hit in performance
    )


def test_our_table_reads_like_this(tmp_path: Path) -> None:
    write(SMALL, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "time,drum,lane,velocity,confidence",
        "0.500000,kick,kick,100,0.75",
        "1.000000,cowbell,none,20,1",
    ]


def test_time_and_drum_are_enough_and_columns_may_change_places(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "Drum,Time\nsnare_rim,0.25\nhi_tom,0.5\n")
    assert list(read(path)) == [
        Hit(0.25, Drum.SNARE_RIM, UNKNOWN_VELOCITY),
        Hit(0.5, Drum.TOM_HIGH, UNKNOWN_VELOCITY),
    ]


def test_empty_cells_blank_lines_comments_and_a_byte_order_mark_are_no_obstacle(tmp_path: Path) -> None:
    text = "\ufeff# made by hand\r\ntime,drum,lane,velocity,confidence\r\n\r\n0.5,kick,,,\r\n# end\r\n"
    assert list(read(save(tmp_path / "a.csv", text))) == [Hit(0.5, Drum.KICK, UNKNOWN_VELOCITY)]


def test_a_header_alone_is_a_performance_without_hits(tmp_path: Path) -> None:
    assert len(read(save(tmp_path / "a.csv", "onset_s,lane,label,note\n"))) == 0


ANNOTATION = """onset_s,lane,label,note
0.1,kick,bd,
0.2,snare,cs,
0.3,hihat,ohh,
0.4,low_tom,lft,
0.5,crash,c1,
0.6,ride,rc3,
0.7,none,cb,
0.8,none,ltr,
0.9,hihat,midi26,vel=33
1.0,snare,mystery,
1.1,crash,rc2,
"""


def test_annotations_keep_the_lane_and_take_the_articulation_from_the_label(tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        hits = list(read(save(tmp_path / "a.csv", ANNOTATION)))
    assert [(hit.time, hit.drum) for hit in hits] == [
        (0.1, Drum.KICK),
        (0.2, Drum.SIDE_STICK),
        (0.3, Drum.HIHAT_OPEN),
        (0.4, Drum.TOM_LOW),
        (0.5, Drum.CRASH),
        (0.6, Drum.RIDE),
        (0.7, Drum.COWBELL),
        (0.9, Drum.HIHAT_OPEN),
        (1.0, Drum.SNARE),  # the label says nothing
        (1.1, Drum.CRASH),  # the label contradicts the lane
    ]
    assert [hit.velocity for hit in hits if hit.velocity != UNKNOWN_VELOCITY] == [33]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.csv'}: left out 1 of 'ltr', which mean no drum"
    ]


@pytest.mark.parametrize("separator", ["\t", " ", "   ", ",", ";", "; "])
def test_two_columns_without_a_header_are_times_and_drums(separator: str, tmp_path: Path) -> None:
    names = ["kick", "hi_tom", "SD", "ohh", "35", "47", "42", "49"]
    text = "".join(f"{i / 10}{separator}{name}\n" for i, name in enumerate(names))
    assert [hit.drum for hit in read(save(tmp_path / "a.txt", text))] == [
        Drum.KICK,
        Drum.TOM_HIGH,
        Drum.SNARE,
        Drum.HIHAT_OPEN,
        Drum.KICK,
        Drum.TOM_MID,
        Drum.HIHAT_CLOSED,
        Drum.CRASH,
    ]


def test_note_numbers_follow_the_chosen_map(tmp_path: Path) -> None:
    path = save(tmp_path / "a.txt", "0.5\t52\n")
    assert read(path).hits[0].drum is Drum.CRASH2
    assert read(path, GENERAL_MIDI).hits[0].drum is Drum.CHINA


def test_unknown_note_numbers_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(read(save(tmp_path / "a.txt", "0.1 36\n0.2 100\n0.3 100\n"))) == 1
    assert "left out 2 of 'note 100', which mean no drum" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,drum\n0.5,snar\n", "line 2: drum 'snar' is unknown; drums: snare, "),
        ("time,drum\n\n0.5,kick\nx,kick\n", "line 4: could not convert string to float: 'x'"),
        ("time,drum\n-1,kick\n", r"line 2: time=-1.0 must be a number >= 0"),
        ("time,drum\nnan,kick\n", "line 2: time=nan must be"),
        ("time,drum,velocity\n1,kick,0\n", "line 2: velocity=0 is outside"),
        ("time,drum,velocity\n1,kick,64.5\n", "line 2: invalid literal for int"),
        ("time,drum,confidence\n1,kick,2\n", "line 2: confidence=2.0 is outside"),
        ("time,drum,lane\n1,kick,snare\n", "line 2: kick belongs to lane kick, not to 'snare'"),
        ("time,drum\n1\n", "line 2: 1 columns instead of 2"),
        ("time,drum,velosity\n", "line 1: unknown column 'velosity'; columns: velocity, "),
        ("time,drum,drum\n", "line 1: column 'drum' is there 2 times"),
        ("onset_s,lane\n1,toms\n", "line 2: lane 'toms' is unknown; lanes: "),
        ("onset_s,lane,label,note\n1,kick,bd,vel=300\n", "line 2: velocity=300 is outside"),
        ("0.5 kick\n0.7 kick loud\n", "line 2: 3 columns instead of 2"),
        ("0.5 kick\n0.7 bongo\n", "line 2: drum 'bongo' is unknown"),
        ("hello world\n", "line 1: starts with 'hello', which is neither a time nor a header"),
        ('time,drum\n1,"kick\n', "line 2: unexpected end of data"),
    ],
)
def test_a_line_that_does_not_fit_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=rf"a\.csv: {message}"):
        read(save(tmp_path / "a.csv", text))


def test_text_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"time,drum\n# \xe9t\xe9\n")
    with pytest.raises(FormatError, match=r"a\.csv: byte 12 is not UTF-8 text; save it as UTF-8"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("drum", Drum)
def test_every_drum_is_known_by_its_own_name_in_any_case(drum: Drum) -> None:
    assert drum_of_name(drum.value.upper()) is drum


@pytest.mark.parametrize("lane", LANES)
def test_every_lane_is_known_as_its_plain_stroke(lane: Lane) -> None:
    assert drum_of_name(lane.label) is DRUM_OF_LANE[lane]


def test_no_label_hides_a_drums_or_a_lanes_name() -> None:
    assert set(DRUM_OF_LABEL) & {*Drum, *(lane.label for lane in LANES)} == set()


# Documents ----------------------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_a_document_gives_an_equal_performance(performance: Performance, song: Song, tmp_path: Path) -> None:
    named = replace(performance, song=replace(song, foreign={"bsm": '{"tags":["x"]}'}))
    for kept in (performance, named):
        write(kept, tmp_path / "a.json")
        assert read(tmp_path / "a.json") == kept


def document(**changes: object) -> dict[str, object]:
    return {
        "format": "drumlane-performance",
        "version": 1,
        "duration": 2.0,
        "tempos": [{"beat": 0.0, "bpm": 120.0}],
        "signatures": [],
        "hits": [{"time": 0.5, "drum": "kick", "velocity": 90}],
    } | changes


def hit(**changes: object) -> list[dict[str, object]]:
    return [{"time": 0.5, "drum": "kick", "lane": "kick", "velocity": 90} | changes]


def test_lane_and_confidence_may_be_missing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", json.dumps(document()))
    assert read(path) == Performance((Hit(0.5, Drum.KICK, 90),), replace(TempoMap(), signatures=()), 2.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tempo": 1}, "unknown field 'tempo'; fields: tempos, "),
        ({"hits": hit(velocty=1)}, r"unknown field 'hits\.0\.velocty'; fields: velocity, "),
        ({"hits": hit(velocity=128)}, r"hits\.0\.velocity: Input should be less than or equal to 127"),
        ({"hits": hit(velocity="90")}, r"hits\.0\.velocity: Input should be a valid integer"),
        ({"hits": hit(time=-1)}, r"hits\.0\.time: Input should be greater than or equal to 0"),
        ({"hits": hit(time=float("nan"))}, r"hits\.0\.time: Input should be a finite number"),
        ({"hits": hit(drum="gong")}, r"hits\.0\.drum: Input should be 'kick', 'snare'"),
        ({"hits": hit(lane="snare")}, r"hits\.0\.lane: kick is in lane kick, not 'snare'"),
        ({"tempos": []}, "tempos: Tuple should have at least 1 item"),
        ({"tempos": [{"beat": 1.0, "bpm": 60.0}]}, "a tempo map needs a tempo at beat 0"),
        ({"signatures": [{"beat": 0.0, "numerator": 4, "denominator": 3}]}, "time signature 4/3"),
        ({"version": 2}, "version 2 is not 1; use the drumlane that wrote it, or a newer one"),
        ({"format": "other"}, "format: Input should be 'drumlane-performance'"),
    ],
)
def test_a_field_that_does_not_fit_is_named(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=rf"a\.json: {message}"):
        read(save(tmp_path / "a.json", json.dumps(document(**changes))))


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    incomplete = document()
    del incomplete["duration"]
    with pytest.raises(FormatError, match=r"a\.json: duration: Field required"):
        read(save(tmp_path / "a.json", json.dumps(incomplete)))


def test_a_cut_document_says_where_it_ends(tmp_path: Path) -> None:
    with pytest.raises(
        FormatError, match=r"a\.json: JSON: Invalid JSON: EOF while parsing .* line 1 column 40"
    ):
        read(save(tmp_path / "a.json", json.dumps(document())[:40]))


# Real annotations ---------------------------------------------------------------------------------


@pytest.mark.shared
def test_real_annotations_lose_nothing_but_strokes_on_rims(shared_data: Path, caplog) -> None:
    paths = sorted((shared_data / "dev-audio").glob("*/*.csv"))
    assert len(paths) == 100
    with caplog.at_level(logging.WARNING):
        n_hits = sum(len(read(path)) for path in paths)
    n_lines = sum(len(path.read_text().splitlines()) - 1 for path in paths)
    assert n_lines - n_hits == 1
    assert "left out 1 of 'ltr'" in caplog.text
