"""Peaks: local maxima, found below the frame, thinned strongest first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from drumlane.transcription.dynamics import PLAIN_VELOCITY, around_peaks, confidences, midi_velocities
from drumlane.transcription.peaks import pick_peaks

FPS = 100.0
# A coarse grid of values makes plateaus and ties common.
activations = arrays(
    np.float32, st.integers(0, 60), elements=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
)


def bump(centre: float, width: float, n: int = 40) -> NDArray[np.float32]:
    return np.asarray(0.9 * np.exp(-0.5 * ((np.arange(n) - centre) / width) ** 2), dtype=np.float32)


def slow_peaks(activation: NDArray[np.float32], threshold: float, gap: float) -> list[float]:
    """Return peak times by the definition, one frame after the other, without refinement."""
    values = [-1.0, *activation.tolist(), -1.0]
    found = []
    first = 1
    while first < len(values) - 1:
        last = first
        while values[last + 1] == values[first]:
            last += 1
        if values[first] > max(values[first - 1], values[last + 1]) and values[first] >= threshold:
            found.append(((first + last) / 2 - 1, values[first]))
        first = last + 1
    kept: list[float] = []
    for place, _ in sorted(found, key=lambda p: (-p[1], p[0])):
        if all(abs(place - other) >= gap * FPS - 0.5 for other in kept):
            kept.append(place)
    return sorted(kept)


@given(st.floats(5, 30), st.floats(0.6, 4.0))
def test_the_centre_of_a_sampled_bump_is_found_to_a_tenth_of_a_frame(centre: float, width: float) -> None:
    times, heights = pick_peaks(bump(centre, width), 0.3, 0.05, FPS)
    assert times * FPS == pytest.approx([centre], abs=0.1)
    assert heights == pytest.approx([0.9], abs=0.3)


@given(st.floats(5, 30))
def test_half_precision_keeps_a_bump_within_a_tenth_of_a_frame(centre: float) -> None:
    times, _ = pick_peaks(bump(centre, 1.2).astype(np.float16), 0.3, 0.05, FPS)
    assert times * FPS == pytest.approx([centre], abs=0.1)


@given(activations)
def test_without_a_gap_peaks_are_those_of_the_definition(activation: NDArray[np.float32]) -> None:
    times, heights = pick_peaks(activation, 0.3, 0.0, FPS)
    assert times * FPS == pytest.approx(slow_peaks(activation, 0.3, 0.0), abs=0.5)
    assert (heights >= 0.3).all()


@given(activations, st.sampled_from([0.02, 0.035, 0.05, 0.1]))
def test_peaks_keep_their_distance_and_only_stronger_ones_silence_others(
    activation: NDArray[np.float32], gap: float
) -> None:
    everything, all_heights = pick_peaks(activation, 0.1, 0.0, FPS)
    times, heights = pick_peaks(activation, 0.1, gap, FPS)
    assert (np.diff(times) >= gap - 1e-6).all()
    for time, height in zip(everything, all_heights, strict=True):
        near = np.abs(times - time) < gap
        assert near.any()
        assert heights[near].max() >= height


def test_the_strongest_of_a_run_wins_and_frees_those_beyond_its_reach() -> None:
    activation = np.zeros(50, dtype=np.float32)
    activation[[10, 13, 16]] = [0.6, 0.8, 0.7]
    assert pick_peaks(activation, 0.5, 0.05, FPS)[0] == pytest.approx([0.13])
    activation[[10, 13, 16]] = [0.7, 0.6, 0.8]
    assert pick_peaks(activation, 0.5, 0.05, FPS)[0] == pytest.approx([0.10, 0.16])


def test_a_plateau_counts_once_in_its_middle_and_a_step_up_does_not_count() -> None:
    activation = np.array([0, 0.5, 0.5, 0.5, 0, 0.4, 0.4, 0.8, 0], dtype=np.float32)
    times, heights = pick_peaks(activation, 0.3, 0.0, FPS)
    assert times[0] == pytest.approx(0.02)
    assert heights == pytest.approx([0.5, 0.8])


def test_peaks_on_the_first_and_last_frame_count() -> None:
    assert pick_peaks(np.array([0.9, 0.1, 0.0, 0.8]), 0.5, 0.0, FPS)[0] == pytest.approx([0.0, 0.03])
    assert pick_peaks(np.array([0.9]), 0.5, 0.0, FPS)[0] == pytest.approx([0.0])
    assert len(pick_peaks(np.zeros(0), 0.5, 0.0, FPS)[0]) == 0


def test_a_long_recording_of_crowded_peaks_is_thinned_in_seconds() -> None:
    noise = np.random.default_rng(0).random(1_000_000).astype(np.float32)
    times, _ = pick_peaks(noise, 0.05, 0.05, FPS)
    assert (np.diff(times) >= 0.05 - 1e-6).all()
    assert len(times) > 100_000


def test_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="one lane at a time"):
        pick_peaks(np.zeros((3, 8)), 0.5, 0.0, FPS)


def test_strengths_are_read_where_the_onset_is() -> None:
    onset = np.array([0.0, 0.0, 1.0, 0.5, 0.0])
    velocity = np.array([0.9, 0.9, 0.3, 0.6, 0.9])
    assert around_peaks(velocity, onset, np.array([2])) == pytest.approx([(0.3 + 0.5 * 0.6) / 1.5], abs=1e-4)


@given(st.floats(0, 1))
def test_midi_velocities_lie_within_1_and_127(strength: float) -> None:
    (velocity,) = midi_velocities(np.array([strength]), *PLAIN_VELOCITY)
    assert 1 <= velocity <= 127
    assert velocity == round(1 + 126 * strength)


@given(st.floats(0.01, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_peak_is_never_less_sure(slope: float, intercept: float, a: float, b: float) -> None:
    low, high = confidences(np.array([min(a, b), max(a, b)]), slope, intercept)
    assert 0 <= low <= high <= 1
