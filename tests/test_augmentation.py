"""Augmentation: sounds change, and labels stay on the attacks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("torch", reason="training needs the train extra")
from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.performance import Hit
from drumlane.training.augmentation import (
    Augmentation,
    augment,
    draw_augmentation,
    frames_needed,
)
from drumlane.training.sections import AugmentationConfig
from drumlane.vocabulary import Drum

SPECS = (
    FeatureSpec(),
    FeatureSpec(sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128, fmax=11025, n_low=0),
)
SECONDS = 4.0
EVERYTHING = AugmentationConfig(
    time_stretch_prob=1, pitch_shift_prob=1, volume_scale_prob=1, reverb_prob=1, noise_prob=1
)
strokes = st.lists(st.integers(1, 11), min_size=1, max_size=8, unique=True).map(
    lambda places: [Hit(0.3 * place + 0.113, Drum.SNARE, 100) for place in sorted(places)]
)
specs = st.sampled_from(SPECS)


def bursts(
    hits: list[Hit], spec: FeatureSpec, seconds: float = SECONDS, hz: float = 800.0
) -> NDArray[np.float32]:
    """Return features of a decaying tone with a click at every hit."""
    t = np.arange(round(0.08 * spec.sample_rate)) / spec.sample_rate
    stroke = np.exp(-t / 0.02) * np.sin(2 * np.pi * hz * t)
    samples = np.zeros(round(seconds * spec.sample_rate) + len(t))
    for hit in hits:
        first = round(hit.time * spec.sample_rate)
        samples[first : first + len(t)] += 0.3 * stroke[: len(samples) - first]
    return log_mel(samples[: round(seconds * spec.sample_rate)].astype(np.float32), spec)


def attacks(features: NDArray[np.float32], hits: list[Hit], spec: FeatureSpec) -> NDArray[np.float64]:
    """Return how late the steepest rise of energy is near each hit, in seconds."""
    loudness = np.expm1(features[:, : spec.n_mels].astype(np.float64)).sum(axis=1)
    rise = np.diff(loudness, prepend=0.0)
    late = []
    for hit in hits:
        centre = hit.time * spec.fps
        near = np.arange(max(0, round(centre) - 4), min(len(rise), round(centre) + 5))
        # The mean of the rise, weighted by it: below a frame.
        weights = np.maximum(rise[near], 0)
        late.append((np.average(near, weights=weights) - centre) / spec.fps)
    return np.array(late)


@settings(max_examples=30, deadline=None)
@given(strokes, specs, st.integers(0, 2**32 - 1))
def test_labels_stay_on_the_attacks_whatever_is_done(hits, spec, seed) -> None:
    drawn = draw_augmentation(EVERYTHING, np.random.default_rng(seed))
    done = replace(drawn, noise_level=min(drawn.noise_level, 0.02))
    n_frames = spec.n_frames(round(3.0 * spec.sample_rate))
    features = bursts(hits, spec)[: frames_needed(n_frames, done)]
    augmented, moved = augment(features, hits, done, spec, n_frames)
    inside = [(was, now) for was, now in zip(hits, moved, strict=True) if now.time < 2.9]
    if not inside:
        return
    before = attacks(features, [was for was, _ in inside], spec)
    after = attacks(augmented, [now for _, now in inside], spec)
    assert np.all(np.abs(after - before) < 1.0 / spec.fps)


@given(strokes, specs, st.floats(0.9, 1.1))
def test_hits_move_with_the_tempo_and_nothing_else_of_them_changes(hits, spec, tempo) -> None:
    features = np.ones((60, spec.n_bands), dtype=np.float32)
    _, moved = augment(features, hits, Augmentation(tempo=tempo), spec, 50)
    assert [hit.time for hit in moved] == pytest.approx([hit.time / tempo for hit in hits])
    assert [replace(hit, time=0) for hit in moved] == [replace(hit, time=0) for hit in hits]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("semitones", [-2.0, 1.0, 2.0])
def test_a_transposed_tone_lies_where_a_tone_of_that_pitch_lies(spec: FeatureSpec, semitones: float) -> None:
    hits = [Hit(0.2, Drum.SNARE, 100)]
    tone, wanted = (bursts(hits, spec, 0.5, hz) for hz in (1500.0, 1500.0 * 2 ** (semitones / 12)))
    made, _ = augment(tone, hits, Augmentation(semitones=semitones), spec, len(tone))
    frame = round(0.22 * spec.fps)
    mels = slice(0, spec.n_mels)
    centre = [
        np.average(np.arange(spec.n_mels), weights=np.expm1(f[frame, mels]) ** 2) for f in (made, wanted)
    ]
    assert centre[0] == pytest.approx(centre[1], abs=0.6)  # bands


@pytest.mark.parametrize("gain_db", [-6.0, 6.0])
def test_a_level_is_that_of_a_louder_recording(gain_db: float) -> None:
    spec, hits = SPECS[0], [Hit(0.2, Drum.SNARE, 100)]
    features = bursts(hits, spec, 0.5)
    made, _ = augment(features, hits, Augmentation(gain_db=gain_db), spec, len(features))
    louder = np.log1p(np.expm1(features) * 10 ** (gain_db / 20))
    np.testing.assert_allclose(made, louder, atol=1e-4)


def test_an_echo_follows_its_stroke_by_so_many_frames_and_adds_power() -> None:
    spec = SPECS[0]
    features = np.zeros((20, spec.n_bands), dtype=np.float32)
    features[5] = np.log1p(spec.log_gain * 0.01)
    made, _ = augment(features, [], Augmentation(echo_frames=3, echo_gain=0.4), spec, 20)
    magnitudes = np.expm1(made[:, 0]) / spec.log_gain
    assert magnitudes[[5, 8, 11]] == pytest.approx([0.01, 0.004, 0.0016], rel=1e-3)
    assert np.all(magnitudes[[0, 4, 6, 7, 9]] == 0)


@given(st.floats(0.01, 0.05))
def test_noise_has_the_level_that_was_drawn(level: float) -> None:
    spec, hits = SPECS[0], [Hit(0.2, Drum.SNARE, 100)]
    features = bursts(hits, spec, 2.0)
    made, _ = augment(features, hits, Augmentation(noise_level=level), spec, len(features))
    power = [np.square(np.expm1(f.astype(np.float64))).mean() for f in (features, made)]
    assert (power[1] - power[0]) / power[0] == pytest.approx(level**2, rel=0.15)


@settings(deadline=None)
@given(specs, st.integers(0, 2**32 - 1))
def test_an_augmentation_can_be_replayed_from_its_seed(spec, seed) -> None:
    features = bursts([Hit(0.3, Drum.SNARE, 90)], spec, 1.0)
    drawn = [draw_augmentation(EVERYTHING, np.random.default_rng(seed)) for _ in range(2)]
    made = [augment(features, [], each, spec, 40)[0] for each in drawn]
    assert drawn[0] == drawn[1]
    np.testing.assert_array_equal(made[0], made[1])


@given(st.integers(0, 2**32 - 1))
def test_what_is_drawn_lies_in_its_ranges_and_nothing_is_drawn_where_chances_are_0(seed) -> None:
    drawn = draw_augmentation(EVERYTHING, np.random.default_rng(seed))
    assert 0.9 <= drawn.tempo <= 1.1
    assert -2 <= drawn.semitones <= 2
    assert -6 <= drawn.gain_db <= 6
    assert 1 <= drawn.echo_frames <= 3
    assert 0.2 <= drawn.echo_gain <= 0.4
    assert 0.01 <= drawn.noise_level <= 0.05
    never = AugmentationConfig(
        time_stretch_prob=0, pitch_shift_prob=0, volume_scale_prob=0, reverb_prob=0, noise_prob=0
    )
    features = np.ones((30, SPECS[0].n_bands), dtype=np.float32)
    made, _ = augment(features, [], draw_augmentation(never, np.random.default_rng(seed)), SPECS[0], 30)
    np.testing.assert_allclose(made, features, atol=1e-5)


def test_what_is_missing_at_the_end_of_a_recording_is_silence() -> None:
    features = np.ones((10, SPECS[0].n_bands), dtype=np.float32)
    for done in (Augmentation(), Augmentation(tempo=1.1)):
        made, _ = augment(features, [], done, SPECS[0], 25)
        assert made.shape == (25, SPECS[0].n_bands)
        assert np.all(made[12:] == 0)
