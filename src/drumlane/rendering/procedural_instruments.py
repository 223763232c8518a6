"""Procedural instruments: how a note sounds on plucked, bowed, blown, sung, synthetic and distorted things.

Flow: procedural_sources -> **procedural_instruments** -> procedural_music

An instrument turns a ``Note`` into sound and may finish its whole track (an amplifier distorts the sum, not
the notes). Sustained tones are read from wave tables: one period, harmonics up to the highest heard.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_sources import (
    HIGHEST_HZ,
    Partials,
    Sound,
    band_noise,
    band_shape,
    quick_fft_length,
    seconds,
)

TABLE_LENGTH = 2048
N_HARMONICS = 60
# First four formants in Hz of a, e, i, o, u: Peterson and Barney 1952, men, and a common fourth.
FORMANTS = np.array(
    [
        [730, 1090, 2440, 3400],
        [530, 1840, 2480, 3400],
        [270, 2290, 3010, 3600],
        [570, 840, 2410, 3300],
        [300, 870, 2240, 3300],
    ],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class Note:
    """One note of a part."""

    start: float  # s
    length: float  # s
    hz: float
    level: float = 1.0


class Instrument(Protocol):
    """What plays a part."""

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the note's sound from its start, shape (n,), with its release."""
        ...

    def finish(self, track: Sound) -> Sound:
        """Return the whole part through what stands after the instrument."""
        ...


@dataclass(frozen=True, slots=True)
class Pluck:
    """Strings and bars that are struck or plucked: guitars, pianos, electric pianos, marimbas."""

    decay: float  # s, of the lowest partial at 200 Hz
    brightness: float  # 0..1, level of each partial beside the one below
    stretch: float  # inharmonicity: 0 for a string, 1 for a bar
    pick: float  # RMS of the noise of finger, pick or hammer

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Pluck":
        """Draw a plucked instrument."""
        stretch = rng.choice([0.0, rng.uniform(0.0, 0.05), rng.uniform(0.3, 1.0)], p=[0.5, 0.3, 0.2])
        return cls(rng.uniform(0.1, 1.2), rng.uniform(0.4, 0.9), float(stretch), rng.uniform(0.0, 0.15))

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the note, damped at its end."""
        order = np.arange(1, 19)
        frequencies = note.hz * order * (1 + self.stretch * 0.35 * (order - 1))
        decays = self.decay * (200 / note.hz) ** 0.4 / (1 + 0.3 * (order - 1))
        levels = self.brightness ** (order - 1.0) * rng.uniform(0.4, 1.0, 18)
        n_samples = round(min(note.length + 0.05, 3.0) * SAMPLE_RATE)
        sound = Partials(frequencies, levels, decays).render(n_samples, rng)
        n_pick = min(n_samples, SAMPLE_RATE // 100)
        sound[:n_pick] += band_noise(n_pick, 800, 6000, rng) * np.float32(self.pick) * _fading(n_pick)
        return sound * _ends(n_samples, 0.001, 0.05)

    def finish(self, track: Sound) -> Sound:
        """Return the track as it is."""
        return track


@dataclass(frozen=True, slots=True)
class Synth:
    """Detuned wave tables, bright at first and darker later: basses, pads, organs, strings, leads."""

    bright: NDArray[np.float64]  # (N_HARMONICS,)
    dark: NDArray[np.float64]  # (N_HARMONICS,)
    darkening: float  # s
    detune: float  # semitones between the outer of ``n_tables`` tables
    n_tables: int
    attack: float  # s
    release: float  # s

    @classmethod
    def draw(cls, rng: np.random.Generator, attack: tuple[float, float]) -> "Synth":
        """Draw a synthesiser with an attack in the given range, in seconds."""
        order = np.arange(1, N_HARMONICS + 1)
        odd_only = np.where(order % 2 == 1, 1.0, rng.choice([0.0, 0.3, 1.0]))
        bright = odd_only * order ** -rng.uniform(0.7, 1.5)
        return cls(
            bright,
            dark=bright * np.exp(-order / rng.uniform(2, 20)),
            darkening=rng.uniform(0.05, 0.6),
            detune=rng.uniform(0.0, 0.25),
            n_tables=int(rng.integers(1, 4)),
            attack=rng.uniform(*attack),
            release=rng.uniform(0.03, 0.3),
        )

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the note with its attack and release."""
        n_samples = round((note.length + self.release) * SAMPLE_RATE)
        tables = np.stack([wave_table(w, note.hz) for w in (self.bright, self.dark)])
        out = np.zeros((2, n_samples), dtype=np.float32)
        for offset in np.linspace(-0.5, 0.5, self.n_tables) if self.n_tables > 1 else (0.0,):
            hz = note.hz * 2 ** (offset * self.detune / 12)
            out += tables[:, table_index(hz, n_samples, rng.random())]
        colour = np.exp(-seconds(n_samples) / np.float32(self.darkening))
        mixed = out[0] * colour + out[1] * (1 - colour)
        return np.asarray(mixed * _ends(n_samples, self.attack, self.release), dtype=np.float32)

    def finish(self, track: Sound) -> Sound:
        """Return the track as it is."""
        return track


@dataclass(frozen=True, slots=True)
class DistortedGuitar:
    """Root, fifth and octave into an overdriven amplifier and its cabinet."""

    drive: float
    chug: float  # s, decay of a damped stroke
    cabinet: tuple[float, float]  # Hz, band
    fifths: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "DistortedGuitar":
        """Draw a guitar and its amplifier."""
        cabinet = (rng.uniform(70, 160), rng.uniform(2500, 6500))
        return cls(
            drive=float(np.exp(rng.uniform(np.log(2), np.log(40)))),
            chug=rng.uniform(0.04, 0.2),
            cabinet=cabinet,
            fifths=bool(rng.random() < 0.8),
        )

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the strings, before the amplifier; short notes are palm-muted."""
        n_samples = round((note.length + 0.03) * SAMPLE_RATE)
        table = wave_table(1.0 / np.arange(1, N_HARMONICS + 1), note.hz)
        out = np.zeros(n_samples, dtype=np.float32)
        for ratio in (1.0, 1.4983, 2.0) if self.fifths else (1.0,):
            hz = note.hz * ratio * 2 ** (rng.normal(0, 0.04) / 12)
            out += table[table_index(hz, n_samples, rng.random())]
        muted = note.length < 0.2
        fall = np.exp(-seconds(n_samples) / np.float32(self.chug if muted else 2.0))
        n_pick = min(n_samples, SAMPLE_RATE // 125)
        out[:n_pick] += band_noise(n_pick, 1000, 7000, rng) * np.float32(0.4) * _fading(n_pick)
        return np.asarray(out * fall * _ends(n_samples, 0.001, 0.03), dtype=np.float32)

    def finish(self, track: Sound) -> Sound:
        """Return the track through amplifier and cabinet."""
        pushed = np.tanh(track * np.float32(self.drive / max(float(np.abs(track).max()), 1e-6)))
        n_fft = quick_fft_length(len(track) + 2048)
        spectrum = np.fft.rfft(pushed, n_fft) * band_shape(n_fft, *self.cabinet)
        return np.asarray(np.fft.irfft(spectrum, n_fft)[: len(track)], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Singer:
    """Vowels with vibrato between consonants: the hiss of an "s" is what a hat is mistaken for."""

    tract: float  # formants beside a man's
    breath: float  # RMS of the air beside the voice
    vibrato: float  # semitones
    consonants: float  # chance of one before a syllable
    hiss: tuple[float, float]  # Hz, band of "s"

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Singer":
        """Draw a voice."""
        hiss = (rng.uniform(3500, 6000), rng.uniform(8000, 13000))
        return cls(
            rng.uniform(0.9, 1.3), rng.uniform(0.0, 0.12), rng.uniform(0.05, 0.6), rng.uniform(0.3, 0.8), hiss
        )

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return a syllable: perhaps a consonant, then a vowel that moves to another."""
        n_samples = round((note.length + 0.06) * SAMPLE_RATE)
        time = seconds(n_samples)
        delayed = np.clip(time / 0.3, 0, 1) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time)
        scoop = rng.uniform(-2, 0.5) * np.exp(-time / np.float32(0.05))
        index = table_index(note.hz * 2 ** ((self.vibrato * delayed + scoop) / 12), n_samples, rng.random())
        first, second = (self._vowel(note.hz, int(v)) for v in rng.integers(0, len(FORMANTS), 2))
        glide = (time / np.float32(max(note.length, 0.05))).clip(0, 1)
        vowel = first[index] * (1 - glide) + second[index] * glide
        vowel += band_noise(n_samples, 1500, 6000, rng) * np.float32(self.breath)
        vowel *= _ends(n_samples, rng.uniform(0.01, 0.06), 0.06)
        if rng.random() < self.consonants:
            self._speak_before(vowel, rng)
        return np.asarray(vowel, dtype=np.float32)

    def finish(self, track: Sound) -> Sound:
        """Return the track as it is."""
        return track

    def _vowel(self, hz: float, vowel: int) -> Sound:
        harmonics = hz * np.arange(1, N_HARMONICS + 1)
        distance = (harmonics[:, None] - FORMANTS[vowel] * self.tract) / np.array([90, 110, 170, 250])
        resonance = (np.array([1.0, 0.6, 0.3, 0.15]) / (1 + distance**2)).sum(axis=1)
        return wave_table(resonance + 0.02 / np.arange(1, N_HARMONICS + 1), hz)

    def _speak_before(self, vowel: Sound, rng: np.random.Generator) -> None:
        """Replace the vowel's start by an "s" or "sh" (long) or by a "t" or "k" (short)."""
        long = rng.random() < 0.5
        n = min(
            len(vowel),
            round(rng.uniform(0.06, 0.16) * SAMPLE_RATE if long else rng.uniform(0.008, 0.025) * SAMPLE_RATE),
        )
        noise = band_noise(n, *self.hiss, rng) * np.float32(rng.uniform(0.1, 0.6))
        vowel[:n] *= np.linspace(0, 1, n, dtype=np.float32) ** 3
        vowel[:n] += noise * (np.hanning(n).astype(np.float32) if long else _fading(n))


def wave_table(harmonics: NDArray[np.float64], hz: float) -> Sound:
    """Return one period at RMS 1, shape (TABLE_LENGTH,); harmonics beyond hearing at ``hz`` are left out."""
    order = np.arange(1, len(harmonics) + 1)
    heard = np.where(order * hz < HIGHEST_HZ, harmonics, 0.0)
    spectrum = np.zeros(TABLE_LENGTH // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(harmonics) + 1] = heard * np.exp(1j * order**2)  # spread phases: a lower peak
    table = np.fft.irfft(spectrum)
    return np.asarray(table / np.sqrt(np.mean(table**2) + 1e-20), dtype=np.float32)


def table_index(hz: NDArray[np.float32] | float, n_samples: int, phase: float) -> NDArray[np.intp]:
    """Return the places in a wave table of a tone of ``hz`` (constant, or (n_samples,)), phase 0..1."""
    if isinstance(hz, float):
        turns = np.arange(n_samples) * (hz / SAMPLE_RATE) + phase
    else:
        turns = np.cumsum(hz, dtype=np.float64) / SAMPLE_RATE + phase
    return np.asarray((turns * TABLE_LENGTH).astype(np.intp) % TABLE_LENGTH)


def _ends(n_samples: int, attack: float, release: float) -> NDArray[np.float32]:
    """Ramps in ``attack`` and out ``release`` seconds, over n_samples."""
    time = seconds(n_samples)
    left = time[::-1]
    ramps = np.minimum(time / np.float32(attack), left / np.float32(release))
    return np.asarray(np.minimum(ramps, np.float32(1)), dtype=np.float32)


def _fading(n_samples: int) -> NDArray[np.float32]:
    return np.asarray(np.linspace(1, 0, n_samples, dtype=np.float32) ** 2, dtype=np.float32)
