"""Arrangement: whatever is written into a groove, it stays a list of playable hits in order."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from drumlane.performance import Hit
from drumlane.rendering.arrangement import (
    CRASHES,
    ENRICHMENTS,
    TOMS,
    add_crashes,
    add_double_kick,
    add_fill,
    add_four_on_floor,
    add_timekeeper,
    add_tom_groove,
    add_unisons,
    arrange,
    excerpt,
    humanise,
    keep_few_lanes,
    part_unisons,
    reorchestrate,
    scattered,
    thin_pedals,
)
from drumlane.vocabulary import Drum, Lane
from material import rock_beat

SECONDS = 6.0
seeds = st.integers(0, 2**32 - 1)
in_lanes = st.sampled_from([drum for drum in Drum if drum.lane is not None])
# Milliseconds, as MIDI files have them, and a coarse grid: unisons are where medians and gaps vanish.
moments = st.integers(0, 5999).map(lambda k: k / 1000) | st.integers(0, 23).map(lambda k: k / 4)
grooves = st.lists(st.builds(Hit, moments, in_lanes, st.integers(1, 127)), max_size=40).map(sorted)
enrichments = st.sampled_from([enrich for _, enrich in ENRICHMENTS])


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def in_order(hits: list[Hit]) -> bool:
    return all(a.time <= b.time for a, b in pairwise(hits))


@given(grooves, enrichments, seeds)
def test_every_enrichment_keeps_the_hits_in_order_and_playable(groove, enrich, seed) -> None:
    out = enrich(groove, SECONDS, rng(seed))
    assert in_order(out)
    assert all(1 <= h.velocity <= 127 and h.time >= 0 for h in out)
    assert all(h.drum.lane is not None for h in out)


@given(grooves, enrichments, seeds)
def test_no_enrichment_changes_its_argument_and_one_seed_gives_one_result(groove, enrich, seed) -> None:
    before = list(groove)
    first, second = (enrich(groove, SECONDS, rng(seed)) for _ in range(2))
    assert groove == before
    assert first == second


@settings(max_examples=50)
@given(grooves, seeds)
def test_an_arrangement_is_in_order_playable_and_a_function_of_its_seed(groove, seed) -> None:
    first, second = (arrange(groove, SECONDS, rng(seed)) for _ in range(2))
    assert first == second
    assert in_order(first)
    assert all(1 <= h.velocity <= 127 for h in first)


@given(grooves, seeds)
def test_fills_double_kicks_and_scattered_strokes_end_with_the_excerpt(groove, seed) -> None:
    for enrich in (add_fill, add_double_kick, scattered):
        assert all(h.time < SECONDS for h in enrich(groove, SECONDS, rng(seed)))


@given(grooves, st.floats(0.0, 5.0), st.floats(0.1, 6.0), st.floats(0.5, 2.0))
def test_an_excerpt_is_the_stretched_hits_of_its_span_moved_to_zero(groove, start, seconds, stretch) -> None:
    out = excerpt(groove, start, seconds, stretch)
    assert all(0 <= h.time <= seconds + 1e-9 for h in out)
    back = [replace(h, time=h.time / stretch + start) for h in out]
    inside = [h for h in groove if start <= h.time < start + seconds / stretch]
    assert [(h.drum, h.velocity) for h in back] == [(h.drum, h.velocity) for h in inside]
    assert [h.time for h in back] == pytest.approx([h.time for h in inside], abs=1e-9)


@given(grooves, seeds)
def test_humanising_moves_hits_by_milliseconds_and_loses_none(groove, seed) -> None:
    out = humanise(groove, rng(seed))
    assert sorted(h.drum for h in out) == sorted(h.drum for h in groove)
    for drum in {h.drum for h in groove}:
        before = [h.time for h in groove if h.drum is drum]
        after = sorted(h.time for h in out if h.drum is drum)
        assert np.abs(np.array(after) - np.array(before)).max() < 0.06


@given(grooves, seeds)
def test_reorchestrating_keeps_times_and_velocities(groove, seed) -> None:
    out = reorchestrate(groove, rng(seed))
    assert [(h.time, h.velocity) for h in out] == [(h.time, h.velocity) for h in groove]


@given(grooves, seeds)
def test_a_tom_permutation_never_joins_two_toms(groove, seed) -> None:
    toms = [replace(h, drum=TOMS[i % 3]) for i, h in enumerate(groove)]
    out = reorchestrate(toms, rng(seed))
    assert len({h.drum for h in out}) == len({h.drum for h in toms})


@given(grooves, seeds)
def test_thinning_pedals_touches_nothing_but_pedals(groove, seed) -> None:
    out = thin_pedals(groove, rng(seed))
    others = [h for h in groove if h.drum is not Drum.HIHAT_PEDAL]
    turned = [replace(h, drum=Drum.HIHAT_CLOSED) for h in groove if h.drum is Drum.HIHAT_PEDAL]
    assert [h for h in others if h not in out] == []
    assert all(h in groove or h in turned for h in out)
    assert all(h.velocity >= 25 for h in out if h.drum is Drum.HIHAT_PEDAL)


@given(grooves, seeds)
@example([Hit(0.0, Drum.KICK, 51), Hit(1.5, Drum.KICK, 51)], 10242)  # a snare keeps time
def test_a_timekeeper_keeps_every_kick_and_what_it_does_not_play(groove, seed) -> None:
    out = add_timekeeper(groove, SECONDS, rng(seed))

    def same(*lanes: Lane) -> bool:
        return [h for h in out if h.drum.lane in lanes] == [h for h in groove if h.drum.lane in lanes]

    assert same(Lane.KICK)
    assert same(Lane.SNARE) or same(Lane.HIHAT, Lane.RIDE)


def test_a_timekeeper_is_in_step_with_the_groove() -> None:
    beat = list(rock_beat(SECONDS, 120).hits)
    steady = 0
    for seed in range(40):
        out = add_timekeeper(beat, SECONDS, rng(seed))
        hats = [h.time for h in out if h.drum.lane is Lane.HIHAT]
        gaps = np.diff(hats)
        if len(gaps) > 8:
            steady += abs(np.median(gaps) / 0.5 * 2 ** np.round(np.log2(0.5 / np.median(gaps))) - 1) < 0.05
    assert steady >= 20


def test_a_groove_in_unison_has_no_step_and_is_left_alone() -> None:
    unison = sorted(Hit(t, drum, 100) for t in (1.0, 2.0, 3.0) for drum in (Drum.KICK, Drum.SNARE))
    assert add_timekeeper(unison, SECONDS, rng(0)) == unison


def test_a_fill_clears_the_hands_and_keeps_the_feet() -> None:
    beat = list(rock_beat(SECONDS, 120).hits)
    for seed in range(20):
        out = add_fill(beat, SECONDS, rng(seed))
        kicks = [h for h in beat if h.drum is Drum.KICK]
        assert [h for h in kicks if h not in out] == []
        assert sum(h.drum.lane in (Lane.SNARE, Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM) for h in out) >= 3


def test_four_on_the_floor_is_a_kick_on_every_beat_and_under_every_backbeat() -> None:
    snares = [Hit(0.5 + k, Drum.SNARE, 100) for k in range(5)]
    out = add_four_on_floor([*snares, Hit(5.2, Drum.KICK, 90)], SECONDS, rng(0))
    kicks = np.array([h.time for h in out if h.drum is Drum.KICK])
    assert np.diff(kicks) == pytest.approx(0.5, abs=0.01)
    assert all(np.abs(kicks - h.time).min() < 0.02 for h in snares)
    assert [h for h in out if h.drum is Drum.SNARE] == snares


@given(grooves, seeds)
def test_a_tom_groove_moves_hands_to_toms_and_nothing_in_time(groove, seed) -> None:
    out = add_tom_groove(groove, SECONDS, rng(seed))
    assert [h.time for h in out] == [h.time for h in groove]
    feet_and_crashes = (Lane.KICK, Lane.CRASH)
    assert [h for h in out if h.drum.lane in feet_and_crashes] == [
        h for h in groove if h.drum.lane in feet_and_crashes
    ]
    moved = [b for a, b in zip(groove, out, strict=True) if a != b]
    assert all(h.drum in TOMS for h in moved)


@given(grooves, seeds)
def test_parting_unisons_drops_only_cymbals_that_fall_with_kick_or_snare(groove, seed) -> None:
    out = part_unisons(groove, SECONDS, rng(seed))
    drums = [h.time for h in groove if h.drum.lane in (Lane.KICK, Lane.SNARE)]
    dropped = Counter(groove) - Counter(out)  # two equal strokes may part
    for hit in dropped:
        assert hit.drum.lane in (Lane.HIHAT, Lane.RIDE, Lane.CRASH)
        assert min(abs(hit.time - t) for t in drums) <= 0.04
    assert sorted([*out, *dropped.elements()]) == sorted(groove)
    assert out == sorted(out)


@given(grooves, seeds)
def test_unisons_add_strokes_to_the_strokes_that_are_there(groove, seed) -> None:
    out = add_unisons(groove, SECONDS, rng(seed))
    added = list(out)
    for hit in groove:
        added.remove(hit)
    assert all(min(abs(hit.time - h.time) for h in groove) < 0.05 for hit in added)
    assert len({hit.drum for hit in added}) <= 2


def test_crashes_come_with_kicks_and_take_the_hat_s_place() -> None:
    beat = [h for h in rock_beat(SECONDS, 120).hits if h.drum not in CRASHES]
    kicks = np.array([h.time for h in beat if h.drum is Drum.KICK])
    found = 0
    for seed in range(20):
        out = add_crashes(beat, SECONDS, rng(seed))
        for crash in (h for h in out if h.drum in CRASHES):
            found += 1
            assert np.abs(kicks - crash.time).min() < 0.025
            assert all(abs(h.time - crash.time) > 0.015 for h in out if h.drum.lane is Lane.HIHAT)
    assert found > 20


@given(grooves, seeds)
def test_few_lanes_are_one_to_three(groove, seed) -> None:
    assume(groove)
    out = keep_few_lanes(groove, SECONDS, rng(seed))
    assert len({h.drum.lane for h in out}) <= 3
    assert all(h in groove for h in out)


def test_all_lanes_occur_in_arrangements_of_a_beat_without_them() -> None:
    beat = [h for h in rock_beat(SECONDS, 120).hits if h.drum.lane in (Lane.KICK, Lane.SNARE, Lane.HIHAT)]
    lanes = {h.drum.lane for seed in range(60) for h in arrange(beat, SECONDS, rng(seed))}
    assert lanes == set(Lane)
