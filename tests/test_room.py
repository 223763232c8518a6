"""Room and bus: nothing moves in time, silence stays silent, everything can be rendered again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.room import (
    Compressor,
    Equaliser,
    Room,
    compress,
    draw_compressor,
    draw_equaliser,
    draw_room,
    equalise,
    equaliser_response,
    fast_size,
    impulse_response,
    in_room,
)
from drumlane.rendering.stage import Tracks
from strategies import signals

seeds = st.integers(0, 2**32 - 1)
FREQUENCIES = np.geomspace(20.0, 20_000.0, 200)


def click(n: int = 8000, at: int = 3000) -> NDArray[np.float32]:
    samples = np.zeros(n, dtype=np.float32)
    samples[at] = 1.0
    return samples


def test_a_plain_equaliser_is_flat() -> None:
    np.testing.assert_array_equal(equaliser_response(Equaliser(), FREQUENCIES), 1.0)


@given(st.floats(-12.0, 12.0))
def test_a_tilt_is_its_decibels_from_100_hz_to_10_khz(tilt_db: float) -> None:
    low, high = equaliser_response(Equaliser(tilt_db=tilt_db), np.array([100.0, 10_000.0]))
    assert 20 * np.log10(high / low) == pytest.approx(tilt_db, abs=1e-3)


def test_a_bell_peaks_at_its_centre_and_cuts_are_3_db_at_theirs() -> None:
    bell = equaliser_response(Equaliser(bells=((1000.0, 6.0, 0.5),)), np.array([60.0, 1000.0]))
    assert 20 * np.log10(bell) == pytest.approx([0.0, 6.0], abs=1e-3)
    cuts = Equaliser(low_cut=100.0, high_cut=8000.0)
    assert 20 * np.log10(equaliser_response(cuts, np.array([100.0, 8000.0]))) == pytest.approx(
        [-3.01, -3.01], abs=0.02
    )


@settings(max_examples=30)
@given(seeds, st.integers(1000, 7000))
def test_no_equaliser_moves_an_attack(seed: int, at: int) -> None:
    equaliser = draw_equaliser(np.random.default_rng(seed))
    heard = equalise(click(at=at), equaliser)
    assert int(np.argmax(np.abs(heard))) == at
    before, after = heard[at - 500 : at][::-1], heard[at + 1 : at + 501]
    np.testing.assert_allclose(before, after, atol=1e-4)  # zero phase: as much before as behind


@settings(max_examples=30)
@given(seeds)
def test_an_impulse_response_has_unit_energy_and_one_seed_gives_one_room(seed: int) -> None:
    room = draw_room(np.random.default_rng(seed))
    response = impulse_response(room)
    assert float(np.sum(response.astype(np.float64) ** 2)) == pytest.approx(1.0, rel=1e-4)
    assert not response[: int(room.predelay * SAMPLE_RATE)].any()
    np.testing.assert_array_equal(response, impulse_response(room))


@pytest.mark.parametrize("rt60", [0.2, 0.6, 1.2])
def test_a_room_dies_away_at_its_reverberation_time(rt60: float) -> None:
    response = impulse_response(Room(wet=1.0, rt60=rt60, predelay=0.0, damping=0.2, seed=3))
    energy_db = 10 * np.log10(np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1] + 1e-20)
    early = round(0.05 * SAMPLE_RATE)  # behind the reflections
    halfway = round((0.05 + rt60 / 3) * SAMPLE_RATE)
    assert energy_db[early] - energy_db[halfway] == pytest.approx(20.0, abs=3.0)


@given(st.integers(2, 5_000_000))
def test_a_fast_size_is_large_enough_even_and_made_of_2_3_and_5(n: int) -> None:
    size = fast_size(n)
    assert n <= size < 2 * n + 2
    assert size % 2 == 0
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


@settings(max_examples=30)
@given(signals())
def test_a_dry_room_and_a_plain_equaliser_change_nothing(samples: NDArray[np.float32]) -> None:
    tracks = Tracks(samples, samples)
    np.testing.assert_allclose(in_room(tracks, Room(), Equaliser()), samples, atol=1e-5)
    given_room = in_room(tracks, Room(wet=0.0), Equaliser(), response=np.ones(9, dtype=np.float32))
    np.testing.assert_allclose(given_room, samples, atol=1e-5)


def test_a_room_is_a_convolution_of_what_is_sent() -> None:
    rng = np.random.default_rng(0)
    dry, send = (rng.standard_normal(3000).astype(np.float32) for _ in range(2))
    response = rng.standard_normal(700).astype(np.float32)
    heard = in_room(Tracks(dry, send), Room(wet=0.3), Equaliser(), response)
    expected = dry + 0.3 * np.convolve(send, response)[:3000]
    np.testing.assert_allclose(heard, expected, atol=1e-4)


def test_a_shelf_is_its_decibels_far_above_its_corner_and_nothing_far_below() -> None:
    response = equaliser_response(Equaliser(shelf=(4000.0, -12.0)), np.array([250.0, 4000.0, 20_000.0]))
    assert 20 * np.log10(response) == pytest.approx([0.0, -6.0, -12.0], abs=0.1)


@pytest.mark.parametrize("wet", [0.0, 0.5])
def test_shells_ring_on_at_their_pitch_under_any_stroke(wet: float) -> None:
    tracks = Tracks(click(SAMPLE_RATE), click(SAMPLE_RATE))
    plain = in_room(tracks, Room(wet=wet), Equaliser())
    ringing = in_room(tracks, Room(wet=wet, ringing=((130.0, 1.0, 0.1),)), Equaliser())
    added = ringing - plain
    assert np.abs(added[:3000]).max() < 1e-5
    assert abs(int(np.argmax(np.abs(np.fft.rfft(added)))) - 130) <= 1
    assert np.sum(added**2) == pytest.approx(0.01, rel=0.05)


def test_a_room_adds_nothing_before_the_sound() -> None:
    heard = in_room(Tracks(click(), click()), Room(wet=0.8, predelay=0.01, seed=1), Equaliser())
    assert int(np.argmax(np.abs(heard))) == 3000
    assert np.abs(heard[:2999]).max() < 1e-5
    assert np.abs(heard[3001 : 3000 + 441]).max() < 1e-5  # the first 10 ms are the predelay
    assert np.abs(heard[3000 + 441 :]).max() > 1e-3


@given(seeds, st.integers(0, 3000))
def test_compressing_silence_gives_silence(seed: int, n: int) -> None:
    compressor = draw_compressor(np.random.default_rng(seed))
    heard = compress(np.zeros(n, dtype=np.float32), compressor)
    assert heard.shape == (n,)
    assert not heard.any()


@settings(max_examples=30)
@given(seeds, st.floats(0.01, 2.0))
def test_compressing_lets_the_loudest_stay_and_lifts_the_rest(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    compressor = Compressor(-20.0, float(rng.uniform(1.5, 6.0)), 0.1)
    tone = np.sin(np.arange(44_100) * 0.3)
    samples = (level * np.where(np.arange(44_100) < 22_050, 1.0, 0.05) * tone).astype(np.float32)
    heard = compress(samples, compressor)
    assert np.abs(heard[:20_000]).max() == pytest.approx(level, rel=0.02)
    assert np.abs(heard[40_000:]).max() > 1.5 * np.abs(samples[40_000:]).max()


def test_drive_bends_peaks_and_keeps_their_order() -> None:
    samples = np.linspace(-1.0, 1.0, 1001, dtype=np.float32)
    heard = compress(samples, Compressor(drive=1.0))
    assert heard.max() == pytest.approx(np.tanh(2.0) / 2.0, rel=1e-5)
    assert (np.diff(heard) > 0).all()


def test_a_plain_compressor_changes_nothing() -> None:
    np.testing.assert_array_equal(compress(click(), Compressor()), click())


@pytest.mark.parametrize("draw", [draw_equaliser, draw_room, draw_compressor])
def test_drawn_effects_depend_on_the_seed_alone(draw: object) -> None:
    assert callable(draw)
    drawn = [draw(np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4)]
    assert drawn[0] == drawn[1]
    assert len({repr(effect) for effect in drawn}) > 1
