"""Timing: seconds, beats and ticks undo each other over any tempo map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from drumlane.timing import (
    DEFAULT_BPM,
    TICKS_PER_BEAT,
    TempoChange,
    TempoMap,
    TimeSignature,
    tempo_map_from_events,
)

SLOW_THEN_FAST = TempoMap((TempoChange(0.0, 60.0), TempoChange(4.0, 120.0), TempoChange(8.0, 240.0)))


def test_beats_become_seconds_at_each_tempo() -> None:
    np.testing.assert_allclose(SLOW_THEN_FAST.beats_to_seconds([0, 2, 4, 6, 8, 12]), [0, 2, 4, 5, 6, 7])


def test_120_bpm_is_the_default_and_half_a_second_a_beat() -> None:
    assert DEFAULT_BPM == 120.0
    assert float(TempoMap().beats_to_seconds(3)) == 1.5


def test_ticks_are_rounded_to_the_nearest() -> None:
    assert TempoMap().seconds_to_ticks([0.0, 0.5, 0.50025, 0.50027]).tolist() == [0, 960, 960, 961]


@given(strategies.tempo_maps(), st.lists(strategies.times(), min_size=1))
def test_seconds_come_back_from_beats(tempo: TempoMap, seconds: list[float]) -> None:
    np.testing.assert_allclose(
        tempo.beats_to_seconds(tempo.seconds_to_beats(seconds)), seconds, rtol=1e-12, atol=1e-9
    )


@given(strategies.tempo_maps(), st.lists(st.integers(0, 10_000_000), min_size=1))
def test_ticks_come_back_from_seconds(tempo: TempoMap, ticks: list[int]) -> None:
    assert tempo.seconds_to_ticks(tempo.ticks_to_seconds(ticks)).tolist() == ticks


@given(strategies.tempo_maps(), st.lists(strategies.times(), min_size=1))
def test_ticks_are_at_most_half_a_tick_off(tempo: TempoMap, seconds: list[float]) -> None:
    longest_tick = 60.0 / min(change.bpm for change in tempo.changes) / TICKS_PER_BEAT
    off = np.abs(tempo.ticks_to_seconds(tempo.seconds_to_ticks(seconds)) - seconds)
    assert np.all(off <= longest_tick / 2 + 1e-9)


@given(strategies.tempo_maps(), st.lists(strategies.times(), min_size=2))
def test_later_seconds_are_later_beats(tempo: TempoMap, seconds: list[float]) -> None:
    assert np.all(np.diff(tempo.seconds_to_beats(sorted(seconds))) >= 0)


def test_shapes_are_kept() -> None:
    assert SLOW_THEN_FAST.seconds_to_beats(np.zeros((2, 3))).shape == (2, 3)
    assert SLOW_THEN_FAST.beats_to_seconds(1.0).shape == ()


def test_no_times_give_no_beats() -> None:
    assert SLOW_THEN_FAST.seconds_to_beats([]).shape == (0,)


def test_events_of_a_file_may_be_out_of_order_and_the_last_on_a_beat_counts() -> None:
    tempo = tempo_map_from_events([(8.0, 90.0), (4.0, 100.0), (8.0, 80.0)], [(4.0, 3, 4), (4.0, 6, 8)])
    assert tempo.changes == (TempoChange(0.0, 120.0), TempoChange(4.0, 100.0), TempoChange(8.0, 80.0))
    assert tempo.signatures == (TimeSignature(0.0, 4, 4), TimeSignature(4.0, 6, 8))


def test_a_tempo_at_the_start_replaces_the_default() -> None:
    assert tempo_map_from_events([(0.0, 97.5)]) == TempoMap.constant(97.5)


@pytest.mark.parametrize("bpm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tempo_that_is_no_tempo_is_refused(bpm: float) -> None:
    with pytest.raises(ValueError, match="must be a positive number"):
        TempoChange(0.0, bpm)


@pytest.mark.parametrize("beat", [-0.5, float("nan"), float("inf")])
def test_a_tempo_before_the_start_is_refused(beat: float) -> None:
    with pytest.raises(ValueError, match="must be a number >= 0"):
        TempoChange(beat, 120.0)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 4), (4, 0), (4, 3), (-1, 4)])
def test_an_impossible_time_signature_is_refused(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match=f"time signature {numerator}/{denominator}"):
        TimeSignature(0.0, numerator, denominator)


def test_a_map_needs_a_tempo_at_the_start() -> None:
    with pytest.raises(ValueError, match="needs a tempo at beat 0"):
        TempoMap((TempoChange(1.0, 120.0),))
    with pytest.raises(ValueError, match="needs a tempo at beat 0"):
        TempoMap(())


def test_two_tempos_on_one_beat_are_refused() -> None:
    with pytest.raises(ValueError, match="increasing beats"):
        TempoMap((TempoChange(0.0, 120.0), TempoChange(2.0, 60.0), TempoChange(2.0, 90.0)))


@given(strategies.tempo_maps(), st.lists(st.floats(0.0, 5000.0), max_size=20))
def test_a_beat_lies_in_the_last_bar_that_begins_before_it(tempo: TempoMap, beats: list[float]) -> None:
    starts = tempo.bar_starts(6000.0)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    numbers, firsts, lengths = tempo.bars_at(beats)
    for beat, number, first, length in zip(beats, numbers, firsts, lengths, strict=True):
        assert starts[number] == pytest.approx(first)
        assert first <= beat + 1e-6
        following = starts[number + 1] if number + 1 < len(starts) else first + length
        assert beat <= following + 1e-6
        assert following - first <= length + 1e-6, "shorter where the time signature changes"


def test_a_lead_in_moves_everything_but_the_start() -> None:
    tempo = TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(8.0, 60.0)),
        (TimeSignature(0.0, 3, 4), TimeSignature(6.0, 4, 4)),
    )
    later = tempo.delayed(3.0)
    assert later.changes == (TempoChange(0.0, 120.0), TempoChange(11.0, 60.0))
    assert later.signatures == (TimeSignature(0.0, 3, 4), TimeSignature(9.0, 4, 4))
    assert later.beats_to_seconds(11.0) == pytest.approx(tempo.beats_to_seconds(8.0) + 1.5)
