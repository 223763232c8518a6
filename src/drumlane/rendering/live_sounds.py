"""Live sounds: single notes, chords and noises that are not drums and may be taken for them.

Flow: procedural_instruments -> **live_sounds** -> live_band

A grain is a frozen description; ``sound`` makes it, the same every time. Grains are cut from a bank of notes
and noises that is made on first use, one entry at a time: reading a note at another speed is far cheaper than
computing it anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_instruments import (
    N_HARMONICS,
    DistortedGuitar,
    Instrument,
    Note,
    Pluck,
    Synth,
    table_index,
    wave_table,
)
from drumlane.rendering.procedural_sources import Sound, band_noise, seconds

BANK_SIZE = 16  # timbres of an instrument, and noises of a kind
_NOTE_SECONDS = 1.2
_NOISE_SECONDS = 0.4
_RELEASE = 0.012  # s, every tone's end
_EDGE = 22  # samples, half a millisecond: noises end without a click


class Grain(Protocol):
    """Anything that a part can strike."""

    def sound(self) -> Sound:
        """Return the sound from its attack on, shape (n,); tones have an RMS near 1."""
        ...


@dataclass(frozen=True, slots=True)
class Tones:
    """One note or a chord on an instrument of the bank."""

    instrument: str  # of INSTRUMENTS
    timbre: int  # 0..BANK_SIZE - 1
    pitches: tuple[float, ...]  # Hz
    length: float  # s
    spread: float = 0.0  # s from each string to the next, as a hand strums
    glide: float = 0.0  # semitones from which the pitch slides into place, within 80 ms
    shade: float = 0.0  # -0.9..0.9: highs gained or lost
    drive: float = 0.0  # 0: clean

    def sound(self) -> Sound:
        """Return all notes together."""
        n_samples = round(self.length * SAMPLE_RATE)
        out = np.zeros(n_samples, dtype=np.float32)
        note = bank_note(self.instrument, self.timbre)
        for number, hz in enumerate(self.pitches):
            start = round(number * self.spread * SAMPLE_RATE)
            if start < n_samples:
                speed = hz / INSTRUMENTS[self.instrument].reference_hz
                played = _at_speed(note, speed, self.glide, n_samples - start)
                out[start : start + len(played)] += played
        return _released(_driven(_shaded(out, self.shade), self.drive))


@dataclass(frozen=True, slots=True)
class Burst:
    """A consonant, a scratch, a snap, a click: noise of one band and one shape."""

    noise: str  # of NOISES
    timbre: int  # 0..BANK_SIZE - 1
    start: float  # 0..1, where in the noise it is cut
    length: float  # s, at most 0.2
    swelling: bool  # True: rises and falls, like an s; False: starts at once, like a t
    strokes: int = 1  # fingers and picks rarely hit once

    def sound(self) -> Sound:
        """Return the burst; its loudest part has an RMS near 1."""
        noise = bank_noise(self.noise, self.timbre)
        n_samples = min(max(2 * _EDGE, round(self.length * SAMPLE_RATE)), len(noise) // 2)
        first = int(self.start * (len(noise) - n_samples))
        return noise[first : first + n_samples] * self._envelope(n_samples)

    def _envelope(self, n_samples: int) -> Sound:
        at = np.linspace(0.0, 1.0, n_samples, dtype=np.float32)
        if self.swelling:
            return np.asarray(np.sin(np.float32(np.pi) * at) ** 2, dtype=np.float32)
        envelope = np.exp(np.float32(-5.0) * (at * self.strokes % 1.0 if self.strokes > 1 else at))
        if self.strokes > 1:  # the last one is the stroke that is meant
            envelope[: n_samples - n_samples // self.strokes] *= np.float32(0.5)
        envelope[:_EDGE] *= np.linspace(0.2, 1.0, _EDGE, dtype=np.float32)
        envelope[-_EDGE:] *= np.linspace(1.0, 0.0, _EDGE, dtype=np.float32)
        return np.asarray(envelope, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class BankInstrument:
    """How the notes of one instrument come into the bank."""

    reference_hz: float  # what they are made at
    draw: Callable[[np.random.Generator], Instrument]


@dataclass(frozen=True, slots=True)
class SineBass:
    """An oscillator with little beside its fundamental, as under electronic music."""

    octave: float  # amplitude of the second harmonic
    fall: float  # s

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SineBass":
        """Draw a sine bass."""
        return cls(float(rng.uniform(0, 0.4)), float(np.exp(rng.uniform(np.log(0.2), np.log(3.0)))))

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the note with an attack of 4 ms."""
        time = seconds(round(note.length * SAMPLE_RATE))
        turn = np.float32(2 * np.pi * note.hz) * time
        tone = np.sin(turn) + np.float32(self.octave) * np.sin(2 * turn)
        return np.asarray(tone * np.exp(-time / np.float32(self.fall)) * np.minimum(time / 0.004, 1.0))

    def finish(self, track: Sound) -> Sound:
        """Return the track as it is."""
        return track


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch of a small synthesiser, a step away from its drums: pitch, colour and level fall at once."""

    bright: NDArray[np.float64]  # harmonics at the attack
    dark: NDArray[np.float64]  # and when the filter has closed
    filter_fall: float  # s
    fall: float  # s
    sweep: float  # semitones above the note, at the attack
    sweep_fall: float  # s
    ratio: float  # of a second oscillator's pitch to the first's
    second: float  # its level
    noise: float  # RMS of noise at the attack
    noise_fall: float  # s

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Patch":
        """Draw a patch, from a bass or a bell to a blip, a laser or a clap-like stab."""
        order = np.arange(1, N_HARMONICS + 1)
        bright = np.where(order % 2 == 1, 1.0, rng.choice([0.0, 1.0])) * order ** -rng.uniform(0.6, 1.3)
        return cls(
            bright,
            dark=bright * np.exp(-order / rng.uniform(1.0, 6.0)),
            filter_fall=float(np.exp(rng.uniform(np.log(0.008), np.log(0.2)))),
            fall=float(np.exp(rng.uniform(np.log(0.04), np.log(0.8)))),
            sweep=float(rng.choice([0.0, rng.uniform(0, 7), rng.uniform(7, 36)])),
            sweep_fall=float(np.exp(rng.uniform(np.log(0.004), np.log(0.06)))),
            ratio=float(rng.choice([1.0, 2.0, rng.uniform(1.1, 4.2)])),
            second=float(rng.choice([0.0, rng.uniform(0.2, 1.0)])),
            noise=float(rng.choice([0.0, rng.uniform(0.1, 1.5)])),
            noise_fall=float(np.exp(rng.uniform(np.log(0.005), np.log(0.12)))),
        )

    def sound(self, note: Note, rng: np.random.Generator) -> Sound:
        """Return the note with an attack of half a millisecond."""
        n_samples = round(note.length * SAMPLE_RATE)
        time = seconds(n_samples)
        swept = note.hz * 2 ** (self.sweep * np.exp(-time / np.float32(self.sweep_fall)) / 12)
        colour = np.exp(-time / np.float32(self.filter_fall))
        tables = [wave_table(w, note.hz * 2 ** (self.sweep / 12)) for w in (self.bright, self.dark)]
        out = np.zeros(n_samples, dtype=np.float32)
        for ratio, level in ((1.0, 1.0), (self.ratio, self.second)):
            index = table_index(swept * np.float32(ratio), n_samples, rng.random())
            out += np.float32(level) * (tables[0][index] * colour + tables[1][index] * (1 - colour))
        hiss = band_noise(n_samples, 300, 12_000, rng) * np.exp(-time / np.float32(self.noise_fall))
        out = out * np.exp(-time / np.float32(self.fall)) + hiss * np.float32(self.noise)
        return np.asarray(out * np.minimum(time / 0.0005, 1.0), dtype=np.float32)

    def finish(self, track: Sound) -> Sound:
        """Return the track as it is."""
        return track


def _draw_piano(rng: np.random.Generator) -> Pluck:
    return Pluck(rng.uniform(0.4, 1.2), rng.uniform(0.55, 0.8), rng.uniform(0, 0.003), rng.uniform(0.05, 0.3))


def _draw_muted(rng: np.random.Generator) -> Pluck:
    return Pluck(rng.uniform(0.02, 0.09), rng.uniform(0.6, 0.95), 0.0, rng.uniform(0.1, 0.6))


def _draw_slap(rng: np.random.Generator) -> Pluck:
    return Pluck(rng.uniform(0.15, 0.5), rng.uniform(0.8, 0.97), 0.0, rng.uniform(0.3, 1.2))


def _draw_synth(rng: np.random.Generator) -> Synth:
    return Synth.draw(rng, (0.001, 0.012))


INSTRUMENTS = {
    "sine bass": BankInstrument(60.0, SineBass.draw),
    "synth bass": BankInstrument(60.0, _draw_synth),
    "plucked bass": BankInstrument(60.0, Pluck.draw),
    "slap bass": BankInstrument(60.0, _draw_slap),
    "plucked": BankInstrument(220.0, Pluck.draw),
    "piano": BankInstrument(220.0, _draw_piano),
    "muted": BankInstrument(220.0, _draw_muted),
    "synth": BankInstrument(220.0, _draw_synth),
    "distorted": BankInstrument(110.0, DistortedGuitar.draw),
    "patch": BankInstrument(220.0, Patch.draw),
}
# Lowest and highest edge of each band, each (from, to) in Hz.
NOISES = {
    "s": ((3500.0, 6500.0), (8000.0, 14000.0)),
    "sh": ((1600.0, 3000.0), (5000.0, 8000.0)),
    "t": ((2500.0, 5000.0), (7000.0, 13000.0)),
    "k": ((800.0, 2000.0), (2500.0, 5000.0)),
    "p": ((50.0, 120.0), (200.0, 900.0)),
    "scratch": ((400.0, 1500.0), (2500.0, 6000.0)),
    "snap": ((1200.0, 2200.0), (2400.0, 4000.0)),
    "click": ((500.0, 4000.0), (6000.0, 16000.0)),
}


@cache
def bank_note(instrument: str, timbre: int) -> Sound:
    """Return a note of the bank at the instrument's reference pitch, RMS 1 in its first 100 ms, read-only."""
    made = INSTRUMENTS[instrument]
    rng = np.random.default_rng((list(INSTRUMENTS).index(instrument), timbre))
    player = made.draw(rng)
    note = player.finish(player.sound(Note(0.0, _NOTE_SECONDS, made.reference_hz), rng))
    rms = np.sqrt(np.mean(note[: SAMPLE_RATE // 10] ** 2))
    return _frozen(_released(note / np.float32(max(float(rms), 1e-6))))


@cache
def bank_noise(noise: str, timbre: int) -> Sound:
    """Return a noise of the bank, RMS 1, read-only; a scratch is of muted strings, so it has a pitch."""
    rng = np.random.default_rng((len(INSTRUMENTS) + list(NOISES).index(noise), timbre))
    low, high = (float(rng.uniform(*edge)) for edge in NOISES[noise])
    made = band_noise(round(_NOISE_SECONDS * SAMPLE_RATE), low, high, rng)
    if noise == "scratch":
        string = int(rng.integers(60, 400))
        made[string:] += np.float32(0.7) * made[:-string].copy()
    return _frozen(made / np.float32(np.sqrt(np.mean(made**2))))


def _frozen(sound: Sound) -> Sound:
    sound = np.asarray(sound, dtype=np.float32)
    sound.flags.writeable = False
    return sound


def _at_speed(note: Sound, speed: float, glide: float, n_samples: int) -> Sound:
    """Read a note at another speed; a fast one ends early."""
    n_samples = min(n_samples, int((len(note) - 2) / (speed * 2 ** (max(glide, 0.0) / 12))))
    at = np.arange(n_samples, dtype=np.float64) * np.float64(speed)
    if glide:
        n_slide = min(n_samples, int(0.08 * SAMPLE_RATE))
        bent = speed * np.exp2(np.linspace(glide, 0.0, n_slide) / 12)
        at[:n_slide] = np.cumsum(bent) - bent[0]
        at[n_slide:] += at[n_slide - 1] - (n_slide - 1) * speed
    left = at.astype(np.int64)
    fraction = (at - left).astype(np.float32)
    lower = note[left]
    return lower + fraction * (note[left + 1] - lower)


def _shaded(sound: Sound, shade: float) -> Sound:
    """Blend with the sample before: highs lost (0..0.9) or gained (-0.9..0)."""
    if not shade:
        return sound
    out = sound.copy()
    out[1:] += np.float32(shade) * sound[:-1]
    return out / np.float32(1.0 + shade)


def _driven(sound: Sound, drive: float) -> Sound:
    return np.asarray(np.tanh(sound * np.float32(drive)), dtype=np.float32) if drive else sound


def _released(sound: Sound) -> Sound:
    n = min(len(sound), round(_RELEASE * SAMPLE_RATE))
    sound[len(sound) - n :] *= np.linspace(1.0, 0.0, n, dtype=np.float32)
    return sound
