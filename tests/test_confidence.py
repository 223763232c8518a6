"""Confidence: curves say what share of the peaks of a height is right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.training.confidence import fit_curve
from drumlane.transcription.dynamics import confidences

pytestmark = pytest.mark.train


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -1.0), (2.0, 1.5)])
def test_the_curve_that_made_the_peaks_is_found_again(slope: float, intercept: float) -> None:
    rng = np.random.default_rng(0)
    heights = rng.uniform(0.05, 0.99, 20_000)
    right = rng.random(len(heights)) < confidences(heights, slope, intercept)
    assert fit_curve(heights, right) == pytest.approx((slope, intercept), abs=0.1)


def test_confidences_of_peaks_like_those_seen_are_their_share_of_right_ones() -> None:
    rng = np.random.default_rng(1)
    heights = rng.beta(2, 2, 5000)
    right = rng.random(len(heights)) < heights**2  # no logistic curve
    sure = confidences(heights, *fit_curve(heights, right))
    for low in (0.0, 0.25, 0.5, 0.75):
        here = (sure >= low) & (sure < low + 0.25)
        assert sure[here].mean() == pytest.approx(right[here].mean(), abs=0.06)


@given(st.integers(0, 30), st.integers(0, 2**32 - 1), st.booleans())
def test_few_peaks_all_right_or_all_wrong_still_give_a_rising_finite_curve(
    n: int, seed: int, good: bool
) -> None:
    heights = np.random.default_rng(seed).random(n)
    slope, intercept = fit_curve(heights, np.full(n, good))
    assert slope > 0
    assert np.isfinite([slope, intercept]).all()


def test_no_peaks_leave_the_activation_as_it_is() -> None:
    assert fit_curve(np.zeros(0), np.zeros(0, dtype=bool)) == (1.0, 0.0)


def test_heights_that_are_nearly_certain_do_not_make_the_fit_run_away() -> None:
    """Undamped Newton steps from the start overshoot here, and never come back."""
    rng = np.random.default_rng(0)
    heights = np.concatenate([rng.uniform(0.98, 0.999, 400), rng.uniform(0.001, 0.02, 400)])
    right = np.concatenate([rng.random(400) < 0.6, rng.random(400) < 0.4])
    slope, intercept = fit_curve(heights, right)
    told = confidences(heights, slope, intercept)
    assert 0 < slope < 1
    assert told[:400].mean() == pytest.approx(0.6, abs=0.05)
    assert told[400:].mean() == pytest.approx(0.4, abs=0.05)
