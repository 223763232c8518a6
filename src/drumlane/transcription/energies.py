"""Energies: how much sound there is in twenty bands of each frame, read off the features.

Flow: audio.features -> **energies** -> stroke_levels

Features hold the logarithm of a mean magnitude for each mel band; squared and times the band's width that is
its energy. Neighbouring bands are put together: strokes are told apart by their rough spectrum, and an hour
takes 14 MB.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, hz_to_mel, mel_to_hz

N_BANDS = 20
FLOOR_DB = -160.0  # silence

Floats = NDArray[np.float32]


def band_energies(features: NDArray[np.floating[Any]], spec: FeatureSpec) -> Floats:
    """Return energies in dB, shape (frames, ``N_BANDS``).

    Args:
        features: log-mel frames of ``spec``, shape (frames, bands); low bands are not used.
        spec: needs ``N_BANDS`` mel bands or more.
    """
    magnitudes = np.expm1(features[:, : spec.n_mels].astype(np.float32)) / np.float32(spec.log_gain)
    starts = np.linspace(0, spec.n_mels, N_BANDS, endpoint=False).astype(np.intp)
    energies = np.add.reduceat(np.square(magnitudes) * _widths(spec), starts, axis=1)
    return np.asarray(10 * np.log10(energies + np.float32(10 ** (FLOOR_DB / 10))), dtype=np.float32)


@lru_cache(maxsize=8)
def _widths(spec: FeatureSpec) -> Floats:
    """Return the width of each mel band in Hz."""
    edges = mel_to_hz(np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.n_mels + 2))
    return np.asarray((edges[2:] - edges[:-2]) / 2, dtype=np.float32)
