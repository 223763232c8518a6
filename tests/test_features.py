"""Features: equal to librosa's, the same in blocks as whole, frame i centred on i / fps."""

import tracemalloc
from dataclasses import fields, replace

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import strategies
from drumlane.audio import features
from drumlane.audio.features import FeatureSpec, FeatureStream, hz_to_mel, log_mel, mel_filters, mel_to_hz

SPEC = FeatureSpec()
PLAIN = FeatureSpec(sample_rate=8000, n_fft=256, hop_length=80, n_mels=20, fmax=4000.0, n_low=0)
SMALL = replace(PLAIN, n_low=6, low_n_fft=1024, low_fmin=30.0, low_fmax=200.0)
SPECS = [
    SPEC,
    PLAIN,
    SMALL,
    FeatureSpec(sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128, fmax=11025.0),
    FeatureSpec(n_mels=40, fmin=0.0, log_gain=1.0),
]


def librosa_log_mel(samples: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop_length,
        n_mels=spec.n_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
        power=1.0,
        htk=True,
        center=True,
        pad_mode="constant",
    )
    return np.asarray(np.log1p(spec.log_gain * mel).T)


def drum_like(spec: FeatureSpec, seconds: float = 2.0) -> NDArray[np.float32]:
    """Bursts of noise and falling tones at a recording's level."""
    rng = np.random.default_rng(7)
    t = np.arange(round(seconds * spec.sample_rate)) / spec.sample_rate
    envelope = np.exp(-12.0 * (t % 0.25))
    return np.asarray(
        0.5 * envelope * (0.5 * rng.standard_normal(len(t)) + np.sin(2 * np.pi * 80 * t)), np.float32
    )


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_features_equal_librosas_to_1e_5(spec: FeatureSpec) -> None:
    samples = drum_like(spec)
    mels = log_mel(samples, spec)[:, : spec.n_mels]
    np.testing.assert_allclose(mels, librosa_log_mel(samples, spec), rtol=1e-5, atol=1e-5)


def tone(hz: float, spec: FeatureSpec, seconds: float = 1.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * spec.sample_rate)) / spec.sample_rate
    return np.asarray(0.3 * np.sin(2 * np.pi * hz * t), np.float32)


@given(st.floats(50.0, 400.0))
@settings(max_examples=30, deadline=None)
def test_a_low_tone_is_loudest_in_the_low_band_nearest_to_it(hz: float) -> None:
    low = log_mel(tone(hz, SPEC, 0.5), SPEC)[25, SPEC.n_mels :]
    bands = np.geomspace(SPEC.low_fmin, SPEC.low_fmax, SPEC.n_low)
    nearest = int(np.abs(np.log(bands / hz)).argmin())
    assert abs(int(low.argmax()) - nearest) <= 1
    assert low.max() > 2 * np.delete(low, slice(max(0, nearest - 3), nearest + 4)).max()


def test_toms_a_third_apart_lie_in_different_low_bands_and_in_one_mel_band() -> None:
    high, mid = (log_mel(tone(hz, SPEC), SPEC)[50] for hz in (124.0, 105.0))
    mels, low = slice(0, SPEC.n_mels), slice(SPEC.n_mels, None)
    assert abs(int(high[mels].argmax()) - int(mid[mels].argmax())) <= 1
    assert int(high[low].argmax()) - int(mid[low].argmax()) >= 2


def test_low_bands_are_the_long_windows_spectrum_to_a_thirtieth() -> None:
    rng = np.random.default_rng(3)
    signal = sum(tone(hz, SPEC) for hz in (60.0, 97.0, 151.0, 333.0)) + tone(7000.0, SPEC)
    signal += rng.normal(0, 1e-3, len(signal)).astype(np.float32)
    middle = len(signal) // 2 // SPEC.hop_length
    centre, half = middle * SPEC.hop_length, SPEC.low_n_fft // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SPEC.low_n_fft) / SPEC.low_n_fft)
    exact = np.abs(np.fft.rfft(signal[centre - half : centre + half] * window))
    bins = np.geomspace(SPEC.low_fmin, SPEC.low_fmax, SPEC.n_low) * SPEC.low_n_fft / SPEC.sample_rate
    expected = np.interp(bins, np.arange(len(exact)), exact)
    found = np.expm1(log_mel(np.asarray(signal, np.float32), SPEC)[middle, SPEC.n_mels :])
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=0.03)


def test_features_without_low_bands_are_the_first_ones_of_those_with_them() -> None:
    samples = drum_like(SPEC, 0.5)
    plain = log_mel(samples, replace(SPEC, n_low=0))
    np.testing.assert_allclose(log_mel(samples, SPEC)[:, : SPEC.n_mels], plain, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("spec", SPECS)
def test_the_filter_bank_equals_librosas(spec: FeatureSpec) -> None:
    theirs = librosa.filters.mel(
        sr=spec.sample_rate, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, htk=True
    )
    np.testing.assert_allclose(mel_filters(spec), theirs.T, atol=1e-7)


def test_no_filter_of_the_default_is_empty() -> None:
    assert np.all(mel_filters(SPEC).sum(axis=0) > 0)


@given(st.floats(0.0, 20_000.0))
def test_hz_come_back_from_mels(hz: float) -> None:
    assert float(mel_to_hz(hz_to_mel(hz))) == pytest.approx(hz, abs=1e-6)


@pytest.mark.parametrize("n_samples", [0, 1, 79, 80, 81, 255, 256, 257, 8000])
def test_there_is_one_frame_and_one_more_per_whole_hop(n_samples: int) -> None:
    frames = log_mel(np.zeros(n_samples, np.float32), SMALL)
    assert frames.shape == (1 + n_samples // 80, 26) == (SMALL.n_frames(n_samples), SMALL.n_bands)
    assert frames.dtype == np.float32


@settings(deadline=None)
@given(strategies.signals(), strategies.cut_points)
def test_blocks_of_any_lengths_give_what_the_whole_gives(
    signal: NDArray[np.float32], cuts: list[float]
) -> None:
    stream = FeatureStream(SMALL)
    blocks = [stream.push(piece) for piece in strategies.pieces_of(signal, cuts)]
    joined = np.concatenate([*blocks, stream.finish()])
    whole = log_mel(signal, SMALL)
    assert joined.shape == whole.shape
    np.testing.assert_allclose(joined, whole, rtol=1e-5, atol=1e-6)


def test_samples_one_by_one_give_what_the_whole_gives() -> None:
    signal = drum_like(SMALL, 0.1)
    stream = FeatureStream(SMALL)
    blocks = [stream.push(sample[None]) for sample in signal]
    np.testing.assert_allclose(np.concatenate([*blocks, stream.finish()]), log_mel(signal, SMALL), rtol=1e-5)


@pytest.mark.parametrize("frame", [0, 1, 57, 100])
def test_a_click_is_loudest_in_the_frame_it_lies_on(frame: int) -> None:
    signal = np.zeros(SPEC.sample_rate + 1, np.float32)
    signal[round(frame / SPEC.fps * SPEC.sample_rate)] = 1.0
    assert int(log_mel(signal, SPEC).sum(axis=1).argmax()) == frame


@given(st.integers(0, 40))
def test_a_delay_of_whole_hops_moves_the_frames(hops: int) -> None:
    signal = drum_like(SMALL, 0.2)
    silence = np.zeros(hops * SMALL.hop_length + SMALL.window, np.float32)
    moved = log_mel(np.concatenate([silence, signal]), SMALL)
    n_before = len(silence) / SMALL.hop_length
    reference = log_mel(np.concatenate([np.zeros(SMALL.window, np.float32), signal]), SMALL)
    np.testing.assert_allclose(moved[hops:], reference, rtol=1e-5, atol=1e-6)
    assert n_before > hops


def test_silence_gives_zeros() -> None:
    assert np.all(log_mel(np.zeros(4000, np.float32), SMALL) == 0.0)


def test_louder_is_larger_in_every_band() -> None:
    signal = drum_like(SMALL)
    assert np.all(log_mel(2 * signal, SMALL) >= log_mel(signal, SMALL))


def test_the_default_has_100_frames_a_second() -> None:
    assert SPEC.fps == 100.0


def test_memory_of_a_stream_does_not_grow_with_the_length() -> None:
    block = drum_like(SMALL, 10.0)

    def peak(n_blocks: int) -> int:
        stream = FeatureStream(SMALL)
        tracemalloc.start()
        for _ in range(n_blocks):
            stream.push(block)
        stream.finish()
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)  # fills the caches
    assert peak(20) < 1.1 * peak(2)


def test_an_argument_is_not_changed() -> None:
    signal = drum_like(SMALL)
    before = signal.copy()
    log_mel(signal, SMALL)
    np.testing.assert_array_equal(signal, before)


# The digest -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [field.name for field in fields(FeatureSpec)])
def test_the_digest_changes_with_every_number(name: str) -> None:
    changed = replace(SPEC, **{name: getattr(SPEC, name) + (32 if name == "low_n_fft" else 2)})
    assert changed.digest != SPEC.digest


def test_the_digest_changes_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = SPEC.digest
    monkeypatch.setattr(features, "FEATURE_VERSION", features.FEATURE_VERSION + 1)
    assert SPEC.digest != before


def test_equal_numbers_have_equal_digests() -> None:
    assert FeatureSpec().digest == FeatureSpec().digest
    assert FeatureSpec(fmin=30).digest == FeatureSpec(fmin=30.0).digest


def test_the_digest_of_the_default_is_what_shipped_models_carry() -> None:
    # Golden: a change here makes every model's card refuse this version of the features.
    assert replace(SPEC, n_low=0).digest == "5f75178bad0a97d6"
    assert SPEC.digest == "70522640d9d5ba4a"


# Refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fmax": 30_000.0}, r"fmin=30\.0, fmax=30000\.0 must satisfy"),
        ({"fmin": 20_000.0}, "must satisfy 0 <= fmin < fmax"),
        ({"fmin": -1.0}, "must satisfy 0 <= fmin < fmax"),
        ({"hop_length": 0}, "hop_length=0, n_fft=2048"),
        ({"hop_length": 4096}, "hop_length=4096, n_fft=2048"),
        ({"n_fft": 2047}, "n_fft even"),
        ({"n_mels": 0}, "n_mels=0 must be >= 1"),
        ({"n_low": -1}, "n_low=-1 must be >= 0"),
        ({"low_n_fft": 8200}, "low_n_fft=8200 must be .* a multiple of 32"),
        ({"low_n_fft": 1024}, "low_n_fft=1024 must be n_fft=2048 or more"),
        ({"low_fmin": 0.0}, r"low_fmin=0\.0, low_fmax=450\.0 must satisfy"),
        ({"low_fmax": 2000.0}, "must satisfy 0 < low_fmin < low_fmax <= 1378"),
    ],
)
def test_numbers_that_make_no_features_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **changes)


def test_stereo_is_refused() -> None:
    with pytest.raises(ValueError, match=r"samples\.shape=\(100, 2\) must be one-dimensional"):
        log_mel(np.zeros((100, 2), np.float32), SPEC)
