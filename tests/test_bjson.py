"""drum-game: read as the game counts, written by its layout, what it holds beside notes kept."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.charting.lane_layouts import BJSON_CHANNEL_OF_DRUM
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.formats.bjson import ACCENT, GHOST, NORMAL, read_bjson, write_bjson
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum
from game_material import (
    GOLDEN,
    MILLISECOND,
    farthest,
    groove,
    nested,
    random_performance,
    read_or_refused,
    times_of,
)

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SCHEMA = json.loads((Path(__file__).parent / "bjson.schema.json").read_text())


def seconds_in_the_game(chart: dict[str, Any]) -> list[tuple[float, str]]:
    """Return seconds and channels as drum-game counts: 14,400 ticks a beat of whole microseconds."""

    def tick(beat: float) -> int:
        return int(beat * 14400 + 0.5)

    bpm = chart["bpm"]
    changes = [(tick(c["time"]), c["bpm"]) for c in bpm] if isinstance(bpm, list) else [(0, bpm)]
    micros = [(at, int(60_000_000.0 / value + 0.5)) for at, value in changes]
    found = []
    for note in chart["notes"]:
        at = tick(note["time"])
        total = 0.0
        for (start, length), (end, _) in zip(micros, [*micros[1:], (None, 0)], strict=True):
            if at > start:
                total += (min(at, end if end is not None else at) - start) * length / 14400
        found.append((chart["offset"] / 1000 + total / 1e6, note["channel"]))
    return found


# Round trips --------------------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_what_is_written_comes_back_within_a_millisecond(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write_bjson(replace(performance, song=song), tmp_path / "a.bjson")
    back = read_bjson(tmp_path / "a.bjson")
    for drum in Drum:
        assert farthest(times_of(performance, drum), times_of(back, drum)) <= 0.2 * MILLISECOND
    assert {(hit.drum, hit.velocity) for hit in back} <= {(h.drum, h.velocity) for h in performance}


@in_one_folder
@given(song=strategies.songs())
def test_names_come_back_but_genre_and_year(song: Song, tmp_path: Path) -> None:
    write_bjson(Performance(song=song), tmp_path / "a.bjson")
    back = read_bjson(tmp_path / "a.bjson").song
    assert (back.title, back.artist, back.album, back.charter) == (
        song.title,
        song.artist,
        song.album,
        song.charter,
    )
    assert back.audio == song.audio
    assert back.preview == (None if song.preview is None else pytest.approx(song.preview))
    assert sorted(section.name for section in back.sections) == sorted(s.name for s in song.sections)
    times = [section.time for section in song.sections]
    assert [section.time for section in back.sections] == pytest.approx(times, abs=1e-5)
    assert (back.genre, back.year) == ("", "")


def test_tempo_and_meter_come_back(tmp_path: Path) -> None:
    write_bjson(groove(), tmp_path / "a.bjson")
    back = read_bjson(tmp_path / "a.bjson").tempo
    assert back.signatures == groove().tempo.signatures
    assert [change.beat for change in back.changes] == [0.0, 4.0]
    assert [change.bpm for change in back.changes] == pytest.approx([120.0, 90.0], abs=1e-3)


@in_one_folder
@given(performance=strategies.performances())
def test_a_file_that_was_read_is_written_with_the_same_hits(performance: Performance, tmp_path: Path) -> None:
    write_bjson(performance, tmp_path / "a.bjson")
    once = read_bjson(tmp_path / "a.bjson")
    write_bjson(once, tmp_path / "b.bjson")
    twice = read_bjson(tmp_path / "b.bjson")
    assert [(h.drum, h.velocity) for h in twice] == [(h.drum, h.velocity) for h in once]
    np.testing.assert_allclose([h.time for h in twice], [h.time for h in once], atol=0.2 * MILLISECOND)
    assert twice.song == once.song


def test_the_groove_is_written_like_this(tmp_path: Path) -> None:
    write_bjson(groove(), tmp_path / "a.bjson")
    assert (tmp_path / "a.bjson").read_bytes() == (GOLDEN / "groove.bjson").read_bytes()


@pytest.mark.slow
def test_the_game_finds_our_hits_in_200_performances_by_its_own_count(tmp_path: Path) -> None:
    for seed in range(200):
        performance = random_performance(np.random.default_rng(seed))
        write_bjson(performance, tmp_path / "a.bjson")
        chart = json.loads((tmp_path / "a.bjson").read_text("utf-8"))
        jsonschema.validate(chart, SCHEMA)
        theirs = seconds_in_the_game(chart)
        assert [channel for _, channel in theirs] == [BJSON_CHANNEL_OF_DRUM[hit.drum] for hit in performance]
        apart = np.array([time for time, _ in theirs]) - [hit.time for hit in performance]
        assert np.abs(apart).max() <= 0.2 * MILLISECOND
        ours = [hit.time for hit in read_bjson(tmp_path / "a.bjson")]
        np.testing.assert_allclose(sorted(time for time, _ in theirs), ours, atol=1e-6)


def test_the_golden_file_fits_the_schema_and_the_schema_refuses() -> None:
    chart = json.loads((GOLDEN / "groove.bjson").read_text("utf-8"))
    jsonschema.validate(chart, SCHEMA)
    for wrong in ({"notes": [{"time": 1}]}, {"bpm": 0}, {"notes": [{"time": 1, "channel": "gong"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(chart | wrong, SCHEMA)


def test_of_two_hits_of_one_drum_on_one_tick_the_louder_is_written(tmp_path: Path) -> None:
    hits = [Hit(1.0, Drum.KICK, 30), Hit(1.00001, Drum.KICK, 90), Hit(1.0, Drum.CRASH, 1)]
    write_bjson(Performance.of([*hits, Hit(1.0, Drum.CRASH2, 2)]), tmp_path / "a.bjson")
    assert [(hit.drum, hit.velocity) for hit in read_bjson(tmp_path / "a.bjson")] == [
        (Drum.CRASH, 1),
        (Drum.CRASH2, 2),
        (Drum.KICK, 90),
    ]


@pytest.mark.parametrize("level", Level)
def test_a_level_is_a_difficulty(level: Level, tmp_path: Path) -> None:
    write_bjson(groove(), tmp_path / "a.bjson", level=level)
    names = {"easy": "Easy", "medium": "Normal", "hard": "Hard", "expert": "Expert"}
    assert json.loads((tmp_path / "a.bjson").read_text("utf-8"))["difficulty"] == names[level]


# Files of others ----------------------------------------------------------------------------------


def chart(**changes: Any) -> dict[str, Any]:
    return {
        "title": "T",
        "audio": "audio\\a b.mp3",
        "offset": 250.0,
        "bpm": 120.0,
        "difficulty": "Insane",
        "previewTime": 1000,
        "tags": "x y",
        "notePresets": {"1": {"channel": "crash"}},
        "bookmarks": [{"time": 4, "title": "verse"}],
        "notes": [
            {"time": 0.0, "channel": "bass"},
            {"time": 1.0, "channel": "crash", "sticking": "left", "preset": "1"},
            {"time": 1.5, "channel": "snare", "modifier": "accent"},
            {"time": 2.0, "channel": "snare", "modifier": "ghost", "duration": 1},
        ],
    } | changes


def save(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_chart_of_others_is_read(tmp_path: Path) -> None:
    performance = read_bjson(save(tmp_path / "a.bjson", chart()))
    assert [(hit.time, hit.drum, hit.velocity) for hit in performance] == [
        (0.25, Drum.KICK, NORMAL),
        (0.75, Drum.CRASH2, NORMAL),
        (1.0, Drum.SNARE, ACCENT),
        (1.25, Drum.SNARE, GHOST),
    ]
    song = performance.song
    assert (song.title, song.audio, song.preview) == ("T", Path("audio/a b.mp3"), 1.0)
    assert song.sections == (Section(2.25, "verse"),)
    beats = performance.tempo.seconds_to_beats([0.25, 0.75, 1.25])
    np.testing.assert_allclose(beats, np.rint(beats), atol=1e-5)


def test_what_we_have_no_name_for_is_written_again(tmp_path: Path) -> None:
    write_bjson(read_bjson(save(tmp_path / "a.bjson", chart())), tmp_path / "b.bjson")
    written = json.loads((tmp_path / "b.bjson").read_text("utf-8"))
    assert {name: written[name] for name in ("difficulty", "tags", "notePresets")} == {
        "difficulty": "Insane",
        "tags": "x y",
        "notePresets": {"1": {"channel": "crash"}},
    }


def test_kept_fields_cannot_stand_for_ours(tmp_path: Path) -> None:
    song = Song(title="ours", foreign={"bjson": '{"title": "theirs", "notes": [1], "bpm": "x", "a\\"b": 1}'})
    write_bjson(Performance(song=song), tmp_path / "a.bjson")
    assert read_bjson(tmp_path / "a.bjson").song.title == "ours"


def test_tempos_and_measures_may_be_objects_or_lists(tmp_path: Path) -> None:
    bpms = [{"time": 0, "bpm": 120}, {"time": 4, "bpm": 60}]
    measures = [{"beats": 3}, {"time": 6, "beats": 3.5}]
    changed = chart(bpm=bpms, measureConfig=measures, offset=0, notes=[{"time": 6, "channel": "ride"}])
    performance = read_bjson(save(tmp_path / "a.bjson", changed))
    assert performance.hits[0].time == pytest.approx(4.0)
    assert performance.tempo == TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(4.0, 60.0)),
        (TimeSignature(0.0, 3, 4), TimeSignature(6.0, 7, 8)),
    )
    one = read_bjson(save(tmp_path / "a.bjson", chart(measureConfig={"beats": 3}, offset=0)))
    assert one.tempo.signatures == (TimeSignature(0.0, 3, 4),)


def test_names_of_the_games_own_enumeration_are_known(tmp_path: Path) -> None:
    notes = [
        {"time": i, "channel": name} for i, name in enumerate(("BassDrum", "HalfOpenHiHat", "half-hihat"))
    ]
    performance = read_bjson(save(tmp_path / "a.bjson", chart(notes=notes)))
    assert [hit.drum for hit in performance] == [Drum.KICK, Drum.HIHAT_OPEN, Drum.HIHAT_OPEN]


def test_unknown_channels_and_notes_before_the_audio_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = [
        {"time": 0, "channel": "gong"},
        {"time": 0},
        {"time": 0, "channel": 5},
        {"time": 0, "channel": "bass"},
    ]
    with caplog.at_level(logging.WARNING):
        assert len(read_bjson(save(tmp_path / "a.bjson", chart(notes=notes, offset=-1)))) == 0
    assert "left out 1 of '5', 1 of 'None', 1 of 'gong', 1 of 'notes before the audio'" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(chart(), indent=2).replace("\n", "\r\n").encode(),
        json.dumps(chart()).encode("utf-8-sig"),
        json.dumps(chart()).encode("utf-16"),
        json.dumps(chart(title="Schlägel \ud83e\udd41"), ensure_ascii=True).encode(),
    ],
)
def test_line_ends_and_encodings_are_no_obstacle(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.bjson").write_bytes(content)
    assert len(read_bjson(tmp_path / "a.bjson")) == 4


# Broken files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n", "Expecting value"),
        ("{", "Expecting property name"),
        ("hello", "Expecting value"),
        ('{"notes": [', "Expecting value"),
        ("[]", "JSON: list where an object"),
        ("3", "JSON: int where an object"),
        ("null", "JSON: NoneType where an object"),
        ('{"notes": NaN}', "JSON: NaN is no number"),
        ('{"bpm": Infinity, "notes": []}', "JSON: Infinity is no number"),
        ('{"bpm": ' + "9" * 5000 + "}", "Exceeds the limit"),
        (nested(100_000), "JSON: nested too deeply"),
        ('{"notes": ' + nested(100_000) + "}", "JSON: nested too deeply"),
        (chart(notes=5), "notes.0: int where an object must be"),
        (chart(notes=[5]), "notes.0: int where an object must be"),
        (chart(notes=[{}]), "notes.0.time: missing; it must be a number"),
        (chart(notes=[{"time": "1", "channel": "bass"}]), "notes.0.time: '1'; it must be a number"),
        (chart(notes=[{"time": True, "channel": "bass"}]), "notes.0.time: True; it must be a number"),
        (chart(notes=[{"time": [], "channel": "bass"}]), r"notes.0.time: \[\]; it must be a number"),
        (chart(notes=[{"time": 1e300, "channel": "bass"}]), r"notes.0.time: 1e\+300 is outside"),
        (chart(notes=[{"time": 10**400, "channel": "bass"}]), r"int too large|outside"),
        (
            chart(notes=[{"time": 0, "channel": "bass", "velocity": 0}]),
            "notes.0.velocity: 0 is outside 1 to 127",
        ),
        (chart(notes=[{"time": 0, "channel": "bass", "velocity": 999}]), "notes.0.velocity: 999 is outside"),
        (chart(notes=[{"time": 0, "channel": "bass", "velocity": "x"}]), "notes.0.velocity: 'x'; it must be"),
        (chart(bpm="fast"), "bpm: 'fast'; it must be a number"),
        (chart(bpm=0), "bpm: 0 is outside"),
        (chart(bpm=-120), "bpm: -120 is outside"),
        (chart(bpm=True), "bpm: True; it must be"),
        (chart(bpm=[{"time": 0}]), "bpm.0.bpm: missing"),
        (chart(bpm=[{"time": "x", "bpm": 1}]), "bpm.0.time: 'x'; it must be"),
        (chart(bpm=[120]), "bpm.0: int where an object must be"),
        (chart(offset="soon"), "offset: 'soon'; it must be a number"),
        (chart(offset=1e300), r"offset: 1e\+300 is outside"),
        (chart(measureConfig=4), "measureConfig.0: int where"),
        (chart(measureConfig=[{"beats": 0}]), "measureConfig.0.beats: 0 is outside"),
        (chart(measureConfig=[{"time": 4}]), "measureConfig.0.beats: missing"),
        (chart(bookmarks=[{"title": "x"}]), "bookmarks.0.time: missing"),
        (chart(bookmarks="x"), "bookmarks.0: str where an object"),
    ],
)
def test_a_broken_file_is_refused_in_a_line(content: object, message: str, tmp_path: Path) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "a.bjson").write_text(text)
    with pytest.raises(FormatError, match=rf"a\.bjson: .*({message})") as caught:
        read_bjson(tmp_path / "a.bjson")
    assert "\n" not in str(caught.value)


@settings(in_one_folder, max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    length=st.integers(1, 10_000),
)
def test_altered_bytes_give_a_performance_or_a_format_error(
    changes: list[tuple[int, int]], length: int, tmp_path: Path
) -> None:
    content = bytearray(json.dumps(chart()).encode())
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(read_bjson, tmp_path / "a.bjson", bytes(content[:length]))
