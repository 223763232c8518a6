"""Dynamics: how hard, how open and how surely each peak was struck.

Flow: transcription.peaks -> **dynamics** -> transcription.decoding

The network's velocity and openness mean something only where it hears an onset, so they are read as the mean
over the peak's frame and its two neighbours, weighted by the onset activation there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
_SURE_AT_THRESHOLD = 0.5


def around_peaks(values: Frames, onset: Frames, peaks: NDArray[np.intp]) -> Floats:
    """Return the onset-weighted mean of ``values`` at each peak, shape (peaks,).

    Args:
        values: shape (frames,), 0..1.
        onset: the lane's onset activation, shape (frames,), 0..1.
        peaks: frame indices.
    """
    near = np.clip(peaks[:, None] + np.array([-1, 0, 1]), 0, len(onset) - 1)
    weights = np.maximum(onset[near].astype(np.float64), 1e-6)
    return np.asarray((values[near] * weights).sum(axis=1) / weights.sum(axis=1))


def midi_velocities(strengths: Floats, low: int = 1, high: int = 127) -> NDArray[np.int64]:
    """Return MIDI velocities for strengths in 0..1: ``low + (high - low) * strength``, rounded.

    >>> midi_velocities(np.array([0.0, 0.5, 1.0])).tolist()
    [1, 64, 127]
    """
    return np.clip(np.rint(low + (high - low) * strengths), 1, 127).astype(np.int64)


def confidences(heights: Floats, threshold: float) -> Floats:
    """Return how sure each hit is: 0.5 for a peak at the threshold, 1 for a height of 1, linear between.

    Peaks below the threshold, which are no hits, go linearly from 0.5 to 0.

    >>> confidences(np.array([0.1, 0.2, 0.6, 1.0]), 0.2).round(2).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    return np.asarray(np.interp(heights, [0.0, threshold, 1.0], [0.0, _SURE_AT_THRESHOLD, 1.0]))
