"""Performance: hits are checked, sorted and never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoMap
from drumlane.vocabulary import LANES, Drum, Lane


@pytest.mark.parametrize("time", [-1e-9, float("nan"), float("inf")])
def test_a_hit_before_the_start_or_at_no_time_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match=r"time=.* must be a number >= 0"):
        Hit(time, Drum.KICK, 100)


@pytest.mark.parametrize("velocity", [-1, 0, 128])
def test_a_velocity_outside_midi_is_refused(velocity: int) -> None:
    with pytest.raises(ValueError, match=rf"velocity={velocity} is outside 1\.\.127"):
        Hit(0.0, Drum.KICK, velocity)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_outside_0_to_1_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"confidence=.* is outside 0\.\.1"):
        Hit(0.0, Drum.KICK, 100, confidence)


@given(st.lists(strategies.hits()))
def test_hits_are_sorted_and_none_is_lost(hits: list[Hit]) -> None:
    performance = Performance.of(hits)
    assert list(performance) == sorted(hits)
    assert len(performance) == len(hits)


@given(st.lists(strategies.hits()), st.randoms(use_true_random=False))
def test_the_order_of_hits_does_not_matter(hits: list[Hit], random) -> None:
    shuffled = random.sample(hits, len(hits))
    assert Performance.of(shuffled) == Performance.of(hits)


@given(strategies.performances())
def test_the_duration_reaches_at_least_to_the_last_hit(performance: Performance) -> None:
    assert all(hit.time <= performance.duration for hit in performance)


def test_a_given_duration_beyond_the_last_hit_is_kept() -> None:
    assert Performance.of([Hit(1.0, Drum.KICK, 100)], duration=2.5).duration == 2.5


def test_an_empty_performance_is_valid() -> None:
    assert len(Performance()) == 0
    assert Performance().duration == 0.0
    assert Performance().tempo == TempoMap()


@given(strategies.performances())
def test_every_hit_is_in_one_lane_or_is_an_auxiliary(performance: Performance) -> None:
    in_lanes = sum(len(performance.lane_times(lane)) for lane in LANES)
    auxiliaries = sum(hit.drum.lane is None for hit in performance)
    assert in_lanes + auxiliaries == len(performance)


@given(strategies.performances())
def test_lanes_only_keeps_times_velocities_and_lanes(performance: Performance) -> None:
    plain = performance.lanes_only()
    assert sorted((hit.time, hit.drum.lane, hit.velocity) for hit in plain) == sorted(
        (hit.time, hit.drum.lane, hit.velocity) for hit in performance if hit.drum.lane is not None
    )
    assert plain.lanes_only() == plain
    assert plain.duration == performance.duration


@given(strategies.performances())
def test_counts_add_up(performance: Performance) -> None:
    assert performance.counts().total() == len(performance)


def test_filter_keeps_tempo_and_duration() -> None:
    both = Performance.of(
        [Hit(0.5, Drum.KICK, 90), Hit(1.0, Drum.RIDE, 60)], duration=9.0, tempo=TempoMap.constant(99.0)
    )
    kicks = both.filter(lambda hit: hit.drum is Drum.KICK)
    assert [hit.drum for hit in kicks] == [Drum.KICK]
    assert (kicks.tempo, kicks.duration) == (both.tempo, 9.0)


def test_lane_times_are_sorted_seconds() -> None:
    hits = [Hit(2.0, Drum.HIHAT_OPEN, 80), Hit(1.0, Drum.HIHAT_PEDAL, 80), Hit(0.5, Drum.KICK, 80)]
    assert Performance.of(hits).lane_times(Lane.HIHAT).tolist() == [1.0, 2.0]
