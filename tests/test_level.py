"""Level: recordings come out equally loud, however they arrive and however loud they were."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import strategies
from drumlane.audio.level import MAX_GAIN, TARGET_RMS, LevelMeter, level_gain

RATE = 8000


def noise(seconds: float, rms: float, seed: int = 0) -> NDArray[np.float32]:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return np.asarray(rms * samples / np.sqrt(np.mean(samples**2)), np.float32)


@pytest.mark.parametrize("rms", [0.001, 0.01, 0.1, 0.5])
def test_steady_noise_comes_out_at_the_target(rms: float) -> None:
    samples = noise(10.0, rms)
    loudest = samples * level_gain(samples, RATE)
    assert math.sqrt(np.mean(loudest**2)) == pytest.approx(TARGET_RMS, rel=0.15)


@given(st.floats(-40.0, 20.0))
def test_a_change_of_volume_is_undone(decibels: float) -> None:
    samples = noise(2.0, 0.05)
    factor = 10 ** (decibels / 20)
    changed = level_gain(np.asarray(factor * samples, np.float32), RATE) * factor
    assert changed == pytest.approx(level_gain(samples, RATE), rel=1e-4)


@settings(deadline=None)
@given(strategies.signals(), strategies.cut_points)
def test_blocks_of_any_lengths_measure_what_the_whole_measures(
    signal: NDArray[np.float32], cuts: list[float]
) -> None:
    meter = LevelMeter(RATE)
    for piece in strategies.pieces_of(signal, cuts):
        meter.push(piece)
    assert meter.gain() == pytest.approx(level_gain(signal, RATE), rel=1e-5)


def test_a_long_silence_does_not_make_the_rest_louder() -> None:
    music = noise(10.0, 0.1)
    padded = np.concatenate([music, np.zeros(30 * RATE, np.float32)])
    assert level_gain(padded, RATE) == pytest.approx(level_gain(music, RATE), rel=0.1)


def test_a_single_click_does_not_make_the_rest_quieter() -> None:
    music = noise(10.0, 0.05)
    clicked = music.copy()
    clicked[12345] = 1.0
    assert level_gain(clicked, RATE) == pytest.approx(level_gain(music, RATE), rel=0.01)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(RATE, np.float32), noise(1.0, 1e-6)])
def test_silence_is_left_alone(samples: NDArray[np.float32]) -> None:
    meter = LevelMeter(RATE)
    meter.push(samples)
    assert meter.gain() == 1.0
    assert meter.silent


def test_a_meter_without_samples_is_silent() -> None:
    assert LevelMeter(RATE).silent
    assert LevelMeter(RATE).gain() == 1.0


def test_whispers_are_raised_by_60_decibels_at_most() -> None:
    assert level_gain(noise(5.0, 5e-5), RATE) == MAX_GAIN


def test_a_sound_shorter_than_a_block_counts() -> None:
    meter = LevelMeter(RATE)
    meter.push(noise(0.01, 0.5))
    assert not meter.silent
    assert meter.gain() > 0


def test_pushed_samples_are_not_changed() -> None:
    samples = noise(1.0, 0.1)
    before = samples.copy()
    LevelMeter(RATE).push(samples)
    np.testing.assert_array_equal(samples, before)
