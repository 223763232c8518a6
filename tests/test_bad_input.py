"""Bad input: one clear line of error, the right exit code, nothing half-written, the others still done."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from conftest import SAMPLE_RATE, Run, card_for, tones
from drumlane import formats
from drumlane.audio.io import Audio, write_audio
from drumlane.models.card import write_card
from drumlane.vocabulary import Lane

HITS = [(0.2, Lane.KICK), (0.5, Lane.SNARE)]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    write_audio(tmp_path / "good.wav", Audio(tones(HITS, 1.0), SAMPLE_RATE))
    return tmp_path / "good.wav"


@pytest.fixture
def command(detector_path: Path) -> list[str]:
    return [sys.executable, "-m", "drumlane", "transcribe", "--model", str(detector_path)]


def outcome(command: list[str], *arguments: object) -> tuple[int, list[str], list[str]]:
    """Run the command in a process of its own: exit code, lines printed, lines of errors."""
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def write_truncated_flac(path: Path) -> None:
    whole = path.with_name("whole.flac")
    write_audio(whole, Audio(tones(HITS, 1.0), SAMPLE_RATE))
    path.write_bytes(whole.read_bytes()[:40])
    whole.unlink()


def write_floats(path: Path, samples: NDArray[np.float32]) -> None:
    soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")


def with_sample(value: float) -> NDArray[np.float32]:
    samples = tones(HITS, 1.0)
    samples[1000] = value
    return samples


UNREADABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("song.wav", lambda path: None, "no such file"),
    "empty": ("song.wav", lambda path: path.touch(), "is empty"),
    "of zero length": ("song.wav", lambda path: write_floats(path, np.zeros(0, np.float32)), "no samples"),
    "truncated in its header": ("song.flac", write_truncated_flac, ""),
    "corrupt": ("song.flac", lambda path: path.write_bytes(b"fLaC" + bytes(range(256)) * 40), ""),
    "no sound": ("notes.wav", lambda path: path.write_text("do re mi\n" * 500), ""),
    "with NaN": ("song.wav", lambda path: write_floats(path, with_sample(np.nan)), "0.023 s is nan"),
    "with infinity": ("song.wav", lambda path: write_floats(path, with_sample(np.inf)), "0.023 s is inf"),
}


@pytest.mark.parametrize(("name", "write", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_heard_is_one_line_and_the_others_are_done(
    run: Run,
    song: Path,
    tmp_path: Path,
    name: str,
    write: Callable[[Path], object],
    message: str,
) -> None:
    bad = tmp_path / name
    write(bad)
    code, out, err = run(bad, song, "-o", tmp_path / "out")
    assert code == 1
    assert len(err) == 2
    assert str(bad) in err[0]
    assert message in err[0]
    assert err[1] == "drumlane: 1 transcribed, 1 failed"
    assert out[0].startswith(f"{song}: 2 hits")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.mid"]


def test_a_single_bad_file_leaves_nothing_and_says_one_line(run: Run, tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "song.wav", "-o", tmp_path / "out")
    assert (code, out, len(err)) == (1, [], 1)
    assert list(tmp_path.iterdir()) == []


def test_a_cut_off_file_is_refused_or_used_as_far_as_it_goes(
    command: list[str], song: Path, tmp_path: Path
) -> None:
    song.write_bytes(song.read_bytes()[: round(0.4 * SAMPLE_RATE * 2)])
    code, out, err = outcome(command, song)
    assert (code, out) == (1, [])
    assert err == [
        f"drumlane: {song}: damaged or cut off after 0.40 s; get it again, or use that part with --partial"
    ]
    assert not song.with_suffix(".mid").exists()
    code, out, err = outcome(command, song, "--partial")
    assert code == 0
    assert out == [f"{song}: 1 hit (kick 1), 120.0 bpm 4/4 -> {song.with_suffix('.mid')}"]
    assert len(err) == 1
    assert str(song) in err[0]


def test_silence_gives_an_empty_valid_midi_file_and_says_so(run: Run, tmp_path: Path) -> None:
    write_audio(tmp_path / "quiet.wav", Audio(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE))
    code, out, err = run(tmp_path / "quiet.wav")
    midi = tmp_path / "quiet.mid"
    assert (code, err) == (0, [])
    assert out == [f"{tmp_path / 'quiet.wav'}: silence, no hits -> {midi}"]
    assert len(formats.read(midi)) == 0
    assert mido.MidiFile(midi).length == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(SAMPLE_RATE, 1, 1 / SAMPLE_RATE), (8000, 1, 1.0), (192000, 2, 1.0), (SAMPLE_RATE, 10, 1.0)],
    ids=["one sample", "8 kHz", "192 kHz", "ten channels"],
)
def test_unusual_sounds_are_transcribed(
    run: Run, tmp_path: Path, rate: int, channels: int, seconds: float
) -> None:
    samples = tones([hit for hit in HITS if hit[0] < seconds], seconds, rate)
    soundfile.write(tmp_path / "song.wav", np.tile(samples[:, None], channels), rate)
    code, _, err = run(tmp_path / "song.wav")
    assert (code, err) == (0, [])
    found = [hit.time for hit in formats.read(tmp_path / "song.mid")]
    assert found == pytest.approx([0.2, 0.5] if seconds == 1 else [], abs=0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize(
    "name", ["a song", "dr\u00fcms \u592a\u9f13 \U0001f941", "two\nlines", "-dash", "[bold]b"]
)
def test_names_of_any_kind_work_and_stay_on_one_line(run: Run, song: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(song, tmp_path / f"{name}.wav")
    code, out, err = run(tmp_path / f"{name}.wav")
    assert (code, err, len(out)) == (0, [], 1)
    assert len(formats.read(tmp_path / f"{name}.mid")) == 2


@pytest.mark.skipif(os.name != "posix", reason="only POSIX names can be bytes that are no text")
def test_a_name_that_is_no_text_is_shown_escaped(command: list[str], song: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    try:
        shutil.copy(song, tmp_path / name)
    except OSError:
        pytest.skip("this file system has no such names")
    code, out, err = outcome(command, tmp_path / name)
    assert (code, err, len(out)) == (0, [], 1)
    assert (tmp_path / os.fsdecode(b"caf\xe9.mid")).is_file()


def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    run: Run, song: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    code, out, err = run(song, "-o", tmp_path / "file" / "out")
    assert (code, out, len(err)) == (1, [], 1)
    assert "cannot be written into" in err[0]
    (tmp_path / "good.mid").mkdir()
    code, out, err = run(song, "--force")
    assert (code, out, len(err)) == (1, [], 1)
    assert "is a folder" in err[0]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_a_folder_without_permission_is_named(run: Run, song: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, err = run(song, "-o", tmp_path / "locked")
    assert (code, len(err)) == (1, 1)
    assert str(tmp_path / "locked") in err[0]


def test_an_output_equal_to_an_input_is_refused(run: Run, song: Path, tmp_path: Path) -> None:
    named_as_midi = song.rename(tmp_path / "take.mid")
    before = named_as_midi.read_bytes()
    for arguments in (
        [named_as_midi],
        [named_as_midi, "--force"],
        [named_as_midi, "-o", tmp_path / "x/../take.mid"],
    ):
        code, out, err = run(*arguments)
        assert (code, out, len(err)) == (1, [], 1)
        assert "is an input" in err[0]
    assert named_as_midi.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_an_interrupted_batch_keeps_what_is_finished_and_nothing_else(
    command: list[str], song: Path, tmp_path: Path
) -> None:
    write_long(tmp_path / "long.flac", minutes=40)
    arguments = [str(song), str(tmp_path / "long.flac"), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [command[0], "-u", *command[1:], *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(str(song))  # from here on it is busy with the long one
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err == "drumlane: interrupted; what is finished stays, nothing is half-written\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.mid"]


def heed_interrupts() -> None:
    """Undo what a shell does to programs it starts in the background, these tests among them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_model_of_another_version_is_refused(
    run: Run, detector_path: Path, song: Path, tmp_path: Path
) -> None:
    model = shutil.copy(detector_path, tmp_path / "model.onnx")
    write_card(card_for(detector_path), tmp_path / "model.json")
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(card | {"format_version": 1}))
    code, out, err = run(song, model=Path(model))
    assert (code, out, len(err)) == (1, [], 1)
    assert "has format_version 1" in err[0]
    assert not song.with_suffix(".mid").exists()


def write_long(path: Path, minutes: int) -> None:
    """Write near silence with a tone every five seconds, at 8 kHz."""
    minute = np.concatenate([tones([(0.1, lane)], 5.0, 8000) for lane in (Lane.KICK, Lane.SNARE) * 6])
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for _ in range(minutes):
            file.write(minute)


def peak_megabytes(command: list[str], path: Path) -> float:
    """Run the command in a process whose children are only it, and return its peak memory."""
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measure, *command, str(path)], capture_output=True, text=True, check=True
    )
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return int(done.stdout) / unit


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording_up_to_three_hours(
    any_model_path: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "drumlane",
        "transcribe",
        "--model",
        str(any_model_path),
        "--threads",
        "1",
    ]
    peaks = {}
    for minutes in (3, 180):
        path = tmp_path / f"{minutes}.flac"
        write_long(path, minutes)
        peaks[minutes] = peak_megabytes(command, path)
    assert peaks[180] < 500
    # Activations that nobody judges are 16 MB an hour, the table of beats 10 MB.
    assert peaks[180] <= peaks[3] + 80
    read = formats.read(tmp_path / "180.mid")
    assert read.duration == pytest.approx(3 * 3600, abs=1)
    if any_model_path.stem != "detector":
        assert peaks[180] <= 1.2 * peaks[3]
    else:
        assert len(read) == 180 * 12
        assert read.hits[-1].time == pytest.approx(3 * 3600 - 4.9, abs=0.01)
