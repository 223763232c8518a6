"""Tempo fit, bars, pulse and layout: each stage on what the one before it may give."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.errors import ConfigError
from drumlane.timing import TempoMap
from drumlane.transcription.bars import Bars, best_bars
from drumlane.transcription.hit_frames import FPS, SOFTEST, hit_frames
from drumlane.transcription.meters import COMPOUND, SIMPLE, Meter, in_threes, meter_of, parse_meter
from drumlane.transcription.pulse import best_beats, evenly_filled
from drumlane.transcription.tempo_fit import (
    Steady,
    Struck,
    fixed_interval,
    snapped,
    steady_stretches,
    struck_beats,
)
from drumlane.transcription.tempo_layout import tempo_map

intervals = st.floats(0.25, 1.2)


def wavering(intervals: np.ndarray, spread: float = 0.004) -> Struck:
    """Return beats of given intervals, struck by a hand."""
    times = np.concatenate([[0.5], 0.5 + np.cumsum(intervals)])
    rng = np.random.default_rng(1)
    return Struck(times + spread * rng.standard_normal(len(times)), np.ones(len(times)))


# Frames ---------------------------------------------------------------------------------------------


@given(st.floats(0.0, 9.9), st.integers(0, 7), st.integers(1, 127))
def test_a_stroke_is_shared_by_its_two_frames_and_keeps_its_time(time: float, lane: int, force: int) -> None:
    frames = hit_frames(np.array([time]), np.array([lane]), np.array([float(force)]), 500)
    column = frames[:, lane].astype(np.float64)
    assert column.sum() == pytest.approx(SOFTEST + (1 - SOFTEST) * force / 127, abs=1e-5)
    assert (column @ np.arange(500)) / column.sum() / FPS == pytest.approx(time, abs=1e-5)
    assert np.delete(frames, lane, axis=1).max() == 0


def test_strokes_outside_the_frames_are_left_out() -> None:
    assert hit_frames(np.array([-1.0, 99.0]), np.array([0, 1]), np.array([90.0, 90.0]), 100).max() == 0


# Pulse ----------------------------------------------------------------------------------------------


def activation_of(frames: np.ndarray, n_frames: int, height: float = 0.9) -> np.ndarray:
    activation = np.full(n_frames, 0.02)
    activation[np.rint(frames).astype(int)] = height
    return activation


@given(st.floats(52, 235), st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_an_even_pulse_is_found_beat_by_beat(bpm: float, first: int) -> None:
    true = first + np.arange(0, 1500, FPS * 60 / bpm)
    found = best_beats(activation_of(true, 2000))
    assert found.frames.tolist() == np.rint(true).astype(int).tolist()


def test_a_pulse_that_stops_for_long_is_taken_up_again_and_counted_through() -> None:
    true = np.arange(0, 3000, 25.0)
    heard = true[(true < 1000) | (true >= 2000)]
    found = best_beats(activation_of(heard, 3000))
    assert set(heard.astype(int)) <= set(found.frames.tolist())
    assert found.begins_again.sum() == 1
    assert np.allclose(evenly_filled(found), true, atol=1.0)


def test_nothing_gives_no_beats() -> None:
    assert len(best_beats(np.full(1000, 0.01)).frames) == 0
    assert len(best_beats(np.zeros(0)).frames) == 0
    playing = best_beats(np.full(1000, 0.01), played=np.ones(1000, dtype=bool))
    assert len(playing.frames) == 0


def test_named_rates_bind_the_pulse() -> None:
    every = activation_of(np.arange(0, 2000, 25.0), 2000)  # 120
    assert np.diff(best_beats(every, ((58.0, 62.0),)).frames).tolist() == [50] * 39


def test_weak_beats_are_kept_where_there_is_playing() -> None:
    true = np.arange(0, 3000, 25)
    activation = activation_of(true, 3000)
    activation[true[true > 1500]] = 0.36
    assert best_beats(activation, played=np.ones(3000, dtype=bool)).frames.tolist() == true.tolist()


# Bars -----------------------------------------------------------------------------------------------


@given(st.sampled_from([3, 4, 5, 7]), st.integers(0, 6), st.integers(40, 90))
def test_bars_are_found_where_downbeats_are(meter: int, first: int, n_beats: int) -> None:
    first %= meter
    downbeat = np.where(np.arange(n_beats) % meter == first, 0.8, 0.05)
    bars = best_bars(downbeat, SIMPLE)
    assert bars.first_beats.tolist() == list(range(first, n_beats, meter))
    assert set(bars.meters.tolist()) == {meter}


def test_a_missed_downbeat_is_no_new_bar() -> None:
    downbeat = np.where(np.arange(64) % 4 == 0, 0.8, 0.05)
    downbeat[[16, 36]] = 0.02
    assert best_bars(downbeat, SIMPLE).first_beats.tolist() == list(range(0, 64, 4))


def test_a_bar_of_two_is_a_single_short_bar() -> None:
    lines = [*range(0, 33, 4), *range(34, 80, 4)]
    downbeat = np.full(80, 0.02)
    downbeat[lines] = 0.95
    bars = best_bars(downbeat, SIMPLE)
    assert bars.first_beats.tolist() == lines
    assert bars.lengths.tolist()[:10] == [4] * 8 + [2, 4]


def test_a_metre_that_changes_for_long_is_changed() -> None:
    lines = [*range(0, 64, 4), *range(64, 130, 3)]
    downbeat = np.full(130, 0.02)
    downbeat[lines] = 0.9
    assert best_bars(downbeat, SIMPLE).first_beats.tolist() == lines


# Meters ---------------------------------------------------------------------------------------------


@given(st.sampled_from(["4/4", "3/4", "6/8", "9/8", "12/8", "7/8", "5/8", "2/2", "5/4"]))
def test_a_time_signature_is_its_beats_and_back(text: str) -> None:
    meter = parse_meter(text)
    assert meter_of(meter.beats, meter.quarters) == meter
    assert meter.beats * meter.quarters == 4 * meter.numerator / meter.denominator


@pytest.mark.parametrize(
    "text", ["", "4", "4/3", "0/4", "4/0", "-3/4", "a/b", "4/4/4", "99/4", "4/64", "³/4"]
)
def test_what_is_no_time_signature_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="time signature"):
        parse_meter(text)


def test_all_three_of_three_are_compound_and_a_shuffle_is_not() -> None:
    beats = np.arange(0, 20, 0.9)
    thirds = np.arange(0, 19, 0.3)
    shuffle = np.delete(thirds, np.arange(1, len(thirds), 3))
    assert in_threes(beats, thirds)
    assert not in_threes(beats, shuffle)
    assert not in_threes(beats, np.arange(0, 19, 0.45))
    assert not in_threes(beats, np.arange(0, 19, 0.225))
    assert not in_threes(beats, np.zeros(0))


# Fit ------------------------------------------------------------------------------------------------


@given(st.integers(40, 239), st.integers(20, 300))
def test_a_whole_tempo_is_written_as_a_whole_number(bpm: int, n_beats: int) -> None:
    struck = wavering(np.full(n_beats, 60.0 / bpm), 0.006)
    steady = snapped(steady_stretches(struck), struck, 60.0)
    assert 60.0 / steady.intervals[0] == pytest.approx(bpm, abs=1e-9)


@given(st.floats(60.2, 60.8), st.integers(120, 300))
def test_a_tempo_between_two_whole_ones_is_left_there(bpm: float, n_beats: int) -> None:
    struck = wavering(np.full(n_beats, 60.0 / bpm), 0.003)
    steady = snapped(steady_stretches(struck), struck, 60.0)
    assert 60.0 / steady.intervals[0] == pytest.approx(bpm, abs=0.02)


@given(intervals, st.floats(0.8, 1.25), st.integers(16, 60), st.integers(16, 60))
@settings(max_examples=40)
def test_a_change_of_tempo_is_found_where_it_is(first: float, ratio: float, n: int, m: int) -> None:
    lengths = np.concatenate([np.full(n, first), np.full(m, first * ratio)])
    struck = wavering(lengths, 0.002)
    steady = steady_stretches(struck)
    true = 0.5 + np.concatenate([[0.0], np.cumsum(lengths)])
    assert np.abs(steady.at(np.arange(len(true), dtype=float)) - true).max() < 0.03
    assert len(steady.knots) <= 4


def test_a_wavering_player_keeps_one_tempo_and_a_drifting_one_does_not() -> None:
    slow = 0.015 * np.sin(np.arange(200) / 20.0)
    steady_hand = wavering(np.full(199, 0.5), 0.012)
    assert len(steady_stretches(Struck(steady_hand.times + slow, steady_hand.weights)).knots) == 2
    drifting = wavering(0.5 * (1 + 0.0004 * np.arange(199)), 0.004)
    knots = steady_stretches(drifting)
    assert 3 <= len(knots.knots) < 30
    assert np.abs(knots.at(np.arange(200.0)) - drifting.times).max() < 0.04


def test_strokes_say_better_than_frames_when_a_beat_is() -> None:
    true = np.arange(0.5, 30, 0.5)
    said = np.rint(true * 50 + 0.4) / 50
    struck = struck_beats(said, np.sort(np.concatenate([true, true + 0.25])), np.full(2 * len(true), 90.0))
    assert np.abs(struck.times - true).max() < 1e-6


def test_a_beat_without_a_stroke_stays_and_counts_little() -> None:
    struck = struck_beats(np.arange(0, 10, 0.5), np.array([1.01]), np.array([90.0]))
    assert struck.times[2] == pytest.approx(1.01)
    assert struck.times[3] == 1.5
    assert struck.weights[2] > 5 * struck.weights[3]


def test_a_named_interval_is_laid_through_the_middle_of_the_beats() -> None:
    steady = fixed_interval(wavering(np.full(40, 0.501)), 0.5)
    assert steady.intervals.tolist() == [0.5]
    assert abs(steady.seconds[0] - 0.52) < 0.01


# Layout ---------------------------------------------------------------------------------------------


@st.composite
def steadies(draw: st.DrawFn) -> Steady:
    """Stretches of 8 beats and more, from a start at any time."""
    lengths = draw(st.lists(st.integers(8, 40), min_size=1, max_size=5))
    beats = draw(st.lists(intervals, min_size=len(lengths), max_size=len(lengths)))
    start = draw(st.one_of(st.floats(0.06, 30), st.just(0.0)))
    knots = np.concatenate([[0], np.cumsum(lengths)])
    seconds = start + np.concatenate([[0.0], np.cumsum(np.array(lengths) * np.array(beats))])
    return Steady(knots, seconds)


@given(steadies(), st.sampled_from([(2, 1.5), (3, 1.0), (4, 1.0), (7, 0.5)]), st.integers(0, 6))
def test_beats_are_where_they_were_found_and_the_first_bar_line_on_a_whole_beat(
    steady: Steady, meter: tuple[int, float], upbeat: int
) -> None:
    n_beats, quarters = meter
    upbeat %= n_beats
    bars = lines_of(upbeat, int(steady.knots[-1]), n_beats)
    tempo = tempo_map(steady, bars, quarters)
    numbers = np.arange(int(steady.knots[-1]) + 1)
    places = tempo.seconds_to_beats(steady.at(numbers.astype(float)))
    lead = float(places[0])
    assert np.allclose(places, lead + numbers * quarters, atol=1e-3 / steady.intervals.min())
    assert steady.seconds[0] == 0 or abs(places[upbeat] - round(places[upbeat])) < 0.02
    assert bar_lines(tempo, float(places[-1])) >= {round(lead + n * quarters, 1) for n in bars.first_beats}


def lines_of(upbeat: int, last: int, n_beats: int) -> Bars:
    lines = np.arange(upbeat, last, n_beats)
    return Bars(lines, np.full(len(lines), n_beats))


def bar_lines(tempo: TempoMap, end: float) -> set[float]:
    """Return the bar lines of a map in quarter notes."""
    starts = [*(s.beat for s in tempo.signatures), end + 0.01]
    return {
        round(float(line), 1)
        for signature, (first, until) in zip(tempo.signatures, pairwise(starts), strict=True)
        for line in np.arange(first, until, 4 * signature.numerator / signature.denominator)
    }


def test_an_upbeat_of_one_is_a_short_bar() -> None:
    tempo = tempo_map(Steady(np.array([0, 40]), np.array([0.0, 20.0])), lines_of(1, 40, 4), 1.0)
    assert [(s.beat, s.numerator, s.denominator) for s in tempo.signatures] == [(0, 1, 4), (1, 4, 4)]
    assert [change.bpm for change in tempo.changes] == [120.0]


def test_two_bars_of_six_eighths_begin_with_their_lead_in() -> None:
    tempo = tempo_map(Steady(np.array([0, 40]), np.array([2.0, 42.0])), lines_of(0, 40, 2), 1.5)
    assert [(s.beat, s.numerator, s.denominator) for s in tempo.signatures] == [(0.0, 6, 8)]
    assert [change.bpm for change in tempo.changes] == [90.0]
    assert float(tempo.beats_to_seconds(3.0)) == pytest.approx(2.0)


def test_compound_metres_are_counted_in_two_or_three() -> None:
    assert set(COMPOUND) == {2, 3}
    assert Meter(12, 8).beats == 4
