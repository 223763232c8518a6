"""Reliability: confidences that are probabilities have no error, others as much as they are off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drumlane.evaluation.classes import CLASS_SETS
from drumlane.evaluation.metrics import score, score_track
from drumlane.evaluation.reliability import N_BINS, reliability
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum

sizes = st.integers(1, 60)


def test_hits_that_are_right_as_often_as_they_say_have_next_to_no_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 200_000)
    found = reliability(confidence, rng.random(200_000) < confidence)
    assert found is not None
    assert found.expected_error < 0.01
    assert found.mean_confidence == pytest.approx(0.5, abs=0.01)
    assert [b.share_right for b in found.bins] == pytest.approx(np.arange(0.05, 1, 0.1), abs=0.02)


def test_hits_that_overstate_themselves_are_off_by_what_they_overstate() -> None:
    rng = np.random.default_rng(1)
    share = rng.uniform(0.1, 0.7, 200_000)
    found = reliability(share + 0.2, rng.random(200_000) < share)
    assert found is not None
    assert found.expected_error == pytest.approx(0.2, abs=0.01)


@given(sizes.flatmap(lambda n: st.tuples(arrays(float, n, elements=st.floats(0, 0.99)), arrays(bool, n))))
def test_bins_add_up_to_all_hits(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    confidence, right = drawn
    found = reliability(confidence, right)
    assert found is not None
    assert sum(b.n_hits for b in found.bins) == found.n_hits == len(confidence)
    assert len(found.bins) <= N_BINS
    mean = sum(b.n_hits * b.share_right for b in found.bins) / found.n_hits
    assert mean == pytest.approx(right.mean())
    gap = abs(found.mean_confidence - found.share_right)
    assert gap - 1e-9 <= found.expected_error <= 1  # errors of bins may cancel in the mean, not here


@pytest.mark.parametrize("n_hits", [0, 5])
def test_nothing_is_said_of_no_hits_or_of_hits_that_are_all_certain(n_hits: int) -> None:
    assert reliability(np.ones(n_hits), np.ones(n_hits, dtype=bool)) is None


def test_a_hit_is_right_when_it_is_matched_in_its_own_class() -> None:
    reference = Performance((Hit(1.0, Drum.KICK, 90), Hit(2.0, Drum.SNARE, 90)))
    hits = (Hit(1.01, Drum.KICK, 90, 0.9), Hit(2.0, Drum.RIDE, 90, 0.6), Hit(3.0, Drum.KICK, 90, 0.2))
    scores = score([score_track(reference, Performance(hits), 0.05, CLASS_SETS["lanes"])])
    assert scores.reliability is not None
    assert [(round(b.mean_confidence, 6), b.share_right) for b in scores.reliability.bins] == [
        (0.2, 0.0),
        (0.6, 0.0),
        (0.9, 1.0),
    ]
    assert scores.reliability.expected_error == pytest.approx((0.2 + 0.6 + 0.1) / 3)
