"""DTXMania: an independent reader finds the same times, the game itself does not drift."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.charting.lane_layouts import DTX_CHANNEL_OF_DRUM
from drumlane.errors import FormatError
from drumlane.formats.dtx import read_dtx, write_dtx
from drumlane.formats.dtx_sounds import LEVELS, UNKNOWN_VELOCITY, level_of
from drumlane.formats.dtx_text import bar_number, id_of
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum
from game_material import (
    GOLDEN,
    MILLISECOND,
    farthest,
    groove,
    random_performance,
    read_or_refused,
    times_of,
)

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
AUDIO = Song(audio=Path("song.ogg"))


# Independent readers ------------------------------------------------------------------------------

# One by the rules of the format, one as DTXMania counts: 384 places a bar, whole milliseconds, both cut off,
# and cut off again wherever the tempo or the length of bars changes. They share no code with ours.

Chip = tuple[int, float, str, str]  # bar, part of it, channel, object


def chips_of(text: str, places: int | None = None) -> tuple[list[Chip], dict[int, float], dict[str, str]]:
    chips, lengths, header = [], {}, {}
    for line in text.lstrip("\ufeff").split("\n"):
        if not line.startswith("#"):
            continue
        name, value = (part.strip() for part in line[1:].split(":", 1))
        if len(name) == 5 and name[1:3].isdigit() and name[:3] != "BPM":
            bar, channel = int(name[0], 36) * 100 + int(name[1:3]), name[3:]
            if channel == "02":
                lengths[bar] = float(value)
                continue
            pairs = [value[i : i + 2] for i in range(0, len(value), 2)]
            for i, pair in enumerate(pairs):
                if pair != "00":
                    part = i / len(pairs) if places is None else (i * places // len(pairs)) / places
                    chips.append((bar, part, channel, pair))
        else:
            header[name] = value
    return sorted(chips), lengths, header


def seconds_of_chips(text: str, as_the_game: bool) -> list[tuple[float, str, str]]:
    """Return seconds from the music, channel and object of all chips but tempos."""
    chips, lengths, header = chips_of(text, 384 if as_the_game else None)
    cut = (lambda ms: float(int(ms))) if as_the_game else (lambda ms: ms)
    events = sorted(
        [(bar, 0.0, 0, length, "", "") for bar, length in lengths.items()]
        + [(bar, part, 1, float(header["BPM" + pair]), "", "") for bar, part, ch, pair in chips if ch == "08"]
        + [(bar, part, 2, 0.0, channel, pair) for bar, part, channel, pair in chips if channel != "08"]
    )
    bpm, length, at, ms = float(header["BPM"]), 1.0, 0.0, 0.0
    found = []
    for bar, part, kind, value, channel, pair in events:
        now = ms + cut((bar + part - at) * length * 240_000 / bpm)
        if kind == 2:
            found.append((now, channel, pair))
            continue
        at, ms = bar + part, now
        length, bpm = (value, bpm) if kind == 0 else (length, value)
    start = next((now for now, channel, _ in found if channel == "01"), 0.0)
    return [((now - start) / 1000, channel, pair) for now, channel, pair in found if channel != "01"]


@pytest.mark.slow
def test_an_independent_reader_finds_our_hits_in_200_performances(tmp_path: Path) -> None:
    for seed in range(200):
        performance = replace(
            random_performance(np.random.default_rng(seed)), song=AUDIO if seed % 2 else Song()
        )
        write_dtx(performance, tmp_path / "a.dtx")
        theirs = seconds_of_chips((tmp_path / "a.dtx").read_text(), as_the_game=False)
        for drum in Drum:
            channel = DTX_CHANNEL_OF_DRUM[drum]
            shared = {d for d in Drum if DTX_CHANNEL_OF_DRUM[d] == channel}
            written = np.array([hit.time for hit in performance if hit.drum in shared])
            assert farthest(written, np.array([t for t, c, _ in theirs if c == channel])) <= MILLISECOND
        ours = sorted((hit.time, DTX_CHANNEL_OF_DRUM[hit.drum]) for hit in read_dtx(tmp_path / "a.dtx"))
        np.testing.assert_allclose([time for time, _ in ours], sorted(t for t, _, _ in theirs), atol=1e-6)


def test_dtxmania_itself_does_not_drift_over_an_hour_of_changing_tempo(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    tempo = TempoMap(tuple(TempoChange(4.0 * i, float(rng.uniform(110, 130))) for i in range(1700)))
    times = np.sort(rng.uniform(0, float(tempo.beats_to_seconds(6800)), 2000)).tolist()
    performance = Performance(tuple(Hit(time, Drum.KICK, 80) for time in times), tempo, 0.0, AUDIO)
    write_dtx(performance, tmp_path / "a.dtx")
    game = np.array([t for t, _, _ in seconds_of_chips((tmp_path / "a.dtx").read_text(), as_the_game=True)])
    place = 4 * 60 / 110 / 384  # seconds of a 384th of the slowest bar
    off = np.array([game[np.abs(game - time).argmin()] - time for time in times])
    assert off.min() >= -place - 2 * MILLISECOND
    assert off.max() <= 2 * MILLISECOND
    assert abs(np.mean(off[-200:]) - np.mean(off[:200])) <= 0.5 * MILLISECOND


def test_bars_of_a_quarter_bring_dtxmania_itself_nearer(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    times = np.sort(rng.uniform(0, 600, 1000)).tolist()
    off = []
    for signature in (TimeSignature(0.0, 4, 4), TimeSignature(0.0, 1, 4)):
        tempo = TempoMap((TempoChange(0.0, 120.0),), (signature,))
        write_dtx(Performance(tuple(Hit(t, Drum.KICK, 80) for t in times), tempo), tmp_path / "a.dtx")
        read = seconds_of_chips((tmp_path / "a.dtx").read_text(), as_the_game=True)
        game = np.array([time for time, _, _ in read])
        off.append(max(float(np.abs(game - time).min()) for time in times))
    assert 3 * MILLISECOND < off[0] <= (5.2 + 0.9 + 1) * MILLISECOND
    assert off[1] <= (1.3 + 0.9 + 1) * MILLISECOND


def test_a_quantised_chart_is_on_dtxmanias_own_places(tmp_path: Path) -> None:
    write_dtx(groove(), tmp_path / "a.dtx")
    text = (tmp_path / "a.dtx").read_text("utf-8-sig")
    exact, game = (np.array([t for t, _, _ in seconds_of_chips(text, as_the_game=g)]) for g in (False, True))
    assert np.abs(exact - game).max() <= 1.01 * MILLISECOND  # cut to whole ones, the music too


# Round trips --------------------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_what_is_written_comes_back_within_a_millisecond(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    try:
        write_dtx(replace(performance, song=song), tmp_path / "a.dtx")
    except FormatError as error:
        assert "does not fit into DTX" in str(error)  # noqa: PT017  too many bars, in maps that nobody plays
        return
    back = read_dtx(tmp_path / "a.dtx")
    for drum in Drum:
        assert farthest(times_of(performance, drum), times_of(back, drum)) <= MILLISECOND
    levels = {(hit.drum, level_of(hit.velocity)) for hit in performance}
    assert {(hit.drum, level_of(hit.velocity)) for hit in back} <= levels


@in_one_folder
@given(song=strategies.songs())
def test_names_come_back_but_album_year_preview_and_sections(song: Song, tmp_path: Path) -> None:
    write_dtx(Performance(song=song), tmp_path / "a.dtx")
    back = read_dtx(tmp_path / "a.dtx").song
    for ours, theirs in ((song.title, back.title), (song.artist, back.artist), (song.genre, back.genre)):
        assert theirs == ours.replace(";", ",").strip().lstrip(": ")
    assert back.audio == song.audio
    assert (back.album, back.year, back.preview, back.sections) == ("", "", None, ())


def test_tempo_and_meter_come_back(tmp_path: Path) -> None:
    for song in (Song(), AUDIO):
        performance = replace(groove(), song=song)
        write_dtx(performance, tmp_path / "a.dtx")
        back = read_dtx(tmp_path / "a.dtx").tempo
        assert back.signatures == performance.tempo.signatures
        beats = np.arange(0, 12, 0.5)
        np.testing.assert_allclose(
            back.beats_to_seconds(beats), performance.tempo.beats_to_seconds(beats), atol=0.0006
        )


@pytest.mark.parametrize("drum", Drum)
def test_every_drum_comes_back_as_itself(drum: Drum, tmp_path: Path) -> None:
    write_dtx(Performance.of([Hit(0.5, drum, 100)]), tmp_path / "a.dtx")
    assert [hit.drum for hit in read_dtx(tmp_path / "a.dtx")] == [drum]


def test_velocities_are_kept_in_16_levels(tmp_path: Path) -> None:
    write_dtx(Performance.of([Hit(0.5 * v, Drum.KICK, v) for v in range(1, 128)]), tmp_path / "a.dtx")
    back = read_dtx(tmp_path / "a.dtx")
    read = np.array([hit.velocity for hit in back])
    assert np.abs(read - np.arange(1, 128)).max() <= 5
    assert len(set(read.tolist())) == LEVELS
    write_dtx(back, tmp_path / "b.dtx")
    assert [hit.velocity for hit in read_dtx(tmp_path / "b.dtx")] == read.tolist()


def test_strokes_of_one_channel_at_one_moment_are_all_there(tmp_path: Path) -> None:
    hits = [
        Hit(1.0, drum, 80) for drum in (Drum.SNARE, Drum.SIDE_STICK, Drum.SNARE_RIM, Drum.CHINA, Drum.CRASH2)
    ]
    write_dtx(Performance.of(hits), tmp_path / "a.dtx")
    assert {hit.drum for hit in read_dtx(tmp_path / "a.dtx")} == {hit.drum for hit in hits}


def test_of_two_hits_of_one_drum_in_one_place_the_louder_is_written(tmp_path: Path) -> None:
    write_dtx(Performance.of([Hit(1.0, Drum.KICK, v) for v in (20, 120, 60)]), tmp_path / "a.dtx")
    assert [level_of(hit.velocity) for hit in read_dtx(tmp_path / "a.dtx")] == [level_of(120)]


def test_more_bars_than_there_are_numbers_are_joined(tmp_path: Path) -> None:
    tempo = TempoMap((TempoChange(0.0, 240.0),), (TimeSignature(0.0, 1, 4),))
    hits = [Hit(t, Drum.SNARE, 80) for t in np.linspace(0, 3500, 100).tolist()]
    write_dtx(Performance(tuple(hits), tempo), tmp_path / "a.dtx")
    back = read_dtx(tmp_path / "a.dtx")
    assert farthest(times_of(Performance.of(hits), Drum.SNARE), times_of(back, Drum.SNARE)) <= MILLISECOND
    assert back.tempo.signatures == (TimeSignature(0.0, 8, 4),)


def test_a_performance_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.dtx: does not fit into DTX \(2000000000 quarter notes"):
        write_dtx(Performance.of([Hit(1e9, Drum.KICK, 80)]), tmp_path / "a.dtx")


def test_more_tempos_than_there_are_numbers_are_refused(tmp_path: Path) -> None:
    tempo = TempoMap(tuple(TempoChange(16.0 * i, 60 + 0.05 * i) for i in range(1500)))
    with pytest.raises(
        FormatError, match=r"does not fit into DTX \(1\d\d\d different tempos, and there are 1295"
    ):
        write_dtx(Performance((Hit(15000.0, Drum.KICK, 80),), tempo), tmp_path / "a.dtx")


def test_text_outside_ascii_has_a_mark_that_the_game_looks_for(tmp_path: Path) -> None:
    write_dtx(groove(), tmp_path / "a.dtx")
    assert (tmp_path / "a.dtx").read_bytes().startswith(b"\xef\xbb\xbf")
    write_dtx(Performance(song=Song(title="plain")), tmp_path / "a.dtx")
    assert (tmp_path / "a.dtx").read_bytes().isascii()


def test_the_groove_is_written_like_this(tmp_path: Path) -> None:
    write_dtx(groove(), tmp_path / "a.dtx")
    assert (tmp_path / "a.dtx").read_bytes() == (GOLDEN / "groove.dtx").read_bytes()


def test_bars_and_objects_are_counted_in_base_36() -> None:
    assert [bar_number(bar) for bar in (0, 99, 100, 999, 1000, 3599)] == [
        "000",
        "099",
        "100",
        "999",
        "A00",
        "Z99",
    ]
    assert [id_of(number) for number in (1, 35, 36, 1295)] == ["01", "0Z", "10", "ZZ"]


# Files of others ----------------------------------------------------------------------------------

DTX = """; Created by hand
#TITLE: T ; a comment
#ARTIST A
#COMMENT: hello
#PREIMAGE: pre.jpg
#BPM: 120
#BPM0A: 60
#WAV01: bgm.ogg
#WAV0K: drums\\SideStick.ogg
#WAV0H: hh_open.wav
#VOLUME0H: 50
#WAV0S: snare.wav
#WAV0B: bd.wav
#WAV0R: RideBell.wav
#RANDOM 2
#IF 1
#ENDIF
#IF 2
#00113: 0B
#ENDIF
#DTXC_CHIPPALETTE: 01 02

#00001: 0001
#00111: 0H00_0H00
#00112: 0K0S
#00113: 000B
#0011b: 0B
#00202: 0.5
#00208: 000A
#00219: 0R
#0021C: 000B
#00231: 01
#00316: 01
"""
# The music begins in the middle of bar 0, a second before bar 1.
EXPECTED = [
    (1.0, Drum.HIHAT_OPEN, 64),
    (1.0, Drum.SIDE_STICK, UNKNOWN_VELOCITY),
    (1.0, Drum.KICK, UNKNOWN_VELOCITY),
    (2.0, Drum.HIHAT_OPEN, 64),
    (2.0, Drum.SNARE, UNKNOWN_VELOCITY),
    (2.0, Drum.KICK, UNKNOWN_VELOCITY),
    (3.0, Drum.RIDE_BELL, UNKNOWN_VELOCITY),
    (3.5, Drum.KICK, UNKNOWN_VELOCITY),
    (4.5, Drum.CRASH, UNKNOWN_VELOCITY),
]


def save(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def strokes(path: Path) -> list[tuple[float, Drum, int]]:
    return sorted((round(hit.time, 6), hit.drum, hit.velocity) for hit in read_dtx(path))


def test_a_chart_of_others_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.dtx", DTX)
    assert strokes(path) == sorted(EXPECTED)
    performance = read_dtx(path)
    song = performance.song
    assert (song.title, song.artist, song.audio) == ("T", "A", Path("bgm.ogg"))
    assert song.foreign == {"dtx": '{"COMMENT": "hello", "PREIMAGE": "pre.jpg"}'}
    assert performance.tempo == TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(7.0, 60.0)),
        (TimeSignature(0.0, 2, 4), TimeSignature(2.0, 4, 4), TimeSignature(6.0, 2, 4)),
    )


def test_what_we_have_no_name_for_is_written_again(tmp_path: Path) -> None:
    write_dtx(read_dtx(save(tmp_path / "a.dtx", DTX)), tmp_path / "b.dtx")
    text = (tmp_path / "b.dtx").read_text()
    assert "#PREIMAGE: pre.jpg\n" in text
    assert "#COMMENT: hello\n" in text


@pytest.mark.parametrize(
    "changed",
    [
        DTX.replace("\n", "\r\n").encode(),
        DTX.encode("utf-8-sig"),
        DTX.encode("utf-16"),
        DTX.replace("hello", "太鼓").encode("cp932"),
        DTX.replace("#BPM: 120", "#bpm: 120").encode(),
        DTX.replace("#BPM: 120", "#BPM 120").encode(),
        DTX.replace("#BPM: 120", "#BPM: 120,0").encode(),
        DTX.replace("0H00_0H00", "0H000H000").encode(),  # the last digit has no partner
        DTX.replace("#00231: 01", "#002ZZ: !!\n#999A: 1\n#x\n#").encode(),
        DTX.replace("#00208: 000A", "#BASEBPM: 20\n#00203: 0028").replace("#BPM0A", "#BPM0B").encode(),
    ],
)
def test_encodings_line_ends_and_unknown_lines_are_no_obstacle(changed: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.dtx").write_bytes(changed)
    assert strokes(tmp_path / "a.dtx") == sorted(EXPECTED)


def test_without_music_second_0_is_the_beginning_of_bar_0(tmp_path: Path) -> None:
    path = save(tmp_path / "a.dtx", "#BPM: 60\n#00012: 01\n#00113: 0001\n")
    assert strokes(path) == [(0.0, Drum.SNARE, UNKNOWN_VELOCITY), (6.0, Drum.KICK, UNKNOWN_VELOCITY)]


def test_hits_before_the_music_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        performance = read_dtx(save(tmp_path / "a.dtx", DTX + "#00012: 0S0S0S0S\n"))
    assert "left out 2 hits that come before the music" in caplog.text
    assert len(performance) == len(EXPECTED) + 2


# Broken files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (DTX, "", "is empty"),
        (DTX, " \n ", "is not a DTX file"),
        (DTX, "hello", "is not a DTX file"),
        (DTX, "; only a comment", "is not a DTX file"),
        (DTX, "[1, 2]", "is not a DTX file"),
        ("#BPM: 120", "#BPM: fast", "could not convert string to float: 'fast'"),
        ("#BPM: 120", "#BPM: 0", "0 is outside 0.001"),
        ("#BPM: 120", "#BPM: -120", "-120 is outside"),
        ("#BPM: 120", "#BPM: nan", "nan is outside"),
        ("#BPM: 120", "#BPM: inf", "inf is outside"),
        ("#BPM: 120", "#BPM: 1e300", "1e\\+300 is outside"),
        ("#BPM0A: 60", "#BPM0A: x", "could not convert"),
        ("#BPM0A: 60", "#BPM0A: 0", "0 is outside"),
        ("#BPM0A: 60", "#BPM0A: -1", "-1 is outside"),
        ("#BPM0A: 60", "#BPM0A: nan", "nan is outside"),
        ("#BPM: 120", "#BASEBPM: x", "could not convert"),
        ("#BPM: 120", "#BASEBPM: -5", "-5 is outside"),
        ("#BPM: 120", "#BASEBPM: nan", "nan is outside"),
        ("#00202: 0.5", "#00202: x", "line 28: could not convert"),
        ("#00202: 0.5", "#00202:", "line 28: could not convert"),
        ("#00202: 0.5", "#00202: 0", "line 28: 0 is outside"),
        ("#00202: 0.5", "#00202: -1", "line 28: -1 is outside"),
        ("#00202: 0.5", "#00202: nan", "line 28: nan is outside"),
        ("#00202: 0.5", "#00202: inf", "line 28: inf is outside"),
        ("#00202: 0.5", "#00202: 1e9", "line 28: 1e\\+09 is outside"),
        ("#00112: 0K0S", "#00112: 0K!S", "line 25: object '!S' is not two digits"),
        ("#00112: 0K0S", "#00112: 0K 0S", "line 25: object ' 0' is not two digits"),
        ("#00112: 0K0S", "#00112: §0", "line 25: object '§0' is not"),
        ("#00112: 0K0S", "#00112: 0\u0661", "line 25: object '0\u0661' is not"),
        ("#00208: 000A", "#00203: 0G", "line 29: invalid literal for int"),
        ("#00208: 000A", "#00203: ZZ", "line 29: invalid literal for int"),
        ("#00001: 0001", "#00001: 00.1", "line 23: object '.1' is not"),
        ("#00316: 01", "#0031A: ??", "line 33: object '\\?\\?' is not"),
    ],
)
def test_a_broken_file_is_refused_in_a_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in DTX
    with pytest.raises(FormatError, match=rf"a\.dtx: ({message})"):
        read_dtx(save(tmp_path / "a.dtx", DTX.replace(old, new)))


@settings(in_one_folder, max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(1, 10_000),
)
def test_altered_bytes_give_a_performance_or_a_format_error(
    changes: list[tuple[int, int]], length: int, tmp_path: Path
) -> None:
    content = bytearray(DTX.encode())
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(read_dtx, tmp_path / "a.dtx", bytes(content[:length]))
