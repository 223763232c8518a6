"""Clone Hero: both kinds of chart hold what was played, and another parser reads the same out of them."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import strategies
from drumlane import formats
from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.charting.chords import for_two_hands, gather, without_doubles
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.formats.clone_hero.chart_text import chart_of, read_chart, write_chart
from drumlane.formats.clone_hero.folder import read_folder, write_folder
from drumlane.formats.clone_hero.notes_midi import read_notes_midi, write_notes_midi
from drumlane.formats.clone_hero.pads import (
    ACCENT_FROM,
    DRUM_OF_PAD,
    GHOST_BELOW,
    LONGEST_FLAM,
    PAD_OF_LANE,
    SHARED_PEDAL,
    Dynamic,
    Pad,
    PadNote,
    place,
    with_double_kicks,
    with_flams,
)
from drumlane.formats.clone_hero.song_ini import read_song_ini, write_song_ini
from drumlane.formats.clone_hero.track import ChartTrack, track_of
from drumlane.formats.midi_file import load_midi, microseconds
from drumlane.formats.text_file import read_text
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import DRUM_OF_LANE, LANES, Drum, Lane
from node_material import needs_node, run_node

ROOT = Path(__file__).resolve().parents[1]
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# Event types and flags of scan-chart, which parses like Clone Hero.
TYPE_OF_PAD = {Pad.KICK: 12, Pad.RED: 13, Pad.YELLOW: 14, Pad.BLUE: 15, Pad.GREEN: 16}
DOUBLE, TOM, CYMBAL, GHOST, ACCENT, FLAM = 8, 16, 32, 512, 1024, 256


def flags_of(note: PadNote, flams: bool) -> int:
    flags = DOUBLE if note.double_kick else 0
    if note.pad is not Pad.KICK:  # red is always a drum
        flags |= CYMBAL if note.cymbal else TOM
    flags |= {Dynamic.GHOST: GHOST, Dynamic.ACCENT: ACCENT, Dynamic.NORMAL: 0}[note.dynamic]
    return flags | (FLAM if note.flam and flams else 0)


def some_performance(seed: int, n_hits: int = 60) -> Performance:
    """Return hits of all lanes with tempo changes and names, some together, some flams, some fast kicks."""
    rng = np.random.default_rng(seed)
    times = np.sort(np.round(rng.uniform(2.0, 30.0, n_hits), int(rng.integers(1, 6))))
    hits = [
        Hit(float(t), DRUM_OF_LANE[LANES[int(rng.integers(8))]], int(rng.integers(1, 128))) for t in times
    ]
    hits += [replace(h, time=h.time + 0.03, velocity=min(127, h.velocity + 9)) for h in hits[::9]]
    hits += [Hit(float(rng.uniform(2, 30)) + 0.1 * k, Drum.KICK, 90) for k in range(5)]
    changes = [TempoChange(0.0, float(rng.uniform(25, 240)))]
    changes += [TempoChange(float(b), float(rng.uniform(25, 240))) for b in np.sort(rng.uniform(1, 40, 3))]
    bars = (TimeSignature(0.0, 4, 4), TimeSignature(16.0, int(rng.integers(2, 8)), 4))
    song = Song(f"Title {seed}", "Artist", sections=(Section(0.0, "Intro"), Section(9.0, "Verse 1")))
    return Performance(tuple(hits), TempoMap(tuple(changes), bars), 31.0, song)


# The table ----------------------------------------------------------------------------------------


def test_every_lane_has_a_pad_of_its_own_and_comes_back() -> None:
    assert set(PAD_OF_LANE) == set(Lane)
    assert len(set(PAD_OF_LANE.values())) == len(Lane)
    for lane, pad in PAD_OF_LANE.items():
        assert DRUM_OF_PAD[pad] is DRUM_OF_LANE[lane]


@pytest.mark.parametrize(
    ("struck", "written"),
    [
        ("hihat hi_tom", {(Pad.BLUE, True), (Pad.YELLOW, False)}),
        ("ride mid_tom", {(Pad.GREEN, True), (Pad.BLUE, False)}),
        ("crash low_tom", {(Pad.BLUE, True), (Pad.GREEN, False)}),
        ("hihat hi_tom ride", {(Pad.YELLOW, True), (Pad.BLUE, True)}),  # blue is taken: the tom goes
        ("kick snare crash", {(Pad.KICK, False), (Pad.RED, False), (Pad.GREEN, True)}),
        ("hihat hi_tom crash low_tom", {(Pad.BLUE, True), (Pad.YELLOW, False), (Pad.GREEN, True)}),
    ],
)
def test_a_colour_is_never_tom_and_cymbal_in_one_tick(struck: str, written: set[tuple[Pad, bool]]) -> None:
    hits = [(0, Hit(0.0, DRUM_OF_LANE[Lane[name.upper()]], 80)) for name in struck.split()]
    assert {(note.pad, note.cymbal) for note in place(hits).values()} == written


@given(strategies.performances(longest=60.0))
def test_no_tick_has_a_pad_twice_and_toms_stay_what_they_are(performance: Performance) -> None:
    strokes = [(round(hit.time * 100), hit) for hit in performance]
    placed = place(strokes)
    pads = [(note.tick, note.pad) for note in placed.values()]
    assert len(pads) == len(set(pads))
    for (_tick, lane), note in placed.items():
        assert note.cymbal == PAD_OF_LANE[lane][1]
        assert note.cymbal or note.pad is PAD_OF_LANE[lane][0]


@pytest.mark.parametrize(
    ("velocity", "dynamic"),
    [
        (1, "GHOST"),
        (GHOST_BELOW - 1, "GHOST"),
        (GHOST_BELOW, "NORMAL"),
        (ACCENT_FROM, "ACCENT"),
        (127, "ACCENT"),
    ],
)
def test_velocities_are_kept_in_three_steps(velocity: int, dynamic: str) -> None:
    (note,) = place([(0, Hit(0.0, Drum.SNARE, velocity))]).values()
    assert note.dynamic is Dynamic[dynamic]


def placed_at(strokes: list[tuple[float, Drum, int]]) -> list[PadNote]:
    hits = [(round(1000 * time), Hit(time, drum, velocity)) for time, drum, velocity in strokes]
    seconds = {tick: hit.time for tick, hit in hits}
    return sorted(with_double_kicks(with_flams(place(hits), seconds), seconds).values())


def test_two_close_strokes_are_a_flam_and_a_roll_is_not() -> None:
    flam = placed_at([(1.0, Drum.SNARE, 40), (1.03, Drum.SNARE, 100)])
    assert [(n.tick, n.flam) for n in flam] == [(1030, True)]
    falling = placed_at([(1.0, Drum.SNARE, 120), (1.03, Drum.SNARE, 30)])
    assert [n.flam for n in falling] == [False, False]
    roll = placed_at([(1 + 0.035 * k, Drum.SNARE, 80) for k in range(6)])
    assert len(roll) == 6
    assert not any(n.flam for n in roll)
    cymbals = placed_at([(1.0, Drum.RIDE, 40), (1.03, Drum.RIDE, 100)])
    assert len(cymbals) == 2


def test_fast_kicks_are_shared_between_two_feet() -> None:
    run = placed_at([(1 + 0.1 * k, Drum.KICK, 90) for k in range(6)])
    assert [n.double_kick for n in run] == [False, True, False, True, False, True]
    slow = placed_at([(1 + (SHARED_PEDAL + 0.01) * k, Drum.KICK, 90) for k in range(4)])
    assert not any(n.double_kick for n in slow)


# Round trips --------------------------------------------------------------------------------------


def expected_of(
    performance: Performance, path: Path, hold=lambda bpm: 60e6 / microseconds(bpm)
) -> ChartTrack:
    return track_of(performance, hold, path, {Level.EXPERT: performance})


@in_one_folder
@pytest.mark.parametrize("name", ["notes.mid", "a.chart"])
@given(performance=strategies.performances(longest=600.0), song=strategies.songs(600.0))
def test_what_is_read_back_is_what_the_chart_holds(
    name: str, performance: Performance, song: Song, tmp_path: Path
) -> None:
    performance = replace(performance, song=song)
    path = tmp_path / name
    formats.write(performance, path)
    back = formats.read(path)
    strokes = [h for h in performance if h.drum.lane is not None]
    times = np.array([h.time for h in strokes] or [-1.0])
    # Every stroke read stands where one was played, at most a millisecond off; a grace stroke is put anew.
    for hit in back:
        near = np.abs(times - hit.time).min()
        assert near <= 1.0e-3 or (hit.velocity == Dynamic.GHOST.value and near <= LONGEST_FLAM)
    # Every stroke played is read, but for what the table says: softer ones on a pad, toms in conflict.
    found = np.array([h.time for h in back] or [-1.0])
    for hit in strokes:
        assert np.abs(found - hit.time).min() <= max(1.0e-3, LONGEST_FLAM)
    again = tmp_path / f"again-{name}" if name != "notes.mid" else tmp_path / "again" / name
    again.parent.mkdir(exist_ok=True)
    formats.write(back, again)
    assert [(h.drum, h.velocity) for h in formats.read(again)] == [(h.drum, h.velocity) for h in back]


@in_one_folder
@given(performance=strategies.performances(longest=600.0))
def test_both_files_hold_the_same_notes(performance: Performance, tmp_path: Path) -> None:
    write_notes_midi(performance, tmp_path / "notes.mid")
    write_chart(performance, tmp_path / "a.chart")
    for level in (Level.EASY, Level.EXPERT):
        try:
            midi = read_notes_midi(tmp_path / "notes.mid", level)
        except FormatError:  # a .chart has empty sections, a notes.mid has nothing
            assert not len(read_chart(tmp_path / "a.chart", level))
            continue
        text = read_chart(tmp_path / "a.chart", level)
        plain = [h for h in midi if h.velocity != Dynamic.GHOST.value]
        other = [h for h in text if h.velocity != Dynamic.GHOST.value]
        assert [h.drum for h in plain] == [h.drum for h in other]
        np.testing.assert_allclose([h.time for h in plain], [h.time for h in other], atol=2e-3)


def test_names_and_sections_come_back_and_hostile_ones_break_nothing(tmp_path: Path) -> None:
    for title in ('He said "no"', "two\nlines", "= { } [Song]", "ü €  𝄞", "; comment", "x" * 300):
        song = Song(
            title, "A", "B", "C", "2026", "me", sections=(Section(0.0, 'sec "1"\n'), Section(3.0, "zwei ü"))
        )
        performance = Performance.of([Hit(2.5, Drum.SNARE, 90), Hit(4.0, Drum.KICK, 90)], 5.0)
        write_chart(replace(performance, song=song), tmp_path / "a.chart")
        back = read_chart(tmp_path / "a.chart")
        assert len(back) == 2
        assert back.song.artist == "A"
        assert [round(s.time) for s in back.song.sections] == [0, 3]
        write_song_ini(replace(performance, song=song), tmp_path / "song.ini")
        named = read_song_ini(tmp_path / "song.ini")
        assert (named.artist, named.charter, named.year) == ("A", "me", "2026")
        assert "\n" not in named.title
    assert read_song_ini(tmp_path / "song.ini").title == "x" * 300


def test_an_hour_with_many_tempos_keeps_every_time_to_a_millisecond(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    changes = tuple(TempoChange(4.0 * k, float(rng.uniform(60, 200))) for k in range(1500))
    hits = [Hit(float(t), Drum.SNARE, 80) for t in np.arange(2.0, 3600.0, 1.37)]
    performance = Performance(tuple(hits), TempoMap(changes), 3600.0)
    for name in ("notes.mid", "a.chart"):
        formats.write(performance, tmp_path / name)
        back = formats.read(tmp_path / name)
        off = np.abs(np.array([h.time for h in back]) - [h.time for h in hits])
        assert off.max() <= 1e-3


def test_a_midi_file_with_a_drum_part_is_a_chart_whatever_its_name(tmp_path: Path) -> None:
    performance = some_performance(3)
    write_notes_midi(performance, tmp_path / "notes.mid")
    (tmp_path / "notes.mid").rename(tmp_path / "song.mid")
    write_notes_midi(performance, tmp_path / "notes.mid")
    assert formats.read(tmp_path / "song.mid").hits == formats.read(tmp_path / "notes.mid").hits


# Charts of others ---------------------------------------------------------------------------------

CHART = """[Song]
{
  Name = "X"
  Resolution = 192
}
[SyncTrack]
{
  0 = TS 4
  0 = B 120000
  192 = TS 6 3
}
[Events]
{
  0 = E "section Intro"
  768 = E "prc_verse"
}
[ExpertDrums]
{
  384 = N 2 0
  384 = N 66 0
  0 = N 0 0
  96 = N 32 0
  192 = N 1 0
  192 = N 34 0
  384 = N 1 0
  384 = N 40 0
  768 = S 2 96
}
"""


def test_a_chart_is_read_as_its_rules_say(tmp_path: Path) -> None:
    (tmp_path / "a.chart").write_bytes(b"\xef\xbb\xbf" + CHART.replace("\n", "\r\n").encode())
    back = formats.read(tmp_path / "a.chart")
    assert [(h.time, h.drum, h.velocity) for h in back] == [
        (0.0, Drum.KICK, 85),
        (0.25, Drum.KICK, 85),
        (0.5, Drum.SNARE, 120),
        (1.0, Drum.HIHAT_CLOSED, 85),
        (1.0, Drum.SNARE, 30),
    ]
    assert back.tempo.signatures == (TimeSignature(0.0, 4, 4), TimeSignature(1.0, 6, 8))
    assert [s.name for s in back.song.sections] == ["Intro", "verse"]
    assert back.song.title == "X"
    track = chart_of(read_text(tmp_path / "a.chart"), "a.chart")
    assert track.star_power == ((768, 864),)


def test_five_lanes_are_two_cymbals_and_three_drums() -> None:
    five = "384 = N 2 0\n  480 = N 4 0\n  576 = N 5 0\n  672 = N 3 0\n"
    text = CHART.replace("384 = N 2 0\n  384 = N 66 0\n", five)
    notes = chart_of(text, "a.chart").notes[Level.EXPERT]
    drums = {note.tick: DRUM_OF_PAD[note.pad, note.cymbal] for note in notes if note.pad > Pad.RED}
    assert drums == {384: Drum.HIHAT_CLOSED, 480: Drum.CRASH, 576: Drum.TOM_LOW, 672: Drum.TOM_MID}


BROKEN = [
    ("", "is empty"),
    ("hello", "is no chart"),
    ("[Song]\n{\n", "no drums on level expert; levels: none"),
    (CHART.replace("Resolution = 192", "Resolution = x"), "Resolution = x is no number"),
    (CHART.replace("Resolution = 192", "Resolution = 0"), "Resolution = 0 is no number"),
    (CHART.replace("Resolution = 192", "Resolution = -5"), "Resolution = -5 is no number"),
    (CHART.replace("Resolution = 192", "Resolution = 99999999999"), "is no number of ticks"),
    (CHART.replace("B 120000", "B 0"), "line 9: a tempo of 0 is none"),
    (CHART.replace("B 120000", "B -7"), "line 9: a tempo of -7"),
    (CHART.replace("B 120000", "B x"), "line 9: 'x' is no whole number"),
    (CHART.replace("B 120000", "B " + "9" * 400), "is no whole number"),
    (CHART.replace("TS 6 3", "TS 0 3"), "is no time signature"),
    (CHART.replace("TS 6 3", "TS 4 99"), "is no time signature"),
    (CHART.replace("TS 6 3", "TS 4 -1"), "is no time signature"),
    (CHART.replace("384 = N 2", "-4 = N 2"), "'-4' is no tick"),
    (CHART.replace("384 = N 2", "x = N 2"), "line 19: 'x' is no tick"),
    (CHART.replace("384 = N 2", "9" * 30 + " = N 2"), "is no tick"),
    (CHART.replace("384 = N 2", "3.5 = N 2"), "'3.5' is no tick"),
    (CHART.replace("N 66 0", "N a 0"), "'a' is no whole number"),
    (CHART.replace("S 2 96", "S 2 b"), "'b' is no whole number"),
    (CHART.replace("S 2 96", "S z 3"), "'z' is no whole number"),
    (CHART.replace('0 = E "section', 'q = E "section'), "'q' is no tick"),
    (CHART.replace("ExpertDrums", "HardDrums"), "no drums on level expert; levels: hard"),
    (CHART.replace("ExpertDrums", "ExpertSingle"), "no drums on level expert"),
    (CHART[: CHART.index("[ExpertDrums]")], "no drums on level expert"),
    ("\x00" * 50, "is no chart"),
    ("{" * 5000, "is no chart"),
    ("[]\n" * 2000, "is no chart"),
    ("=" * 5000, "is no chart"),
    (CHART.replace("[Song]", "Song").replace("[SyncTrack]", "SyncTrack"), "is no chart"),
    (CHART.replace("ExpertDrums", "ÉxpertDrums"), "no drums on level"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_chart_says_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.chart").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        read_chart(tmp_path / "a.chart")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(40))
def test_a_chart_s_midi_file_that_is_altered_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    write_notes_midi(some_performance(seed, 20), tmp_path / "notes.mid")
    whole = (tmp_path / "notes.mid").read_bytes()
    rng = np.random.default_rng(seed)
    content = bytearray(whole[: int(rng.integers(10, len(whole)))] if seed % 4 == 0 else whole)
    for _ in range(seed % 5):
        content[int(rng.integers(len(content)))] = int(rng.integers(256))
    (tmp_path / "notes.mid").write_bytes(bytes(content))
    with contextlib.suppress(FormatError):
        read_notes_midi(tmp_path / "notes.mid")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("x = 1", "no section"),
        ("[song]\n", "no section"),
        ("[Other]\nname = a", "no section"),
    ],
)
def test_a_broken_song_ini_says_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "song.ini").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_song_ini(tmp_path / "song.ini")


def test_midi_without_a_drum_part_names_its_tracks(tmp_path: Path) -> None:
    midi = mido.MidiFile()
    midi.tracks.append(mido.MidiTrack([mido.MetaMessage("track_name", name="PART GUITAR")]))
    midi.save(tmp_path / "notes.mid")
    with pytest.raises(FormatError, match=r"no track PART DRUMS \(tracks: 'PART GUITAR'\)"):
        read_notes_midi(tmp_path / "notes.mid")


# Another parser -----------------------------------------------------------------------------------


@needs_node
def test_clone_hero_s_own_rules_read_our_events_out_of_both_files(tmp_path: Path) -> None:
    paths, expected = [], {}
    for seed in range(210):
        performance = some_performance(seed)
        for name, write in ((f"{seed}.mid", write_notes_midi), (f"{seed}.chart", write_chart)):
            path = tmp_path / name
            write(performance, path, {Level.EXPERT: performance})
            paths.append(str(path))
            expected[str(path)] = (
                chart_of(read_text(path), path) if path.suffix == ".chart" else expected_of(performance, path)
            )
    read = run_node("scan_chart.mjs", {"files": paths})["files"]
    n_events = 0
    for path, track in expected.items():
        flams = path.endswith(".mid")
        theirs = sorted(read[path]["levels"]["expert"]["notes"])
        seconds = track.tempo.ticks_to_seconds([n.tick for n in track.notes[Level.EXPERT]], track.resolution)
        ours = sorted(
            (1000 * float(time), TYPE_OF_PAD[note.pad], flags_of(note, flams))
            for time, note in zip(seconds, track.notes[Level.EXPERT], strict=True)
        )
        assert [e[1:] for e in theirs] == [list(e[1:]) for e in ours]
        np.testing.assert_allclose([e[0] for e in theirs], [e[0] for e in ours], atol=1.0)
        n_events += len(ours)
    assert n_events > 20_000


@needs_node
def test_hits_come_back_from_the_other_parser_to_a_millisecond(tmp_path: Path) -> None:
    """Straight from what was played, without our own chart in between."""
    hits, paths = {}, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        times = 2 + np.cumsum(rng.uniform(0.15, 0.6, 60))
        drums = [DRUM_OF_LANE[LANES[int(k)]] for k in rng.integers(0, 8, 60)]
        played = [Hit(float(t), d, 80) for t, d in zip(times, drums, strict=True)]
        tempo = some_performance(seed).tempo
        for name, write in (("mid", write_notes_midi), ("chart", write_chart)):
            path = tmp_path / f"{seed}.{name}"
            write(Performance(tuple(played), tempo, 60.0), path)
            hits[str(path)] = played
            paths.append(str(path))
    for path, found in run_node("scan_chart.mjs", {"files": paths})["files"].items():
        theirs = sorted(found["levels"]["expert"]["notes"])
        assert len(theirs) == len(hits[path])
        for (ms, kind, flags), hit in zip(theirs, hits[path], strict=True):
            pad, cymbal = PAD_OF_LANE[hit.drum.lane]  # type: ignore[index]
            assert abs(ms / 1000 - hit.time) <= 1e-3
            assert kind == TYPE_OF_PAD[pad]
            assert bool(flags & CYMBAL) == cymbal


# What scan-chart says of a whole song, and why it may.
JUSTIFIED = {
    "noAlbumArt",  # a picture is the user's to add
    "albumArtSize",
    "isDefaultBPM",  # a song of one tempo that happens to be 120
    "difficultyNotReduced",  # where Expert asks no more than Hard allows
}


@needs_node
def test_a_song_folder_is_playable_and_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    played = for_two_hands(gather(formats.read(ROOT / "examples" / "groove.mid")))
    named = replace(played, song=Song("Groove", "drumlane"))
    for name in ("notes.mid", "notes.chart"):
        folder = tmp_path / name.partition(".")[2]
        charted = write_folder(named, folder, ROOT / "examples" / "groove.ogg", charts=(name,))
        assert charted.hits[0].time >= 2.0
        assert {p.name for p in folder.iterdir()} == {name, "song.ini", "song.ogg"}
        found = run_node("scan_chart.mjs", {"folders": [str(folder)]})["folders"][str(folder)]
        assert found["playable"]
        assert {i["folderIssue"] for i in found["folderIssues"]} <= JUSTIFIED
        assert {i["metadataIssue"] for i in found["metadataIssues"]} <= JUSTIFIED
        assert {i["noteIssue"] for i in found["chartIssues"]} <= JUSTIFIED, json.dumps(found["chartIssues"])
        assert found["name"] == "Groove"
        assert {c["difficulty"] for c in found["noteCounts"]} == {"easy", "medium", "hard", "expert"}


@pytest.mark.slow
@needs_node
@pytest.mark.shared
def test_what_drummers_played_in_the_development_clips_is_read_the_same(
    shared_data: Path, tmp_path: Path
) -> None:
    played, folders = {}, []
    for path in sorted((shared_data / "dev-audio").rglob("*.csv")):
        if path.name == "dev.csv" or not len(clip := formats.read(path)):
            continue
        charted = write_folder(
            for_two_hands(gather(without_doubles(clip))),
            tmp_path / path.stem,
            charts=("notes.mid", "notes.chart"),
        )
        played[path.stem] = charted
        folders.append(str(tmp_path / path.stem))
    assert len(folders) >= 80
    files = [f"{folder}/{name}" for folder in folders for name in ("notes.mid", "notes.chart")]
    found = run_node("scan_chart.mjs", {"files": files, "folders": folders})
    issues = {i["noteIssue"] for folder in found["folders"].values() for i in folder["chartIssues"]}
    assert issues <= JUSTIFIED
    for path, read in found["files"].items():
        charted = played[Path(path).parent.name]
        theirs = np.array([event[0] for event in read["levels"]["expert"]["notes"]]) / 1000
        ours = np.array([hit.time for hit in charted if hit.drum.lane is not None])
        assert np.abs(theirs[:, None] - ours[None]).min(axis=1).max() <= 1e-3
        graces = np.abs(ours[:, None] - theirs[None]).min(axis=1)
        assert graces.max() <= LONGEST_FLAM + 1e-3, "what is not there is the grace stroke of a flam"


# Folders ------------------------------------------------------------------------------------------


def test_a_folder_holds_chart_and_recording_with_the_same_silence_before_them(tmp_path: Path) -> None:
    click = np.zeros((44100, 2), dtype=np.float32)
    click[22050, :] = 0.9
    write_audio(tmp_path / "in.wav", Audio(click, 44100))
    performance = Performance.of([Hit(0.5, Drum.SNARE, 90)], 1.0, TempoMap.constant(100.0))
    write_folder(performance, tmp_path / "song", tmp_path / "in.wav")
    back = read_folder(tmp_path / "song")
    audio = read_audio(tmp_path / "song" / "song.ogg")
    assert back.hits[0].time == pytest.approx(0.5 + 2.4, abs=1e-3)  # a bar at 100 bpm
    assert np.argmax(np.abs(audio.samples)) / 44100 == pytest.approx(back.hits[0].time, abs=2e-3)
    assert back.song.audio == tmp_path / "song" / "song.ogg"
    assert formats.read(tmp_path / "song").hits == back.hits


def test_a_recording_that_needs_no_silence_is_copied_as_it_is(tmp_path: Path) -> None:
    performance = Performance.of([Hit(4.5, Drum.SNARE, 90)], 10.0)
    write_folder(performance, tmp_path / "song", ROOT / "examples" / "groove.ogg")
    assert (tmp_path / "song" / "song.ogg").read_bytes() == (ROOT / "examples" / "groove.ogg").read_bytes()


def test_a_folder_is_replaced_only_when_asked_and_other_files_stay(tmp_path: Path) -> None:
    performance = Performance.of([Hit(4.5, Drum.SNARE, 90)], 10.0)
    write_folder(performance, tmp_path / "song")
    (tmp_path / "song" / "album.png").write_bytes(b"picture")
    with pytest.raises(FormatError, match="already there; pass --force"):
        write_folder(performance, tmp_path / "song")
    write_folder(performance, tmp_path / "song", replace_it=True)
    assert (tmp_path / "song" / "album.png").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["song"], "nothing half-written stays"


def test_a_folder_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"nothing\.wav"):
        write_folder(
            Performance.of([Hit(0.5, Drum.SNARE, 90)], 1.0), tmp_path / "song", tmp_path / "nothing.wav"
        )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"no notes\.chart or notes\.mid in this folder"):
        formats.read(tmp_path / "empty")


def test_levels_agree_about_pads_where_markers_count_for_all(tmp_path: Path) -> None:
    performance = some_performance(8, 200)
    write_notes_midi(performance, tmp_path / "notes.mid")
    expert = {(h.time, h.drum) for h in read_notes_midi(tmp_path / "notes.mid")}
    for level in (Level.EASY, Level.MEDIUM, Level.HARD):
        lower = {(h.time, h.drum) for h in read_notes_midi(tmp_path / "notes.mid", level)}
        assert lower <= expert
    assert load_midi(tmp_path / "notes.mid").ticks_per_beat % 480 == 0
