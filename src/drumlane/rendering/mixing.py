"""Mixing: how loud drums, music and noise are beside each other.

Flow: room, accompaniment, live_band -> **mixing** -> production -> scene

Levels are measured on the loud parts of a sound, so that pauses do not make it quiet. Sounds are float32 of
shape (n,); every function returns a new one of the same length.
"""

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE

LOUDNESS = 0.1  # RMS of the loud parts of drums, and of a bed
_BLOCK = 2205  # samples, 50 ms


def loud_rms(samples: NDArray[np.float32]) -> float:
    """Return the RMS of the louder half of 50 ms blocks; 0 if there is no whole block."""
    usable = len(samples) // _BLOCK * _BLOCK
    if not usable:
        return 0.0
    powers = np.sort(np.mean(samples[:usable].reshape(-1, _BLOCK) ** 2, axis=1))
    return float(np.sqrt(np.mean(powers[len(powers) // 2 :])))


def at_loudness(samples: NDArray[np.float32], level_db: float = 0.0) -> NDArray[np.float32]:
    """Return ``samples`` with their loud parts at ``level_db`` against ``LOUDNESS``; silence stays silent."""
    return samples * np.float32(LOUDNESS * 10 ** (level_db / 20) / max(loud_rms(samples), 1e-4))


def with_band(bed: NDArray[np.float32], band: NDArray[np.float32], band_db: float) -> NDArray[np.float32]:
    """Return bed and band, ``band_db`` against each other, as loud together as a bed is alone."""
    return at_loudness(bed + at_loudness(band, band_db))


def with_noise(
    samples: NDArray[np.float32], noise_db: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return ``samples`` and white noise at ``noise_db`` against their loud parts."""
    level = np.float32(_loud_or_faint(samples) * 10 ** (noise_db / 20))
    return samples + level * rng.standard_normal(len(samples), dtype=np.float32)


def with_sweep(
    samples: NDArray[np.float32], sweep: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return ``samples`` and noise that swells and fades as brushes do when they stir on a snare.

    Args:
        samples: the item so far.
        sweep: dB against the loud parts, strokes a second.
        rng: makes the noise.
    """
    level_db, rate = sweep
    level = _loud_or_faint(samples) * 10 ** (level_db / 20)
    seconds = np.arange(len(samples), dtype=np.float32) / SAMPLE_RATE
    swell = np.sin(np.float32(np.pi * rate) * seconds + np.float32(rng.uniform(0, np.pi))) ** 2
    noise = rng.standard_normal(len(samples), dtype=np.float32)
    noise[1:] -= np.float32(0.7) * noise[:-1].copy()  # wires hiss more than they rumble
    return np.asarray(samples + np.float32(level) * swell * noise, dtype=np.float32)


def with_hum(samples: NDArray[np.float32], hum: tuple[float, float]) -> NDArray[np.float32]:
    """Return ``samples`` and a steady low tone with overtones: mains, or what never stops ringing.

    Args:
        samples: the item so far.
        hum: Hz, and dB against the loud parts.
    """
    hertz, level_db = hum
    level = _loud_or_faint(samples) * 10 ** (level_db / 20)
    phases = np.float32(2 * np.pi * hertz / SAMPLE_RATE) * np.arange(len(samples), dtype=np.float32)
    tone = np.sin(phases) + np.float32(0.4) * np.sin(2 * phases) + np.float32(0.15) * np.sin(3 * phases)
    return np.asarray(samples + np.float32(level) * tone, dtype=np.float32)


def _loud_or_faint(samples: NDArray[np.float32]) -> float:
    """Noise beside silence is faint, not absent."""
    return max(loud_rms(samples), 1e-3)
