"""Rendering to a file: attacks on their samples, kits by name, and one line for what is wrong."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane import formats
from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.audio.level import level_gain
from drumlane.cli.app import main
from drumlane.errors import ConfigError, DatasetError
from drumlane.performance import Hit, Performance
from drumlane.rendering.kit_folder import read_kit_folder
from drumlane.rendering.kits import SAMPLE_RATE, Kit
from drumlane.rendering.procedural import embedded_kit
from drumlane.rendering.render import PEAK_DB, RenderOptions, complete_voices, named_kit, render
from drumlane.vocabulary import Drum

DRY = RenderOptions(room="none", tail=0.5)
GROOVE = Performance.of(
    [
        Hit(0.25, Drum.KICK, 110),
        Hit(0.25, Drum.HIHAT_CLOSED, 80),
        Hit(0.75, Drum.SNARE, 100),
        Hit(1.25, Drum.TOM_LOW, 90),
        Hit(1.5, Drum.CRASH, 120),
    ],
    duration=2.0,
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line and returns exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drumlane", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        code = stop.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return command


@pytest.fixture
def groove(tmp_path: Path) -> Path:
    path = tmp_path / "groove.mid"
    formats.write(GROOVE, path)
    return path


@settings(max_examples=15, deadline=None)
@given(time=st.floats(0.01, 1.0), drum=st.sampled_from([Drum.KICK, Drum.SNARE, Drum.TOM_HIGH, Drum.RIDE]))
def test_the_attack_of_a_hit_lies_on_its_sample(time: float, drum: Drum) -> None:
    sound = render(Performance.of([Hit(time, drum, 110)]), embedded_kit(), DRY).samples
    attack = round(time * SAMPLE_RATE)
    assert np.abs(sound[:attack]).max(initial=0.0) < 1e-4
    assert np.abs(sound[attack : attack + 132]).max() > 0.2 * np.abs(sound).max()


@settings(max_examples=8, deadline=None)
@given(room=st.sampled_from(["none", "booth", "studio", "hall"]), rate=st.sampled_from([22050, 44100, 48000]))
def test_a_rendering_peaks_one_decibel_below_full_scale_and_has_the_asked_length(
    room: str, rate: int
) -> None:
    audio = render(GROOVE, embedded_kit(), RenderOptions(room=room, sample_rate=rate, tail=0.5))
    assert len(audio.samples) == round(2.5 * rate)
    peak_db = 20 * np.log10(np.abs(audio.samples).max())
    # Without the highest octave a lower rate may peak lower or, by ringing, a little higher.
    assert peak_db == pytest.approx(PEAK_DB, abs=0.05 if rate == 44100 else 3.0)


def test_the_same_seed_gives_the_same_recording_and_another_seed_another() -> None:
    takes = [render(GROOVE, embedded_kit(), RenderOptions(seed=s)).samples for s in (1, 1, 2)]
    np.testing.assert_array_equal(takes[0], takes[1])
    assert not np.array_equal(takes[0], takes[2])


def test_a_larger_room_rings_longer() -> None:
    def late_energy(room: str) -> float:
        sound = render(
            Performance.of([Hit(0.0, Drum.SIDE_STICK, 120)]), embedded_kit(), RenderOptions(room=room)
        ).samples
        return float(np.mean(sound[SAMPLE_RATE // 2 :] ** 2))

    assert late_energy("none") < late_energy("studio") < late_energy("hall")


def test_the_backing_stands_beside_the_drums_at_the_asked_level() -> None:
    music = 0.01 * np.sin(2 * np.pi * 330 / SAMPLE_RATE * np.arange(SAMPLE_RATE)).astype(np.float32)
    silent = Performance((), duration=1.0)
    assert np.abs(render(silent, embedded_kit(), DRY).samples).max() == 0.0
    drums = render(GROOVE, embedded_kit(), DRY).samples
    for level_db in (-12.0, 0.0, 12.0):
        options = RenderOptions(room="none", tail=0.5, backing_db=level_db)
        mix = render(GROOVE, embedded_kit(), options, music).samples
        share = np.dot(mix[-SAMPLE_RATE:], drums[-SAMPLE_RATE:]) / np.dot(
            drums[-SAMPLE_RATE:], drums[-SAMPLE_RATE:]
        )
        beside = mix[: len(music)] - share * drums[: len(music)]  # the music ends after one second
        got = level_gain(share * drums, SAMPLE_RATE) / level_gain(beside, SAMPLE_RATE)
        assert 20 * np.log10(got) == pytest.approx(level_db, abs=0.5)


def test_nothing_to_render_is_refused() -> None:
    with pytest.raises(ConfigError, match="no hits, no length and no tail"):
        render(Performance(), embedded_kit(), RenderOptions(tail=0.0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"room": "hal"}, "room 'hal' is unknown; rooms: hall"),
        ({"sample_rate": 0}, "sample rate 0 must be in"),
        ({"tail": -1.0}, "tail -1.0 must be 0 to 60"),
        ({"tail": float("nan")}, "tail nan must be"),
        ({"backing_db": 99.0}, "backing level 99.0 -60 to 60"),
    ],
)
def test_settings_out_of_range_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RenderOptions(**fields)  # type: ignore[arg-type]


def test_a_drum_the_kit_lacks_is_played_on_the_embedded_kit_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = embedded_kit()
    kit = Kit("small", "small", {Drum.KICK: whole.pieces[Drum.KICK]})
    voices = complete_voices(kit, GROOVE)
    assert voices.keys() == GROOVE.counts().keys()
    assert "kit small has no" in caplog.text
    assert "snare" in caplog.text
    assert "kick" not in caplog.text


def test_kits_are_found_by_name() -> None:
    assert named_kit("procedural") is embedded_kit()
    assert named_kit("procedural:5").name == "procedural:5"
    with pytest.raises(ConfigError, match="the seed must be a whole number"):
        named_kit("procedural:-1")
    with pytest.raises(ConfigError, match="kit 'nope' is unknown; pass procedural"):
        named_kit("nope")


def write_sample(path: Path, level: float, n_silent: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = np.zeros(4000, dtype=np.float32)
    sound[n_silent:] = level * np.exp(-np.arange(4000 - n_silent) / 500) * np.cos(np.arange(4000 - n_silent))
    write_audio(path, Audio(sound, SAMPLE_RATE))


def test_a_folder_of_samples_is_a_kit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_sample(tmp_path / "snare" / "1_1.wav", 0.3)
    write_sample(tmp_path / "snare" / "1_2.wav", 0.35)
    write_sample(tmp_path / "snare" / "2_1.wav", 0.9, n_silent=333)
    write_sample(tmp_path / "Kick.wav", 0.5)
    write_sample(tmp_path / "bagpipe.wav", 0.5)
    kit = read_kit_folder(tmp_path)
    assert set(kit.pieces) == {Drum.KICK, Drum.SNARE}
    soft, hard = kit.pieces[Drum.SNARE].layers
    assert (soft.low, soft.high, hard.low, hard.high) == (1, 64, 65, 127)
    assert [len(layer.samples) for layer in (soft, hard)] == [2, 1]
    assert abs(hard.samples[0].onset - 333) <= 1
    assert not kit.pieces[Drum.KICK].natural
    assert "left out bagpipe.wav" in caplog.text


def test_a_folder_without_drums_or_with_a_silent_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing in it is named like a drum; names: kick"):
        read_kit_folder(tmp_path)
    write_audio(tmp_path / "kick.wav", Audio(np.zeros(100, dtype=np.float32), SAMPLE_RATE))
    with pytest.raises(DatasetError, match=r"kick\.wav: is silent"):
        read_kit_folder(tmp_path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_the_command_writes_the_sound_and_says_so(run: Run, groove: Path, suffix: str) -> None:
    output = groove.with_suffix(f".{suffix}")
    code, said, complained = run("render", groove, output, "--room", "booth", "--tail", 1)
    assert (code, complained) == (0, "")
    assert f"groove.mid: 3.0 s -> {output}" in said
    assert read_audio(output).duration == pytest.approx(3.0, abs=0.01)


def test_the_command_lays_a_backing_under_a_kit_from_a_folder(run: Run, groove: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "kit" / "kick.wav", 0.5)
    backing = tmp_path / "music.wav"
    write_sample(backing, 0.5)
    options = ["--kit", tmp_path / "kit", "--backing", backing, "--backing-level", "-6", "--seed", "3"]
    code, _, complained = run("render", groove, tmp_path / "out.wav", *options)
    assert code == 0
    assert "has no" not in complained.replace("kit kit has no", "")
    assert (tmp_path / "out.wav").exists()


@pytest.mark.shared
def test_the_command_plays_kits_of_a_manifest(
    run: Run, groove: Path, tmp_path: Path, shared_data: Path
) -> None:
    options = ["--kits-manifest", shared_data / "kits" / "kits.csv", "--kit"]
    assert run("render", groove, tmp_path / "out.wav", *options, "muldjord_close")[0] == 0
    code, _, complained = run("render", groove, tmp_path / "out2.wav", *options, "muldjord_clos")
    assert code == 1
    assert "kits: muldjord_close" in complained


def test_a_note_map_says_what_the_notes_mean(run: Run, tmp_path: Path) -> None:
    groove = tmp_path / "toms.mid"
    formats.write(Performance.of([Hit(0.0, Drum.TOM_LOW, 100)], 0.5), groove)
    for name in ("drumlane", "gm"):  # note 45 is a low tom in the first and a mid tom in the second
        assert run("render", groove, tmp_path / f"{name}.wav", "--map", name, "--room", "none")[0] == 0
    low, mid = (read_audio(tmp_path / f"{name}.wav").samples for name in ("drumlane", "gm"))
    assert np.argmax(np.abs(np.fft.rfft(low))) < np.argmax(np.abs(np.fft.rfft(mid)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mid", "out.wav"], "missing.mid: "),
        (["groove.mid", "there.wav"], "there.wav: already there; pass --force"),
        (["groove.mid", "groove.mid"], "groove.mid: is the input itself"),
        (["groove.mid", "there.wav", "--force", "--backing", "there.wav"], "is the input itself"),
        (["groove.mid", "out.wav", "--backing", "missing.wav"], "missing.wav: no such file"),
        (["groove.mid", "out.xyz"], "out.xyz"),
        (["groove.mid", "nowhere/out.wav"], "out.wav"),
        (["groove.mid", "out.wav", "--map", "td7"], "MIDI map 'td7' is unknown; maps: td17"),
        (["groove.mid", "out.wav", "--room", "bath"], "room 'bath' is unknown"),
        (["groove.mid", "out.wav", "--kit", "nope"], "kit 'nope' is unknown"),
        (
            ["groove.mid", "out.wav", "--kits-manifest", "kits.csv", "--kit", "a"],
            "kits.csv: cannot read the kit manifest",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing_behind(
    run: Run, groove: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(groove.parent)
    Path("there.wav").write_bytes(b"mine")
    before = sorted(groove.parent.iterdir())
    code, said, complained = run("render", *arguments)
    assert (code, said) == (1, "")
    assert complained.startswith("drumlane: ")
    assert complained.count("\n") == 1
    assert message in complained
    assert sorted(groove.parent.iterdir()) == before
    assert Path("there.wav").read_bytes() == b"mine"


def test_wrong_usage_exits_with_2(run: Run, groove: Path) -> None:
    assert run("render", groove)[0] == 2
    assert run("render", groove, "out.wav", "--seed", "-1")[0] == 2


def test_force_replaces_a_result(run: Run, groove: Path) -> None:
    output = groove.with_suffix(".wav")
    output.write_bytes(b"old")
    assert run("render", groove, output, "--force")[0] == 0
    assert read_audio(output).duration == pytest.approx(4.0, abs=0.01)
