"""osu!mania: osu!'s own rules find the same notes, and files of others are read or refused in a line."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.charting.lane_layouts import EIGHT_COLUMNS, column_of_drum
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.formats.osu import UNKNOWN_VELOCITY, read_osu, write_osu
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import DRUM_OF_LANE, LANES, Drum
from game_material import (
    GOLDEN,
    MILLISECOND,
    farthest,
    groove,
    random_performance,
    read_or_refused,
    times_of,
)
from node_material import needs_node, run_node

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def lines_of(path: Path, section: str) -> list[str]:
    return path.read_text("utf-8").split(f"[{section}]\n")[1].split("\n\n")[0].splitlines()


# Round trips --------------------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_what_is_written_comes_back_within_half_a_millisecond(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write_osu(replace(performance, song=song), tmp_path / "a.osu")
    back = read_osu(tmp_path / "a.osu")
    plain = performance.lanes_only()
    for drum in DRUM_OF_LANE.values():
        assert farthest(times_of(plain, drum), times_of(back, drum)) <= 0.5 * MILLISECOND + 1e-9


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_a_file_that_was_read_is_written_with_the_same_notes_and_names(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write_osu(replace(performance, song=song), tmp_path / "a.osu")
    once = read_osu(tmp_path / "a.osu")
    write_osu(once, tmp_path / "b.osu")
    twice = read_osu(tmp_path / "b.osu")
    assert (twice.hits, twice.song) == (once.hits, once.song)


@in_one_folder
@given(song=strategies.songs())
def test_names_come_back_but_album_genre_and_year(song: Song, tmp_path: Path) -> None:
    write_osu(Performance(song=song), tmp_path / "a.osu")
    back = read_osu(tmp_path / "a.osu").song
    assert (back.title, back.artist) == (song.title.strip(), song.artist.strip())
    assert (back.charter, back.audio) == (song.charter.strip(), song.audio)
    assert (back.album, back.genre, back.year) == ("", "", "")
    assert back.preview == (None if song.preview is None else pytest.approx(song.preview, abs=0.0005))
    times = sorted({round(section.time * 1000) for section in song.sections})
    assert [round(section.time * 1000) for section in back.sections] == times


def test_velocities_are_kept_to_one(tmp_path: Path) -> None:
    write_osu(Performance.of([Hit(0.1 * v, Drum.SNARE, v) for v in range(1, 128)]), tmp_path / "a.osu")
    read = [hit.velocity for hit in read_osu(tmp_path / "a.osu")]
    assert np.abs(np.array(read) - np.arange(1, 128)).max() <= 1


def test_tempo_and_meter_come_back_to_half_a_millisecond(tmp_path: Path) -> None:
    for seed in range(30):
        performance = random_performance(np.random.default_rng(seed))
        write_osu(performance, tmp_path / "a.osu")
        back = read_osu(tmp_path / "a.osu").tempo
        end = performance.tempo.seconds_to_beats(performance.duration)
        beats = np.array([c.beat for c in performance.tempo.changes if c.beat < end])
        moved = np.abs(back.beats_to_seconds(beats) - performance.tempo.beats_to_seconds(beats))
        assert moved.max() <= 0.0005 + 1e-6


def test_the_groove_is_written_like_this(tmp_path: Path) -> None:
    write_osu(groove(), tmp_path / "a.osu")
    assert (tmp_path / "a.osu").read_bytes() == (GOLDEN / "groove.osu").read_bytes()


def test_a_tempo_within_a_bar_has_no_bar_line_and_the_next_bar_has_one(tmp_path: Path) -> None:
    tempo = TempoMap((TempoChange(0.0, 120.0), TempoChange(2.0, 60.0)), (TimeSignature(0.0, 4, 4),))
    write_osu(Performance((Hit(20.0, Drum.KICK, 80),), tempo), tmp_path / "a.osu")
    assert lines_of(tmp_path / "a.osu", "TimingPoints") == [
        "0,500,4,0,0,100,1,0",
        "1000,1000,4,0,0,100,1,8",
        "3000,1000,4,0,0,100,1,0",
    ]
    assert read_osu(tmp_path / "a.osu").tempo == tempo


def test_a_bar_of_seven_eighths_has_four_beats_in_osu(tmp_path: Path) -> None:
    write_osu(Performance(tempo=TempoMap(signatures=(TimeSignature(0.0, 7, 8),))), tmp_path / "a.osu")
    assert lines_of(tmp_path / "a.osu", "TimingPoints") == ["0,500,4,0,0,100,1,0"]


def test_auxiliaries_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_osu(Performance.of([Hit(0.5, Drum.COWBELL, 9), Hit(1.0, Drum.KICK, 9)]), tmp_path / "a.osu")
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.osu'}: left out 1 of cowbell, which have no column"
    ]
    assert len(read_osu(tmp_path / "a.osu")) == 1


def test_of_two_hits_in_one_millisecond_the_louder_is_written(tmp_path: Path) -> None:
    hits = [Hit(1.0, Drum.SNARE, 30), Hit(1.0002, Drum.SIDE_STICK, 90), Hit(1.0, Drum.KICK, 10)]
    write_osu(Performance.of(hits), tmp_path / "a.osu")
    assert [(hit.drum, hit.velocity) for hit in read_osu(tmp_path / "a.osu")] == [
        (Drum.KICK, 10),
        (Drum.SNARE, 90),
    ]


@pytest.mark.parametrize("level", Level)
def test_a_level_gives_its_name_and_strictness(level: Level, tmp_path: Path) -> None:
    write_osu(groove(), tmp_path / "a.osu", level=level)
    names = {"easy": ("Easy", 5), "medium": ("Normal", 6), "hard": ("Hard", 7), "expert": ("Expert", 8)}
    name, strictness = names[level]
    text = (tmp_path / "a.osu").read_text("utf-8")
    assert f"Version:{name}\n" in text
    assert f"OverallDifficulty:{strictness}\n" in text


def test_columns_may_be_in_another_order(tmp_path: Path) -> None:
    write_osu(groove(), tmp_path / "a.osu", columns=LANES)
    back = read_osu(tmp_path / "a.osu", columns=LANES)
    write_osu(groove(), tmp_path / "b.osu")
    assert back == read_osu(tmp_path / "b.osu")
    assert read_osu(tmp_path / "a.osu") != back


# osu!'s own rules ---------------------------------------------------------------------------------


@needs_node
def test_osu_finds_our_columns_and_times_in_200_performances(tmp_path: Path) -> None:
    column_of = column_of_drum()
    performances = [random_performance(np.random.default_rng(seed)) for seed in range(200)]
    paths = [tmp_path / f"{i}.osu" for i in range(len(performances))]
    for performance, path in zip(performances, paths, strict=True):
        write_osu(performance, path)
    for performance, path, theirs in zip(
        performances, paths, run_node("osu.mjs", list(map(str, paths))), strict=True
    ):
        assert (theirs["mode"], theirs["columns"]) == (3, 8)
        wanted = {
            (round(hit.time * 1000), column_of[hit.drum]) for hit in performance if hit.drum.lane is not None
        }
        assert {(time, column) for time, column, _, _ in theirs["notes"]} == wanted
        ours = read_osu(path)
        assert sorted((round(h.time * 1000), column_of[h.drum], h.velocity) for h in ours) == sorted(
            (time, column, round(volume * 127 / 100)) for time, column, volume, _ in theirs["notes"]
        )
        starts = np.array([point[0] for point in theirs["points"]]) / 1000
        beats = ours.tempo.seconds_to_beats(starts)
        bpms = [c.bpm for c in ours.tempo.changes]
        at = np.searchsorted([c.beat for c in ours.tempo.changes], beats + 1e-4, side="right") - 1
        np.testing.assert_allclose(np.array(bpms)[at], [60000 / point[1] for point in theirs["points"]])


@needs_node
def test_osu_reads_the_golden_file_as_we_do() -> None:
    theirs = run_node("osu.mjs", [str(GOLDEN / "groove.osu")])[0]
    ours = read_osu(GOLDEN / "groove.osu")
    assert (theirs["title"], theirs["romanised"]) == ("Golden: groove", "Golden: groove")
    assert (theirs["artist"], theirs["creator"]) == ("Drümmer", "drumlane")
    assert (theirs["audio"], theirs["preview"], theirs["bookmarks"]) == ("song.ogg", 1500, [2000])
    assert [point[:3] for point in theirs["points"]][:2] == [
        [0, 500, 4],
        [2000, pytest.approx(2000 / 3, abs=0.2), 4],
    ]
    assert ("Finish" in theirs["notes"][0][3] or "Finish" in theirs["notes"][1][3]) is True
    assert len(ours) == len(theirs["notes"])


# Files of others ----------------------------------------------------------------------------------

MAP = """osu file format v14

[General]
AudioFilename: a b.mp3
PreviewTime: 1000
Mode: 3

[Editor]
Bookmarks: 2000,1000

[Metadata]
Title:T
Artist:A
Creator:C
Version:8K
Tags:x y

[Difficulty]
CircleSize:8
OverallDifficulty:8

[Events]
//Background
0,0,"bg.jpg",0,0

[TimingPoints]
0,500,4,1,0,70,1,0
1000,-50,4,1,0,70,0,0

[HitObjects]
32,192,500,1,0,0:0:0:0:
96,192,1000,128,0,1500:0:0:0:100:
480,192,1500,5,4
"""


def save(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_a_map_of_others_is_read_with_holds_as_taps(tmp_path: Path) -> None:
    back = read_osu(save(tmp_path / "a.osu", MAP))
    assert [(hit.time, hit.drum, hit.velocity) for hit in back] == [
        (0.5, Drum.CRASH, UNKNOWN_VELOCITY),
        (1.0, Drum.HIHAT_CLOSED, 127),
        (1.5, Drum.RIDE, 110),
    ]
    assert back.tempo == TempoMap()
    song = back.song
    assert (song.title, song.artist, song.charter, song.audio) == ("T", "A", "C", Path("a b.mp3"))
    assert song.sections == (Section(1.0, "section 1"), Section(2.0, "section 2"))
    assert song.preview == 1.0


def test_what_we_have_no_name_for_is_written_again(tmp_path: Path) -> None:
    write_osu(read_osu(save(tmp_path / "a.osu", MAP)), tmp_path / "b.osu")
    text = (tmp_path / "b.osu").read_text()
    assert "Tags:x y\n" in text
    assert '0,0,"bg.jpg",0,0\n' in text


def test_kept_fields_cannot_open_a_section(tmp_path: Path) -> None:
    song = Song(
        foreign={"osu": '{"Events": "[HitObjects]\\n32,192,1,1,0", "Metadata.Tags": "a\\n[HitObjects]"}'}
    )
    write_osu(Performance(song=song), tmp_path / "a.osu")
    assert len(read_osu(tmp_path / "a.osu")) == 0
    for foreign in ("[]", "{", '{"Events": 1}', "[" * 100_000):
        write_osu(Performance(song=Song(foreign={"osu": foreign})), tmp_path / "a.osu")


@pytest.mark.parametrize(
    "changed",
    [
        MAP.replace("\n", "\r\n"),
        "\ufeff" + MAP,
        MAP.replace("[HitObjects]", "// a comment\n\n[Colours]\nCombo1 : 1,2,3\n\n[HitObjects]"),
        MAP.replace("Mode: 3", "Mode:3\nUnknown: value"),
        MAP.replace("v14", "v128"),
        MAP.replace("CircleSize:8", "CircleSize:8.0"),
        MAP.replace("500,1,0", "500.0,1,0"),
        MAP + "\n\n  \n",
        "\n" + MAP,
    ],
)
def test_line_ends_marks_comments_and_unknown_fields_are_no_obstacle(changed: str, tmp_path: Path) -> None:
    plain = read_osu(save(tmp_path / "a.osu", MAP))
    assert read_osu(save(tmp_path / "b.osu", changed)).hits == plain.hits


def test_a_first_point_that_is_late_is_a_lead_in(tmp_path: Path) -> None:
    text = MAP.replace("0,500,4,1,0,70,1,0", "1500,500,4,1,0,70,1,0")
    tempo = read_osu(save(tmp_path / "a.osu", text)).tempo
    assert tempo == TempoMap(signatures=(TimeSignature(0.0, 3, 4), TimeSignature(3.0, 4, 4)))


def test_sliders_spinners_and_what_comes_before_the_audio_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = MAP + "32,192,2000,2,0,L|1:1,1,1\n32,192,2500,8,0,3000\n32,192,-5,1,0\n"
    with caplog.at_level(logging.WARNING):
        assert len(read_osu(save(tmp_path / "a.osu", text))) == 3
    assert "left out 3 objects that are no notes or come before the audio" in caplog.text


# Broken files -------------------------------------------------------------------------------------

NOTE = "32,192,500,1,0,0:0:0:0:"
POINT = "0,500,4,1,0,70,1,0"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (MAP, "", "is empty"),
        (MAP, "   \n\n", "is not an .osu file"),
        (MAP, "hello", "is not an .osu file"),
        (MAP, "[General]\nMode: 3\n", "is not an .osu file"),
        (MAP, '{"a": 1}', "is not an .osu file"),
        ("Mode: 3", "Mode: 0", "game mode '0'; only osu!mania"),
        ("Mode: 3\n", "", "game mode '0'; only osu!mania"),
        ("Mode: 3", "Mode: mania", "game mode 'mania'"),
        ("CircleSize:8", "CircleSize:4", "osu!mania with 4 keys; only 8"),
        ("CircleSize:8", "CircleSize:7", "osu!mania with 7 keys"),
        ("CircleSize:8", "CircleSize:9", "osu!mania with 9 keys"),
        ("CircleSize:8\n", "", "osu!mania with 5 keys"),
        ("CircleSize:8", "CircleSize:x", "osu!mania with x keys"),
        ("CircleSize:8", "CircleSize:nan", "osu!mania with nan keys"),
        (NOTE, "32,192,500", "line 31: 3 values where an object has at least 5"),
        (NOTE, "x,192,500,1,0", "line 31: could not convert string to float: 'x'"),
        (NOTE, "32,192,,1,0", "line 31: could not convert"),
        (NOTE, "32,192,nan,1,0", "line 31: nan is outside"),
        (NOTE, "32,192,inf,1,0", "line 31: inf is outside"),
        (NOTE, "32,192,1e300,1,0", "line 31: 1e\\+300 is outside"),
        (NOTE, "nan,192,500,1,0", "line 31: cannot convert float NaN"),
        (NOTE, "inf,192,500,1,0", "line 31: cannot convert float infinity"),
        (NOTE, "32,192,500,one,0", "line 31: invalid literal for int"),
        (NOTE, "32,192,500,1,x", "line 31: invalid literal for int"),
        (NOTE, f"32,192,500,{'9' * 5000},0", "line 31: Exceeds the limit"),
        (NOTE, "32,192,500,1,0,0:0:0:loud:", "line 31: invalid literal for int"),
        (POINT, "0", "line 27: 1 values where a timing point has at least 2"),
        (POINT, "0,0,4,1,0,70,1,0", "line 27: a beat of 0 ms"),
        (POINT, "0,nan,4,1,0,70,1,0", "line 27: a beat of nan ms"),
        (POINT, "0,inf,4,1,0,70,1,0", "line 27: a beat of inf ms"),
        (POINT, "0,1e-30,4,1,0,70,1,0", "line 27: a beat of 1e-30 ms"),
        (POINT, "x,500,4,1,0,70,1,0", "line 27: could not convert"),
        (POINT, "nan,500,4,1,0,70,1,0", "line 27: nan is outside"),
        (POINT, "1e99,500,4,1,0,70,1,0", "line 27: 1e\\+99 is outside"),
        (POINT, "0,500,four,1,0,70,1,0", "line 27: could not convert"),
        (POINT, "0,500,inf,1,0,70,1,0", "line 27: cannot convert float infinity"),
        (POINT, "0,500,4,1,0,70,1,nan", "line 27: cannot convert float NaN"),
        ("Bookmarks: 2000", "Bookmarks: x", "bookmarks: could not convert"),
        ("Bookmarks: 2000", "Bookmarks: inf", "bookmarks: time=inf"),
    ],
)
def test_a_broken_file_is_refused_in_a_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in MAP
    with pytest.raises(FormatError, match=rf"a\.osu: {message}"):
        read_osu(save(tmp_path / "a.osu", MAP.replace(old, new)))


@settings(in_one_folder, max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(1, 10_000),
)
def test_altered_bytes_give_a_performance_or_a_format_error(
    changes: list[tuple[int, int]], length: int, tmp_path: Path
) -> None:
    content = bytearray(MAP.encode())
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(read_osu, tmp_path / "a.osu", bytes(content[:length]))


def test_the_columns_are_the_documented_ones() -> None:
    assert [lane.label for lane in EIGHT_COLUMNS] == (
        ["crash", "hihat", "snare", "hi_tom", "kick", "mid_tom", "low_tom", "ride"]
    )
