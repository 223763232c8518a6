"""Live band: it plays to the groove, it is cheap to repeat, and it is never labelled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.live_band import (
    LOOSENESS,
    LiveBand,
    Part,
    Strike,
    draw_bass,
    draw_live_band,
    moments_of,
    play_live_band,
)
from drumlane.rendering.live_sounds import (
    BANK_SIZE,
    INSTRUMENTS,
    NOISES,
    Burst,
    Tones,
    bank_noise,
    bank_note,
)
from drumlane.vocabulary import Drum, Lane
from material import rock_beat

seeds = st.integers(0, 2**32 - 1)
BEAT = rock_beat(4.0, 120).hits


@settings(max_examples=30, deadline=None)
@given(seeds, st.booleans())
def test_a_band_is_a_function_of_its_seed_and_finite(seed: int, with_hits: bool) -> None:
    hits = BEAT if with_hits else ()
    bands = [draw_live_band(hits, 4.0, np.random.default_rng(seed)) for _ in range(2)]
    first, second = (play_live_band(band, 4 * SAMPLE_RATE) for band in bands)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert first.shape == (4 * SAMPLE_RATE,)
    assert np.isfinite(first).all()
    assert np.abs(first).max() < 100


@given(seeds)
def test_a_bass_plays_with_kicks_or_on_the_pulse_apart_from_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moments = moments_of(BEAT, 4.0, rng)
    for strike in draw_bass(moments, rng).strikes:
        with_kick = np.abs(np.array(moments.kicks) - strike.time).min() <= LOOSENESS
        elsewhere = np.abs(np.array(moments.pulse) - strike.time).min() <= LOOSENESS
        assert with_kick or elsewhere


def test_over_many_bands_eight_of_ten_kicks_have_a_bass_note_that_is_heard() -> None:
    locked = total = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        moments = moments_of(BEAT, 4.0, rng)
        bass = draw_bass(moments, rng)
        assert all(35.0 <= hz <= 120.0 for grain in bass.grains for hz in grain.pitches)  # type: ignore[attr-defined]
        times = np.array([s.time for s in bass.strikes])
        locked += sum(np.abs(times - kick).min() <= LOOSENESS for kick in moments.kicks)
        total += len(moments.kicks)
        heard = play_live_band(LiveBand((bass,)), 4 * SAMPLE_RATE)
        for time in times[times < 3.9]:
            start = round(time * SAMPLE_RATE)
            assert np.abs(heard[start : start + 4000]).max() > 0.05
    assert locked / total > 0.8


def test_moments_are_the_strokes_and_the_middles_of_long_pauses() -> None:
    hits = (Hit(0.0, Drum.KICK, 90), Hit(0.01, Drum.CRASH, 90), Hit(1.0, Drum.SNARE, 90))
    moments = moments_of(hits, 2.0, np.random.default_rng(0))
    assert moments.pulse == (0.0, 0.5, 1.0)
    assert (moments.kicks, moments.snares) == ((0.0,), (1.0,))


def test_without_a_groove_the_band_keeps_a_steady_pulse() -> None:
    pulse = moments_of((), 4.0, np.random.default_rng(1)).pulse
    np.testing.assert_allclose(np.diff(pulse), pulse[1] - pulse[0])


def test_hits_outside_the_item_are_not_played_to() -> None:
    hits = tuple(Hit(t, Drum.KICK, 90) for t in (0.5, 1.0, 9.0))
    assert moments_of(hits, 2.0, np.random.default_rng(0)).kicks == (0.5, 1.0)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_note_has_the_pitch_that_was_asked_for(instrument: str) -> None:
    hz = 1.3 * INSTRUMENTS[instrument].reference_hz
    for timbre in range(BANK_SIZE):
        sound = Tones(instrument, timbre, (hz,), length=0.5).sound()
        assert np.isfinite(sound).all()
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**17))
        harmonic = np.fft.rfftfreq(2**17, 1 / SAMPLE_RATE)[int(np.argmax(spectrum))] / hz
        if not getattr(bank_player(instrument, timbre), "stretch", 0.0) > 0.01:
            # a chord instrument's strongest partial may lie between harmonics: fifths under distortion
            assert min(abs(harmonic * k - round(harmonic * k)) for k in (1, 2)) < 0.06 * max(1, harmonic)


def bank_player(instrument: str, timbre: int) -> object:
    rng = np.random.default_rng((list(INSTRUMENTS).index(instrument), timbre))
    return INSTRUMENTS[instrument].draw(rng)


@pytest.mark.parametrize("noise", NOISES)
def test_a_noise_lies_in_its_band(noise: str) -> None:
    lowest, highest = NOISES[noise][0][0], NOISES[noise][1][1]
    for timbre in range(BANK_SIZE):
        power = np.abs(np.fft.rfft(bank_noise(noise, timbre))) ** 2
        hz = np.fft.rfftfreq(len(bank_noise(noise, timbre)), 1 / SAMPLE_RATE)
        assert power[(hz > lowest / 2) & (hz < highest * 1.5)].sum() > 0.8 * power.sum()


@given(st.sampled_from(list(NOISES)), st.integers(0, BANK_SIZE - 1), st.floats(0, 1), st.floats(0, 0.3))
def test_bursts_of_any_length_are_finite_and_end_without_a_click(
    noise: str, timbre: int, start: float, length: float
) -> None:
    for swelling, strokes in ((True, 1), (False, 1), (False, 3)):
        sound = Burst(noise, timbre, start, length, swelling, strokes).sound()
        assert 0 < len(sound) <= 0.2 * SAMPLE_RATE
        assert np.isfinite(sound).all()
        assert abs(sound[-1]) < 0.05


def test_the_bank_cannot_be_changed_by_who_plays_from_it() -> None:
    with pytest.raises(ValueError, match="read-only"):
        bank_note("piano", 0)[0] = 1.0


def test_a_glide_arrives_at_the_pitch_it_slides_to() -> None:
    plain, sliding = (
        Tones("sine bass", 1, (60.0,), length=0.6, glide=glide).sound() for glide in (0.0, -5.0)
    )
    late = slice(round(0.1 * SAMPLE_RATE), round(0.5 * SAMPLE_RATE))
    peaks = [
        int(np.argmax(np.abs(np.fft.rfft(s[late] * np.hanning(len(s[late])), 2**17))))
        for s in (plain, sliding)
    ]
    assert abs(peaks[0] - peaks[1]) <= 3  # bins of a third of a Hz
    assert np.abs(plain[:4000] - sliding[:4000]).max() > 0.1


def test_a_strike_is_damped_when_its_time_is_over_and_cut_at_the_item_s_end() -> None:
    grain = Tones("synth bass", 0, (60.0,), length=0.8)
    strikes = (Strike(0.1, 0, 0.2, 1.0), Strike(0.95, 0, 0.5, 1.0), Strike(5.0, 0, 0.5, 1.0))
    heard = play_live_band(LiveBand((Part((grain,), strikes),)), SAMPLE_RATE)
    assert np.abs(heard[4500:12000]).max() > 0.3
    assert not heard[round(0.301 * SAMPLE_RATE) : round(0.949 * SAMPLE_RATE)].any()
    assert not heard[: round(0.099 * SAMPLE_RATE)].any()
    assert np.abs(heard[-1000:]).max() > 0.01


def test_echoes_come_later_and_a_long_one_in_a_short_item_is_not_heard() -> None:
    part = Part((Burst("t", 0, 0.0, 0.03, swelling=False),), (Strike(0.1, 0, 1.0, 1.0),))
    dry = play_live_band(LiveBand((part,)), SAMPLE_RATE)
    wet = play_live_band(LiveBand((part,), echoes=((0.2, 0.5),)), SAMPLE_RATE)
    delay = round(0.2 * SAMPLE_RATE)
    np.testing.assert_allclose(wet[delay:] - dry[delay:], 0.5 * dry[:-delay], atol=1e-6)
    short = play_live_band(LiveBand((part,), echoes=((0.2, 0.5),)), 6000)
    np.testing.assert_array_equal(short, dry[:6000])


def test_a_groove_without_kick_and_snare_has_a_band_as_well() -> None:
    hats = tuple(replace(h, drum=Drum.HIHAT_CLOSED) for h in BEAT if h.drum.lane is Lane.HIHAT)
    heard_bands = 0
    for seed in range(20):
        heard = play_live_band(draw_live_band(hats, 4.0, np.random.default_rng(seed)), 4 * SAMPLE_RATE)
        heard_bands += bool(np.abs(heard).max() > 0.05)
    assert heard_bands == 20
