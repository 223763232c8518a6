"""Production: music gives way, peaks are cut, bands are lost, and nothing moves in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.production import (
    BandLimit,
    Ducking,
    Mastering,
    draw_band_limit,
    draw_ducking,
    draw_mastering,
    duck,
    limit_band,
    master,
)
from drumlane.rendering.room import Compressor
from drumlane.vocabulary import Drum
from material import rock_beat

seeds = st.integers(0, 2**32 - 1)
HITS = rock_beat(2.0, 120).hits


def noise(n_samples: int = SAMPLE_RATE) -> NDArray[np.float32]:
    return np.float32(0.1) * np.random.default_rng(0).standard_normal(n_samples, dtype=np.float32)


def level_db(samples: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12))


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([0, 1, 63, 64, 65, 5000, 88200]), st.booleans())
def test_every_drawn_production_keeps_length_and_silence_and_is_finite(
    seed: int, n_samples: int, silent: bool
) -> None:
    samples = np.zeros(n_samples, dtype=np.float32) if silent else noise(n_samples)
    rng = np.random.default_rng(seed)
    ducking, mastering, band = draw_ducking(rng), draw_mastering(rng), draw_band_limit(rng)
    for made in (duck(samples, HITS, ducking), master(samples, mastering), limit_band(samples, band)):
        assert made.dtype == np.float32
        assert made.shape == samples.shape
        assert np.isfinite(made).all()
        assert made.any() == samples.any()


def test_the_music_is_quieter_after_a_kick_and_recovers() -> None:
    bed, kick = noise(2 * SAMPLE_RATE), Hit(0.5, Drum.KICK, 127)
    ducked = duck(bed, (kick,), Ducking(10.0, attack=0.002, release=0.1, kick_only=True))
    np.testing.assert_array_equal(ducked[: round(0.49 * SAMPLE_RATE)], bed[: round(0.49 * SAMPLE_RATE)])
    after = slice(round(0.505 * SAMPLE_RATE), round(0.515 * SAMPLE_RATE))
    assert level_db(ducked[after]) - level_db(bed[after]) == pytest.approx(-9.2, abs=0.8)
    late = slice(round(1.5 * SAMPLE_RATE), None)
    assert level_db(ducked[late]) == pytest.approx(level_db(bed[late]), abs=0.01)


def test_a_side_chain_from_the_kick_ignores_the_rest_and_percussion_never_ducks() -> None:
    bed = noise()
    others = (Hit(0.2, Drum.SNARE, 127), Hit(0.4, Drum.CLAP, 127))
    kick_only = Ducking(12.0, 0.002, 0.1, kick_only=True)
    np.testing.assert_array_equal(duck(bed, others, kick_only), bed)
    all_drums = Ducking(12.0, 0.002, 0.1, kick_only=False)
    ducked = duck(bed, others[1:], all_drums)
    np.testing.assert_array_equal(ducked, bed)
    assert level_db(duck(bed, others, all_drums)) < level_db(bed) - 0.5


def test_a_hit_before_the_item_still_ducks_its_start() -> None:
    bed = noise()
    ducked = duck(bed, (Hit(0.0, Drum.KICK, 127),), Ducking(12.0, 0.01, 0.2, kick_only=True))
    assert level_db(ducked[2000:4000]) < level_db(bed[2000:4000]) - 6


def test_loud_hits_duck_deeper() -> None:
    ducking = Ducking(12.0, 0.002, 0.1, kick_only=True)
    soft, hard = (level_db(duck(noise(), (Hit(0.1, Drum.KICK, v),), ducking)) for v in (30, 127))
    assert hard < soft


def test_clipping_cuts_peaks_by_as_much_as_asked_and_nothing_else() -> None:
    samples = noise()
    clipped = master(samples, Mastering(Compressor(), clip_db=6.0))
    ceiling = np.abs(samples).max() * 10 ** (-6 / 20)
    assert np.abs(clipped).max() == pytest.approx(ceiling, rel=1e-6)
    untouched = np.abs(samples) < ceiling
    np.testing.assert_array_equal(clipped[untouched], samples[untouched])


def test_a_limiter_makes_the_music_pump_with_the_drums() -> None:
    bed = noise(2 * SAMPLE_RATE)
    drum = np.zeros_like(bed)
    drum[SAMPLE_RATE : SAMPLE_RATE + 441] = 3.0
    limiter = Mastering(Compressor(threshold_db=-18.0, ratio=10.0, release=0.2))
    pumped = master(bed + drum, limiter)
    behind = slice(SAMPLE_RATE + 1500, SAMPLE_RATE + 4000)
    before = slice(SAMPLE_RATE - 8000, SAMPLE_RATE - 4000)
    assert level_db(pumped[behind]) < level_db(pumped[before]) - 6


@pytest.mark.parametrize("high_cut", [3000.0, 5512.5, 11000.0])
def test_nothing_is_left_above_the_upper_limit_and_all_below(high_cut: float) -> None:
    limited = limit_band(noise(2 * SAMPLE_RATE), BandLimit(high_cut=high_cut))
    before, after = (np.abs(np.fft.rfft(s)) ** 2 for s in (noise(2 * SAMPLE_RATE), limited))
    hz = np.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    above, below = hz > high_cut * 1.01, (hz > 50) & (hz < high_cut * 0.92)
    assert after[above].sum() < 1e-5 * before[above].sum()  # the cut at the item's ends splashes a little
    assert after[below].sum() == pytest.approx(before[below].sum(), rel=0.02)


def test_small_loudspeakers_have_no_bass_and_dull_copies_few_highs() -> None:
    hz = np.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    before = np.abs(np.fft.rfft(noise(2 * SAMPLE_RATE))) ** 2

    def kept_db(band: BandLimit, low: float, high: float) -> float:
        after = np.abs(np.fft.rfft(limit_band(noise(2 * SAMPLE_RATE), band))) ** 2
        inside = (hz > low) & (hz < high)
        return float(10 * np.log10(after[inside].sum() / before[inside].sum()))

    assert kept_db(BandLimit(low_cut=200.0), 30, 90) < -30
    assert kept_db(BandLimit(low_cut=200.0), 400, 20000) == pytest.approx(0, abs=0.2)
    assert kept_db(BandLimit(dullness_db=20.0), 9500, 10500) == pytest.approx(-20, abs=0.5)
    assert kept_db(BandLimit(dullness_db=20.0), 100, 1400) == pytest.approx(0, abs=0.1)


def test_an_attack_keeps_its_place_when_the_band_is_limited() -> None:
    click = np.zeros(SAMPLE_RATE, dtype=np.float32)
    click[20000] = 1.0
    for seed in range(20):
        limited = limit_band(click, draw_band_limit(np.random.default_rng(seed)))
        assert abs(int(np.argmax(np.abs(limited))) - 20000) <= 1


def test_draws_keep_to_what_recordings_do() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        ducking, band = draw_ducking(rng), draw_band_limit(rng)
        assert 3 <= ducking.depth_db <= 14
        assert 0.06 <= ducking.release <= 0.3
        assert band.high_cut == 0 or 3000 <= band.high_cut <= 11025
        assert band.low_cut == 0 or 80 <= band.low_cut <= 300
        assert band != BandLimit()
