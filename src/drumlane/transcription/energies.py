"""Energies: how much sound there is in twenty bands of each frame, and in narrow low ones.

Flow: audio.features -> **energies** -> stroke_levels, stroke_spectra

Features hold the logarithm of a mean magnitude for each mel band; squared and times the band's width that is
its energy. Neighbouring bands are put together: strokes are told apart by their rough spectrum. Low bands are
kept as narrow as they are: they hold the pitch of toms.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, hz_to_mel, mel_to_hz

N_BANDS = 20
N_LOW_BANDS = 24
N_ENERGIES = N_BANDS + N_LOW_BANDS
FLOOR_DB = -160.0  # silence

Floats = NDArray[np.float32]


def band_energies(features: NDArray[np.floating[Any]], spec: FeatureSpec) -> Floats:
    """Return energies in dB, shape (frames, ``N_ENERGIES``): ``N_BANDS`` of the whole range, then low ones.

    Args:
        features: log-mel frames of ``spec``, shape (frames, bands).
        spec: needs ``N_BANDS`` mel bands or more; without low bands there is no energy in them.
    """
    magnitudes = np.expm1(features[:, : spec.n_bands].astype(np.float32)) / np.float32(spec.log_gain)
    starts = np.linspace(0, spec.n_mels, N_BANDS, endpoint=False).astype(np.intp)
    powers = np.square(magnitudes)
    energies = np.concatenate(
        [
            np.add.reduceat(powers[:, : spec.n_mels] * _widths(spec), starts, axis=1),
            _low(powers[:, spec.n_mels :]),
        ],
        axis=1,
    )
    return np.asarray(10 * np.log10(energies + np.float32(10 ** (FLOOR_DB / 10))), dtype=np.float32)


def _low(powers: Floats) -> Floats:
    """Return ``N_LOW_BANDS`` columns of however many there are."""
    if not powers.shape[1]:
        return np.zeros((len(powers), N_LOW_BANDS), np.float32)
    nearest = np.linspace(0, powers.shape[1] - 1, N_LOW_BANDS).round().astype(np.intp)
    return powers[:, nearest]


@lru_cache(maxsize=8)
def _widths(spec: FeatureSpec) -> Floats:
    """Return the width of each mel band in Hz."""
    edges = mel_to_hz(np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.n_mels + 2))
    return np.asarray((edges[2:] - edges[:-2]) / 2, dtype=np.float32)
