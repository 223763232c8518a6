"""Production: what is done to drums and accompaniment together before anybody hears them.

Flow: stage, room, live_band -> **production** -> scene

Side-chain ducking, loudness by limiting and clipping, and the bands that cheap recordings and old files keep.
Each is a frozen set of parameters with a ``draw_…`` and a function that applies it. Nothing moves in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.room import Compressor, compress, fast_size
from drumlane.vocabulary import Lane

_STEP = 64  # samples from one value of a gain to the next, 1.5 ms
# What files sampled at 8, 11.025, 16 and 22.05 kHz can hold.
_FILE_LIMITS = (4000.0, 5512.5, 8000.0, 11025.0)
_COARSE = 512  # points of a response before it is interpolated


@dataclass(frozen=True, slots=True)
class Ducking:
    """The accompaniment gives way to the drums."""

    depth_db: float  # at a hard stroke
    attack: float  # s
    release: float  # s, time constant
    kick_only: bool


@dataclass(frozen=True, slots=True)
class Mastering:
    """Loudness at the expense of peaks, on everything."""

    compressor: Compressor
    clip_db: float = 0.0  # peaks cut off, dB; 0: none


@dataclass(frozen=True, slots=True)
class BandLimit:
    """What a recording has kept of its spectrum."""

    low_cut: float = 0.0  # Hz, 36 dB an octave; 0: none
    high_cut: float = 0.0  # Hz, nothing at all above; 0: none
    dullness_db: float = 0.0  # dB lost at 10 kHz, falling from 1.5 kHz on


def draw_ducking(rng: np.random.Generator) -> Ducking:
    """Draw a side chain from the kick or from all drums."""
    return Ducking(
        depth_db=float(rng.uniform(3, 14)),
        attack=float(rng.uniform(0.001, 0.015)),
        release=float(np.exp(rng.uniform(np.log(0.06), np.log(0.3)))),
        kick_only=bool(rng.random() < 0.65),
    )


def draw_mastering(rng: np.random.Generator) -> Mastering:
    """Draw a soft limiter, a hard one, clipping, or a limiter and clipping."""
    kind = rng.random()
    clip_db = float(rng.uniform(3, 12)) if kind > 0.5 else 0.0
    if 0.5 < kind < 0.7:
        return Mastering(Compressor(), clip_db)
    if kind < 0.25:
        return Mastering(Compressor(drive=float(rng.uniform(1, 6))), clip_db)
    limiter = Compressor(
        threshold_db=float(-rng.uniform(6, 20)),
        ratio=float(rng.uniform(4, 20)),
        release=float(np.exp(rng.uniform(np.log(0.04), np.log(0.4)))),
        drive=float(rng.uniform(0, 2)),
    )
    return Mastering(limiter, clip_db)


def draw_band_limit(rng: np.random.Generator) -> BandLimit:
    """Draw an old file, a small loudspeaker, a telephone, or a dull copy."""
    kind = rng.random()
    low_cut = float(np.exp(rng.uniform(np.log(80), np.log(300)))) if 0.45 < kind < 0.8 else 0.0
    if kind < 0.6:
        limit = (
            float(rng.choice(_FILE_LIMITS)) * float(rng.uniform(0.9, 1.0))
            if rng.random() < 0.5
            else float(np.exp(rng.uniform(np.log(3000), np.log(11000))))
        )
        return BandLimit(low_cut, limit)
    return BandLimit(low_cut, dullness_db=float(rng.uniform(6, 30)) if kind > 0.75 else 0.0)


def duck(samples: NDArray[np.float32], hits: Sequence[Hit], ducking: Ducking) -> NDArray[np.float32]:
    """Return ``samples`` turned down at every hit (times from the first sample), less at soft ones."""
    n_steps = len(samples) // _STEP + 2
    n_rise = max(1, round(ducking.attack * SAMPLE_RATE / _STEP))
    release = np.exp(
        np.arange(n_steps, dtype=np.float32) * np.float32(-_STEP / SAMPLE_RATE / ducking.release)
    )
    curve = np.concatenate([np.linspace(0.0, 1.0, n_rise, endpoint=False, dtype=np.float32), release])
    reduced = np.zeros(n_steps, dtype=np.float32)
    for hit in hits:
        if hit.drum.lane is None or (ducking.kick_only and hit.drum.lane is not Lane.KICK):
            continue
        at = round(hit.time * SAMPLE_RATE / _STEP)
        first = max(0, at)
        part = curve[first - at : first - at + max(0, n_steps - first)] * np.float32(hit.velocity / 127)
        np.maximum(reduced[first : first + len(part)], part, out=reduced[first : first + len(part)])
    gain = 10 ** (reduced * np.float32(-ducking.depth_db / 20))
    return samples * _every_sample(gain, len(samples))


def master(samples: NDArray[np.float32], mastering: Mastering) -> NDArray[np.float32]:
    """Return ``samples`` limited and clipped, same length; silence stays silent."""
    limited = compress(samples, mastering.compressor)
    if mastering.clip_db <= 0:
        return limited
    ceiling = np.float32(np.abs(limited).max(initial=0.0) * 10 ** (-mastering.clip_db / 20))
    return np.clip(limited, -ceiling, ceiling)


def limit_band(samples: NDArray[np.float32], band: BandLimit) -> NDArray[np.float32]:
    """Return what ``band`` leaves of ``samples``, same length; zero phase, so attacks keep their place."""
    size = fast_size(len(samples) + 2048)
    spectrum = np.fft.rfft(samples, size)
    coarse = np.concatenate([[0.0], np.geomspace(10.0, SAMPLE_RATE / 2, _COARSE)])
    fine = np.linspace(0.0, SAMPLE_RATE / 2, len(spectrum))
    spectrum *= np.interp(fine, coarse, band_response(band, coarse)).astype(np.float32)
    if band.high_cut:  # a resampler's edge is steeper than the coarse grid
        edge = np.clip((fine / band.high_cut - 0.93) / 0.07, 0.0, 1.0)
        spectrum *= (0.5 + 0.5 * np.cos(np.pi * edge)).astype(np.float32)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(samples)], dtype=np.float32)


def band_response(band: BandLimit, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the linear gain at ``frequencies`` in Hz, all but the upper edge."""
    hz = np.maximum(frequencies, 1.0)
    octaves = np.maximum(0.0, np.log2(hz / 1500.0)) / np.log2(10000.0 / 1500.0)
    gain = 10 ** (-band.dullness_db * octaves / 20)
    return np.asarray(gain / np.sqrt(1.0 + (band.low_cut / hz) ** 12))


def _every_sample(gain: NDArray[np.float32], n_samples: int) -> NDArray[np.float32]:
    """Interpolate a gain from every ``_STEP``-th sample to all."""
    ramp = np.arange(_STEP, dtype=np.float32) / np.float32(_STEP)
    return np.asarray((gain[:-1, None] + np.diff(gain)[:, None] * ramp).reshape(-1)[:n_samples])
