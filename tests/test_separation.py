"""Separation: what is left of the mix is mostly drums, and exactly the mix when nothing is taken away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.separation import Separation, draw_separation, separate
from drumlane.rendering.stage import play, voices_of
from drumlane.vocabulary import Drum
from material import chord, click_kit, rock_beat

seeds = st.integers(0, 2**32 - 1)
GOOD = Separation(exponent=2.0, floor_db=-30.0, error_db=2.0, confusion=0.0, seed=1)


def drums(seconds: float = 3.0) -> NDArray[np.float32]:
    hits: tuple[Hit, ...] = rock_beat(seconds, 120).hits
    tracks = play(hits, voices_of(click_kit(), Drum), round(seconds * SAMPLE_RATE), np.random.default_rng(0))
    return np.asarray(tracks.dry * np.float32(0.1 / tracks.dry.std()))


def music(seconds: float = 3.0) -> NDArray[np.float32]:
    return chord(220.0, seconds).astype(np.float32)


def sdr_db(estimate: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    error = estimate.astype(np.float64) - reference
    return float(10 * np.log10(np.sum(reference.astype(np.float64) ** 2) / np.sum(error**2)))


def test_a_good_separator_is_much_nearer_to_the_drums_than_the_mix_is() -> None:
    mix, stem = drums() + music(), separate(drums(), music(), GOOD)
    assert sdr_db(stem, drums()) > sdr_db(mix, drums()) + 6


def test_a_poorer_separator_leaves_more_of_the_music() -> None:
    scores = [
        sdr_db(separate(drums(), music(), Separation(2.0, floor_db, error_db, confusion, 1)), drums())
        for floor_db, error_db, confusion in ((-30.0, 1.0, 0.0), (-12.0, 5.0, 0.0), (-12.0, 7.0, 1.0))
    ]
    assert scores == sorted(scores, reverse=True)


def test_a_mask_that_lets_everything_through_returns_the_mix() -> None:
    stem = separate(drums(), music(), Separation(1.0, 0.0, 3.0, 0.5, 2))
    np.testing.assert_allclose(stem, drums() + music(), atol=1e-5)


def test_without_drums_what_leaks_is_as_quiet_as_the_floor() -> None:
    bed = music()
    stem = separate(np.zeros_like(bed), bed, Separation(2.0, -20.0, 0.0, 0.0, 0))
    ratio = np.std(stem[4096:-4096]) / np.std(bed[4096:-4096])
    assert 20 * np.log10(ratio) == pytest.approx(-20.0, abs=0.2)


def test_attacks_of_the_music_are_taken_for_drums_and_its_sustain_is_not() -> None:
    bed = music()
    bed[: 2 * 44100] = 0.0  # the chord enters
    confused = Separation(2.0, -30.0, 0.0, confusion=0.8, seed=0)
    stem = separate(np.zeros_like(bed), bed, confused)
    attack, sustain = stem[88200:89200], stem[100000:120000]
    assert np.std(attack) > 5 * np.std(sustain)


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([1, 1023, 1024, 5000, 44100]), st.booleans(), st.booleans())
def test_any_separation_of_anything_is_finite_and_a_function_of_its_seed(
    seed: int, n_samples: int, no_drums: bool, no_music: bool
) -> None:
    noise = np.random.default_rng(1).standard_normal((2, n_samples), dtype=np.float32)
    wanted = noise[0] * np.float32(not no_drums)
    unwanted = noise[1] * np.float32(not no_music)
    separation = draw_separation(np.random.default_rng(seed))
    first, second = (separate(wanted, unwanted, separation) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (n_samples,)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    if no_drums and no_music:
        assert not first.any()
