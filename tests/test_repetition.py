"""What comes back is believed more, what does not less; nothing else changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.models.loading import load_model
from drumlane.transcription import repetition
from drumlane.transcription.peaks import pick_peaks
from drumlane.transcription.repetition import reinforced
from drumlane.vocabulary import LANES, Lane

FPS = 100.0
STRENGTH = 0.6
BAR = 2.0  # s
N_BARS = 8
# Seconds into a bar. No two bars of a drummer are alike: the second snare is early in some.
PATTERN = {Lane.KICK: (0.0, 0.75, 1.0), Lane.SNARE: (0.5, 1.5), Lane.HIHAT: tuple(np.arange(0, 2, 0.25))}

Floats = NDArray[np.float32]


def groove(n_bars: int = N_BARS, height: float = 0.8, fps: float = FPS) -> Floats:
    """Return activations of a pattern that is played again and again, a hundredth of a second off."""
    rng = np.random.default_rng(0)
    onset = np.full((round(n_bars * BAR * fps), len(LANES)), 0.001, np.float32)
    for bar in range(n_bars):
        for lane, times in PATTERN.items():
            for time in times:
                strike(onset, lane, bar * BAR + time + rng.normal(0, 0.005), height, fps)
    return onset


def strike(onset: Floats, lane: Lane, time: float, height: float, fps: float = FPS) -> None:
    """Add a stroke's bump."""
    frames = np.arange(len(onset))
    bump = height * np.exp(-0.5 * ((frames - time * fps) / 0.75) ** 2)
    onset[:, lane] = np.maximum(onset[:, lane], bump)


def height_at(onset: Floats, lane: Lane, time: float) -> float:
    frame = round(time * FPS)
    return float(onset[max(0, frame - 3) : frame + 4, lane].max())


def network_thresholds() -> dict[str, float]:
    """Return the thresholds of the shipped network's own activations, before its rescorer's verdicts."""
    rescorer = load_model().rescorer
    assert rescorer is not None
    return rescorer.card.thresholds


def test_a_covered_stroke_comes_back() -> None:
    onset = groove()
    onset[round(8.3 * FPS) : round(8.7 * FPS), Lane.SNARE] *= 0.2  # the backbeat of the fifth bar, covered
    threshold = network_thresholds()["snare"]
    assert height_at(onset, Lane.SNARE, 8.5) < threshold
    assert height_at(reinforced(onset, FPS, STRENGTH), Lane.SNARE, 8.5) > 1.25 * threshold


def test_where_the_hat_gives_way_to_the_ride_no_hats_are_written() -> None:
    onset = groove()
    last = round(12 * FPS)  # the last two bars are played on the ride
    onset[last:, Lane.RIDE] = onset[last:, Lane.HIHAT]
    onset[last:, Lane.HIHAT] = 0.03
    moved = reinforced(onset, FPS, STRENGTH)
    assert moved[last:, Lane.HIHAT].max() < network_thresholds()["hihat"]
    assert moved[last:, Lane.RIDE].max() > network_thresholds()["ride"]


def test_what_stands_where_nothing_was_struck_before_goes() -> None:
    onset = groove()
    strike(onset, Lane.SNARE, 9.13, 0.5)  # a plucked string
    assert height_at(reinforced(onset, FPS, STRENGTH), Lane.SNARE, 9.13) < 0.25


def test_what_is_heard_well_stays_whatever_was_played_before() -> None:
    onset = groove()
    strike(onset, Lane.SNARE, 9.13, 0.97)  # a stroke that is not in the pattern
    assert height_at(reinforced(onset, FPS, STRENGTH), Lane.SNARE, 9.13) > 0.7


def test_fills_and_crashes_are_left_as_they_are() -> None:
    onset = groove()
    for lane in (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM, Lane.CRASH):
        strike(onset, lane, 9.6, 0.4)
    moved = reinforced(onset, FPS, STRENGTH)
    for lane in (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM, Lane.CRASH):
        assert np.array_equal(moved[:, lane], onset[:, lane])


def test_times_of_strokes_move_by_less_than_a_millisecond() -> None:
    onset = groove()
    moved = reinforced(onset, FPS, STRENGTH)
    for lane in PATTERN:
        before, after = (pick_peaks(values[:, lane], 0.3, 0.03, FPS)[0] for values in (onset, moved))
        assert len(before) == len(after)
        assert np.abs(before - after).max() < 0.001


def test_one_bar_alone_is_left_as_it_is() -> None:
    onset = np.concatenate([groove(1), np.zeros((3000, len(LANES)), np.float32)])
    rng = np.random.default_rng(3)
    for lane in PATTERN:  # and elsewhere something else
        for time in rng.uniform(4, 30, 3):
            strike(onset, lane, time, 0.6)
    moved = reinforced(onset, FPS, STRENGTH)
    assert np.abs(moved - onset).max() < 0.45
    assert np.abs(moved[:150] - onset[:150]).max() < 0.3


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_shape_type_and_range_stay_and_the_argument_does_too(dtype: type) -> None:
    onset = groove().astype(dtype)
    before = onset.copy()
    moved = reinforced(onset, FPS, STRENGTH)
    assert moved.shape == onset.shape
    assert moved.dtype == dtype
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert np.array_equal(onset, before)


@pytest.mark.parametrize(
    "onset", [np.zeros((0, 8)), np.zeros((1, 8)), np.zeros((500, 8)), np.full((7, 8), 0.5)]
)
def test_nothing_and_next_to_nothing_are_left_as_they_are(onset: NDArray[np.float64]) -> None:
    assert np.array_equal(reinforced(onset, FPS, STRENGTH), onset)


def test_a_strength_of_nothing_changes_nothing() -> None:
    onset = groove()
    assert reinforced(onset, FPS, 0.0) is onset


def test_strength_must_not_be_negative() -> None:
    with pytest.raises(ValueError, match="strength=-1"):
        reinforced(groove(1), FPS, -1.0)


@settings(max_examples=30)
@given(fps=st.floats(20, 400), n_frames=st.integers(1, 900), seed=st.integers(0, 99))
def test_any_rate_and_length_give_activations(fps: float, n_frames: int, seed: int) -> None:
    onset = np.random.default_rng(seed).uniform(0, 1, (n_frames, len(LANES))).astype(np.float32)
    moved = reinforced(onset, fps, 1.0)
    assert moved.shape == onset.shape
    assert np.isfinite(moved).all()
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_it_does_not_matter_where_blocks_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    onset = groove(20)
    whole = reinforced(onset, FPS, STRENGTH)
    for seconds in (0.3, 3.7, 100.0):
        monkeypatch.setattr(repetition, "_BLOCK_SECONDS", seconds)
        assert np.abs(reinforced(onset, FPS, STRENGTH) - whole).max() < 1e-4


def test_what_is_played_later_than_its_reach_is_not_asked() -> None:
    onset = groove(40)  # 80 s
    changed = onset.copy()
    changed[round(70 * FPS) :] = 0.0
    a, b = reinforced(onset, FPS, STRENGTH), reinforced(changed, FPS, STRENGTH)
    far = round((70 - repetition.REACH_SECONDS - 2) * FPS)
    assert np.array_equal(a[:far], b[:far])
