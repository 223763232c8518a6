"""Procedural sources: decaying partials and coloured noise, what every drawn drum is made of.

Flow: **procedural_sources** -> procedural_drums, procedural_cymbals -> procedural -> stage

Sounds are float32 of shape (n,) at ``SAMPLE_RATE``; index 0 is the attack. Decays are time constants in
seconds: the amplitude falls by 8.7 dB in each.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE

HIGHEST_HZ = 19000.0  # partials above it are left out: nobody hears them and they would soon alias

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Partials:
    """Sinusoids that decay, each at its own rate: what a metal plate or a bar does when struck."""

    frequencies: NDArray[np.float64]  # (partials,), Hz
    levels: NDArray[np.float64]  # (partials,), amplitude at the attack
    decays: NDArray[np.float64]  # (partials,), s

    def render(self, n_samples: int, rng: np.random.Generator) -> Sound:
        """Return the sum, shape (n_samples,), with phases drawn from ``rng``.

        ``exp(s(a + b)) = exp(sa)exp(sb)``: with sample ``n = step·i + j`` the sum over partials is one matrix
        product of two small tables, a hundred times cheaper than a sine for each sample of each partial.
        """
        kept = self.frequencies < HIGHEST_HZ
        poles = (2j * np.pi * self.frequencies[kept] - 1.0 / self.decays[kept]) / SAMPLE_RATE
        start = self.levels[kept] * np.exp(2j * np.pi * rng.random(int(kept.sum())))
        step = int(np.ceil(np.sqrt(n_samples)))
        coarse = np.exp(np.outer(step * np.arange(step), poles)) * start  # (step, partials)
        fine = np.exp(np.outer(np.arange(step), poles))
        real = coarse.real.astype(np.float32) @ fine.real.astype(np.float32).T
        imaginary = coarse.imag.astype(np.float32) @ fine.imag.astype(np.float32).T
        return np.asarray((real - imaginary).reshape(-1)[:n_samples], dtype=np.float32)

    def struck(self, strength: float) -> "Partials":
        """Return the partials of a softer stroke: the higher, the weaker."""
        octaves = np.log2(self.frequencies / self.frequencies.min())
        return replace(self, levels=self.levels * strength ** (0.5 * octaves))


@dataclass(frozen=True, slots=True)
class Membrane:
    """A few partials whose pitch falls after the stroke: a drum head, or an oscillator that imitates one."""

    fundamental: float  # Hz, where the pitch settles
    ratios: NDArray[np.float64]  # (modes,), of the fundamental
    levels: NDArray[np.float64]  # (modes,), amplitude at the attack
    decays: NDArray[np.float64]  # (modes,), s
    glide: float  # octaves above the fundamental at the attack of the hardest stroke
    glide_time: float  # s, time constant of the fall

    def render(self, n_samples: int, strength: float, rng: np.random.Generator) -> Sound:
        """Return the sum, shape (n_samples,); a harder stroke glides further and excites higher modes."""
        time = seconds(n_samples)
        fall = 2.0 ** (self.glide * strength * np.exp(-time / self.glide_time))
        phase = np.cumsum(fall) * (2 * np.pi * self.fundamental / SAMPLE_RATE)
        jitter = rng.normal(1.0, 0.06, len(self.ratios))
        levels = self.levels * jitter * strength ** (0.5 * np.log2(self.ratios))
        start = np.append(0.0, rng.uniform(-0.5, 0.5, len(self.ratios) - 1))
        out = np.zeros(n_samples)
        for ratio, level, decay, offset in zip(self.ratios, levels, self.decays, start, strict=True):
            out += level * np.exp(-time / decay) * np.sin(ratio * phase + offset)
        return out.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Noise:
    """A burst of coloured noise: beater, stick, wires, jingles, air."""

    low: float  # Hz, lower edge
    high: float  # Hz, upper edge at full strength
    level: float  # RMS at its loudest
    decay: float  # s
    attack: float = 0.0  # s, rise; 0 starts at once
    delay: float = 0.0  # s after the stroke
    tilt: float = 0.7  # level ∝ strength ** tilt, on top of the stroke's own level

    def render(self, n_samples: int, strength: float, rng: np.random.Generator) -> Sound:
        """Return the burst, shape (n_samples,); a harder stroke is brighter and noisier."""
        start = round(self.delay * SAMPLE_RATE)
        n_sounding = min(n_samples - start, round(7 * (self.decay + self.attack) * SAMPLE_RATE) + 64)
        out = np.zeros(n_samples, dtype=np.float32)
        if n_sounding <= 0:
            return out
        high = self.low + (self.high - self.low) * (0.45 + 0.55 * strength)
        noise = band_noise(n_sounding, self.low, high, rng)
        out[start : start + n_sounding] = (
            noise * self._envelope(n_sounding) * (self.level * strength**self.tilt)
        )
        return out

    def _envelope(self, n_samples: int) -> Sound:
        time = seconds(n_samples)
        envelope = np.exp(-time / self.decay)
        if self.attack > 0:
            envelope *= 1.0 - np.exp(-time / self.attack)
        return np.asarray(envelope, dtype=np.float32)


def seconds(n_samples: int) -> NDArray[np.float32]:
    """Return the times of ``n_samples`` samples, in seconds from the first."""
    return np.arange(n_samples, dtype=np.float32) / np.float32(SAMPLE_RATE)


def band_noise(n_samples: int, low: float, high: float, rng: np.random.Generator) -> Sound:
    """Return Gaussian noise between two frequencies in Hz, RMS 1, shape (n_samples,)."""
    n = quick_fft_length(n_samples)
    spectrum = np.fft.rfft(rng.standard_normal(n, dtype=np.float32)) * band_shape(n, low, high)
    noise = np.fft.irfft(spectrum, n)[:n_samples]
    return np.asarray(noise / max(float(np.sqrt(np.mean(noise**2))), 1e-9), dtype=np.float32)


def band_shape(n_fft: int, low: float, high: float) -> NDArray[np.float32]:
    """Return the gains of a band with gentle edges (12 dB an octave), shape (n_fft // 2 + 1,)."""
    hz = np.fft.rfftfreq(n_fft, 1.0 / SAMPLE_RATE).astype(np.float32) + np.float32(1e-3)
    below = (np.float32(low) / hz) ** 2
    above = (hz / np.float32(max(high, low + 1.0))) ** 2
    return np.asarray(1.0 / ((1.0 + below) * (1.0 + above * above)), dtype=np.float32)


def quick_fft_length(n_samples: int) -> int:
    """Return the smallest 2^a or 3·2^a that holds ``n_samples``."""
    power = 1 << max(4, (n_samples - 1).bit_length())
    return power * 3 // 4 if power * 3 // 4 >= n_samples else power


def without_rumble(sound: Sound, low_cut: float = 22.0) -> Sound:
    """Return ``sound`` without what lies below ``low_cut`` Hz, DC above all; nothing moves before index 0.

    The response is that of two one-pole filters, so it is causal; 100 ms of padding hold its tail.
    """
    n_fft = quick_fft_length(len(sound) + SAMPLE_RATE // 10)
    pole = np.exp(-2 * np.pi * low_cut / SAMPLE_RATE)
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(n_fft)).astype(np.complex64)
    response = (0.5 * (1 + pole) * (1 - delay) / (1 - np.float32(pole) * delay)) ** 2
    return np.asarray(
        np.fft.irfft(np.fft.rfft(sound, n_fft) * response, n_fft)[: len(sound)], dtype=np.float32
    )


def saturate(sound: Sound, drive: float) -> Sound:
    """Return ``sound`` (peak near 1) through a soft clipper; ``drive`` 0 leaves it as it is."""
    if drive <= 0:
        return sound
    return np.asarray(np.tanh(sound * (1 + drive)) / np.tanh(1 + drive), dtype=np.float32)
