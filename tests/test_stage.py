"""Stage: every attack lies on its sample, velocity is loudness, closed hats silence open ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE, Layer, Piece, Sample
from drumlane.rendering.stage import COLOUR_HZ, Voice, play, voices_of
from drumlane.vocabulary import Drum
from material import ONSET, click_kit, stroke

N_SAMPLES = SAMPLE_RATE  # one second


def voice(hz: float = 400.0, onset: int = ONSET, seconds: float = 0.15, **changes: object) -> Voice:
    sample = Sample(stroke(hz, seconds, onset), onset)
    return Voice(Piece(Drum.SNARE, (Layer(1, 127, (sample,)),)), **changes)  # type: ignore[arg-type]


def dry(hits: list[Hit], voices: dict[Drum, Voice], seed: int = 0, n: int = N_SAMPLES) -> NDArray[np.float32]:
    return play(hits, voices, n, np.random.default_rng(seed)).dry


@given(st.floats(0.02, 0.7), st.floats(0.5, 2.0), st.integers(0, 800), st.floats(0, 60))
def test_an_attack_lies_on_the_sample_nearest_its_time_at_any_pitch(
    time: float, pitch: float, onset: int, damping: float
) -> None:
    sound = dry([Hit(time, Drum.SNARE, 127)], {Drum.SNARE: voice(onset=onset, pitch=pitch, damping=damping)})
    assert int(np.argmax(np.abs(sound))) == round(time * SAMPLE_RATE)


def test_two_voices_of_one_piece_keep_their_own_pitches() -> None:
    piece = voice(onset=800).piece
    low, high = Voice(piece, pitch=0.8), Voice(piece, pitch=1.25)
    both = dry(
        [Hit(0.1, Drum.SNARE, 127), Hit(0.5, Drum.SNARE_RIM, 127)], {Drum.SNARE: low, Drum.SNARE_RIM: high}
    )
    alone = dry([Hit(0.5, Drum.SNARE_RIM, 127)], {Drum.SNARE_RIM: high})
    np.testing.assert_allclose(both[18_000:], alone[18_000:], atol=1e-6)


@given(st.integers(1, 127), st.floats(0.1, 1.0))
def test_a_darker_stroke_starts_on_the_same_sample(velocity: int, darkening: float) -> None:
    sound = dry([Hit(0.3, Drum.SNARE, velocity)], {Drum.SNARE: voice(darkening=darkening)})
    assert int(np.flatnonzero(sound)[0]) == round(0.3 * SAMPLE_RATE)


def test_a_darker_stroke_has_less_treble() -> None:
    bright, dark = (
        np.abs(np.fft.rfft(dry([Hit(0.3, Drum.SNARE, 20)], {Drum.SNARE: voice(darkening=d)})))
        for d in (0.0, 0.9)
    )
    treble = slice(5000, 15_000)  # Hz: the transform is a second long
    assert dark[treble].sum() < 0.5 * bright[treble].sum()
    assert dark[300:500].sum() == pytest.approx(bright[300:500].sum(), rel=0.15)


def test_a_coloured_voice_keeps_its_attack_and_follows_the_gains() -> None:
    gains = np.where(COLOUR_HZ > 1000, 0.25, 1.0).astype(np.float32)
    plain, coloured = (
        dry([Hit(0.3, Drum.SNARE, 127)], {Drum.SNARE: voice(seconds=0.5, colour=c)}) for c in (None, gains)
    )
    attack = round(0.3 * SAMPLE_RATE)
    assert np.abs(coloured[: attack - 40]).max() < 0.02 * np.abs(coloured).max()
    assert np.abs(coloured[attack - 2 : attack + 40]).max() > 0.2 * np.abs(coloured).max()
    loud = np.abs(np.fft.rfft(plain)) > 1e-3
    ratio = np.abs(np.fft.rfft(coloured))[loud] / np.abs(np.fft.rfft(plain))[loud]
    hertz = np.fft.rfftfreq(N_SAMPLES, 1 / SAMPLE_RATE)[loud]
    assert np.median(ratio[hertz < 900]) == pytest.approx(1.0, abs=0.02)
    assert np.median(ratio[(hertz > 1200) & (hertz < 18_000)]) == pytest.approx(0.25, abs=0.02)


@given(st.floats(0.05, 1.0), st.floats(2.0, 14.0))
def test_a_wobbling_cymbal_keeps_its_stick_and_never_turns_over(depth: float, rate: float) -> None:
    plain, wobbling = (
        dry([Hit(0.1, Drum.SNARE, 127)], {Drum.SNARE: voice(wobble=w, wobble_rate=rate)})
        for w in (0.0, depth)
    )
    attack = slice(0, round(0.1 * SAMPLE_RATE) + 1)
    np.testing.assert_allclose(wobbling[attack], plain[attack], atol=1e-6)
    assert (wobbling * plain >= 0).all()
    assert (np.abs(wobbling) <= (1 + depth) * np.abs(plain) + 1e-6).all()


@given(st.floats(-0.4, 0.95), st.integers(5, 40))
def test_a_shaded_voice_starts_on_the_same_sample(shade: float, taps: int) -> None:
    sound = dry([Hit(0.3, Drum.SNARE, 127)], {Drum.SNARE: voice(shade=shade, shade_taps=taps)})
    assert int(np.flatnonzero(sound)[0]) == round(0.3 * SAMPLE_RATE)


@pytest.mark.parametrize(("shade", "change_db"), [(0.9, -20.0), (-0.4, 2.9)])
def test_a_shade_takes_or_gives_highs_and_leaves_lows(shade: float, change_db: float) -> None:
    plain, shaded = (
        np.abs(np.fft.rfft(dry([Hit(0.3, Drum.SNARE, 127)], {Drum.SNARE: voice(shade=s, shade_taps=20)})))
        for s in (0.0, shade)
    )
    highs = np.sqrt(np.sum(shaded[6000:15_000] ** 2) / np.sum(plain[6000:15_000] ** 2))
    assert 20 * np.log10(highs) == pytest.approx(change_db, abs=3.0)
    assert shaded[200:400].sum() == pytest.approx(plain[200:400].sum(), rel=0.1)


@given(st.floats(0.002, 0.04))
def test_a_soft_stick_is_quieter_at_first_and_the_same_later(softening: float) -> None:
    hard, soft = (dry([Hit(0.3, Drum.SNARE, 90)], {Drum.SNARE: voice(softening=s)}) for s in (0.0, softening))
    attack, risen = round(0.3 * SAMPLE_RATE), round(0.3 * SAMPLE_RATE) + int(softening * SAMPLE_RATE)
    assert abs(soft[attack]) == pytest.approx(0.1 * abs(hard[attack]), rel=1e-3)
    np.testing.assert_array_equal(soft[risen:], hard[risen:])


@given(st.integers(1, 126), st.floats(20.0, 45.0))
def test_a_stronger_stroke_is_louder_by_the_curve(velocity: int, curve_db: float) -> None:
    voices = {Drum.SNARE: voice()}
    soft, loud = (
        np.abs(play([Hit(0.3, Drum.SNARE, v)], voices, N_SAMPLES, np.random.default_rng(0), curve_db).dry)
        for v in (velocity, velocity + 1)
    )
    gain_db = 20 * np.log10(loud.max() / soft.max())
    assert gain_db == pytest.approx(curve_db * np.log10((velocity + 1) / velocity), abs=1e-3)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_one_seed_gives_one_recording_to_the_last_bit(seed: int) -> None:
    hits = [Hit(0.1 * k, Drum.SNARE, 10 * k + 10) for k in range(8)]
    voices = voices_of(click_kit(), Drum)
    np.testing.assert_array_equal(dry(hits, voices, seed), dry(hits, voices, seed))


def test_every_sample_of_a_round_robin_is_played() -> None:
    kit = click_kit([Drum.SNARE])
    hits = [Hit(0.2 * k, Drum.SNARE, 40) for k in range(40)]
    sound = dry(hits, voices_of(kit, [Drum.SNARE]), n=9 * SAMPLE_RATE)
    strokes = {sound[round(h.time * SAMPLE_RATE) :][:2000].tobytes() for h in hits}
    assert len(strokes) == 2


def hats(choker: Drum = Drum.HIHAT_CLOSED) -> dict[Drum, Voice]:
    return {
        Drum.HIHAT_OPEN: voice(hz=700.0, seconds=0.9),
        choker: voice(hz=300.0, seconds=0.01),
        Drum.RIDE: voice(hz=300.0, seconds=0.01),
    }


@pytest.mark.parametrize("choker", [Drum.HIHAT_CLOSED, Drum.HIHAT_PEDAL])
def test_a_closing_hat_silences_the_open_one_within_ten_milliseconds_and_not_before(choker: Drum) -> None:
    ringing = dry([Hit(0.1, Drum.HIHAT_OPEN, 127)], hats())
    both = dry([Hit(0.1, Drum.HIHAT_OPEN, 127), Hit(0.15, choker, 1)], hats(choker))
    closing = dry([Hit(0.15, choker, 1)], hats(choker))
    at = round(0.15 * SAMPLE_RATE)
    np.testing.assert_array_equal(both[: at - ONSET], ringing[: at - ONSET])
    np.testing.assert_allclose((both - closing)[at + 441 :], 0.0, atol=1e-7)
    assert np.abs(ringing[at + 441 :]).max() > 0.01
    assert np.abs((both - closing)[at : at + 200]).max() > 0.2 * np.abs(ringing[at : at + 200]).max()


def test_another_drum_a_simultaneous_hat_and_an_earlier_one_let_the_open_hat_ring() -> None:
    opened = Hit(0.1, Drum.HIHAT_OPEN, 127)
    ringing = dry([opened], hats())
    for others in (
        [opened, Hit(0.15, Drum.RIDE, 1)],
        [Hit(0.1, Drum.HIHAT_CLOSED, 1), opened],
        [Hit(0.05, Drum.HIHAT_CLOSED, 1), opened],
    ):
        sound = dry(others, hats())
        late = slice(round(0.2 * SAMPLE_RATE), None)
        np.testing.assert_allclose(sound[late], ringing[late], atol=1e-7)


def test_hits_at_the_edges_and_behind_the_end_are_cut_and_do_not_crash() -> None:
    early = dry([Hit(0.0, Drum.SNARE, 127)], {Drum.SNARE: voice(onset=500)})
    assert int(np.argmax(np.abs(early))) == 0
    last = dry([Hit((N_SAMPLES - 1) / SAMPLE_RATE, Drum.SNARE, 127)], {Drum.SNARE: voice()})
    assert np.flatnonzero(last).tolist() == [N_SAMPLES - 1]
    behind = dry([Hit(5.0, Drum.SNARE, 127), Hit(1.0, Drum.HIHAT_OPEN, 1)], {Drum.SNARE: voice(), **hats()})
    assert not behind[: N_SAMPLES - ONSET].any()
    assert dry([Hit(0.0, Drum.SNARE, 127)], {Drum.SNARE: voice()}, n=0).shape == (0,)


def test_a_drum_without_a_voice_is_silent() -> None:
    assert not dry([Hit(0.1, Drum.KICK, 127)], {Drum.SNARE: voice()}).any()
    assert voices_of(click_kit([Drum.SNARE]), [Drum.SNARE, Drum.KICK]).keys() == {Drum.SNARE}


@given(st.floats(0.0, 3.0))
def test_the_room_gets_the_share_that_is_sent(send: float) -> None:
    tracks = play([Hit(0.1, Drum.SNARE, 99)], {Drum.SNARE: voice(send=send)}, 9000, np.random.default_rng(0))
    np.testing.assert_allclose(tracks.send, np.float32(send) * tracks.dry, rtol=1e-5, atol=1e-9)
