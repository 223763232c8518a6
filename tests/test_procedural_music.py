"""Procedural music: reproducible, drumless, at one loudness, and close to the drums where that is wanted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_instruments import (
    DistortedGuitar,
    Instrument,
    Note,
    Pluck,
    Singer,
    Synth,
    table_index,
    wave_table,
)
from drumlane.rendering.procedural_music import (
    PARTS,
    Part,
    bass_notes,
    draw_song,
    play_part,
    procedural_accompaniment,
)


def draw_instrument(seed: int) -> Instrument:
    rng = np.random.default_rng(seed)
    draws = (Pluck.draw, lambda r: Synth.draw(r, (0.002, 0.05)), DistortedGuitar.draw, Singer.draw)
    return draws[seed % len(draws)](rng)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), seconds=st.floats(0.5, 4.0))
def test_music_has_the_asked_length_and_loudness_and_never_clips(seed: int, seconds: float) -> None:
    music = procedural_accompaniment(np.random.default_rng(seed), seconds)
    assert music.shape == (round(seconds * SAMPLE_RATE),)
    assert music.dtype == np.float32
    assert np.abs(music).max() < 1.0
    assert np.sqrt(np.mean(music**2)) <= 0.1001


def test_the_same_seed_gives_the_same_music_and_another_seed_other_music() -> None:
    first, again, other = (procedural_accompaniment(np.random.default_rng(s), 2.0) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("part", [part for part, _ in PARTS], ids=lambda part: part.__name__)
def test_every_part_can_play_alone(part: Part) -> None:
    song = draw_song(np.random.default_rng(1), 4.0, 120.0, ())
    track = part(song, 4 * SAMPLE_RATE, np.random.default_rng(1))
    assert np.isfinite(track).all()
    assert np.sqrt(np.mean(track**2)) > 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_note_keeps_to_its_pitch(seed: int) -> None:
    instrument = draw_instrument(seed)
    note = Note(0.0, 1.0, 220.0)
    track = play_part([note], instrument, SAMPLE_RATE, np.random.default_rng(seed))
    spectrum = np.abs(np.fft.rfft(track * np.hanning(len(track))))  # bins are 1 Hz
    harmonic = spectrum[220 * np.arange(1, 4)[:, None] + np.arange(-14, 15)].max()  # vibrato, detuning
    assert harmonic == pytest.approx(spectrum[100:700].max())


@pytest.mark.parametrize("seed", range(4))
def test_a_note_is_silent_before_it_starts(seed: int) -> None:
    track = play_part(
        [Note(0.5, 0.3, 220.0)], draw_instrument(seed), SAMPLE_RATE, np.random.default_rng(seed)
    )
    before = track[: round(0.48 * SAMPLE_RATE)]
    assert np.abs(before).max() < 1e-5 * np.abs(track).max()


def test_the_bass_falls_on_most_kicks_and_crowds_none() -> None:
    kicks = (0.3, 1.13, 1.9, 2.61, 3.37, 4.0, 5.5)
    hits = 0
    for seed in range(20):
        song = draw_song(np.random.default_rng(seed), 6.0, None, kicks)
        starts = np.array([note.start for note in bass_notes(song, np.random.default_rng(seed))])
        distance = np.abs(starts[:, None] - np.array(kicks)).min(axis=0)
        hits += int(np.sum(distance < 1e-9))
    assert hits > 0.6 * 20 * len(kicks)


@given(hz=st.floats(30.0, 8000.0))
def test_a_wave_table_has_rms_one_and_nothing_beyond_hearing(hz: float) -> None:
    table = wave_table(1.0 / np.arange(1, 61), hz)
    assert np.sqrt(np.mean(table**2)) == pytest.approx(1.0, rel=1e-3)
    spectrum = np.abs(np.fft.rfft(table))
    beyond = np.arange(len(spectrum)) * hz > 19000
    assert spectrum[beyond].max(initial=0.0) < 1e-3 * spectrum.max()


def test_a_steady_and_a_gliding_tone_of_one_pitch_read_the_same_places() -> None:
    steady = table_index(440.0, 1000, 0.25)
    gliding = table_index(np.full(1000, 440.0, dtype=np.float32), 1000, 0.25)
    step = 440.0 * 2048 / SAMPLE_RATE  # a gliding tone is one step ahead: it sums up to its own sample
    assert np.abs(((gliding - steady - step + 1024) % 2048) - 1024).max() <= 2
