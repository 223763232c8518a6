"""Separation: strokes apart from tones as librosa does it, and Demucs' drums by their name."""

import sys
import tracemalloc
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import strategies
from conftest import drums
from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.errors import AudioError, ConfigError, DrumlaneError
from drumlane.separation import demucs_stem
from drumlane.separation.demucs_stem import demucs_drums, load_demucs
from drumlane.separation.hpss import HpssOptions, percussive_blocks
from drumlane.separation.stems import check_method, write_stem
from drumlane.vocabulary import Lane

RATE = 44100
Samples = NDArray[np.float32]


def percussive(samples: Samples, options: HpssOptions | None = None) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *percussive_blocks([samples], options)])


def song(seconds: float = 2.0) -> Samples:
    """Return drums with a chord under them, the chord louder."""
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    chord = sum(0.15 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6, 440.0))
    hits = [(0.25 * k, Lane.SNARE if k % 2 else Lane.KICK) for k in range(int(seconds * 4))]
    return np.asarray(drums(hits, seconds) * 0.5 + chord, dtype=np.float32)


# HPSS ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [1, 511, 2048, 7777, 131_072, 300_001])
@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_strokes_are_those_of_librosa(n_samples: int, margin: float) -> None:
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(n_samples)
    tone = 0.3 * np.sin(np.arange(n_samples) * 0.05)
    samples = np.asarray(tone + 0.1 * rng.standard_normal(n_samples), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "n_fft=2048 is too large" for the shortest
        spectra = librosa.stft(samples)
        expected = librosa.istft(
            librosa.decompose.hpss(spectra, margin=(1.0, margin))[1], length=n_samples, dtype=np.float32
        )
    np.testing.assert_allclose(percussive(samples, HpssOptions(margin=margin)), expected, atol=2e-6)


@settings(max_examples=20)
@given(signal=strategies.signals(60_000), cuts=strategies.cut_points)
def test_blocks_of_any_length_give_the_same_sound_as_the_whole(signal: Samples, cuts: list[float]) -> None:
    pieces = strategies.pieces_of(signal, cuts)
    in_pieces = [np.zeros(0, np.float32), *percussive_blocks(pieces)]
    np.testing.assert_array_equal(np.concatenate(in_pieces), percussive(signal))
    assert len(percussive(signal)) == len(signal)


def test_silence_stays_silent_and_full_scale_stays_in_bounds() -> None:
    assert not percussive(np.zeros(5000, np.float32)).any()
    noise = np.random.default_rng(0).uniform(-1, 1, 20_000).astype(np.float32)
    assert np.abs(percussive(noise)).max() < 1.5


def test_a_chord_goes_and_strokes_stay() -> None:
    mix, n = song(), round(2.0 * RATE)
    t = np.arange(n) / RATE
    chord = np.asarray(0.6 * np.sin(2 * np.pi * 330 * t), dtype=np.float32)[RATE // 2 : -RATE // 2]
    inside = percussive(chord)[RATE // 4 : -RATE // 4]
    assert np.sqrt(np.mean(inside**2)) < 0.02 * np.sqrt(np.mean(chord**2))
    alone = percussive(mix)
    attacks = [round(k * 0.25 * RATE) for k in range(1, 8)]
    for attack in attacks:
        before = np.sqrt(np.mean(alone[attack - 4000 : attack - 1000] ** 2))
        assert np.abs(alone[attack : attack + 2000]).max() > 5 * before


@pytest.mark.parametrize("change", [{"n_fft": 2000}, {"kernel": 30}, {"margin": 0.5}, {"power": 0.0}])
def test_an_analysis_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hops must divide n_fft"):
        HpssOptions(**change)


def test_memory_does_not_depend_on_the_length() -> None:
    def peak(n_blocks: int) -> int:
        rng = np.random.default_rng(0)
        blocks = (rng.standard_normal(RATE, dtype=np.float32) * 0.1 for _ in range(n_blocks))
        tracemalloc.start()
        for _ in percussive_blocks(blocks):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    short, long = peak(6), peak(36)
    assert long < 1.1 * short
    assert long < 120 * 2**20


# Stems --------------------------------------------------------------------------------------------


def test_the_strokes_of_a_file_are_written_as_long_as_the_file(tmp_path: Path) -> None:
    write_audio(tmp_path / "song.flac", Audio(np.stack([song(), 0 * song()], axis=1), RATE))
    write_stem(tmp_path / "song.flac", tmp_path / "song.drums.wav", "hpss")
    stem = read_audio(tmp_path / "song.drums.wav")
    assert stem.sample_rate == RATE
    np.testing.assert_allclose(stem.samples, percussive(song() / 2), atol=2e-4)  # 16 bits, on either side


def test_a_song_that_cannot_be_read_leaves_no_stem(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"song\.wav: "):
        write_stem(tmp_path / "song.wav", tmp_path / "song.drums.wav", "hpss")
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


@pytest.mark.parametrize("method", ["none", "hpss", "demucs", "demucs:htdemucs_ft"])
def test_methods_have_names(method: str) -> None:
    assert check_method(method) == method


@pytest.mark.parametrize("method", ["", "hps", "hpss:2", "demucs:", "spleeter"])
def test_an_unknown_method_lists_the_known(method: str) -> None:
    with pytest.raises(ConfigError, match=rf"separation '{method}' is unknown; methods: "):
        check_method(method)


# Demucs -------------------------------------------------------------------------------------------


class Halves:
    """A separator of the same interface as Demucs': the drums are the left channel, in any place."""

    def __init__(self, names: tuple[str, ...] = ("vocals", "other", "drums"), rate: int = 32_000) -> None:
        self.names, self.samplerate, self.audio_channels = names, rate, 2
        self.heard: Any = None

    def separate_tensor(self, wav: Any, sr: int | None = None) -> tuple[Any, Mapping[str, Any]]:
        assert sr == self.samplerate
        self.heard = wav
        sources = dict.fromkeys(self.names, wav * 0)
        if "drums" in sources:
            sources["drums"] = wav * 0.5
        return wav, sources


@pytest.mark.train
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_drums_are_taken_by_name_in_stereo_at_the_models_rate(n_channels: int, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    frames = np.stack([song() * (channel + 1) / 4 for channel in range(n_channels)], axis=1)
    write_audio(tmp_path / "song.wav", Audio(frames, RATE))
    model = Halves()
    stem = demucs_drums(tmp_path / "song.wav", model)
    at_its_rate = read_audio(tmp_path / "song.wav", 32_000, mono=False).samples
    assert stem.sample_rate == 32_000
    assert stem.samples.shape == (len(at_its_rate), 2)
    expected = at_its_rate if n_channels == 2 else at_its_rate.mean(axis=1, keepdims=True).repeat(2, axis=1)
    np.testing.assert_allclose(stem.samples, 0.5 * expected, atol=1e-6)
    assert tuple(model.heard.shape) == (2, len(at_its_rate))


@pytest.mark.train
def test_a_model_without_drums_says_what_it_has(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write_audio(tmp_path / "song.wav", Audio(song(), RATE))
    with pytest.raises(DrumlaneError, match=r"no source 'drums' \(it has vocals, bass\)"):
        demucs_drums(tmp_path / "song.wav", Halves(("vocals", "bass")))


def test_without_demucs_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_audio(tmp_path / "song.wav", Audio(song(), RATE))
    monkeypatch.setattr(demucs_stem, "find_spec", lambda name: None)
    with pytest.raises(
        DrumlaneError, match=r"which is not installed .* pip install demucs, or choose hpss"
    ) as e:
        write_stem(tmp_path / "song.wav", tmp_path / "stem.wav", "demucs")
    assert "\n" not in str(e.value)
    assert not (tmp_path / "stem.wav").exists()


@pytest.mark.slow
def test_the_real_demucs_separates_with_a_model_without_weights(tmp_path: Path) -> None:
    pytest.importorskip("demucs", reason="Demucs is no part of drumlane; pip install demucs to test it")
    write_audio(tmp_path / "song.wav", Audio(song(), 22_050))
    separator = load_demucs("demucs_unittest")  # Demucs' own, with random weights: nothing is fetched
    stem = demucs_drums(tmp_path / "song.wav", separator)
    assert stem.sample_rate == separator.samplerate == 44_100
    assert stem.samples.shape == (2 * len(song()), 2)
    assert np.isfinite(stem.samples).all()
    write_stem(tmp_path / "song.wav", tmp_path / "stem.wav", "demucs:demucs_unittest")
    assert len(read_audio(tmp_path / "stem.wav").samples) == 2 * len(song())


@pytest.mark.slow
def test_a_model_that_demucs_does_not_have_is_named() -> None:
    pytest.importorskip("demucs", reason="Demucs is no part of drumlane; pip install demucs to test it")
    with pytest.raises(DrumlaneError, match="Demucs cannot load its model 'no_such_model'") as caught:
        load_demucs("no_such_model")
    assert "\n" not in str(caught.value)


def test_importing_stems_loads_no_torch() -> None:
    import subprocess

    code = "import sys, drumlane.separation.stems; print({'torch', 'scipy', 'demucs'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
