"""StepMania: simfile finds the same columns and seconds; rows cost half a row, and no more."""

import logging
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.charting.lane_layouts import column_of_drum
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.formats.stepmania import UNKNOWN_VELOCITY, read_stepmania, write_sm
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import DRUM_OF_LANE, Drum
from game_material import GOLDEN, farthest, groove, random_performance, read_or_refused, times_of

with warnings.catch_warnings():  # fs asks for pkg_resources, which says that it is old
    warnings.simplefilter("ignore")
    import simfile
    from simfile.notes import NoteData, NoteType
    from simfile.notes.timed import time_notes
    from simfile.timing import TimingData

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
COLUMN_OF = column_of_drum()
STRUCK = (NoteType.TAP, NoteType.HOLD_HEAD, NoteType.ROLL_HEAD, NoteType.LIFT)


def struck_by_simfile(path: Path, chart: int = 0) -> list[tuple[float, int]]:
    """Return seconds and columns as simfile reads them."""
    file = simfile.open(str(path))
    notes = time_notes(NoteData(file.charts[chart]), TimingData(file, file.charts[chart]))
    return sorted((float(n.time), n.note.column) for n in notes if n.note.note_type in STRUCK)


def half_a_row(performance: Performance, finer: int = 1) -> float:
    """Return the stated loss: half a 48th of a beat at the slowest tempo, and a little for six decimals."""
    return 60 / min(change.bpm for change in performance.tempo.changes) / 96 / finer + 1e-4


# Round trips --------------------------------------------------------------------------------------


@pytest.mark.parametrize("finer", [1, 2, 8])
def test_hits_move_by_half_a_row_at_most(finer: int, tmp_path: Path) -> None:
    for seed in range(40):
        performance = random_performance(np.random.default_rng(seed))
        write_sm(performance, tmp_path / "a.sm", finer=finer)
        back, plain = read_stepmania(tmp_path / "a.sm"), performance.lanes_only()
        for drum in DRUM_OF_LANE.values():
            moved = farthest(times_of(plain, drum), times_of(back, drum))
            assert moved <= half_a_row(performance, finer)


def test_hits_on_rows_do_not_move_at_all(tmp_path: Path) -> None:
    write_sm(groove(), tmp_path / "a.sm")
    plain = groove().lanes_only()
    back = read_stepmania(tmp_path / "a.sm")
    np.testing.assert_allclose([h.time for h in back], sorted({h.time for h in plain}), atol=1e-6)


def test_twice_as_fine_is_said_to_be_twice_as_fast(tmp_path: Path) -> None:
    write_sm(groove(), tmp_path / "a.sm", finer=2)
    assert read_stepmania(tmp_path / "a.sm").tempo == TempoMap(
        (TempoChange(0.0, 240.0), TempoChange(8.0, 180.0)),
        (TimeSignature(0.0, 4, 4), TimeSignature(16.0, 3, 4)),
    )


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_a_file_that_was_read_is_written_with_the_same_notes_and_names(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write_sm(replace(performance, song=song), tmp_path / "a.sm")
    once = read_stepmania(tmp_path / "a.sm")
    write_sm(once, tmp_path / "b.sm")
    twice = read_stepmania(tmp_path / "b.sm")
    assert twice.song == once.song
    assert [hit.drum for hit in twice] == [hit.drum for hit in once]
    np.testing.assert_allclose([h.time for h in twice], [h.time for h in once], atol=1e-4)


@in_one_folder
@given(song=strategies.songs())
def test_names_come_back_but_album_year_and_sections(song: Song, tmp_path: Path) -> None:
    write_sm(Performance(song=song), tmp_path / "a.sm")
    back = read_stepmania(tmp_path / "a.sm").song
    assert (back.title, back.artist, back.genre) == (
        song.title.strip(),
        song.artist.strip(),
        song.genre.strip(),
    )
    assert (back.charter, back.audio) == (song.charter.strip(), song.audio)
    assert back.preview == (None if song.preview is None else pytest.approx(song.preview, abs=1e-6))
    assert (back.album, back.year, back.sections) == ("", "", ())


def test_tempos_and_meters_on_rows_come_back(tmp_path: Path) -> None:
    tempo = TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(7.25, 93.7)),
        (TimeSignature(0.0, 6, 8), TimeSignature(6.0, 7, 8)),
    )
    write_sm(Performance((Hit(9.0, Drum.KICK, 80),), tempo), tmp_path / "a.sm")
    back = read_stepmania(tmp_path / "a.sm").tempo
    assert back.signatures == tempo.signatures
    assert [change.beat for change in back.changes] == [0.0, 7.25]
    assert [change.bpm for change in back.changes] == pytest.approx([120.0, 93.7])


def test_many_tempos_do_not_make_the_beats_drift(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    tempo = TempoMap(
        tuple(
            TempoChange(i + 0.01, float(rng.uniform(80, 160))) if i else TempoChange(0.0, 120.0)
            for i in range(3000)
        )
    )
    end = float(tempo.beats_to_seconds(3000))
    write_sm(Performance((Hit(end, Drum.KICK, 80),), tempo), tmp_path / "a.sm")
    assert read_stepmania(tmp_path / "a.sm").hits[0].time == pytest.approx(
        end, abs=half_a_row(Performance(tempo=tempo))
    )


def test_the_groove_is_written_like_this(tmp_path: Path) -> None:
    write_sm(groove(), tmp_path / "a.sm", {Level.EXPERT: groove()})
    assert (tmp_path / "a.sm").read_bytes() == (GOLDEN / "groove.sm").read_bytes()


def test_velocities_have_no_place_and_auxiliaries_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        write_sm(Performance.of([Hit(0.5, Drum.CLAP, 9), Hit(1.0, Drum.KICK, 9)]), tmp_path / "a.sm")
    assert "left out 1 of clap, which have no column" in caplog.text
    assert list(read_stepmania(tmp_path / "a.sm")) == [Hit(1.0, Drum.KICK, UNKNOWN_VELOCITY)]


def test_four_charts_are_written_each_a_part_of_the_next(tmp_path: Path) -> None:
    write_sm(groove(), tmp_path / "a.sm")
    charts = [read_stepmania(tmp_path / "a.sm", level) for level in Level]
    played = {(hit.time, hit.drum.lane) for hit in groove() if hit.drum.lane is not None}
    assert len(charts[-1]) == len(played)
    for easier, harder in pairwise(charts):
        assert {(h.time, h.drum) for h in easier} <= {(h.time, h.drum) for h in harder}
        assert len(easier) > 0


def test_levels_are_charts_and_the_hardest_is_read(tmp_path: Path) -> None:
    charts = {
        level: Performance.of([Hit(1 / n * i, Drum.SNARE, 80) for i in range(10 * n)])
        for n, level in enumerate(Level, start=1)
    }
    write_sm(groove(), tmp_path / "a.sm", charts=charts)
    file = simfile.open(str(tmp_path / "a.sm"))
    assert [chart.difficulty for chart in file.charts] == ["Easy", "Medium", "Hard", "Challenge"]
    assert [int(chart.meter) for chart in file.charts] == sorted(int(chart.meter) for chart in file.charts)
    assert len(read_stepmania(tmp_path / "a.sm")) == 40
    for n, level in enumerate(Level, start=1):
        assert len(read_stepmania(tmp_path / "a.sm", level=level)) == 10 * n


def test_a_performance_of_a_million_beats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.sm: more than 1000000 beats long"):
        write_sm(Performance.of([Hit(1e9, Drum.KICK, 80)]), tmp_path / "a.sm")


# simfile ------------------------------------------------------------------------------------------


def test_simfile_finds_our_columns_and_seconds_in_200_performances(tmp_path: Path) -> None:
    for seed in range(200):
        performance = random_performance(np.random.default_rng(seed), longest=60.0)
        write_sm(performance, tmp_path / "a.sm", {Level.EXPERT: performance}, finer=1 + seed % 3)
        theirs = struck_by_simfile(tmp_path / "a.sm")
        ours = sorted((hit.time, COLUMN_OF[hit.drum]) for hit in read_stepmania(tmp_path / "a.sm"))
        assert [column for _, column in theirs] == [column for _, column in ours]
        np.testing.assert_allclose([time for time, _ in theirs], [time for time, _ in ours], atol=1e-3)
        written = {COLUMN_OF[hit.drum] for hit in performance if hit.drum.lane is not None}
        assert {column for _, column in theirs} == written


def test_simfile_reads_the_names_of_the_golden_file() -> None:
    file = simfile.open(str(GOLDEN / "groove.sm"))
    assert (file.title, file.artist, file.genre, file.credit) == (
        "Golden: groove",
        "Drümmer",
        "Rock",
        "drumlane",
    )
    assert (file.music, file.offset, file.samplestart) == ("song.ogg", "0.000000", "1.500000")


# Files of others ----------------------------------------------------------------------------------

SM = """// made by hand
#TITLE:T\\: t;
#SUBTITLE:sub;
#ARTIST:A;
#MUSIC:a b.ogg;
#OFFSET:-0.250;
#SAMPLESTART:12.5;
#BPMS:0.000=120.000
,4.000=60.000;
#STOPS:6.000=0.500;
#NOTES:
     dance-single:
     :
     Hard:
     9:
     0,0,0,0,0:
1000
0000
0000
0000
;
#NOTES:
     dance-double:
     :
     Easy:
     1:
     0,0,0,0,0:
00000000
00000000
00000000
00000000
;
#NOTES:
     dance-double:
     :
     Challenge:
     9:
     0,0,0,0,0:
// measure 1
10000000
02000000
00400000
0003M00F
,  // measure 2
00001000
00000010
0000000L
00001100
;
"""
EXPECTED = [(0.25, 0), (0.75, 1), (1.25, 2), (2.25, 4), (3.25, 6), (4.25, 7), (5.75, 4), (5.75, 5)]

SSC = """#VERSION:0.83;
#TITLE:T;
#MUSIC:a.ogg;
#OFFSET:0.000;
#BPMS:0.000=60.000;
#TIMESIGNATURES:0.000=3=4;
#LABELS:0.000=intro,2.000=verse;
#NOTEDATA:;
#STEPSTYPE:dance-double;
#DIFFICULTY:Hard;
#METER:5;
#OFFSET:-1.000;
#BPMS:0.000=120.000;
#DELAYS:1.000=0.500;
#WARPS:2.000=1.000;
#NOTES:
10000000
01000000
00100000
00010000
;
"""


def save(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def places(path: Path) -> list[tuple[float, int]]:
    return sorted((round(hit.time, 6), COLUMN_OF[hit.drum]) for hit in read_stepmania(path))


def test_a_chart_of_others_is_read_with_offset_tempos_and_stops(tmp_path: Path) -> None:
    path = save(tmp_path / "a.sm", SM)
    assert places(path) == EXPECTED
    assert [(round(time, 3), column) for time, column in struck_by_simfile(path, 2)] == EXPECTED
    song = read_stepmania(path).song
    assert (song.title, song.artist, song.audio, song.preview) == ("T: t", "A", Path("a b.ogg"), 12.5)
    assert song.foreign == {"sm": '{"SUBTITLE": "sub"}'}


def test_the_beats_of_a_chart_of_others_lie_where_its_rows_do(tmp_path: Path) -> None:
    tempo = read_stepmania(save(tmp_path / "a.sm", SM)).tempo
    beats = tempo.seconds_to_beats([0.25, 0.75, 1.25, 2.25, 3.25, 4.25, 5.75])
    np.testing.assert_allclose(beats, np.rint(beats), atol=1e-5)
    assert beats[0] == 1  # of the lead-in


def test_a_chart_of_stepmania_5_has_its_own_timing_delays_and_warps(tmp_path: Path) -> None:
    path = save(tmp_path / "a.ssc", SSC)
    assert places(path) == [(1.0, 0), (2.0, 1), (2.5, 3)]  # the third note lies in the warp
    assert read_stepmania(path).song.sections == (Section(1.0, "intro"), Section(2.5, "verse"))


def test_a_tempo_of_the_song_does_for_a_chart_without_one(tmp_path: Path) -> None:
    text = SSC.replace(
        "#OFFSET:-1.000;\n#BPMS:0.000=120.000;\n#DELAYS:1.000=0.500;\n#WARPS:2.000=1.000;\n", ""
    )
    performance = read_stepmania(save(tmp_path / "a.ssc", text))
    assert [hit.time for hit in performance] == [0.0, 1.0, 2.0, 3.0]
    assert performance.tempo == TempoMap((TempoChange(0.0, 60.0),), (TimeSignature(0.0, 3, 4),))


@pytest.mark.parametrize(
    "changed",
    [
        SM.replace("\n", "\r\n"),
        "\ufeff" + SM,
        SM.replace("#STOPS:6.000=0.500;", "#STOPS:6.000=0.500"),  # the game forgives it
        SM.replace("#STOPS", "#FREEZES"),
        SM.replace("4.000=60.000", "192r=60.000"),
        SM.replace("#TITLE", "#title"),
        SM.replace("10000000\n", "1{attack,x}0000000\n"),
        SM.replace("10000000\n", "1[3]0000000\n"),
        SM.replace("#ARTIST:A;", "#ARTIST:A;\n#BGCHANGES:;\n#UNKNOWN:1:2:3;"),
        SM.replace("     dance-double:", "dance-double:"),
        SM + "\n\n// the end\n",
        "noise before " + SM,
    ],
)
def test_line_ends_marks_comments_and_slips_that_the_game_forgives_are_no_obstacle(
    changed: str, tmp_path: Path
) -> None:
    assert places(save(tmp_path / "a.sm", changed)) == EXPECTED


def test_old_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.sm").write_bytes(SM.replace("T\\: t", "Café").encode("cp1252"))
    assert read_stepmania(tmp_path / "a.sm").song.title == "Café"


def test_notes_before_the_audio_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        performance = read_stepmania(save(tmp_path / "a.sm", SM.replace("#OFFSET:-0.250", "#OFFSET:0.700")))
    assert "left out 2 notes before the audio or in warps" in caplog.text
    assert len(performance) == len(EXPECTED) - 2


def test_kept_fields_cannot_write_notes(tmp_path: Path) -> None:
    song = Song(foreign={"sm": '{"BANNER": "x;\\n#NOTES:a:b:c:d:e:1", "#X": "y"}'})
    write_sm(Performance(song=song), tmp_path / "a.sm")
    assert len(read_stepmania(tmp_path / "a.sm")) == 0


# Broken files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SM, "", "is empty"),
        (SM, "  \n", "is not a StepMania file"),
        (SM, "hello", "is not a StepMania file"),
        (SM, "// only a comment", "is not a StepMania file"),
        (SM, "{}", "is not a StepMania file"),
        (SM, "#TITLE:x;", "no chart of eight columns .dance-double.; charts: none"),
        (
            "dance-double",
            "dance-solo",
            "no chart of eight columns .dance-double.; charts: dance-single, dance-solo",
        ),
        ("dance-double", "", "no chart of eight columns .dance-double.; charts: , dance-single"),
        ("0.000=120.000", "0.000=-120.000", "-120 is outside 0.001 to 1e\\+07"),
        ("0.000=120.000", "0.000=0", "0 is outside"),
        ("0.000=120.000", "0.000=nan", "nan is outside"),
        ("0.000=120.000", "0.000=inf", "inf is outside"),
        ("0.000=120.000", "0.000=fast", "could not convert string to float: 'fast'"),
        ("0.000=120.000", "x=120", "could not convert"),
        ("0.000=120.000", "=120", "could not convert"),
        ("0.000=120.000", "0.000=", "could not convert"),
        ("4.000=60.000", "1e99=60", "1e\\+99 is outside"),
        ("4.000=60.000", "nan=60", "nan is outside"),
        ("6.000=0.500", "6.000=-0.5", "-0.5 is outside"),
        ("6.000=0.500", "6.000=x", "could not convert"),
        ("6.000=0.500", "6.000=nan", "nan is outside"),
        ("-0.250", "soon", "could not convert string to float: 'soon'"),
        ("-0.250", "nan", "nan is outside"),
        ("-0.250", "1e300", "1e\\+300 is outside"),
        ("#STOPS:6.000=0.500", "#DELAYS:6.000=-1", "-1 is outside"),
        ("#STOPS:6.000=0.500", "#WARPS:6.000=-1", "-1 is outside"),
        ("#STOPS:6.000=0.500", "#WARPS:6.000=inf", "inf is outside"),
        ("#STOPS:6.000=0.500", "#TIMESIGNATURES:0=x=4", "could not convert"),
        ("#STOPS:6.000=0.500", "#TIMESIGNATURES:x=4=4", "could not convert"),
        ("#STOPS:6.000=0.500", "#TIMESIGNATURES:0=4", "could not convert"),
        ("02000000", "0200000", "measure 1 has a line of 7 columns instead of 8"),
        ("02000000", "020000000", "measure 1 has a line of 9 columns instead of 8"),
        ("00000010", "0000 0010", "measure 2 has a line of 9 columns instead of 8"),
        ("02000000", "0200", "measure 1 has a line of 4 columns instead of 8"),
        (",  // measure 2", ";", "measure 1 has"),
    ],
)
def test_a_broken_file_is_refused_in_a_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in SM
    path = save(tmp_path / "a.sm", SM.replace(old, new))
    if new == ";":  # the rest of the chart is lost, as in the game
        assert len(read_stepmania(path)) == 3
        return
    with pytest.raises(FormatError, match=rf"a\.sm: {message}"):
        read_stepmania(path)


def test_a_level_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no dance-double chart 'Medium'; there are: Easy, Challenge"):
        read_stepmania(save(tmp_path / "a.sm", SM), level=Level.MEDIUM)


def test_brackets_that_never_close_take_linear_time(tmp_path: Path) -> None:
    path = save(tmp_path / "a.sm", SM.replace("02000000", "{[<" * 100_000))
    with pytest.raises(FormatError, match="measure 1 has a line of 200000 columns"):
        read_stepmania(save(tmp_path / "b.sm", SM.replace("02000000", "/\\" * 200_000)))
    assert len(read_stepmania(path)) == 1


@settings(in_one_folder, max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(1, 10_000),
    text=st.sampled_from([SM, SSC]),
)
def test_altered_bytes_give_a_performance_or_a_format_error(
    changes: list[tuple[int, int]], length: int, text: str, tmp_path: Path
) -> None:
    content = bytearray(text.encode())
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(read_stepmania, tmp_path / "a.ssc", bytes(content[:length]))
