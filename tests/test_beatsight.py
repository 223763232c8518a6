"""BeatSight's maps: what is written comes back and keeps BeatSight's rules, what is broken is named."""

import json
import logging
import re
import time
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.audio.io import Audio, write_audio
from drumlane.charting.density import difficulty_of
from drumlane.errors import ConfigError, FormatError
from drumlane.formats import read, write
from drumlane.formats.beatsight import beatmap as beatmap_module
from drumlane.formats.beatsight.audio_block import NO_HASH, sha256_of
from drumlane.formats.beatsight.beatmap import Beatmap, beatmap_schema
from drumlane.formats.beatsight.components import drum_of_component
from drumlane.formats.beatsight.lanes import LANE_TABLES, lane_table
from drumlane.formats.beatsight.read import read_beatmap
from drumlane.formats.beatsight.rules import problems_of
from drumlane.formats.beatsight.stroke_fields import midi_velocity, velocity_share
from drumlane.formats.beatsight.timing_block import tempo_map_of, timing_fields
from drumlane.formats.beatsight.write import Generation, write_bsm
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

Document = dict[str, Any]
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEMA = json.loads(Path(beatmap_module.__file__).with_name("schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GROOVE = Performance.of(
    [Hit(0.5, Drum.KICK, 100, 0.5), Hit(1.0, Drum.SNARE, 102, 0.75), Hit(1.0, Drum.SHAKER, 20)], duration=3.0
)


def minimal(**changes: Any) -> Document:
    """Return the smallest map that BeatSight takes; changes are by path: ``metadata.title``."""
    document: Document = {
        "version": "1.0.0",
        "metadata": {
            "title": "T",
            "artist": "A",
            "creator": "c",
            "difficulty": 2.5,
            "beatmapId": "550e8400-e29b-41d4-a716-446655440000",
            "createdAt": "2026-01-01T00:00:00Z",
            "modifiedAt": "2026-01-01T00:00:00Z",
        },
        "audio": {"filename": "t.wav", "hash": "sha256:" + "a" * 64, "duration": 4000, "sampleRate": 44100},
        "timing": {"bpm": 120.0, "offset": 0, "timeSignature": "4/4"},
        "drumKit": {"components": ["kick", "snare"], "layout": "standard_5piece"},
        "hitObjects": [
            {"time": 0, "component": "kick", "velocity": 0.9, "lane": 0},
            {"time": 500, "component": "snare", "velocity": 0.8, "lane": 1},
        ],
    }
    for path, value in changes.items():
        put(document, path, value)
    return document


MISSING = object()


def put(document: Document, path: str, value: object) -> Document:
    *parts, last = path.split(".")
    place: Any = document
    for part in parts:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if value is MISSING:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return document


def save(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def load(path: Path) -> Document:
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    return document


def check(path: Path) -> Document:
    """Assert that a written map keeps the schema and, but for one without strokes, the rules."""
    document = load(path)
    VALIDATOR.validate(document)
    problems = problems_of(read_beatmap(path))
    assert problems in ([], ["hitObjects: is empty"] if not document["hitObjects"] else [])
    return document


# Schema -------------------------------------------------------------------------------------------


def test_the_shipped_schema_is_the_one_of_the_model_and_a_schema_at_all() -> None:
    assert beatmap_schema() == SCHEMA, "run scripts/make_beatsight_schema.py"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    required = {name: set(part["required"]) for name, part in SCHEMA["$defs"].items() if "required" in part}
    assert set(SCHEMA["required"]) == {"version", "metadata", "audio", "timing", "drumKit", "hitObjects"}
    assert required == {
        "Metadata": {"title", "artist", "creator", "difficulty", "beatmapId", "createdAt", "modifiedAt"},
        "AudioFile": {"filename", "hash", "duration", "sampleRate"},
        "Timing": {"bpm", "offset", "timeSignature"},
        "TimingPoint": {"time", "bpm"},
        "DrumKit": {"components"},
        "HitObject": {"time", "component"},
    }


BROKEN_RULES: list[tuple[str, object, str, bool]] = [
    # path, value, what the rules say of it, whether the schema says so too
    ("version", "one", "version: 'one' is no version", True),
    ("metadata.title", " ", "metadata.title: is empty", True),
    ("metadata.artist", "", "metadata.artist: is empty", True),
    ("metadata.difficulty", 10.5, "metadata.difficulty: 10.5 is outside", True),
    ("metadata.beatmapId", "-3412", "metadata.beatmapId: '-3412' is no UUID", True),
    ("metadata.createdAt", "yesterday", "metadata.createdAt: 'yesterday' is no time", True),
    ("metadata.modifiedAt", "2026-01-01T00:00:00+02:00", "metadata.modifiedAt: ", True),
    ("audio.filename", "", "audio.filename: is empty", True),
    ("audio.filename", "/music/t.wav", "audio.filename: is not relative", False),
    ("audio.filename", "C:\\t.wav", "audio.filename: is not relative", False),
    ("audio.hash", "sha256:example", "audio.hash: 'sha256:example' is not", True),
    ("audio.drumStemHash", "x", "audio.drumStemHash: 'x' is not", True),
    ("audio.sampleRate", 0, "audio.sampleRate: is 0", True),
    ("hitObjects", [], "hitObjects: is empty", False),
    ("hitObjects.0.time", 600, "hitObjects: are not in order", False),
    ("hitObjects.0.lane", -1, "hitObjects: a lane is negative", True),
    ("drumKit.components", ["kick"], "drumKit.components: 1 of the strokes' are missing ('snare')", False),
    ("editor.aiGenerationMetadata.confidence", 1.5, "editor.aiGenerationMetadata.confidence: 1.5", True),
    ("editor.aiGenerationMetadata.processedAt", "now", "editor.aiGenerationMetadata.processedAt: ", True),
]


@pytest.mark.parametrize(("path", "value", "problem", "in_schema"), BROKEN_RULES)
def test_a_broken_rule_is_told_and_the_map_is_read_all_the_same(
    path: str, value: object, problem: str, in_schema: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = put(minimal(), path, value)
    (found,) = problems_of(Beatmap.model_validate(document))
    assert found.startswith(problem)
    assert VALIDATOR.is_valid(document) is not in_schema
    with caplog.at_level(logging.WARNING):
        assert len(read(save(tmp_path / "a.bsm", document))) == len(document["hitObjects"])
    assert f"a.bsm: against BeatSight's rules: {problem}" in caplog.text


def test_the_smallest_map_has_no_problems(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    VALIDATOR.validate(minimal())
    with caplog.at_level(logging.INFO):
        performance = read(save(tmp_path / "a.bsm", minimal()))
    assert caplog.text == ""
    assert list(performance) == [Hit(0.0, Drum.KICK, 114), Hit(0.5, Drum.SNARE, 102)]
    assert performance.duration == 4.0
    assert replace(performance.song, foreign={}) == Song("T", "A", charter="c", audio=Path("t.wav"))


# Written -------------------------------------------------------------------------------------------


def test_a_map_is_written_like_this(tmp_path: Path) -> None:
    song = Song("Tune", "Band", genre="Funk", charter="Me", preview=1.25, sections=(Section(1.0, "A"),))
    write_bsm(replace(GROOVE, song=song), tmp_path / "a.bsm", written_at=MOMENT)
    document = check(tmp_path / "a.bsm")
    identity = document["metadata"].pop("beatmapId")
    assert uuid.UUID(identity).version == 5
    assert document == {
        "version": "1.0.0",
        "metadata": {
            "title": "Tune",
            "artist": "Band",
            "creator": "Me",
            "tags": ["Funk"],
            "difficulty": round(difficulty_of(GROOVE), 2),
            "previewTime": 1250,
            "createdAt": "2026-01-02T03:04:05Z",
            "modifiedAt": "2026-01-02T03:04:05Z",
        },
        "audio": {"filename": "no-audio.wav", "hash": NO_HASH, "duration": 3000, "sampleRate": 44100},
        "timing": {"bpm": 120.0, "offset": 0, "timeSignature": "4/4"},
        "drumKit": {"components": ["kick", "snare", "shaker"], "layout": "standard_5piece"},
        "hitObjects": [
            {"time": 500, "component": "kick", "velocity": 0.79, "lane": 0},
            {"time": 1000, "component": "shaker", "velocity": 0.16},
            {"time": 1000, "component": "snare", "velocity": 0.8, "lane": 1},
        ],
        "editor": {
            "snapDivisor": 4,
            "visualLanes": 8,
            "bookmarks": [1000],
            "aiGenerationMetadata": {
                "modelVersion": Generation().model_version,
                "confidence": 0.75,
                "processedAt": "2026-01-02T03:04:05Z",
                "manualEdits": False,
                "usedFallback": False,
            },
        },
    }


def test_every_stroke_has_a_line_of_its_own(tmp_path: Path) -> None:
    write_bsm(replace(GROOVE, song=Song('"hitObjects": []')), tmp_path / "a.bsm", written_at=MOMENT)
    lines = (tmp_path / "a.bsm").read_text().splitlines()
    assert sum(line.strip().startswith('{"time": ') for line in lines) == 3


def test_the_same_performance_gives_the_same_bytes_and_another_one_another_id(tmp_path: Path) -> None:
    for name in ("a.bsm", "b.bsm"):
        write_bsm(GROOVE, tmp_path / name, written_at=MOMENT)
    assert (tmp_path / "a.bsm").read_bytes() == (tmp_path / "b.bsm").read_bytes()
    others = [
        GROOVE.filter(lambda hit: hit.drum is Drum.KICK),
        replace(GROOVE, tempo=TempoMap.constant(90)),
        replace(GROOVE, song=Song("other")),
    ]
    ids = set()
    for number, other in enumerate([GROOVE, *others]):
        write_bsm(other, tmp_path / f"{number}.bsm", written_at=MOMENT)
        ids.add(load(tmp_path / f"{number}.bsm")["metadata"]["beatmapId"])
    assert len(ids) == 4


def test_the_recording_is_named_hashed_and_measured(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    sound = tmp_path / "music" / "song.flac"
    sound.parent.mkdir()
    write_audio(sound, Audio(np.full(48_000 * 5, 0.1, np.float32), 48_000))
    stem = tmp_path / "maps" / "song.drums.wav"
    write_audio(stem, Audio(np.full(4800, 0.1, np.float32), 48_000))
    named = replace(GROOVE, song=Song(audio=sound))
    write_bsm(named, tmp_path / "maps" / "a.bsm", written_at=MOMENT, stem=stem)
    assert check(tmp_path / "maps" / "a.bsm")["audio"] == {
        "filename": "../music/song.flac",
        "hash": sha256_of(sound),
        "duration": 5000,
        "sampleRate": 48000,
        "drumStem": "song.drums.wav",
        "drumStemHash": sha256_of(stem),
    }
    back = read(tmp_path / "maps" / "a.bsm")
    assert back.song.audio == Path("../music/song.flac")
    assert back.duration == 5.0


def test_a_recording_that_is_not_there_keeps_what_was_known_of_it(tmp_path: Path) -> None:
    write(read(save(tmp_path / "a.bsm", minimal())), tmp_path / "b.bsm")
    assert check(tmp_path / "b.bsm")["audio"] == minimal()["audio"]
    moved = replace(read(tmp_path / "a.bsm"), song=Song(audio=Path("/nowhere/else.ogg")))
    write(moved, tmp_path / "c.bsm")
    assert check(tmp_path / "c.bsm")["audio"]["filename"] == "else.ogg"
    assert check(tmp_path / "c.bsm")["audio"]["hash"] == NO_HASH


def test_a_file_that_is_no_sound_has_a_hash_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "song.ogg").write_bytes(b"not sound")
    write(replace(GROOVE, song=Song(audio=Path("song.ogg"))), tmp_path / "a.bsm")
    audio = check(tmp_path / "a.bsm")["audio"]
    assert audio["hash"] == sha256_of(tmp_path / "song.ogg")
    assert audio["duration"] == 3000


def test_a_stem_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"drums\.wav: cannot be read for its hash \(No such file"):
        write_bsm(GROOVE, tmp_path / "a.bsm", stem=tmp_path / "drums.wav")
    assert not list(tmp_path.iterdir())


def test_a_map_without_strokes_is_written_with_a_warning_and_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        write(Performance(duration=2.0), tmp_path / "a.bsm")
    assert "a.bsm: has no hits; BeatSight refuses to load such a map" in caplog.text
    assert check(tmp_path / "a.bsm")["hitObjects"] == []
    assert replace(read(tmp_path / "a.bsm"), song=Song()) == Performance(duration=2.0)


def test_a_transcription_is_told_from_an_annotation_by_its_confidence(tmp_path: Path) -> None:
    sure = replace(GROOVE, hits=tuple(replace(hit, confidence=1.0) for hit in GROOVE))
    write(sure, tmp_path / "a.bsm")
    assert "aiGenerationMetadata" not in check(tmp_path / "a.bsm")["editor"]
    write_bsm(sure, tmp_path / "b.bsm", generation=Generation("m 1", "file tags"))
    made = check(tmp_path / "b.bsm")["editor"]["aiGenerationMetadata"]
    assert (made["modelVersion"], made["metadataProvider"], made["confidence"]) == ("m 1", "file tags", 1.0)


@pytest.mark.parametrize(
    ("performance", "message"),
    [
        (Performance.of([Hit(1e7, Drum.KICK, 1)]), r"a\.bsm: does not fit into \.bsm \(audio\.duration: "),
        (replace(GROOVE, tempo=TempoMap.constant(1e-3)), r"does not fit into \.bsm \(timing\.bpm: "),
        (
            replace(GROOVE, tempo=TempoMap(signatures=(TimeSignature(0, 1000, 4),))),
            r"timing\.timeSignature: .*'1000/4' is no time signature",
        ),
    ],
)
def test_what_does_not_fit_is_refused(performance: Performance, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        write(performance, tmp_path / "a.bsm")
    assert not list(tmp_path.iterdir())


# Round trips --------------------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_hits_come_back_within_half_a_millisecond_and_names_as_they_are(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write(replace(performance, song=song), tmp_path / "a.bsm")
    check(tmp_path / "a.bsm")
    back = read(tmp_path / "a.bsm")
    for drum in Drum:
        written = sorted((hit.time, hit.velocity) for hit in performance if hit.drum is drum)
        found = sorted((hit.time, hit.velocity) for hit in back if hit.drum is drum)
        assert [t for t, _ in found] == pytest.approx([t for t, _ in written], abs=0.0005001)
    assert Counter((h.drum, h.velocity) for h in back) == Counter((h.drum, h.velocity) for h in performance)
    assert back.duration == pytest.approx(performance.duration, abs=0.0005001)
    for name in ("title", "artist", "charter"):
        text = getattr(song, name)
        assert getattr(back.song, name) == (text if text.strip() else "")
    assert back.song.audio == song.audio
    assert (back.song.preview is None) == (song.preview is None)
    assert back.song.preview == pytest.approx(song.preview, abs=0.0005001)
    assert [s.time for s in back.song.sections] == pytest.approx(
        [s.time for s in song.sections], abs=0.0005001
    )


@in_one_folder
@given(performance=strategies.performances(), song=strategies.songs())
def test_what_is_read_and_written_again_is_the_same_map(
    performance: Performance, song: Song, tmp_path: Path
) -> None:
    write_bsm(replace(performance, song=song), tmp_path / "a.bsm", written_at=MOMENT)
    write_bsm(read(tmp_path / "a.bsm"), tmp_path / "b.bsm", written_at=MOMENT)
    assert (tmp_path / "a.bsm").read_text() == (tmp_path / "b.bsm").read_text()
    assert read(tmp_path / "b.bsm") == read(tmp_path / "a.bsm")


@pytest.mark.parametrize("velocity", range(1, 128))
def test_every_velocity_comes_back(velocity: int) -> None:
    share = velocity_share(velocity)
    assert 0 <= share <= 1
    assert midi_velocity(share) == velocity


@pytest.mark.parametrize("hundredths", range(1, 101))
def test_velocities_of_two_digits_are_written_as_they_were(hundredths: int) -> None:
    assert velocity_share(midi_velocity(hundredths / 100)) == hundredths / 100


def foreign_map() -> Document:
    """Return a map full of what another program may have put there, with strokes that mean no drum."""
    document = minimal()
    document["comment"] = {"hitObjects": []}
    document["metadata"] |= {
        "tags": ["x"],
        "source": "S",
        "mood": "dark",
        "previewTime": None,
        "description": "d",
    }
    document["audio"] |= {"gain": -3.5, "drumStem": "d.ogg", "drumStemHash": "sha256:" + "b" * 64}
    document["timing"] |= {"swing": 0.1, "timingPoints": [{"time": 2000, "bpm": 90, "colour": "red"}]}
    document["drumKit"] |= {"layout": "mine", "customSamples": {"kick": "k.wav"}, "brand": "B"}
    document["drumKit"]["components"] = ["Bass_Drum", "custom_gong", "snare", "tambourine"]
    document["hitObjects"] = [
        {"time": 0, "component": "Bass_Drum", "velocity": 0.905, "lane": 3, "hand": "R"},
        {"time": 0, "component": "custom_gong", "velocity": 0.5, "duration": 900},
        {"time": 500, "component": "snare"},
        {"time": 500, "component": "snare", "velocity": 0.1, "lane": 5, "duration": None},
        {"time": 900, "component": "custom_gong"},
    ]
    document["editor"] = {
        "snapDivisor": 8,
        "visualLanes": 7,
        "bookmarks": [100, 2000],
        "timelineZoom": 1.5,
        "theme": ["dark"],
        "aiGenerationMetadata": {"modelVersion": "v1", "confidence": 0.9, "manualEdits": False, "seed": 7},
    }
    return document


def test_everything_that_another_program_wrote_survives(tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        performance = read(save(tmp_path / "a.bsm", foreign_map()))
    assert [r.getMessage() for r in caplog.records] == [
        f"{tmp_path / 'a.bsm'}: left out 2 of 'custom_gong', which mean no drum"
    ]
    assert [section.name for section in performance.song.sections] == ["Part 1", "Part 2"]
    write_bsm(performance, tmp_path / "b.bsm", written_at=MOMENT)
    expected = put(foreign_map(), "metadata.modifiedAt", "2026-01-02T03:04:05Z")
    assert check(tmp_path / "b.bsm") == expected


def test_it_survives_a_document_between(tmp_path: Path) -> None:
    write(read(save(tmp_path / "a.bsm", foreign_map())), tmp_path / "a.json")
    write_bsm(read(tmp_path / "a.json"), tmp_path / "b.bsm", written_at=MOMENT)
    assert check(tmp_path / "b.bsm") == put(foreign_map(), "metadata.modifiedAt", "2026-01-02T03:04:05Z")


def test_an_edited_map_keeps_what_was_not_edited(tmp_path: Path) -> None:
    performance = read(save(tmp_path / "a.bsm", foreign_map()))
    kick, *_, snare = performance.hits
    edited = replace(performance, hits=(replace(kick, velocity=20), snare, Hit(3.0, Drum.CHINA, 127)))
    write(edited, tmp_path / "b.bsm")
    document = check(tmp_path / "b.bsm")
    assert document["editor"]["aiGenerationMetadata"]["manualEdits"] is True
    assert document["drumKit"]["components"] == ["Bass_Drum", "custom_gong", "snare", "tambourine", "china"]
    by_time = {(h["time"], h["component"]): h for h in document["hitObjects"]}
    assert by_time[0, "Bass_Drum"] == {
        "time": 0, "component": "Bass_Drum", "velocity": 0.16, "lane": 3, "hand": "R"
    }  # fmt: skip
    assert by_time[3000, "china"] == {"time": 3000, "component": "china", "velocity": 1.0, "lane": 6}
    assert {time for time, name in by_time if name == "custom_gong"} == {0, 900}


def test_strokes_that_mean_no_drum_do_not_stay_behind_when_all_others_move(tmp_path: Path, caplog) -> None:
    performance = read(save(tmp_path / "a.bsm", foreign_map()))
    later = tuple(replace(hit, time=hit.time + 1) for hit in performance)
    write(replace(performance, hits=later), tmp_path / "b.bsm")
    assert "custom_gong" not in {h["component"] for h in check(tmp_path / "b.bsm")["hitObjects"]}
    assert "left out 2 strokes that mean no drum: all others have moved" in caplog.text


@pytest.mark.parametrize(
    "text", ['{"tags":["x"]}', "[", '{"unknown":{"0":{"time":"x"}}}', '{"fields":{"0":{"velocity":"9"}}}']
)
def test_what_is_kept_but_not_ours_is_left_out_with_a_warning(text: str, tmp_path: Path, caplog) -> None:
    write(replace(GROOVE, song=Song(foreign={"bsm": text})), tmp_path / "a.bsm")
    assert "left out what 'bsm' keeps of another file" in caplog.text
    assert len(check(tmp_path / "a.bsm")["hitObjects"]) == 3


# Tempo --------------------------------------------------------------------------------------------


@st.composite
def whole_beat_maps(draw: st.DrawFn) -> TempoMap:
    """Draw maps whose changes are on beats, as a transcription's are."""
    beats = [0, *sorted(draw(st.sets(st.integers(1, 4000), max_size=200)))]
    return TempoMap(tuple(TempoChange(float(b), draw(strategies.bpms)) for b in beats))


def timing(tempo: TempoMap, first_stroke: float = 0.0) -> Document:
    document: Document = timing_fields(tempo, first_stroke)
    Beatmap.model_validate(minimal(timing=document))
    return document


def again(tempo: TempoMap, first_stroke: float = 0.0) -> TempoMap:
    return tempo_map_of(Beatmap.model_validate(minimal(timing=timing(tempo, first_stroke))).timing)


@given(tempo=whole_beat_maps())
def test_no_beat_is_off_by_more_than_a_millisecond_however_many_changes_there_are(tempo: TempoMap) -> None:
    back = again(tempo)
    beats = np.arange(tempo.changes[-1].beat + 1)
    np.testing.assert_allclose(back.beats_to_seconds(beats), tempo.beats_to_seconds(beats), atol=1.001e-3)


@given(tempo=strategies.tempo_maps())
def test_every_change_is_where_it_was_in_seconds(tempo: TempoMap) -> None:
    assume(len(tempo.changes) < 2 or tempo.changes[1].beat != 1)  # a first beat that is played early or late
    fields = timing(tempo)
    points = fields.get("timingPoints", [])
    assert fields["bpm"] == pytest.approx(tempo.changes[0].bpm, abs=1e-6)
    assert [p["time"] for p in points] == sorted({p["time"] for p in points})
    back = again(tempo)
    held = {c.beat: c.bpm for c in tempo.changes}
    for change, following in zip(tempo.changes, [*tempo.changes[1:], None], strict=True):
        begins = float(tempo.beats_to_seconds(change.beat))
        ends = begins + 4 if following is None else float(tempo.beats_to_seconds(following.beat))
        if ends - begins > 0.02:
            inside = back.seconds_to_beats([begins + 0.005, ends - 0.005])
            bpm = float(np.diff(inside)[0]) / (ends - begins - 0.01) * 60
            assert bpm == pytest.approx(held[change.beat], rel=2e-3 / (ends - begins))


@pytest.mark.parametrize("offset", [0, 3, 59, 61, 500, 1590, 2000, 61234, -20, -3000])
@pytest.mark.parametrize("signature", ["4/4", "3/4", "6/8", "7/8", "1/1"])
@pytest.mark.parametrize("bpm", [60.0, 120.0, 133.37])
def test_the_offset_is_a_bar_line(offset: int, signature: str, bpm: float) -> None:
    timing_block = Beatmap.model_validate(
        minimal(timing={"bpm": bpm, "offset": offset, "timeSignature": signature})
    ).timing
    tempo = tempo_map_of(timing_block)
    numerator, denominator = map(int, signature.split("/"))
    bar = numerator * 4 / denominator * 60 / bpm
    starts = tempo.beats_to_seconds(tempo.bar_starts(float(tempo.seconds_to_beats(70.0 + bar))))
    settled = starts[starts >= max(offset / 1000, 0.07) + 1e-3]
    phase = (settled - offset / 1000) / bar
    np.testing.assert_allclose(phase, np.rint(phase), atol=1e-3 / bar)
    np.testing.assert_allclose(np.diff(settled), bar, rtol=1e-6)


@pytest.mark.parametrize("offset", [0, 20, 500, 1590, 1600, 61234])
@pytest.mark.parametrize("signature", ["4/4", "3/4", "6/8"])
def test_a_map_with_a_lead_in_is_written_with_the_tempo_of_the_song(offset: int, signature: str) -> None:
    block = {"bpm": 120.0, "offset": offset, "timeSignature": signature}
    tempo = tempo_map_of(Beatmap.model_validate(minimal(timing=block)).timing)
    fields = timing(tempo, offset / 1000)
    bar = 1500 if signature != "4/4" else 2000
    assert (fields["bpm"], fields["timeSignature"]) == (120.0, signature)
    assert fields["offset"] % bar == pytest.approx(offset % bar, abs=1)
    assert "timingPoints" not in fields
    assert again(tempo, offset / 1000) == tempo or abs(fields["offset"] - offset) >= bar - 1


def test_later_tempos_and_metres_are_timing_points() -> None:
    tempo = TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(8.0, 60.0)),
        (TimeSignature(0.0, 4, 4), TimeSignature(8.0, 3, 4), TimeSignature(14.0, 6, 8)),
    )
    assert timing(tempo) == {
        "bpm": 120.0,
        "offset": 0,
        "timeSignature": "4/4",
        "timingPoints": [
            {"time": 4000, "bpm": 60.0, "timeSignature": "3/4"},
            {"time": 10000, "bpm": 60.0, "timeSignature": "6/8"},
        ],
    }
    assert again(tempo) == tempo


def test_points_in_any_order_and_points_that_repeat_the_beginning_are_understood() -> None:
    points = [{"time": 4000, "bpm": 60}, {"time": 0, "bpm": 120.0, "timeSignature": "4/4"}]
    block = {"bpm": 120.0, "offset": 0, "timeSignature": "4/4", "timingPoints": points}
    tempo = tempo_map_of(Beatmap.model_validate(minimal(timing=block)).timing)
    assert tempo.changes == (TempoChange(0.0, 120.0), TempoChange(8.0, 60.0))


# Others' maps -------------------------------------------------------------------------------------


def pascal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(part) for name, part in value.items()}
    return [pascal(part) for part in value] if isinstance(value, list) else value


def test_the_older_kind_is_read_as_what_it_is(tmp_path: Path) -> None:
    names = ["Kick", "Snare", "HiHat", "Tom", "Ride", "Crash", "Splash"]
    strokes = [{"time": 100 * n, "component": c, "lane": n, "duration": None} for n, c in enumerate(names)]
    document = minimal(**{"drumKit.components": names, "hitObjects": strokes})
    old = read(save(tmp_path / "a.bs", pascal(document)))
    assert [hit.drum.value for hit in old] == [
        "kick", "snare", "hihat_closed", "tom_mid", "ride", "crash", "splash"
    ]  # fmt: skip
    assert {hit.velocity for hit in old} == {102}
    assert old == read(save(tmp_path / "a.bsm", document))
    write(old, tmp_path / "b.bsm")
    assert check(tmp_path / "b.bsm")["hitObjects"] == document["hitObjects"]


@pytest.mark.parametrize(
    ("name", "drum"),
    [
        ("hi-hat", Drum.HIHAT_CLOSED),
        ("Hi Hat", Drum.HIHAT_CLOSED),
        ("open_hat", Drum.HIHAT_OPEN),
        ("bass_drum", Drum.KICK),
        ("floor_tom", Drum.TOM_LOW),
        ("rack_tom", Drum.TOM_HIGH),
        ("snare_cross_stick", Drum.SIDE_STICK),
        ("ride_bow", Drum.RIDE),
        ("crash_2", Drum.CRASH2),
        ("triangle", None),
    ],
)
def test_other_names_of_drums_are_known(name: str, drum: Drum | None) -> None:
    assert drum_of_component(name) is drum


@pytest.mark.parametrize("drum", Drum)
def test_every_drum_is_a_component_under_its_own_name(drum: Drum) -> None:
    assert drum_of_component(drum.value) is drum


# Lanes --------------------------------------------------------------------------------------------

# From BeatSight's documents: part -> lane in its 7 lanes, its 8 lanes and its generator's keys.
DOCUMENTED = {
    Drum.KICK: (3, 3, 3),
    Drum.SNARE: (2, 2, 1),
    Drum.HIHAT_CLOSED: (1, 1, 5),
    Drum.HIHAT_OPEN: (1, 1, 5),
    Drum.HIHAT_PEDAL: (1, 1, 0),
    Drum.TOM_HIGH: (4, 4, 2),
    Drum.TOM_MID: (4, 4, 4),
    Drum.TOM_LOW: (4, 5, 4),
    Drum.RIDE: (5, 6, 6),
    Drum.CRASH: (0, 0, 6),
    Drum.CRASH2: (0, 7, 0),
    Drum.CHINA: (6, 7, 6),
    Drum.SPLASH: (6, 0, 6),
}


@pytest.mark.parametrize(("drum", "lanes"), DOCUMENTED.items())
def test_lanes_are_those_of_beatsights_documents(drum: Drum, lanes: tuple[int, ...]) -> None:
    tables = [LANE_TABLES[name] for name in ("beatsight7", "beatsight8", "generator")]
    assert tuple(table.lanes[drum] for table in tables) == lanes


@pytest.mark.parametrize("name", LANE_TABLES)
def test_every_drum_with_a_lane_of_ours_has_one_in_every_table(name: str) -> None:
    table = lane_table(name)
    assert {drum for drum in Drum if drum.lane is not None} <= set(table.lanes)
    assert set(table.lanes.values()) <= set(range(table.n_lanes))


def test_a_table_is_written_by_name(tmp_path: Path) -> None:
    performance = Performance.of(Hit(float(n), drum, 80) for n, drum in enumerate(Drum))
    for name, table in LANE_TABLES.items():
        write_bsm(performance, tmp_path / "a.bsm", lanes=name)
        document = check(tmp_path / "a.bsm")
        assert document["editor"]["visualLanes"] == table.n_lanes
        assert {Drum(h["component"]): h["lane"] for h in document["hitObjects"] if "lane" in h} == table.lanes


def test_lanes_that_were_read_stay_unless_others_are_asked_for(tmp_path: Path) -> None:
    performance = read(save(tmp_path / "a.bsm", foreign_map()))
    write_bsm(performance, tmp_path / "b.bsm", lanes="beatsight8")
    lanes = [h.get("lane") for h in check(tmp_path / "b.bsm")["hitObjects"]]
    assert lanes == [3, None, 2, 2, None]
    with pytest.raises(ConfigError, match="lanes 'beatsight' are unknown; tables: beatsight8, beatsight7, "):
        write_bsm(performance, tmp_path / "c.bsm", lanes="beatsight")


# Broken maps --------------------------------------------------------------------------------------

REQUIRED = [
    *("version", "metadata", "audio", "timing", "drumKit", "hitObjects"),
    *(
        f"metadata.{n}"
        for n in ("title", "artist", "creator", "difficulty", "beatmapId", "createdAt", "modifiedAt")
    ),
    *(f"audio.{n}" for n in ("filename", "hash", "duration", "sampleRate")),
    *(f"timing.{n}" for n in ("bpm", "offset", "timeSignature")),
    *("drumKit.components", "hitObjects.0.time", "hitObjects.1.component"),
]


@pytest.mark.parametrize("path", REQUIRED)
@pytest.mark.parametrize("suffix", [".bsm", ".bs"])
def test_a_missing_required_field_is_named(path: str, suffix: str, tmp_path: Path) -> None:
    document = put(minimal(), path, MISSING)
    if suffix == ".bs":
        document = pascal(document)
    with pytest.raises(FormatError, match=rf"a{suffix}: {re.escape(path)}: Field required$"):
        read(save(tmp_path / f"a{suffix}", document))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("version", "2.0.0", r"version '2\.0\.0'; this drumlane reads 1\.0\.0, use a newer one"),
        ("version", 1, r"version: Input should be a valid string"),
        ("metadata", [], r"metadata: Input should be a valid dictionary"),
        ("metadata.title", None, r"metadata\.title: Input should be a valid string"),
        ("metadata.difficulty", "2.5", r"metadata\.difficulty: Input should be a valid number"),
        ("metadata.tags", "x", r"metadata\.tags: Input should be a valid list"),
        ("audio.duration", -1, r"audio\.duration: Input should be greater than or equal to 0"),
        ("audio.duration", 10**12, r"audio\.duration: Input should be less than"),
        ("audio.sampleRate", "44100", r"audio\.sampleRate: Input should be a valid integer"),
        ("timing.bpm", 0, r"timing\.bpm: Input should be greater than"),
        ("timing.bpm", -120, r"timing\.bpm: Input should be greater than"),
        ("timing.bpm", 1e300, r"timing\.bpm: Input should be less than"),
        ("timing.bpm", "120", r"timing\.bpm: Input should be a valid number"),
        ("timing.offset", 0.5, r"timing\.offset: Input should be a valid integer"),
        ("timing.timeSignature", "4", r"timing\.timeSignature: '4' is no time signature; write it like 4/4"),
        ("timing.timeSignature", "4/3", r"timing\.timeSignature: '4/3' is no time signature"),
        ("timing.timeSignature", "4/4\n", r"timing\.timeSignature: '4/4\\n' is no time signature"),
        ("timing.timingPoints", [{"time": 5}], r"timing\.timingPoints\.0\.bpm: Field required"),
        ("timing.timingPoints", {}, r"timing\.timingPoints: Input should be a valid list"),
        ("drumKit.components", "kick", r"drumKit\.components: Input should be a valid list"),
        (
            "drumKit.customSamples",
            {"kick": 1},
            r"drumKit\.customSamples\.kick: Input should be a valid string",
        ),
        ("hitObjects", {}, r"hitObjects: Input should be a valid list"),
        ("hitObjects.0", 5, r"hitObjects\.0: Input should be a valid dictionary"),
        ("hitObjects.0.time", -1, r"hitObjects\.0\.time: Input should be greater than or equal to 0"),
        ("hitObjects.0.time", 0.25, r"hitObjects\.0\.time: Input should be a valid integer"),
        ("hitObjects.0.time", True, r"hitObjects\.0\.time: Input should be a valid integer"),
        ("hitObjects.0.time", 10**400, r"hitObjects\.0\.time: Input should be less than"),
        ("hitObjects.1.component", "", r"hitObjects\.1\.component: String should have at least 1 character"),
        ("hitObjects.1.component", None, r"hitObjects\.1\.component: Input should be a valid string"),
        ("hitObjects.1.velocity", 1.01, r"hitObjects\.1\.velocity: Input should be less than or equal to 1"),
        ("hitObjects.1.velocity", -0.1, r"hitObjects\.1\.velocity: Input should be greater than"),
        ("hitObjects.1.velocity", "0.5", r"hitObjects\.1\.velocity: Input should be a valid number"),
        ("hitObjects.1.lane", "2", r"hitObjects\.1\.lane: Input should be a valid integer"),
        ("editor", [], r"editor: Input should be a valid dictionary"),
        ("editor.bookmarks", [0.5], r"editor\.bookmarks\.0: Input should be a valid integer"),
        ("editor.aiGenerationMetadata.manualEdits", "no", r"manualEdits: Input should be a valid boolean"),
    ],
)
def test_a_value_that_no_map_can_have_is_named(
    path: str, value: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=rf"a\.bsm: .*{message}") as caught:
        read(save(tmp_path / "a.bsm", put(minimal(), path, value)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"{", r"not JSON: EOF while parsing an object at line 1 column 1"),
        (b"null", r"JSON: Input should be a valid dictionary"),
        (b"[]", r"JSON: Input should be a valid dictionary"),
        (b"{} x", r"not JSON: trailing characters"),
        (b"\xff\xfe{", r"not JSON: "),
        (b'{"version": NaN}', r"not JSON: "),
        (b'{"version": ' + b"[" * 100_000, r"not JSON: "),
        (b'{"version": ' + b"9" * 100_000 + b"}", r"(not JSON|version): "),
        (json.dumps(minimal()).encode()[:-40], r"not JSON: EOF"),
    ],
)
def test_what_is_no_json_object_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.bsm").write_bytes(content)
    with pytest.raises(FormatError, match=rf"a\.bsm: {message}") as caught:
        read(tmp_path / "a.bsm")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_byte_order_mark_and_whole_numbers_with_a_point_are_no_obstacle(tmp_path: Path) -> None:
    document = put(minimal(), "hitObjects.1.time", 500.0)
    (tmp_path / "a.bsm").write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    assert [hit.time for hit in read(tmp_path / "a.bsm")] == [0.0, 0.5]


def test_a_name_that_no_file_can_have_is_no_obstacle(tmp_path: Path) -> None:
    for name in ("a\0b.wav", "x" * 5000, "/dev/zero"):
        performance = read(save(tmp_path / "a.bsm", put(minimal(), "audio.filename", name)))
        write(performance, tmp_path / "b.bsm")
        assert read(tmp_path / "b.bsm").hits == performance.hits


def test_an_hour_with_40_000_hits_takes_a_moment(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 3600, 40_000))
    drums = [list(Drum)[i] for i in rng.integers(0, len(Drum), 40_000)]
    performance = Performance.of(Hit(float(t), d, 100, 0.5) for t, d in zip(times, drums, strict=True))
    began = time.process_time()
    write(performance, tmp_path / "a.bsm")
    assert len(read(tmp_path / "a.bsm")) == 40_000
    assert time.process_time() - began < 6
