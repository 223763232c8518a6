"""Metrics: counts, ratios, aggregation, timing, velocity and hats, against mir_eval and by hand."""

import math
from itertools import pairwise

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.errors import ConfigError
from drumlane.evaluation.bootstrap import micro_f_interval
from drumlane.evaluation.classes import CLASS_SETS, class_set
from drumlane.evaluation.counts import Counts
from drumlane.evaluation.metrics import score, score_track
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import FIVE_CLASS_OF_LANE, LANES, Drum

LANE_SET, FIVE, THREE, ARTICULATIONS = (CLASS_SETS[n] for n in ("lanes", "five", "three", "articulations"))
DRUMS = st.sampled_from(list(Drum))
HITS = st.builds(Hit, st.integers(0, 400).map(lambda n: n * 0.01), DRUMS, st.integers(1, 127))
PERFORMANCES = st.lists(HITS, max_size=60).map(Performance.of)


def performance(*hits: tuple[float, Drum] | tuple[float, Drum, int], duration: float = 0.0) -> Performance:
    return Performance.of([Hit(h[0], h[1], h[2] if len(h) > 2 else 100) for h in hits], duration)


def times_of(piece: Performance, label: str) -> np.ndarray:
    return np.array(
        [h.time for h in piece if h.drum.lane is not None and FIVE_CLASS_OF_LANE[h.drum.lane] == label]
    )


@settings(max_examples=50)
@given(PERFORMANCES, PERFORMANCES)
def test_precision_recall_and_f_of_each_class_are_those_of_mir_eval(reference, estimate):
    track = score_track(reference, estimate, 0.05, FIVE)
    for label, counts in zip(FIVE.labels, track.counts, strict=True):
        ref, est = times_of(reference, label), times_of(estimate, label)
        assert (counts.support, counts.estimated) == (len(ref), len(est))
        if len(ref) and len(est):
            assert (counts.f, counts.precision, counts.recall) == pytest.approx(
                mir_eval.onset.f_measure(ref, est, window=0.05)
            )


@given(PERFORMANCES)
def test_a_piece_compared_with_itself_is_perfect_in_every_class_set(piece):
    for classes in CLASS_SETS.values():
        micro = score_track(piece, piece, 0.025, classes).micro
        assert (micro.fp, micro.fn) == (0, 0)


@given(PERFORMANCES, PERFORMANCES)
def test_swapping_reference_and_estimate_swaps_precision_and_recall(first, second):
    forward, backward = (
        score_track(*pair, 0.05, LANE_SET).micro for pair in ((first, second), (second, first))
    )
    assert forward == Counts(backward.tp, backward.fn, backward.fp)


@given(PERFORMANCES, PERFORMANCES)
def test_coarser_classes_and_wider_windows_never_find_fewer(reference, estimate):
    found = [score_track(reference, estimate, 0.05, c).micro.tp for c in (ARTICULATIONS, LANE_SET, FIVE)]
    assert all(fine <= coarse for fine, coarse in pairwise(found))
    narrow, wide = (score_track(reference, estimate, t, FIVE).micro.tp for t in (0.025, 0.05))
    assert narrow <= wide


def test_auxiliary_drums_are_ignored_on_both_sides():
    reference = performance((1.0, Drum.COWBELL), (2.0, Drum.KICK))
    estimate = performance((2.0, Drum.KICK), (3.0, Drum.TAMBOURINE))
    for classes in CLASS_SETS.values():
        assert score_track(reference, estimate, 0.05, classes).micro == Counts(tp=1)


def test_three_classes_leave_toms_and_cymbals_out():
    reference = performance((1.0, Drum.KICK), (2.0, Drum.TOM_LOW), (3.0, Drum.RIDE))
    assert score_track(reference, performance((1.0, Drum.KICK)), 0.05, THREE).micro == Counts(tp=1)


def test_score_adds_up_hits_and_averages_classes_and_tracks():
    perfect = performance((1.0, Drum.KICK), (2.0, Drum.KICK), (3.0, Drum.SNARE))
    half = performance((1.0, Drum.KICK), (2.0, Drum.SNARE))
    tracks = [
        score_track(perfect, perfect, 0.05, FIVE, "a"),
        score_track(half, performance((1.0, Drum.KICK), (2.0, Drum.CRASH)), 0.05, FIVE, "b"),
    ]
    scores = score(tracks)
    assert scores.micro == Counts(tp=4, fp=1, fn=1)
    assert scores.micro.f == pytest.approx(0.8)
    by_class = {c.label: c.counts for c in scores.classes}
    assert by_class["kick"] == Counts(tp=3)
    assert by_class["snare"] == Counts(tp=1, fn=1)
    assert by_class["cymbal"] == Counts(fp=1)
    assert scores.macro_f == pytest.approx((1 + 2 / 3) / 2)  # the cymbal has no support
    assert scores.track_mean_f == pytest.approx((1 + 0.5) / 2)
    assert scores.micro.count_bias == 0


def test_ratios_without_anything_to_divide_by_are_undefined():
    nothing = Counts()
    assert all(math.isnan(v) for v in (nothing.precision, nothing.recall, nothing.f, nothing.count_bias))
    assert Counts(fn=3).f == 0
    assert math.isnan(Counts(fn=3).precision)


def test_false_hits_a_minute_count_only_tracks_whose_reference_is_empty():
    silent = performance(duration=30.0)
    drums = performance((1.0, Drum.KICK), duration=600.0)
    tracks = [
        score_track(silent, performance((1.0, Drum.KICK), (2.0, Drum.SNARE)), 0.05, FIVE),
        score_track(drums, performance((5.0, Drum.KICK)), 0.05, FIVE),
    ]
    assert score(tracks).false_hits_per_minute == pytest.approx(4.0)
    assert math.isnan(score(tracks[1:]).false_hits_per_minute)


def test_timing_is_estimate_minus_reference_over_matched_pairs():
    reference = performance((1.0, Drum.KICK), (2.0, Drum.KICK), (3.0, Drum.SNARE), (9.0, Drum.SNARE))
    estimate = performance((1.01, Drum.KICK), (2.02, Drum.KICK), (2.97, Drum.SNARE), (5.0, Drum.SNARE))
    scores = score([score_track(reference, estimate, 0.05, FIVE)])
    assert scores.timing.n_pairs == 3
    assert scores.timing.median == pytest.approx(0.01)
    assert scores.timing.mean_absolute == pytest.approx(0.02)
    assert {c.label: c.timing.n_pairs for c in scores.classes if c.timing.n_pairs} == {"kick": 2, "snare": 1}


@pytest.mark.parametrize("seed", range(8))
def test_f_with_velocity_is_that_of_mir_eval(seed):
    reference, estimate = _noisy_copy(np.random.default_rng(seed))
    scores = score([score_track(reference, estimate, 0.05, LANE_SET)])
    expected = mir_eval.transcription_velocity.precision_recall_f1_overlap(
        *_as_notes(reference), *_as_notes(estimate), offset_ratio=None
    )
    assert scores.velocity is not None
    found = (scores.velocity.precision, scores.velocity.recall, scores.velocity.f)
    assert found == pytest.approx(expected[:3])
    assert 0.1 < scores.velocity.f < scores.micro.f  # the criterion bites, and not on everything


def _noisy_copy(rng: np.random.Generator) -> tuple[Performance, Performance]:
    """Return a piece and a transcription of it; hits of a lane are too far apart to match in two ways."""
    reference, estimate = [], []
    for lane in LANES:
        drum = next(d for d in Drum if d.lane is lane)
        for time in np.cumsum(rng.uniform(0.2, 0.5, 40)):
            velocity = int(rng.integers(1, 128))
            reference.append(Hit(time, drum, velocity))
            if rng.random() < 0.85:
                heard = np.clip(0.5 * velocity + 30 + rng.normal(0, 8), 1, 127)
                estimate.append(Hit(abs(time + rng.normal(0, 0.02)), drum, int(heard)))
    return Performance.of(reference), Performance.of(estimate)


def _as_notes(piece: Performance) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    intervals = np.array([(h.time, h.time + 0.1) for h in piece])
    pitches = np.array([100.0 * 2 ** int(h.drum.lane) for h in piece])
    return intervals, pitches, np.array([h.velocity for h in piece], dtype=float)


def test_velocity_error_and_correlation_are_those_of_the_matched_pairs():
    reference = performance((1.0, Drum.KICK, 20), (2.0, Drum.KICK, 60), (3.0, Drum.SNARE, 100))
    estimate = performance((1.0, Drum.KICK, 30), (2.0, Drum.KICK, 70), (3.0, Drum.SNARE, 110))
    velocity = score([score_track(reference, estimate, 0.05, FIVE)]).velocity
    assert velocity is not None
    assert velocity.mean_absolute_error == pytest.approx(10)
    assert velocity.correlation == pytest.approx(1)
    assert velocity.f == 1  # a constant offset is rescaled away


def test_references_with_one_velocity_are_left_out_of_velocity_scores():
    flat = performance((1.0, Drum.KICK), (2.0, Drum.SNARE))
    loud = performance((1.0, Drum.KICK, 50), (2.0, Drum.SNARE, 90))
    assert score([score_track(flat, loud, 0.05, FIVE)]).velocity is None
    both = score([score_track(flat, loud, 0.05, FIVE), score_track(loud, loud, 0.05, FIVE)]).velocity
    assert both is not None
    assert (both.n_tracks, both.n_pairs) == (1, 2)


def test_balanced_accuracy_weighs_open_and_closed_hats_alike():
    reference = performance(
        *((float(t), Drum.HIHAT_CLOSED) for t in range(8)), (8.0, Drum.HIHAT_OPEN), (9.0, Drum.HIHAT_OPEN)
    )
    always_closed = performance(*((float(t), Drum.HIHAT_CLOSED) for t in range(10)))
    hats = score([score_track(reference, always_closed, 0.05, FIVE)]).hats
    assert hats is not None
    assert hats.balanced_accuracy == 0.5
    assert (hats.closed_right, hats.open_wrong) == (8, 2)


def test_a_pedal_hat_counts_as_closed_and_lane_only_references_tell_nothing():
    pedal = performance((1.0, Drum.HIHAT_PEDAL), (2.0, Drum.HIHAT_OPEN))
    closed = performance((1.0, Drum.HIHAT_CLOSED), (2.0, Drum.HIHAT_OPEN))
    hats = score([score_track(pedal, closed, 0.05, FIVE)]).hats
    assert hats is not None
    assert hats.balanced_accuracy == 1
    assert score([score_track(closed.lanes_only(), closed, 0.05, FIVE)]).hats is None


def test_the_interval_is_repeatable_and_holds_the_score():
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 50, (30, 3))
    low, high = micro_f_interval(counts, seed=3)
    tp, fp, fn = counts.sum(axis=0)
    assert low < 2 * tp / (2 * tp + fp + fn) < high
    assert (low, high) == micro_f_interval(counts, seed=3)
    assert (low, high) != micro_f_interval(counts, seed=4)


def test_the_interval_is_that_of_drawing_tracks_one_by_one():
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 50, (20, 3))
    sums = np.array([counts[rng.integers(0, 20, 20)].sum(axis=0) for _ in range(4000)])
    by_hand = np.percentile(2 * sums[:, 0] / (2 * sums[:, 0] + sums[:, 1] + sums[:, 2]), [2.5, 97.5])
    assert micro_f_interval(counts, resamples=4000) == pytest.approx(by_hand, abs=0.01)


def test_one_track_or_no_hits_have_no_interval():
    assert micro_f_interval(np.array([[5, 1, 1]])) is None
    assert micro_f_interval(np.zeros((4, 3), dtype=np.int64)) is None


def test_tracks_scored_differently_cannot_be_summed_up():
    piece = performance((1.0, Drum.KICK))
    tracks = [score_track(piece, piece, tolerance, FIVE) for tolerance in (0.05, 0.025)]
    with pytest.raises(ValueError, match="all of one tolerance and class set"):
        score(tracks)
    with pytest.raises(ValueError, match="at least one"):
        score([])


def test_an_unknown_class_set_is_refused_with_the_nearest_first():
    with pytest.raises(ConfigError, match="class set 'lane' is unknown; class sets: lanes"):
        class_set("lane")
