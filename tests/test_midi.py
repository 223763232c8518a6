"""MIDI files: read as an independent reader does, written so that nothing moves by a millisecond."""

import logging
import os
from io import BytesIO
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import strategies
from drumlane.errors import FormatError
from drumlane.formats.midi import SIGNATURE, read_midi, read_midi_report, write_midi
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import GENERAL_MIDI, NOTE_OF_DRUM, TD17, Drum

MILLISECOND = 0.001
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
pretty_midi.pretty_midi.MAX_TICK = 1e9  # its own bound refuses an hour at a high resolution


def note(kind: str, pitch: int, time: int, velocity: int = 100, channel: int = 9) -> mido.Message:
    return mido.Message(kind, note=pitch, time=time, velocity=velocity, channel=channel)


def save(path: Path, *tracks: list[mido.Message], division: int = 480, kind: int = 1) -> Path:
    midi = mido.MidiFile(type=kind, ticks_per_beat=division)
    midi.tracks.extend(mido.MidiTrack(track) for track in tracks)
    midi.save(path)
    return path


def tempo(microseconds: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


def absolute(track: mido.MidiTrack) -> list[tuple[int, mido.Message]]:
    return list(zip(np.cumsum([message.time for message in track]).tolist(), track, strict=True))


# Writing and reading back -------------------------------------------------------------------------


@in_one_folder
@given(performance=strategies.performances())
@example(
    performance=Performance.of(
        [Hit(3600.0, Drum.KICK, 1), Hit(3600.0, Drum.RIDE, 127)], tempo=TempoMap.constant(127.3)
    )
)
@example(performance=Performance.of([Hit(3599.9999, Drum.SNARE, 64)], tempo=TempoMap.constant(20.0)))
def test_what_is_written_comes_back_within_a_millisecond(performance: Performance, tmp_path: Path) -> None:
    write_midi(performance, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    for drum in Drum:
        written = [hit.time for hit in performance if hit.drum is drum]
        read = np.array([hit.time for hit in back if hit.drum is drum])
        # Hits of one drum within a tick share it; every written hit is still where it was.
        assert len(read) <= len(written)
        assert all(np.abs(read - time).min() < MILLISECOND for time in written)
        assert all(np.abs(np.array(written) - time).min() < MILLISECOND for time in read)


@in_one_folder
@given(performance=strategies.performances())
def test_the_length_is_kept_to_a_tick(performance: Performance, tmp_path: Path) -> None:
    write_midi(performance, tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").duration == pytest.approx(performance.duration, abs=3 * MILLISECOND)


@in_one_folder
@given(performance=strategies.performances())
def test_a_file_that_was_read_is_written_the_same_again(performance: Performance, tmp_path: Path) -> None:
    write_midi(performance, tmp_path / "a.mid")
    once = read_midi(tmp_path / "a.mid")
    write_midi(once, tmp_path / "b.mid")
    twice = read_midi(tmp_path / "b.mid")
    assert twice.tempo == once.tempo
    assert [(hit.drum, hit.velocity) for hit in twice] == [(hit.drum, hit.velocity) for hit in once]
    np.testing.assert_allclose([h.time for h in twice], [h.time for h in once], atol=1e-9)


@settings(in_one_folder, max_examples=40)
@given(performance=strategies.performances(longest=120.0))
def test_an_independent_reader_finds_the_same_notes(performance: Performance, tmp_path: Path) -> None:
    write_midi(performance, tmp_path / "a.mid")
    other = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    mine = sorted((hit.time, NOTE_OF_DRUM[hit.drum], hit.velocity) for hit in read_midi(tmp_path / "a.mid"))
    theirs = sorted((n.start, n.pitch, n.velocity) for track in other.instruments for n in track.notes)
    assert [pitch for _, pitch, _ in sorted(theirs, key=lambda n: n[1:])] == [
        pitch for _, pitch, _ in sorted(mine, key=lambda n: n[1:])
    ]
    np.testing.assert_allclose([n[0] for n in theirs], [n[0] for n in mine], atol=1e-6)
    assert all(track.is_drum for track in other.instruments)


@in_one_folder
@given(performance=strategies.performances(longest=20.0))
def test_deltas_are_never_negative_and_notes_are_closed_before_they_are_struck_again(
    performance: Performance, tmp_path: Path
) -> None:
    write_midi(performance, tmp_path / "a.mid")
    for track in mido.MidiFile(tmp_path / "a.mid").tracks:
        assert all(message.time >= 0 for message in track)
        assert [message.type for message in track].index("end_of_track") == len(track) - 1
        sounding: dict[int, int] = {}
        for tick, message in absolute(track):
            if message.type == "note_on":
                assert message.note not in sounding
                sounding[message.note] = tick
            elif message.type == "note_off":
                assert tick > sounding.pop(message.note)
        assert sounding == {}


def test_every_drum_comes_back_as_itself_with_its_velocity(tmp_path: Path) -> None:
    hits = [Hit(0.5 * i, drum, 5 * i + 1) for i, drum in enumerate(Drum)]
    write_midi(Performance.of(hits), tmp_path / "a.mid")
    assert list(read_midi(tmp_path / "a.mid")) == hits


def test_notes_are_on_channel_10_in_a_track_named_drums_at_960_ticks(tmp_path: Path) -> None:
    write_midi(Performance.of([Hit(1.0, Drum.KICK, 80)], duration=2.0), tmp_path / "a.mid")
    midi = mido.MidiFile(tmp_path / "a.mid")
    assert (midi.type, midi.ticks_per_beat) == (1, 960)
    drums = midi.tracks[1]
    assert drums.name == "Drums"
    assert [
        (tick, m.type, m.channel, m.note, m.velocity) for tick, m in absolute(drums) if not m.is_meta
    ] == [
        (1920, "note_on", 9, 36, 80),
        (1970, "note_off", 9, 36, 0),
    ]
    assert absolute(drums)[-1][0] == 3840


def test_tempo_and_time_signature_are_in_the_file_120_bpm_and_4_4_by_default(tmp_path: Path) -> None:
    write_midi(Performance(), tmp_path / "a.mid")
    assert [m.dict() for m in mido.MidiFile(tmp_path / "a.mid").tracks[0][1:3]] == [
        {"type": "set_tempo", "tempo": 500000, "time": 0},
        mido.MetaMessage("time_signature", numerator=4, denominator=4).dict(),
    ]


def test_tempo_changes_and_time_signatures_come_back(tmp_path: Path) -> None:
    performance = Performance(
        (Hit(10.0, Drum.RIDE, 70),),
        TempoMap(
            (TempoChange(0.0, 100.0), TempoChange(8.0, 150.0)),
            (TimeSignature(0.0, 6, 8), TimeSignature(6.0, 5, 4)),
        ),
        12.0,
    )
    write_midi(performance, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert back.tempo == performance.tempo
    assert back.hits[0].time == pytest.approx(10.0, abs=MILLISECOND)


def test_an_empty_performance_gives_a_valid_file_of_its_length(tmp_path: Path) -> None:
    write_midi(Performance(duration=3.0), tmp_path / "a.mid")
    assert len(read_midi(tmp_path / "a.mid")) == 0
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(3.0)


def test_simultaneous_hits_of_several_drums_share_a_tick(tmp_path: Path) -> None:
    hits = [Hit(1.0, drum, 90) for drum in (Drum.KICK, Drum.SNARE, Drum.CRASH)]
    write_midi(Performance.of(hits), tmp_path / "a.mid")
    assert list(read_midi(tmp_path / "a.mid")) == sorted(hits)


def test_of_two_hits_of_one_drum_on_one_tick_the_louder_is_kept(tmp_path: Path) -> None:
    write_midi(
        Performance.of([Hit(1.0, Drum.KICK, 40), Hit(1.0001, Drum.KICK, 99), Hit(1.0, Drum.KICK, 60)]),
        tmp_path / "a.mid",
    )
    assert [hit.velocity for hit in read_midi(tmp_path / "a.mid")] == [99]


def test_a_tempo_too_slow_for_a_millisecond_gets_more_ticks(tmp_path: Path) -> None:
    write_midi(Performance(tempo=TempoMap.constant(4.0)), tmp_path / "a.mid")
    assert 15.0 / mido.MidiFile(tmp_path / "a.mid").ticks_per_beat < 2 * MILLISECOND


@pytest.mark.parametrize("bpm", [3.0, 1e9])
def test_a_tempo_that_midi_cannot_hold_is_refused(bpm: float, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.mid: .*bpm"):
        write_midi(Performance(tempo=TempoMap.constant(bpm)), tmp_path / "a.mid")
    assert list(tmp_path.iterdir()) == []


def test_a_performance_longer_than_midi_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FormatError, match=r"a\.mid: does not fit into MIDI \(more than 268435455 ticks long\)"
    ):
        write_midi(Performance(duration=1e9), tmp_path / "a.mid")


def test_a_time_signature_that_midi_cannot_hold_is_refused(tmp_path: Path) -> None:
    odd = TempoMap(signatures=(TimeSignature(0.0, 300, 4),))
    with pytest.raises(FormatError, match=r"a\.mid: does not fit into MIDI \(.*255"):
        write_midi(Performance(tempo=odd), tmp_path / "a.mid")


def test_a_missing_folder_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.mid: cannot be written, its folder does not exist"):
        write_midi(Performance(), tmp_path / "none" / "a.mid")


def test_a_failing_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "a.mid").mkdir()
    with pytest.raises(FormatError, match=r"a\.mid: cannot be written \(Is a directory\)"):
        write_midi(Performance(), tmp_path / "a.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


# Reading others' files ----------------------------------------------------------------------------


def test_tempo_changes_of_one_track_move_the_notes_of_another(tmp_path: Path) -> None:
    conductor = [tempo(500000), tempo(1000000, 960), tempo(250000, 480)]
    drums = [note("note_on", 36, 960), note("note_on", 38, 480), note("note_on", 38, 960)]
    path = save(tmp_path / "a.mid", conductor, drums)
    assert [hit.time for hit in read_midi(path)] == [1.0, 2.0, 2.5]
    np.testing.assert_allclose([1.0, 2.0, 2.5], pretty_midi_onsets(path))


def pretty_midi_onsets(path: Path) -> list[float]:
    other = pretty_midi.PrettyMIDI(str(path))
    return [other.tick_to_time(tick) for tick in (960, 1440, 2400)]


def test_a_note_on_with_velocity_0_is_a_note_off(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [note("note_on", 36, 0), note("note_on", 36, 480, velocity=0)])
    assert len(read_midi(path)) == 1


@pytest.mark.parametrize("kind", [0, 1])
def test_hits_on_channel_10_are_found_in_any_track_and_others_ignored(kind: int, tmp_path: Path) -> None:
    bass = [note("note_on", 36, 0, channel=0), note("note_on", 38, 480, channel=9)]
    drums = [note("note_on", 42, 240, channel=9)]
    tracks = [bass, drums] if kind else [bass + drums]
    hits = list(read_midi(save(tmp_path / "a.mid", *tracks, kind=kind)))
    assert {hit.drum for hit in hits} == {Drum.SNARE, Drum.HIHAT_CLOSED}


def test_drums_on_another_channel_are_read_when_every_note_is_a_drum(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [note("note_on", 36, 0, channel=0), note("note_on", 38, 480, channel=0)])
    assert [hit.drum for hit in read_midi(path)] == [Drum.KICK, Drum.SNARE]


def test_a_song_without_drums_is_refused_and_its_tracks_listed(tmp_path: Path) -> None:
    bass = [mido.MetaMessage("track_name", name="Bass"), note("note_on", 40, 0, channel=1)]
    piano = [note("note_on", 72, 0, channel=2)]
    path = save(tmp_path / "song.mid", [tempo(500000)], bass, piano)
    with pytest.raises(
        FormatError, match=r"song\.mid: no drums on channel 10 \(tracks: 'Bass', 'track 3'\); put"
    ):
        read_midi(path)


def test_a_file_without_notes_is_an_empty_performance(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [tempo(500000), mido.MetaMessage("end_of_track", time=960)])
    assert len(read_midi(path)) == 0
    assert read_midi(path).duration == 1.0


def test_unknown_notes_are_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = save(tmp_path / "a.mid", [note("note_on", pitch, 10) for pitch in (36, 99, 3, 99)])
    with caplog.at_level(logging.WARNING):
        assert len(read_midi(path)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: left out 1 of note 3, 2 of note 99, which the note map has no drum for"
    ]
    assert read_midi_report(path).unknown_notes == {3: 1, 99: 2}


def test_note_45_is_a_mid_tom_unless_drumlane_wrote_it(tmp_path: Path) -> None:
    theirs = save(tmp_path / "a.mid", [note("note_on", 45, 0)])
    ours = save(tmp_path / "b.mid", [mido.MetaMessage("text", text=SIGNATURE), note("note_on", 45, 0)])
    assert read_midi(theirs).hits[0].drum is Drum.TOM_MID
    assert read_midi(ours).hits[0].drum is Drum.TOM_LOW
    assert read_midi(ours, TD17).hits[0].drum is Drum.TOM_MID


def test_the_note_map_can_be_chosen(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [note("note_on", 52, 0)])
    assert read_midi(path, GENERAL_MIDI).hits[0].drum is Drum.CHINA
    assert read_midi(path, TD17).hits[0].drum is Drum.CRASH2


def test_times_and_velocities_are_plain_numbers(tmp_path: Path) -> None:
    hit = read_midi(save(tmp_path / "a.mid", [note("note_on", 36, 7)])).hits[0]
    assert type(hit.time) is float
    assert type(hit.velocity) is int


@pytest.mark.parametrize(("frames", "fps"), [(24, 24.0), (25, 25.0), (29, 30000 / 1001), (30, 30.0)])
def test_smpte_ticks_are_fractions_of_a_second_whatever_the_tempo(
    frames: int, fps: float, tmp_path: Path
) -> None:
    track = [tempo(123456), note("note_on", 36, round(fps * 40))]
    path = save(tmp_path / "a.mid", track, division=(-frames << 8) | 40)
    hit = read_midi(path).hits[0]
    assert hit.time == pytest.approx(round(fps * 40) / (fps * 40))


def test_independent_sequences_are_refused_and_a_single_one_is_read(tmp_path: Path) -> None:
    track = [note("note_on", 36, 0)]
    assert len(read_midi(save(tmp_path / "a.mid", track, kind=2))) == 1
    with pytest.raises(
        FormatError, match=r"b\.mid: type 2 \(independent sequences\); save it as type 0 or 1"
    ):
        read_midi(save(tmp_path / "b.mid", track, track, kind=2))


def test_an_impossible_time_signature_does_not_cost_the_hits(tmp_path: Path) -> None:
    odd = mido.MetaMessage("time_signature", numerator=0, denominator=4)
    path = save(tmp_path / "a.mid", [odd, note("note_on", 36, 0)])
    assert read_midi(path).tempo.signatures == (TimeSignature(0.0, 4, 4),)


# Broken files -------------------------------------------------------------------------------------


def whole_file() -> bytes:
    """A small file with meta events, running status and two tracks."""
    midi = mido.MidiFile(type=1, ticks_per_beat=480)
    meta = [
        mido.MetaMessage("track_name", name="Kit"),
        mido.MetaMessage("key_signature", key="Bb"),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("sequencer_specific", data=(1, 2, 3)),
    ]
    midi.tracks.append(mido.MidiTrack([*meta, tempo(400000), tempo(600000, 960)]))
    strokes = [note("note_on", 36 + i % 8, 60, velocity=30 + i) for i in range(24)]
    midi.tracks.append(mido.MidiTrack([mido.Message("sysex", data=(5, 6)), *strokes]))
    encoded = BytesIO()
    midi.save(file=encoded)
    return encoded.getvalue()


def read_bytes(content: bytes, folder: Path) -> Performance | None:
    """Return the performance, None for a FormatError; anything else is raised."""
    (folder / "a.mid").write_bytes(content)
    try:
        return read_midi(folder / "a.mid")
    except FormatError as error:
        message = str(error)
    assert message.startswith(str(folder / "a.mid"))
    assert "\n" not in message
    return None


@settings(in_one_folder, max_examples=400)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(0, 10_000),
)
def test_altered_bytes_give_a_performance_or_a_format_error(
    changes: list[tuple[int, int]], length: int, tmp_path: Path
) -> None:
    content = bytearray(whole_file())
    for place, value in changes:
        content[place % len(content)] = value
    read_bytes(bytes(content[: max(1, length)]), tmp_path)


@pytest.mark.parametrize("kept", range(1, len(whole_file()), 7))
def test_a_file_cut_anywhere_is_refused(kept: int, tmp_path: Path) -> None:
    assert read_bytes(whole_file()[:kept], tmp_path) is None


@in_one_folder
@given(content=st.binary(max_size=200))
def test_random_bytes_after_a_header_give_a_performance_or_a_format_error(
    content: bytes, tmp_path: Path
) -> None:
    read_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\xc8" + content, tmp_path)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.mid").touch()
    with pytest.raises(FormatError, match=r"a\.mid: is empty"):
        read_midi(tmp_path / "a.mid")


def test_something_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_text("time,drum\n")
    with pytest.raises(FormatError, match=r"a\.mid: is not a MIDI file"):
        read_midi(tmp_path / "a.mid")


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.mid: no such file"):
        read_midi(tmp_path / "a.mid")
    (tmp_path / "a.mid").mkdir()
    with pytest.raises(FormatError, match=r"a\.mid: cannot be read \(Is a directory\)"):
        read_midi(tmp_path / "a.mid")


def test_a_tempo_of_zero_names_the_tick(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [note("note_on", 36, 10), tempo(0, 20)])
    with pytest.raises(FormatError, match=r"a\.mid: damaged MIDI file \(0 µs a beat at tick 30\)"):
        read_midi(path)


@pytest.mark.parametrize(("division", "reason"), [(0, "0 ticks a beat"), (-256 * 31 + 40, "time division")])
def test_an_impossible_division_is_refused(division: int, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=rf"a\.mid: damaged MIDI file \({reason}"):
        read_midi(save(tmp_path / "a.mid", [note("note_on", 36, 10)], division=division))


def test_a_delta_longer_than_midi_allows_is_refused(tmp_path: Path) -> None:
    content = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x0c" + b"\xff" * 8 + b"\x7f\x99\x24\x40"
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(FormatError, match="more than 268435455 ticks between two events"):
        read_midi(tmp_path / "a.mid")


def test_a_name_with_a_newline_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_midi(tmp_path / "two\nlines.mid")
    assert str(caught.value).count("\n") == 0
    assert r"two\nlines.mid" in str(caught.value)


# Real files ---------------------------------------------------------------------------------------


@pytest.mark.shared
def test_real_grooves_agree_with_an_independent_reader(shared_data: Path) -> None:
    paths = sorted((shared_data / "grooves").rglob("*.mid"))[::60]
    assert paths
    for path in paths:
        report = read_midi_report(path, TD17)
        assert report.unknown_notes == {}
        mine = np.array([hit.time for hit in report.performance])
        other = pretty_midi.PrettyMIDI(os.fspath(path))
        theirs = np.sort([n.start for track in other.instruments for n in track.notes])
        # pretty_midi drops the few notes that end on their own tick; all it finds are here.
        assert 0.99 * len(mine) <= len(theirs) <= len(mine)
        assert np.abs(mine[:, None] - theirs[None, :]).min(axis=0).max() < 1e-9
