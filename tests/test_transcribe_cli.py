"""``drumlane transcribe``: which files it makes from which, what it says, and with which code it ends."""

import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SAMPLE_RATE, Run, drums, tones
from drumlane import formats
from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.cli.batch import Existing, Job, plan_jobs, settle_existing
from drumlane.cli.lane_values import parse_lane_values
from drumlane.cli.outputs import _tempo as said_tempo
from drumlane.errors import ConfigError
from drumlane.models.loading import SHIPPED
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoChange, TempoMap
from drumlane.vocabulary import LANE_NAMES, Drum, Lane

HITS = [(0.2, Lane.KICK), (0.5, Lane.SNARE), (0.5, Lane.RIDE), (0.8, Lane.HIHAT)]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return make_song(tmp_path / "song.wav")


def make_song(path: Path, hits: list[tuple[float, Lane]] = HITS, seconds: float = 1.2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(tones(hits, seconds), SAMPLE_RATE))
    return path


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# Planning ------------------------------------------------------------------------------------------


def test_outputs_lie_beside_their_inputs_or_in_the_output_folder() -> None:
    songs = [Path("a/one.mp3"), Path("b/two.v2.wav")]
    beside = plan_jobs(songs, None, [".mid", ".csv"])
    assert beside[0] == Job(songs[0], (Path("a/one.mid"), Path("a/one.csv")))
    assert [job.outputs for job in plan_jobs(songs, Path("out"), [".mid"])] == [
        (Path("out/one.mid"),),
        (Path("out/two.v2.mid"),),
    ]


def test_a_folder_is_searched_through_and_mirrored(tmp_path: Path) -> None:
    for name in ("b.MP3", "x/a.flac", "x/y/c.wav", "x/notes.txt", ".hidden/d.wav", "x/._a.flac", "b.kit.wav"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", [".mid"])
    outputs = [str(path.relative_to(tmp_path / "out")) for job in jobs for path in job.outputs]
    assert outputs == ["b.mid", "x/a.mid", "x/y/c.mid"]


def test_a_recording_named_twice_is_done_once(tmp_path: Path) -> None:
    make_song(tmp_path / "in" / "a.wav")
    jobs = plan_jobs([tmp_path / "in", tmp_path / "in" / "a.wav"], None, [".mid"])
    assert [job.problem for job in jobs] == [None]


def test_an_output_file_takes_one_recording() -> None:
    assert plan_jobs([Path("a.wav")], Path("x/take.mid"), [".mid", ".kit.wav"])[0].outputs == (
        Path("x/take.mid"),
        Path("x/take.kit.wav"),
    )
    with pytest.raises(ConfigError, match="one file for 2 recordings"):
        plan_jobs([Path("a.wav"), Path("b.wav")], Path("take.mid"), [".mid"])


def test_two_recordings_never_write_the_same_file() -> None:
    jobs = plan_jobs([Path("a/song.wav"), Path("b/song.mp3"), Path("c/other.wav")], Path("out"), [".mid"])
    assert "would be written by another input too" in str(jobs[0].problem)
    assert "would be written by another input too" in str(jobs[1].problem)
    assert jobs[2].problem is None


@pytest.mark.parametrize("existing", list(Existing))
def test_what_is_there_is_refused_skipped_or_replaced(tmp_path: Path, existing: Existing) -> None:
    there, missing = tmp_path / "song.mid", tmp_path / "song.csv"
    there.touch()
    job = settle_existing(Job(tmp_path / "song.wav", (there, missing)), existing)
    assert job.outputs == ((missing,) if existing is Existing.SKIP else (there, missing))
    assert (job.problem is not None) == (existing is Existing.REFUSE)


@given(st.dictionaries(st.sampled_from(LANE_NAMES), st.floats(0.001, 0.999), min_size=1))
def test_lane_values_are_read_as_written(values: dict[str, float]) -> None:
    text = ",".join(f"{name}={value!r}" for name, value in values.items())
    assert parse_lane_values([text], 0, 1) == values


def test_a_number_for_all_lanes_can_be_refined() -> None:
    values = parse_lane_values(["0.3", "kick=.2, ride = .4"], 0, 1)
    assert values == {**dict.fromkeys(LANE_NAMES, 0.3), "kick": 0.2, "ride": 0.4}
    assert parse_lane_values([], 0, 1) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kik=.3", "lane 'kik' is unknown; lanes: kick"),
        ("x", "not a number"),
        ("1", "less than 1"),
        ("", "not a n"),
    ],
)
def test_wrong_lane_values_are_explained(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_lane_values([text], 0, 1)


# The command ---------------------------------------------------------------------------------------


def test_a_song_becomes_midi_beside_it(run: Run, song: Path) -> None:
    code, out, err = run("song.wav")
    assert (code, err) == (0, [])
    assert out == ["song.wav: 4 hits (kick 1, snare 1, hihat 1, ride 1), 120.0 bpm 4/4 -> song.mid"]
    assert files_in(song.parent) == ["song.mid", "song.wav"]


def test_the_midi_holds_the_hits_to_the_millisecond(run: Run, song: Path) -> None:
    run("song.wav", "-f", "mid,json")
    exact = formats.read(song.with_suffix(".json"))
    read = formats.read(song.with_suffix(".mid"))
    assert [h.drum for h in read] == [h.drum for h in exact]
    assert [h.time for h in read] == pytest.approx([h.time for h in exact], abs=0.001)
    assert [h.time for h in read] == pytest.approx([time for time, _ in HITS], abs=0.003)
    midi = mido.MidiFile(song.with_suffix(".mid"))
    notes = [m for track in midi.tracks for m in track if m.type == "note_on" and m.velocity]
    assert {note.channel for note in notes} == {9}
    assert midi.ticks_per_beat >= 480
    assert min(m.time for track in midi.tracks for m in track) >= 0


def test_every_output_is_made_on_request(run: Run, song: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="--plot needs the plot extra")
    code, _, err = run(
        "song.wav", "-o", "new/out", "-f", "mid,csv,json", "--activations", "--plot", "--sonify", "clicks"
    )
    assert (code, err) == (0, [])
    made = [".activations.npz", ".clicks.wav", ".csv", ".json", ".mid", ".plot.png"]
    assert files_in(tmp_path / "new/out") == [f"song{suffix}" for suffix in made]
    plot = (tmp_path / "new/out/song.plot.png").read_bytes()
    assert plot.startswith(b"\x89PNG")
    width, height = (int.from_bytes(plot[at : at + 4]) for at in (16, 20))
    assert width > height, "a plot of what was heard, not a page of notation"
    with np.load(tmp_path / "new/out/song.activations.npz") as saved:
        assert saved["onset"].shape == (121, 8)
    heard = read_audio(tmp_path / "new/out/song.clicks.wav")
    assert heard.duration == pytest.approx(1.2)


def test_the_kit_can_be_heard_over_the_song(run: Run, song: Path) -> None:
    code, _, err = run("song.wav", "--sonify", "kit")
    assert (code, err) == (0, [])
    plain, played = (read_audio(song.with_suffix(suffix)).samples for suffix in (".wav", ".kit.wav"))
    assert len(plain) == len(played)
    snare = slice(round(0.5 * SAMPLE_RATE), round(0.55 * SAMPLE_RATE))
    alike = np.corrcoef(played[snare], plain[snare])[0, 1]
    assert alike < 0.9


def test_a_folder_is_transcribed_into_a_mirrored_folder(run: Run, tmp_path: Path) -> None:
    for name in ("in/a.wav", "in/deep/b.flac"):
        make_song(tmp_path / name)
    code, out, err = run("in", "-o", "out")
    assert (code, err) == (0, [])
    assert out[-1] == "2 transcribed"
    assert files_in(tmp_path / "out") == ["a.mid", "deep/b.mid"]


def test_thresholds_intervals_and_lanes_reach_the_transcription(run: Run, song: Path) -> None:
    def heard(*options: str) -> list[Drum]:
        run("song.wav", "-f", "json", "--force", "-q", *options)
        return [hit.drum for hit in formats.read(song.with_suffix(".json"))]

    assert Drum.KICK not in heard("--threshold", "kick=.9999")
    assert heard("--threshold", ".9999") == []
    assert Drum.HIHAT_CLOSED in heard("--lanes")
    assert len(heard("--min-interval", "snare=9,ride=9")) == 4


def test_an_existing_result_is_refused_and_the_others_are_done(run: Run, song: Path, tmp_path: Path) -> None:
    make_song(tmp_path / "other.wav")
    song.with_suffix(".mid").write_text("mine")
    code, out, err = run("song.wav", "other.wav")
    assert code == 1
    assert err[0] == "drumlane: song.mid: already there; pass --force or --skip-existing"
    assert err[-1] == "drumlane: 1 transcribed, 1 failed"
    assert out[0].startswith("other.wav: 4 hits")
    assert song.with_suffix(".mid").read_text() == "mine"
    code, out, err = run("song.wav", "other.wav", "--skip-existing", model=Path("not-even-loaded.onnx"))
    assert (code, err) == (0, [])
    assert out[-1] == "0 transcribed, 2 skipped"
    assert run("song.wav", "--force")[0] == 0
    assert len(formats.read(song.with_suffix(".mid"))) == 4


def test_quiet_prints_nothing_but_errors(run: Run, song: Path) -> None:
    assert run("song.wav", "-q") == (0, [], [])
    code, out, err = run("song.wav", "-q")
    assert (code, out, len(err)) == (1, [], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "kik=.3"], "drumlane: --threshold: lane 'kik' is unknown; lanes: kick"),
        (["--threshold", "0"], "drumlane: --threshold: 0 must be at least 0.001"),
        (["--min-interval", "nan"], "drumlane: --min-interval: nan must be at least 0"),
        (["-f", "mod"], "drumlane: -f: format 'mod' is unknown; formats: mid"),
        (["-f", "csv", "-o", "x.mid"], "drumlane: -f: -o names a .mid file"),
        (["--force", "--skip-existing"], "drumlane: --skip-existing: contradicts --force"),
        (["two.wav", "-o", "x.mid"], "drumlane: -o: x.mid: one file for 2 recordings"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run: Run, song: Path, arguments: list[str], message: str) -> None:
    code, out, err = run("song.wav", *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(message)
    assert files_in(song.parent) == ["song.wav"]


def test_no_recording_or_an_unknown_option_is_wrong_usage(run: Run) -> None:
    assert run(model=None)[0] == 2
    assert run("song.wav", "--no-such-option")[0] == 2
    assert run("song.wav", "--threads", "0")[0] == 2


def test_any_model_finds_its_song(any_model_path: Path, run: Run, tmp_path: Path) -> None:
    score = [(0.5 + 0.5 * i, (Lane.KICK, Lane.SNARE)[i % 2]) for i in range(8)]
    shipped = any_model_path == SHIPPED
    write_audio(tmp_path / "beat.wav", Audio((drums if shipped else tones)(score, 5.0), SAMPLE_RATE))
    assert run("beat.wav", "-f", "json", model=None if shipped else any_model_path)[0] == 0
    found = formats.read(tmp_path / "beat.json")
    for lane in (Lane.KICK, Lane.SNARE):
        expected = [time for time, wanted in score if wanted is lane]
        assert found.lane_times(lane) == pytest.approx(expected, abs=0.025)


@pytest.mark.slow
def test_a_one_second_file_costs_little_more_than_starting_python(detector_path: Path, song: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "drumlane", "transcribe", str(song), "--model", str(detector_path)]
    for _ in range(2):  # the first run may compile bytecode
        subprocess.run([*command, "--force"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        before = after
    assert seconds < 2.0  # the floor; 0.75 s on the machine this was written on
    heavy = "import sys, drumlane.cli.app; print({'torch', 'librosa', 'rich.progress'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", heavy], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "set()"


@pytest.mark.parametrize(
    ("tempos", "said"),
    [
        ([120.0], "120.0 bpm 4/4"),
        ([60.0, 120.0], "120.0 bpm 4/4"),  # a lead-in is no tempo of the music
        ([60.0, *np.linspace(100, 110, 101)], "100.5-109.5 bpm 4/4"),  # none of them lasts
        ([60.0, *[92.0] * 30, 300.0], "92.0 bpm 4/4"),
    ],
)
def test_the_tempo_of_a_recording_is_said_however_often_it_moves(tempos: list[float], said: str) -> None:
    changes = [TempoChange(8.0 * i, bpm) for i, bpm in enumerate(tempos)]
    tempo = TempoMap(changes)
    duration = float(tempo.beats_to_seconds(8.0 * len(tempos)))
    performance = Performance.of([Hit(0.5, Drum.KICK, 100)], duration=duration, tempo=tempo)
    assert said_tempo(performance) == said
