"""Matching: as many pairs as mir_eval finds, and the closest of them."""

import itertools

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.evaluation.matching import match_onsets

# Multiples of 5 ms put many onsets exactly one window apart, where the last bit decides.
GRID_TIMES = st.lists(st.integers(0, 120).map(lambda n: n * 0.005), max_size=40).map(sorted)
FREE_TIMES = st.lists(st.floats(0, 1, allow_nan=False), max_size=40).map(sorted)
TIMES = GRID_TIMES | FREE_TIMES
WINDOWS = st.sampled_from([0.025, 0.05, 0.0, 0.2])


@settings(max_examples=300)
@given(TIMES, TIMES, WINDOWS)
def test_as_many_pairs_are_found_as_by_mir_eval(reference, estimate, window):
    expected = mir_eval.util.match_events(np.array(reference), np.array(estimate), window)
    assert len(match_onsets(reference, estimate, window)) == len(expected)


@given(TIMES, TIMES, WINDOWS)
def test_every_pair_is_within_the_window_and_no_onset_is_used_twice(reference, estimate, window):
    pairs = match_onsets(reference, estimate, window)
    for r, e in pairs:
        assert estimate[e] - window <= reference[r] <= estimate[e] + window
    assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs)


@given(st.lists(st.floats(0, 0.3), max_size=5), st.lists(st.floats(0, 0.3), max_size=5), WINDOWS)
def test_of_all_largest_matchings_the_closest_is_returned(reference, estimate, window):
    found = match_onsets(reference, estimate, window)
    distance = sum(abs(reference[r] - estimate[e]) for r, e in found)
    best = _smallest_distance(reference, estimate, window, len(found))
    assert distance == pytest.approx(best, abs=1e-6 * (len(found) + 1))


def _smallest_distance(reference, estimate, window, n_pairs):
    """Try every choice of ``n_pairs`` pairs."""
    sums = [
        sum(abs(reference[r] - estimate[e]) for r, e in zip(refs, ests, strict=True))
        for refs in itertools.combinations(range(len(reference)), n_pairs)
        for ests in itertools.permutations(range(len(estimate)), n_pairs)
        if all(
            estimate[e] - window <= reference[r] <= estimate[e] + window
            for r, e in zip(refs, ests, strict=True)
        )
    ]
    return min(sums)


@given(st.permutations(range(12)), st.permutations(range(12)))
def test_the_order_of_the_input_does_not_matter(order_of_references, order_of_estimates):
    reference = np.arange(12) * 0.03
    estimate = np.arange(12) * 0.04
    pairs = match_onsets(reference[order_of_references], estimate[order_of_estimates], 0.05)
    times = [(reference[order_of_references[r]], estimate[order_of_estimates[e]]) for r, e in pairs]
    expected = [(reference[r], estimate[e]) for r, e in match_onsets(reference, estimate, 0.05)]
    assert times == expected


@pytest.mark.parametrize("base", [0.0, 0.1, 1.0, 1.05, 7.3, 100.7])
def test_one_window_apart_the_last_bit_decides_as_in_mir_eval(base):
    reference, estimate = np.array([base]), np.array([base + 0.05])
    f, _, _ = mir_eval.onset.f_measure(reference, estimate, window=0.05)
    assert len(match_onsets(reference, estimate, 0.05)) == f


def test_ten_thousand_crowded_onsets_are_matched_as_by_mir_eval():
    rng = np.random.default_rng(0)
    reference, estimate = np.sort(rng.uniform(0, 600, (2, 10_000)))  # 17 a second: chains, not single pairs
    expected = mir_eval.util.match_events(reference, estimate, 0.05)
    assert len(match_onsets(reference, estimate, 0.05)) == len(expected)


@pytest.mark.parametrize("empty", [([], []), ([1.0], []), ([], [1.0])])
def test_nothing_matches_nothing(empty):
    assert match_onsets(*empty, 0.05).shape == (0, 2)


@pytest.mark.parametrize(
    ("reference", "window", "message"),
    [
        ([np.nan], 0.05, "reference onsets of shape"),
        ([[1.0]], 0.05, "must be one-dimensional"),
        ([1.0], -0.05, "window=-0.05 must be a number >= 0"),
        ([1.0], np.inf, "window=inf must be a number >= 0"),
    ],
)
def test_impossible_input_is_refused(reference, window, message):
    with pytest.raises(ValueError, match=message):
        match_onsets(reference, [1.0], window)
