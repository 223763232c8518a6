"""Charting: grids move strokes and lose none, easier levels are thinned versions that hands can play."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from drumlane import formats
from drumlane.charting.chords import APART, WINDOW, for_two_hands, gather, without_doubles
from drumlane.charting.density import difficulty_of
from drumlane.charting.lead_in import LEAST_SECONDS, with_lead_in
from drumlane.charting.level import Level
from drumlane.charting.metre import bar_times, weights
from drumlane.charting.phrases import activations, star_power
from drumlane.charting.quantisation import (
    PARTS,
    Grid,
    QuantisationOptions,
    quantise,
    swing_of,
)
from drumlane.charting.reduction import LIMITS, TOGETHER, reduce_all
from drumlane.charting.sections import sections_of
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum, Lane

ROOT = Path(__file__).resolve().parents[1]
LEVELS = tuple(Level)


def beat(n_bars: int = 8, bpm: float = 120.0, hats: int = 2, start: float = 0.0) -> Performance:
    """Return a rock beat: kick on 1 and 3, snare on 2 and 4, hats in so many parts of a beat."""
    step = 60.0 / bpm
    hits = []
    for quarter in range(4 * n_bars):
        at = start + quarter * step
        hits.append(Hit(at, Drum.SNARE if quarter % 2 else Drum.KICK, 100))
        hits += [Hit(at + k * step / hats, Drum.HIHAT_CLOSED, 80) for k in range(hats)]
    return Performance(tuple(hits), TempoMap.constant(bpm), start + 4 * n_bars * step)


def fill(start: float, step: float, n: int = 8) -> list[Hit]:
    drums = (Drum.SNARE, Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW)
    return [Hit(start + k * step, drums[k * 4 // n], 95) for k in range(n)]


# Metre --------------------------------------------------------------------------------------------


def test_places_weigh_what_musicians_give_them() -> None:
    performance = beat(2)
    times = [0.0, 1.0, 0.5, 0.25, 0.125, 1 / 6, 0.06, 2.0]
    assert weights(performance, times).tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 1.2, 0.0, 5.0]


def test_bars_follow_the_time_signatures_and_a_short_first_bar() -> None:
    tempo = TempoMap(
        (TempoChange(0.0, 60.0),),
        (TimeSignature(0.0, 2, 4), TimeSignature(2.0, 3, 4), TimeSignature(8.0, 6, 8)),
    )
    performance = Performance.of([Hit(0.5, Drum.KICK, 80)], 14.5, tempo)
    assert bar_times(performance).tolist() == [0.0, 2.0, 5.0, 8.0, 11.0, 14.0]


# Quantisation -------------------------------------------------------------------------------------


options = st.builds(
    QuantisationOptions,
    st.sampled_from(Grid),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.1),
    st.booleans(),
)


@given(strategies.performances(longest=60.0), options)
def test_no_stroke_is_lost_invented_or_moved_too_far(
    performance: Performance, chosen: QuantisationOptions
) -> None:
    done = quantise(performance, chosen).performance
    key = [(h.drum, h.velocity, h.confidence) for h in performance]
    assert sorted(key) == sorted((h.drum, h.velocity, h.confidence) for h in done)
    for drum in Drum:
        before = [h for h in performance if h.drum is drum]
        after = [h for h in done if h.drum is drum]
        assert len(before) == len(after)
        moved = np.array([h.time for h in after]) - [h.time for h in before]
        if len(moved):
            assert np.abs(moved).max() <= chosen.max_shift + 1e-9
        times = [h.time for h in before]
        apart = len(set(times)) == len(times)
        assert not apart or len({h.time for h in after}) == len(after), "strokes of one drum never merge"


@given(strategies.performances(longest=60.0))
def test_strength_zero_changes_nothing(performance: Performance) -> None:
    assert quantise(performance, QuantisationOptions(strength=0.0)).performance == performance


@pytest.mark.parametrize("grid", list(PARTS))
@pytest.mark.parametrize("seed", range(3))
def test_a_second_time_changes_nothing_more(grid: Grid, seed: int) -> None:
    rng = np.random.default_rng(seed)
    played = beat(6, hats=PARTS[grid])
    loose = tuple(replace(h, time=max(0.0, h.time + float(rng.normal(0, 0.008)))) for h in played)
    chosen = QuantisationOptions(grid, swing=False)
    once = quantise(replace(played, hits=loose), chosen).performance
    twice = quantise(once, chosen).performance
    np.testing.assert_allclose([h.time for h in twice], [h.time for h in once], atol=1e-9)
    if grid not in (Grid.QUARTER,):
        np.testing.assert_allclose([h.time for h in once], [h.time for h in played], atol=1e-6)


@pytest.mark.parametrize(
    ("hats", "grid"),
    [
        (1, Grid.QUARTER),
        (2, Grid.EIGHTH),
        (3, Grid.TRIPLET),
        (4, Grid.SIXTEENTH),
        (6, Grid.SIXTEENTH_TRIPLET),
    ],
)
def test_auto_takes_the_coarsest_grid_that_explains_a_bar(hats: int, grid: Grid) -> None:
    rng = np.random.default_rng(1)
    played = beat(6, 100.0, hats)
    loose = tuple(replace(h, time=max(0.0, h.time + float(rng.normal(0, 0.006)))) for h in played)
    grids = quantise(replace(played, hits=loose), QuantisationOptions(swing=False)).statistics.grids
    assert max(grids, key=lambda g: grids[g]) is grid


def test_bars_may_have_grids_of_their_own() -> None:
    first, second = beat(2, 120.0, 4), beat(2, 120.0, 3, start=4.0)
    mixed = Performance(first.hits + second.hits, first.tempo, 8.0)
    assert quantise(mixed, QuantisationOptions(swing=False)).statistics.grids == {
        Grid.SIXTEENTH: 2,
        Grid.TRIPLET: 2,
    }


def test_a_flam_moves_as_one_and_a_roll_keeps_its_gaps() -> None:
    flam = Performance.of([Hit(0.98, Drum.SNARE, 40), Hit(1.01, Drum.SNARE, 100)], 2.0)
    times = [h.time for h in quantise(flam, QuantisationOptions(Grid.SIXTEENTH)).performance]
    assert times[1] == pytest.approx(1.0)
    assert times[1] - times[0] == pytest.approx(0.03)
    roll = Performance.of([Hit(1.005 + 0.03 * k, Drum.SNARE, 90) for k in range(5)], 2.0)
    gaps = np.diff([h.time for h in quantise(roll, QuantisationOptions(Grid.QUARTER)).performance])
    np.testing.assert_allclose(gaps, 0.03, atol=1e-9)


def test_swing_is_kept() -> None:
    ratio = 0.62
    straight = beat(8, 120.0, 2)
    swung = tuple(
        replace(h, time=h.time + (ratio - 0.5) * 0.5) if round(h.time / 0.25) % 2 else h for h in straight
    )
    performance = replace(straight, hits=swung)
    assert swing_of(performance) == pytest.approx(ratio, abs=0.01)
    assert swing_of(straight) == 0.5
    done = quantise(performance, QuantisationOptions(Grid.EIGHTH))
    np.testing.assert_allclose([h.time for h in done.performance], [h.time for h in performance], atol=1e-6)
    assert done.statistics.swing == pytest.approx(ratio, abs=0.01)


def test_statistics_say_what_moved() -> None:
    performance = Performance.of(
        [Hit(0.01, Drum.KICK, 90), Hit(0.5, Drum.SNARE, 90), Hit(1.1, Drum.KICK, 90)], 2.0
    )
    done = quantise(performance, QuantisationOptions(Grid.QUARTER))
    found = done.statistics
    assert (found.n_hits, found.n_moved, found.n_left) == (3, 1, 1)
    assert found.max_shift == pytest.approx(0.01)


@pytest.mark.parametrize(("field", "value"), [("strength", 1.5), ("strength", -0.1), ("max_shift", -1.0)])
def test_impossible_options_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        QuantisationOptions(**{field: value})  # type: ignore[arg-type]


# Levels -------------------------------------------------------------------------------------------


def n_hands(performance: Performance, hit: Hit) -> int:
    return sum(h.drum.lane is not Lane.KICK for h in performance if abs(h.time - hit.time) < TOGETHER)


def check_levels(performance: Performance) -> None:
    levels = reduce_all(performance)
    assert levels[Level.EXPERT] == performance
    for easier, harder in pairwise(LEVELS):
        assert set(levels[easier].hits) <= set(levels[harder].hits)
    for level, limits in LIMITS.items():
        chart = levels[level]
        by_time = np.array([h.time for h in chart if h.drum.lane is not Lane.KICK])
        kicks = np.array([h.time for h in chart if h.drum.lane is Lane.KICK])
        for time_ in by_time:
            assert np.count_nonzero(np.abs(by_time - time_) < TOGETHER) <= limits.most_hands
        for time_ in kicks:
            assert np.count_nonzero(np.abs(by_time - time_) < TOGETHER) <= limits.hands_with_kick
        if len(kicks) > 1:
            assert np.diff(kicks).min() >= 0.8 * limits.kick_gap - 1e-9


@given(strategies.performances(longest=60.0))
def test_every_level_is_a_part_of_the_next_and_hands_can_play_it(performance: Performance) -> None:
    check_levels(performance)


@pytest.mark.shared
def test_human_grooves_become_playable_on_every_level(shared_data: Path) -> None:
    files = sorted((shared_data / "grooves").rglob("*.mid"))[::60]
    assert len(files) > 10
    for path in files:
        performance = formats.read(path)
        check_levels(performance)
        sizes = [len(chart) for chart in reduce_all(performance).values()]
        assert sizes == sorted(sizes)


@pytest.mark.parametrize("bpm", [70.0, 100.0, 140.0, 180.0])
@pytest.mark.parametrize("level", LEVELS)
def test_the_backbeat_and_the_first_kick_of_each_bar_stay(bpm: float, level: Level) -> None:
    performance = beat(8, bpm, 2)
    chart = reduce_all(performance)[level]
    bar = 240.0 / bpm
    for number in range(8):
        drums = {
            (h.drum, round((h.time - number * bar) / (bar / 4), 3))
            for h in chart
            if 0 <= h.time - number * bar < bar
        }
        assert (Drum.KICK, 0.0) in drums
        assert (Drum.SNARE, 1.0) in drums or (level is Level.EASY and bpm > 150)
        assert (Drum.SNARE, 3.0) in drums or (level is Level.EASY and bpm > 150)


def test_hats_are_thinned_evenly() -> None:
    performance = beat(8, 120.0, 4)
    levels = reduce_all(performance)
    for level, step in ((Level.HARD, 0.125), (Level.MEDIUM, 0.25)):
        hats = np.array([h.time for h in levels[level] if h.drum is Drum.HIHAT_CLOSED])
        inside = np.diff(hats)
        assert np.median(inside) == pytest.approx(step)
        assert np.allclose(inside / step, np.rint(inside / step), atol=1e-6), "on the thinned grid throughout"


@pytest.mark.parametrize(("level", "longest"), [(Level.EASY, 2.6), (Level.MEDIUM, 5.1), (Level.HARD, 10.0)])
def test_hands_play_no_more_than_the_level_allows_at_any_tempo(level: Level, longest: float) -> None:
    for bpm in (60, 90, 120, 150, 180, 220):
        performance = beat(16, float(bpm), 4)
        chart = reduce_all(performance)[level]
        hands = {round(h.time, 3) for h in chart if h.drum.lane is not Lane.KICK}
        assert len(hands) / performance.duration <= longest


def test_ghosts_and_pedals_go_first() -> None:
    groove = beat(4)
    ghosts = [Hit(h.time + 0.125, Drum.SNARE, 25) for h in groove if h.drum is Drum.SNARE]
    pedals = [Hit(h.time + 0.25, Drum.HIHAT_PEDAL, 90) for h in groove if h.drum is Drum.SNARE]
    levels = reduce_all(replace(groove, hits=groove.hits + tuple(ghosts + pedals)))
    for level in LIMITS:
        assert not set(ghosts + pedals) & set(levels[level].hits)


def test_a_fill_is_thinned_or_left_out_whole() -> None:
    groove = beat(3)
    performance = replace(groove, hits=(*groove.hits, *fill(6.0, 0.125, 16)), duration=8.0)
    for level, chart in reduce_all(performance).items():
        toms = [h.time for h in chart if h.drum.lane in (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)]
        assert level is not Level.EXPERT or len(toms) == 12
        for stroke in toms:
            near = [h for h in chart if h.drum.lane is not Lane.KICK and 0 < abs(h.time - stroke) <= 0.56]
            assert near, f"a tom alone at {stroke} on {level}"


def test_many_hits_are_reduced_in_seconds() -> None:
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 3600, 40_000))
    drums = [d for d in Drum if d.lane is not None]
    hits = tuple(
        Hit(float(t), drums[int(k)], 80)
        for t, k in zip(times, rng.integers(0, len(drums), 40_000), strict=True)
    )
    start = time.process_time()
    levels = reduce_all(Performance(hits, TempoMap.constant(133.0), 3600.0))
    assert time.process_time() - start < 10
    assert len(levels[Level.EASY]) < len(levels[Level.HARD]) < 40_000


# Chords, lead-in, phrases, sections ----------------------------------------------------------------


@given(strategies.performances(longest=20.0))
def test_gathering_moves_nothing_far_and_loses_nothing(performance: Performance) -> None:
    done = gather(performance)
    assert len(done) == len(performance)
    assert gather(done) == done or len({h.time for h in gather(done)}) <= len({h.time for h in done})
    for drum in Drum:
        before = sorted(h.time for h in performance if h.drum is drum)
        after = sorted(h.time for h in done if h.drum is drum)
        assert all(abs(a - b) <= WINDOW + 1e-9 for a, b in zip(before, after, strict=True))


def test_a_chord_gets_the_time_of_its_loudest_stroke_and_a_flam_none() -> None:
    chord = [Hit(1.0, Drum.KICK, 60), Hit(1.01, Drum.SNARE, 100), Hit(1.015, Drum.HIHAT_CLOSED, 70)]
    assert {h.time for h in gather(Performance.of(chord))} == {1.01}
    flam = [Hit(1.0, Drum.SNARE, 60), Hit(1.012, Drum.SNARE, 100)]
    assert [h.time for h in gather(Performance.of(flam))] == [1.0, 1.012]


@given(strategies.performances(longest=3.0))
def test_chords_of_a_game_stand_apart(performance: Performance) -> None:
    done = gather(without_doubles(performance))
    assert set(without_doubles(performance).hits) <= set(performance.hits)
    lanes = [{h.drum.lane or h.drum for h in done if h.time == t} for t in sorted({h.time for h in done})]
    times = np.array(sorted({h.time for h in done}))
    for k, gap in enumerate(np.diff(times)):
        assert gap >= APART - 0.0005 or lanes[k] & lanes[k + 1], "nearer only where a lane is in both"


@given(strategies.performances(longest=20.0))
def test_two_hands_strike_two_pads_at_most(performance: Performance) -> None:
    done = for_two_hands(gather(performance))
    assert set(done.hits) <= set(gather(performance).hits)
    assert not done.counts()[Drum.HIHAT_PEDAL]
    for moment in {h.time for h in done}:
        assert sum(h.time == moment and h.drum.lane is not Lane.KICK for h in done) <= 2


@given(strategies.performances(longest=60.0))
def test_a_lead_in_is_whole_bars_and_keeps_the_bar_lines(performance: Performance) -> None:
    later, seconds = with_lead_in(performance)
    if not performance.hits or performance.hits[0].time >= LEAST_SECONDS:
        assert (later, seconds) == (performance, 0.0)
        return
    assert later.hits[0].time >= LEAST_SECONDS - 1e-9
    np.testing.assert_allclose([h.time - seconds for h in later], [h.time for h in performance], atol=1e-6)
    beats = performance.tempo.seconds_to_beats([h.time for h in performance])
    moved = later.tempo.seconds_to_beats([h.time for h in later])
    first = performance.tempo.signatures[0]
    bars = (moved - beats) / (first.numerator * 4 / first.denominator)
    np.testing.assert_allclose(bars, np.rint(bars[0]), atol=1e-4)


def test_names_and_sections_move_with_a_lead_in() -> None:
    song = Song(preview=1.0, sections=(Section(0.0, "A"), Section(2.0, "B")))
    later, seconds = with_lead_in(replace(beat(4), song=song))
    assert later.song.preview == pytest.approx(1.0 + seconds)
    assert [s.time for s in later.song.sections] == [0.0, pytest.approx(2.0 + seconds)]


def test_phrases_are_whole_bars_apart_and_about_an_eighth_of_the_song() -> None:
    performance = beat(80)
    spans = star_power(performance)
    bars = set(np.round(bar_times(performance), 6).tolist())
    assert all({round(a, 6), round(b, 6)} <= bars for a, b in spans)
    covered = sum(b - a for a, b in spans) / performance.duration
    assert 0.08 <= covered <= 0.2
    fills = activations(performance)
    assert fills
    for a, b in fills:
        assert round(b, 6) in bars
        assert all(b <= c or a >= d for c, d in spans)
    assert star_power(beat(2)) == ()
    assert activations(Performance()) == ()


def test_parts_that_play_alike_have_one_name() -> None:
    verse, chorus = beat(8, hats=2), beat(8, hats=1)
    ride = tuple(replace(h, drum=Drum.RIDE) if h.drum is Drum.HIHAT_CLOSED else h for h in chorus)
    hits, start = [], 0.0
    for part in (verse.hits, ride, verse.hits, ride):
        hits += [replace(h, time=h.time + start) for h in part]
        start += verse.duration
    song = Performance(tuple(hits), verse.tempo, start)
    sections = sections_of(song)
    assert [s.name for s in sections] == ["Part A", "Part B", "Part A", "Part B"]
    np.testing.assert_allclose([s.time for s in sections], np.arange(4) * verse.duration)
    assert [s.name for s in sections_of(Performance())] == ["Start"]


@given(strategies.performances(longest=60.0))
def test_a_difficulty_is_a_number_from_0_to_10(performance: Performance) -> None:
    assert 0.0 <= difficulty_of(performance) <= 10.0


def test_a_busier_part_is_more_difficult() -> None:
    assert difficulty_of(Performance.of([Hit(float(t), Drum.KICK, 90) for t in range(9)])) < difficulty_of(
        beat(8)
    )
