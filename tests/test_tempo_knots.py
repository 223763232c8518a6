"""Tempo knots: no knot moves by more than half a step, however many there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from drumlane.formats.tempo_knots import map_from_seconds, retimed, signature_of
from drumlane.timing import TempoChange, TempoMap, TimeSignature

steady = st.integers(0, 2**32 - 1).map(lambda seed: moving_map(np.random.default_rng(seed)))


def moving_map(rng: np.random.Generator, n_beats: int = 300) -> TempoMap:
    return TempoMap(tuple(TempoChange(float(i), float(rng.uniform(60, 200))) for i in range(n_beats)))


@given(tempo=steady)
def test_knots_are_on_whole_milliseconds_and_half_a_step_off_at_most(tempo: TempoMap) -> None:
    beats = [change.beat for change in tempo.changes]
    held = retimed(tempo, beats, beats)
    before, after = tempo.beats_to_seconds(beats), held.beats_to_seconds(beats)
    assert np.abs(after - before).max() <= 0.0005 + 1e-9
    np.testing.assert_allclose(after * 1000, np.rint(after * 1000), atol=1e-5)


def test_one_tempo_stays_what_it_is() -> None:
    assert retimed(TempoMap.constant(127.3), [0.0], [0.0]) == TempoMap.constant(127.3)


def test_two_knots_in_one_place_become_the_later_one() -> None:
    tempo = TempoMap((TempoChange(0.0, 60.0), TempoChange(4.0, 100.0), TempoChange(4.0001, 200.0)))
    held = retimed(tempo, [0.0, 4.0, 4.0001], [0.0, 4.0, 4.0])
    assert held.changes == (TempoChange(0.0, 60.0), TempoChange(4.0, 200.0))


@given(tempo=strategies.tempo_maps())
def test_a_map_in_seconds_is_the_map_again(tempo: TempoMap) -> None:
    starts = tempo.beats_to_seconds([change.beat for change in tempo.changes]).tolist()
    back = map_from_seconds([(second, c.bpm) for second, c in zip(starts, tempo.changes, strict=True)])
    beats = np.linspace(0, tempo.changes[-1].beat + 100, 200)
    np.testing.assert_allclose(back.beats_to_seconds(beats), tempo.beats_to_seconds(beats), atol=1e-4)


@pytest.mark.parametrize(("start", "n_beats"), [(0.5, 1), (2.0, 4), (2.3, 5), (0.1, 1), (30.0, 60)])
def test_whole_beats_fill_the_time_before_the_music(start: float, n_beats: int) -> None:
    tempo = map_from_seconds([(start, 120.0)], [(start, 4, 4)])
    assert float(tempo.beats_to_seconds(n_beats)) == pytest.approx(start)
    assert tempo.changes[-1].bpm == 120.0
    bar_lines = {s.beat for s in tempo.signatures}
    assert n_beats % 4 == 0 or n_beats in bar_lines


def test_a_lead_in_that_is_no_whole_bars_is_a_short_bar() -> None:
    tempo = map_from_seconds([(1.5, 120.0)], [(1.5, 4, 4)])
    assert tempo.signatures == (TimeSignature(0.0, 3, 4), TimeSignature(3.0, 4, 4))


def test_music_that_begins_before_the_audio_keeps_its_beats() -> None:
    tempo = map_from_seconds(
        [(-0.7, 120.0)], [(-0.7, 4, 4)]
    )  # beats at -0.7, -0.2, 0.3, 0.8, 1.3: a bar line
    np.testing.assert_allclose(tempo.beats_to_seconds([1, 2, 3]), [0.3, 0.8, 1.3])
    assert tempo.signatures == (TimeSignature(0.0, 3, 4), TimeSignature(3.0, 4, 4))


def test_a_tempo_that_changes_before_the_first_beat_of_the_audio() -> None:
    tempo = map_from_seconds([(-0.4, 60.0), (0.1, 120.0)])
    np.testing.assert_allclose(tempo.beats_to_seconds([1, 2]), [0.1, 0.6])


def test_a_beat_that_falls_on_the_beginning_is_beat_0() -> None:
    assert map_from_seconds([(-1.0, 120.0)], [(-1.0, 2, 4)]) == TempoMap(
        (TempoChange(0.0, 120.0),), (TimeSignature(0.0, 2, 4),)
    )


def test_bar_lines_where_the_meter_has_them_and_equal_tempos_add_nothing() -> None:
    knots = [(2.0 * i, 120.0) for i in range(10)]
    assert map_from_seconds(knots, [(second, 4, 4) for second, _ in knots]) == TempoMap.constant(120.0)


def test_a_bar_line_out_of_place_begins_a_bar() -> None:
    tempo = map_from_seconds([(0.0, 120.0)], [(0.0, 4, 4), (3.0, 4, 4), (5.0, 3, 4)])
    assert [(s.beat, s.numerator) for s in tempo.signatures] == [(0.0, 4), (6.0, 4), (10.0, 3)]


def test_without_anything_there_are_120_bpm_in_4_4() -> None:
    assert map_from_seconds([]) == TempoMap()


@pytest.mark.parametrize(
    ("beats", "signature"),
    [(4.0, (4, 4)), (3.0, (3, 4)), (3.5, (7, 8)), (0.25, (1, 16)), (1 / 3, (5, 64)), (1e-9, (1, 64))],
)
def test_the_signature_of_a_bar(beats: float, signature: tuple[int, int]) -> None:
    assert signature_of(beats) == signature
