"""Stroke spectra: how each stroke sounds, so that strokes can be compared with each other.

Flow: energies -> **stroke_spectra** -> stroke_features

Two strokes on one tom sound alike, whatever the transcriber takes them for, and a drum that is struck harder
sounds brighter. A kit's or a room's colour is in every stroke, so levels are against the recording's own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.energies import FLOOR_DB, N_BANDS, N_ENERGIES, N_LOW_BANDS

# Frames around a stroke. A spectrum sees 23 ms on either side, that of low bands 93 ms.
_STRUCK, _BEFORE = range(5), range(-6, -2)
_RINGING, _LOW_BEFORE = range(4, 9), range(-12, -7)
_DECADES = 3.0  # of the rise in low bands below its largest that are told apart

N_SPECTRA = 2 * N_ENERGIES
# Columns that depend on how a drum is recorded: see ``training.rescorer_batches``.
STRUCK_BANDS = slice(0, N_BANDS)
LOW_BANDS = slice(2 * N_BANDS, 2 * N_BANDS + N_LOW_BANDS)
SPECTRUM_SCALE = 10.0  # dB

Floats = NDArray[np.float64]


def stroke_spectra(energies: NDArray[np.floating[Any]], frames: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the spectra of strokes, about -1..1, shape (strokes, ``N_SPECTRA``).

    Columns: levels in all bands, rises in all bands, ringing in low bands, shape of the rise in low bands.

    Args:
        energies: in dB, shape (frames, ``N_ENERGIES``).
        frames: where the strokes lie, shape (strokes,).
    """
    if not len(frames):
        return np.zeros((0, N_SPECTRA), np.float32)
    bands, low = slice(0, N_BANDS), slice(N_BANDS, N_ENERGIES)

    def mean(around: range, which: slice) -> Floats:
        places = np.clip(frames[:, None] + np.array(around), 0, len(energies) - 1)
        return np.asarray((10 ** (energies[:, which][places].astype(np.float64) / 10)).mean(axis=1))

    struck, ringing = mean(_STRUCK, bands), mean(_RINGING, low)
    columns = [
        _against_others(struck),
        np.clip(_db(struck) - _db(mean(_BEFORE, bands)), -10, 30) / SPECTRUM_SCALE - 1,
        _against_others(ringing),
        _shape(ringing - mean(_LOW_BEFORE, low)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _db(powers: Floats) -> Floats:
    return np.asarray(10 * np.log10(powers + 10 ** (FLOOR_DB / 10)))


def _against_others(powers: Floats) -> Floats:
    """Return levels against the median stroke's, band by band."""
    levels = _db(powers)
    return np.asarray(np.clip(levels - np.median(levels, axis=0), -30, 30) / SPECTRUM_SCALE)


def _shape(rise: Floats) -> Floats:
    """Return the logarithm of a rise against its largest band, -1 (nothing) to 1."""
    largest = rise.max(axis=1, keepdims=True)
    against = np.clip(rise / np.maximum(largest, 10 ** (FLOOR_DB / 10)), 10**-_DECADES, 1)
    return np.asarray(1 + 2 * np.log10(against) / _DECADES)
