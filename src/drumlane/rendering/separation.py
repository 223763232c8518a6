"""Separation: drums as a separator leaves them when it cuts them out of a finished song.

Flow: room, accompaniment -> **separation** -> scene

A separator guesses for every moment and band how much of the mix is drums. Here the guess is known, so it is
spoilt: by a floor that always leaks, by errors from cell to cell (the "musical" noise), and by attacks of the
accompaniment that it takes for drums. What remains has the phase of the mix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HOP = 1024  # samples; windows of two hops whose squares add up to one
_WINDOW = np.sin(np.pi * (np.arange(2 * _HOP) + 0.5) / (2 * _HOP)).astype(np.float32)
_BANDS = 64  # cells of 16 bins, 344 Hz: finer ones cost more and sound the same through mel bands
_BINS = _HOP // _BANDS
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Separation:
    """How good a separator is."""

    exponent: float  # of the amplitudes: 1 soft, 2 Wiener, more: hard
    floor_db: float  # what leaks of everything
    error_db: float  # standard deviation of the guess, cell by cell
    confusion: float  # 0..1, of the accompaniment's attacks taken for drums
    seed: int


def draw_separation(rng: np.random.Generator) -> Separation:
    """Draw a separator from a poor one to a good one."""
    return Separation(
        exponent=float(rng.uniform(1.0, 3.0)),
        floor_db=float(rng.uniform(-30, -12)),
        error_db=float(rng.uniform(0, 7)),
        confusion=float(rng.uniform(0, 0.8)) if rng.random() < 0.7 else 0.0,
        seed=int(rng.integers(2**31)),
    )


def separate(
    drums: NDArray[np.float32], bed: NDArray[np.float32], separation: Separation
) -> NDArray[np.float32]:
    """Return the drum stem cut from ``drums + bed``, all of shape (n,)."""
    n_samples = len(drums)
    wanted, unwanted = _spectra(drums), _spectra(bed)
    mask = _mask(_amplitudes(wanted), _amplitudes(unwanted), separation)
    mix = wanted + unwanted
    cells = mix[:, :-1].reshape(len(mix), _BANDS, _BINS)  # the bin at half the sample rate stays as it is
    cells *= mask[:, :, None]
    frames = np.fft.irfft(mix, 2 * _HOP, axis=1) * _WINDOW
    out = np.zeros((len(frames) + 1, _HOP), dtype=np.float32)
    out[:-1] += frames[:, :_HOP]
    out[1:] += frames[:, _HOP:]
    return np.asarray(out.reshape(-1)[_HOP : _HOP + n_samples], dtype=np.float32)


def _spectra(samples: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return windowed spectra, shape (frames, _HOP + 1); a hop of silence stands before and after."""
    n_hops = -(-len(samples) // _HOP)
    padded = np.zeros((n_hops + 2, _HOP), dtype=np.float32)
    padded.reshape(-1)[_HOP : _HOP + len(samples)] = samples
    frames = np.concatenate([padded[:-1], padded[1:]], axis=1)
    frames *= _WINDOW
    return np.asarray(np.fft.rfft(frames, axis=1), dtype=np.complex64)


def _amplitudes(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the RMS of each cell, shape (frames, _BANDS)."""
    parts = np.ascontiguousarray(spectra[:, :-1]).view(np.float32).reshape(len(spectra), _BANDS, 2 * _BINS)
    return np.asarray(np.sqrt(np.einsum("fbk,fbk->fb", parts, parts) / _BINS), dtype=np.float32)


def _mask(
    drums: NDArray[np.float32], bed: NDArray[np.float32], separation: Separation
) -> NDArray[np.float32]:
    rng = np.random.default_rng(separation.seed)
    attacks = np.maximum(np.diff(bed, axis=0, prepend=bed[:1]), 0.0)
    guess = drums + np.float32(separation.confusion) * attacks
    errors = rng.standard_normal(guess.shape, dtype=np.float32) * np.float32(separation.error_db / 20)
    powers = (guess * 10**errors) ** np.float32(separation.exponent)
    rest = bed ** np.float32(separation.exponent)
    floor = np.float32(10 ** (separation.floor_db / 20))
    return np.asarray(floor + (1 - floor) * powers / (powers + rest + np.float32(_TINY)), dtype=np.float32)
