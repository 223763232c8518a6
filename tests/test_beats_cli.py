"""``drumlane transcribe`` with what is known of tempo and bars, and ``drumlane train beats``."""

from pathlib import Path

import pytest

from beat_material import groove, usual_bpm, usual_signature
from conftest import SAMPLE_RATE, Run, tones
from drumlane import formats
from drumlane.audio.io import Audio, write_audio


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return twelve seconds of rock at 100 bpm, from second 0.6 on."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    hits = [
        (hit.time, hit.drum.lane) for hit in groove("rock", 100, 12.0, start=0.6) if hit.drum.lane is not None
    ]
    write_audio(path, Audio(tones(hits, 12.0), SAMPLE_RATE))
    return path


def test_the_midi_file_and_the_line_about_it_have_the_tempo(run: Run, song: Path, tmp_path: Path) -> None:
    code, out, err = run(str(song), "-o", str(tmp_path))
    assert (code, err) == (0, [])
    assert ", 100.0 bpm 4/4 -> " in out[0]
    tempo = formats.read(tmp_path / "song.mid").tempo
    assert usual_bpm(tempo, 12.0) == pytest.approx(100, abs=0.01)
    first = float(tempo.seconds_to_beats(0.6))
    assert first == pytest.approx(round(first), abs=0.03)


@pytest.mark.parametrize(
    ("options", "bpm", "signature"),
    [
        (("--beats", "none"), 120.0, "4/4"),
        (("--bpm", "50", "--offset", "0.6"), 50.0, "4/4"),
        (("--bpm", "99.5", "--offset", "0.6", "--time-signature", "3/4"), 99.5, "3/4"),
        (("--tempo-candidates", "50,210", "--time-signature", "4/4"), 50.0, "4/4"),
    ],
)
def test_what_is_known_is_written(
    run: Run, song: Path, tmp_path: Path, options: tuple[str, ...], bpm: float, signature: str
) -> None:
    code, out, _ = run(str(song), "-o", str(tmp_path), *options)
    assert code == 0
    assert f", {bpm:.1f} bpm {signature} -> " in out[0]
    tempo = formats.read(tmp_path / "song.mid").tempo
    assert usual_bpm(tempo, 12.0) == pytest.approx(bpm, abs=0.05)
    assert usual_signature(tempo, 12.0) == signature


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bpm", "0"), "--bpm: 0 bpm is outside 20 to 480"),
        (("--bpm", "nan"), "--bpm: nan bpm is outside"),
        (("--offset", "-0.1"), "--offset: -0.1 must be seconds"),
        (("--time-signature", "4-4"), "--time-signature: time signature '4-4'"),
        (("--time-signature", "6/7"), "--time-signature: time signature 6/7"),
        (("--tempo-candidates", "90;180"), "--tempo-candidates: '90;180' must be numbers"),
        (("--tempo-candidates", "90,1800"), "--tempo-candidates: 1800 bpm is outside"),
        (("--bpm", "90", "--tempo-candidates", "90"), "--tempo-candidates: a tempo and candidates"),
        (("--beats", "madmom"), "--beats: tracker 'madmom' is unknown; trackers: "),
    ],
)
def test_impossible_beats_are_wrong_usage(
    run: Run, song: Path, options: tuple[str, ...], message: str
) -> None:
    code, out, err = run(str(song), *options)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"drumlane: {message}")


def test_a_tracker_that_is_not_installed_is_named(run: Run, song: Path, tmp_path: Path) -> None:
    code, _, err = run(str(song), "-o", str(tmp_path), "--beats", "beat_this")
    assert code == 1
    assert "beat_this, which is not installed" in err[0]
