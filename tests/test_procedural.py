"""Procedural kits: any seed is a plausible kit whose attacks are known to the sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE, Kit, Sample
from drumlane.rendering.procedural import ONSET, brushed_snare, embedded_kit, procedural_kit
from drumlane.rendering.procedural_sources import Partials, band_noise, without_rumble
from drumlane.vocabulary import Drum

CYMBALS = (Drum.CRASH, Drum.CRASH2, Drum.CHINA, Drum.SPLASH)


def all_samples(kit: Kit) -> list[Sample]:
    return [s for piece in kit.pieces.values() for layer in piece.layers for s in layer.samples]


def loudest(kit: Kit, drum: Drum) -> NDArray[np.float32]:
    return kit.pieces[drum].layers[-1].samples[0].samples


def centroid(sound: NDArray[np.float32]) -> float:
    power = np.abs(np.fft.rfft(sound[ONSET : ONSET + SAMPLE_RATE // 4], 1 << 15)) ** 2
    return float(np.sum(power * np.fft.rfftfreq(1 << 15, 1 / SAMPLE_RATE)) / np.sum(power))


def strongest_frequency(sound: NDArray[np.float32]) -> float:
    later = sound[ONSET + SAMPLE_RATE // 50 :]  # past the stick and the glide's start
    return float(np.argmax(np.abs(np.fft.rfft(later, 1 << 17))) * SAMPLE_RATE / (1 << 17))


def seconds_above(sound: NDArray[np.float32], below_peak_db: float) -> float:
    level = np.sqrt(np.convolve(sound**2, np.full(441, 1 / 441), "same"))
    return float(np.flatnonzero(level > level.max() * 10 ** (-below_peak_db / 20))[-1] / SAMPLE_RATE)


@pytest.fixture(scope="module", params=[0, 4])
def kit(request: pytest.FixtureRequest) -> Kit:
    return procedural_kit(np.random.default_rng(request.param), n_layers=2, n_round_robin=2)


def test_every_drum_of_the_vocabulary_has_a_piece(kit: Kit) -> None:
    assert set(kit.pieces) == set(Drum)
    assert {piece.drum for piece in kit.percussion} == {drum for drum in Drum if drum.lane is None}


def test_nothing_sounds_before_the_onset_and_the_attack_is_within_three_milliseconds(kit: Kit) -> None:
    for drum, piece in kit.pieces.items():
        for sample in (s for layer in piece.layers for s in layer.samples):
            assert not sample.samples[: sample.onset].any()
            size = np.abs(sample.samples)
            limit = 0.15 if drum in CYMBALS else 0.25  # a cymbal blooms, but its stick is heard at once
            attack = np.argmax(size > limit * size.max()) - sample.onset
            assert attack <= 0.003 * SAMPLE_RATE, (drum, attack)


def test_samples_are_finite_without_dc_and_end_in_silence(kit: Kit) -> None:
    for sample in all_samples(kit):
        assert sample.samples.dtype == np.float32
        assert np.isfinite(sample.samples).all()
        assert abs(float(sample.samples.mean())) < 2e-3
        assert abs(float(sample.samples[-1])) < 1e-3
        assert len(sample.samples) <= 2.5 * SAMPLE_RATE


def test_every_piece_peaks_between_1_and_6_db_below_full_scale(kit: Kit) -> None:
    for piece in kit.pieces.values():
        peak = max(np.abs(s.samples).max() for layer in piece.layers for s in layer.samples)
        assert 10 ** (-6 / 20) < peak < 10 ** (-1 / 20)


def test_a_harder_stroke_is_louder_and_brighter(kit: Kit) -> None:
    for drum, piece in kit.pieces.items():
        soft, hard = piece.layers[0], piece.layers[-1]
        assert max(s.rms for s in soft.samples) < 0.5 * min(s.rms for s in hard.samples)
        soft_centroid, hard_centroid = (
            np.mean([centroid(s.samples) for s in layer.samples]) for layer in (soft, hard)
        )
        assert soft_centroid < hard_centroid, drum


def test_round_robins_are_alike_but_not_equal(kit: Kit) -> None:
    for drum, piece in kit.pieces.items():
        first, second = piece.layers[-1].samples
        n = min(len(first.samples), len(second.samples))
        assert not np.array_equal(first.samples[:n], second.samples[:n])
        assert 0.5 < centroid(first.samples) / centroid(second.samples) < 2.0, drum


def test_toms_are_tuned_high_above_mid_above_low(kit: Kit) -> None:
    low, mid, high = (
        strongest_frequency(loudest(kit, d)) for d in (Drum.TOM_LOW, Drum.TOM_MID, Drum.TOM_HIGH)
    )
    assert 1.1 < mid / low < 1.7
    assert 1.1 < high / mid < 1.7


def test_an_open_hat_rings_longer_than_a_closed_one(kit: Kit) -> None:
    assert seconds_above(loudest(kit, Drum.HIHAT_OPEN), 20) > 1.8 * seconds_above(
        loudest(kit, Drum.HIHAT_CLOSED), 20
    )


def test_a_crash_rings_longer_than_a_splash_and_blooms_after_its_stick(kit: Kit) -> None:
    crash = loudest(kit, Drum.CRASH)
    assert seconds_above(crash, 20) > seconds_above(loudest(kit, Drum.SPLASH), 20)


def test_the_kit_is_balanced_with_hats_and_ride_well_below_the_kick(kit: Kit) -> None:
    level = {drum: 20 * np.log10(piece.gain * piece.level) for drum, piece in kit.pieces.items()}
    for drum in (Drum.HIHAT_CLOSED, Drum.RIDE):
        assert -17 < level[drum] - level[Drum.KICK] < -7
    assert abs(level[Drum.SNARE] - level[Drum.KICK]) < 6


def test_the_embedded_kit_orders_its_drums_by_brightness() -> None:
    kit = embedded_kit()
    order = [Drum.KICK, Drum.TOM_LOW, Drum.TOM_MID, Drum.TOM_HIGH, Drum.SNARE, Drum.HIHAT_CLOSED]
    centroids = [centroid(loudest(kit, drum)) for drum in order]
    assert centroids == sorted(centroids)
    assert kit.acoustic


def test_the_same_seed_gives_the_same_kit_and_another_seed_another() -> None:
    first, again, other = (
        procedural_kit(np.random.default_rng(s), n_layers=1, n_round_robin=1) for s in (5, 5, 6)
    )
    for one, same in zip(all_samples(first), all_samples(again), strict=True):
        np.testing.assert_array_equal(one.samples, same.samples)
    assert not any(
        np.array_equal(a.samples, b.samples)
        for a, b in zip(all_samples(first), all_samples(other), strict=True)
    )


@pytest.mark.parametrize(("n_layers", "n_round_robin"), [(0, 1), (128, 1), (3, 0)])
def test_a_kit_without_layers_or_samples_is_refused(n_layers: int, n_round_robin: int) -> None:
    with pytest.raises(ValueError, match=r"n_layers=.*n_round_robin="):
        procedural_kit(np.random.default_rng(0), n_layers, n_round_robin)


def test_layers_cover_every_velocity_once() -> None:
    for n_layers in (1, 5):
        layers = procedural_kit(np.random.default_rng(1), n_layers, 1).pieces[Drum.KICK].layers
        covered = [v for layer in layers for v in range(layer.low, layer.high + 1)]
        assert covered == list(range(1, 128))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), n_samples=st.integers(1, 3000), n_partials=st.integers(1, 20))
def test_partials_equal_the_sum_of_sines_written_out(seed: int, n_samples: int, n_partials: int) -> None:
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(50, 18000, n_partials)
    levels, decays = rng.uniform(0, 1, n_partials), rng.uniform(0.01, 2, n_partials)
    got = Partials(frequencies, levels, decays).render(n_samples, np.random.default_rng(seed))
    phases = 2 * np.pi * np.random.default_rng(seed).random(n_partials)
    time = np.arange(n_samples)[:, None] / SAMPLE_RATE
    expected = (levels * np.exp(-time / decays) * np.cos(2 * np.pi * frequencies * time + phases)).sum(axis=1)
    np.testing.assert_allclose(got, expected, atol=2e-5 * n_partials)


def test_taking_rumble_out_moves_nothing_before_the_sound_and_keeps_the_rest() -> None:
    sound = np.zeros(8000, dtype=np.float32)
    sound[1000:] = 0.3 + 0.5 * np.sin(2 * np.pi * 500 / SAMPLE_RATE * np.arange(7000))
    filtered = without_rumble(sound)
    assert np.abs(filtered[:1000]).max() < 1e-5
    tone = filtered[-4410:]
    assert abs(tone.mean()) < 0.02
    assert np.std(tone) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_band_noise_lies_in_its_band_at_rms_one() -> None:
    noise = band_noise(SAMPLE_RATE, 2000, 4000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(SAMPLE_RATE, 1 / SAMPLE_RATE)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, rel=1e-4)
    assert power[(hz > 1000) & (hz < 8000)].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("seed", range(6))
def test_a_brushed_snare_is_one_piece_with_more_wires_than_head(seed: int) -> None:
    kit = brushed_snare(np.random.default_rng(seed))
    assert set(kit.pieces) == {Drum.SNARE}
    sample = kit.pieces[Drum.SNARE].layers[-1].samples[0]
    power = np.abs(np.fft.rfft(sample.samples)) ** 2
    wires = np.fft.rfftfreq(len(sample.samples), 1 / SAMPLE_RATE) > 500
    assert power[wires].sum() > power[~wires].sum()
