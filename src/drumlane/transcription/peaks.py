"""Peaks: where an activation says that something was struck.

Flow: transcription.activations -> **peaks** -> transcription.decoding

A peak is a local maximum at or above the threshold; of a plateau the middle counts. Its time is refined below
the frame by a parabola through the logarithms of the three values around it, which is exact for a Gaussian
bump (Gasior and Gonzalez, "Improving FFT frequency measurement resolution by parabolic and Gaussian spectrum
interpolation", 2004). Of peaks closer than the minimum gap the strongest wins, then the next strongest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FLOOR = 1e-4  # below it a value says nothing about the bump's shape


def pick_peaks(
    activation: NDArray[np.floating[Any]], threshold: float, minimum_gap: float, fps: float
) -> tuple[Floats, Floats]:
    """Return the times in seconds, ascending, and the heights of the peaks of one lane.

    Args:
        activation: shape (frames,), 0..1; frame i is centred on i / fps seconds.
        threshold: the least height of a peak, 0..1.
        minimum_gap: seconds; of two peaks closer than this only the stronger is kept.
        fps: frames a second.

    >>> times, heights = pick_peaks(np.array([0.0, 0.2, 0.9, 0.2, 0.0, 0.6, 0.6, 0.0]), 0.5, 0.02, 100.0)
    >>> times.round(4).tolist(), heights.tolist()
    ([0.02, 0.055], [0.9, 0.6])
    """
    if activation.ndim != 1:
        raise ValueError(f"activation.shape={activation.shape} must be one-dimensional: one lane at a time")
    first, last = _local_maxima(activation, threshold)
    heights = activation[first].astype(np.float64)
    times = _refine(activation, first, last) / fps
    kept = _strongest_first(times, heights, minimum_gap)
    return times[kept], heights[kept]


def nearest_frames(times: Floats, fps: float, n_frames: int) -> NDArray[np.intp]:
    """Return the frames nearest to ``times`` (seconds), within ``n_frames``."""
    return np.clip(np.rint(times * fps).astype(np.intp), 0, n_frames - 1)


def _local_maxima(
    activation: NDArray[np.floating[Any]], threshold: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last frames of the runs of equal values that exceed both neighbours.

    Only frames at or above the threshold are looked at: hours hold few of them, and little memory is needed.
    """
    end = len(activation) - 1
    high = np.flatnonzero(activation >= threshold)
    here = activation[high]
    starts = (high == 0) | (activation[np.maximum(high - 1, 0)] != here)
    ends = (high == end) | (activation[np.minimum(high + 1, end)] != here)
    first, last = high[starts], high[ends]
    rises = (first == 0) | (activation[np.maximum(first - 1, 0)] < activation[first])
    falls = (last == end) | (activation[np.minimum(last + 1, end)] < activation[last])
    peaks = rises & falls
    return first[peaks], last[peaks]


def _refine(activation: NDArray[np.floating[Any]], first: NDArray[np.intp], last: NDArray[np.intp]) -> Floats:
    """Return the peaks' positions in frames."""
    middle = (first + last) / 2
    inner = (first == last) & (first > 0) & (last < len(activation) - 1)
    centre = first[inner]
    around = np.stack([activation[centre - 1], activation[centre], activation[centre + 1]])
    left, top, right = np.log(np.maximum(around.astype(np.float64), _FLOOR))
    bend = left - 2 * top + right  # 0 only where all three are under the floor
    shift = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0)
    middle[inner] += np.clip(shift, -0.5, 0.5)
    return np.asarray(middle)


def _strongest_first(times: Floats, heights: Floats, minimum_gap: float) -> NDArray[np.bool_]:
    """Return which peaks stay; of equal ones the earlier wins."""
    gap = minimum_gap - 1e-9  # peaks exactly one gap apart both stay, whatever the rounding
    first_near = np.searchsorted(times, times - gap, side="right")
    behind_near = np.searchsorted(times, times + gap, side="left")
    crowded = behind_near - first_near > 1
    alive, kept = np.ones(len(times), dtype=bool), ~crowded
    contested = np.flatnonzero(crowded)
    for i in contested[np.argsort(-heights[contested], kind="stable")]:
        if alive[i]:
            alive[first_near[i] : behind_near[i]] = False
            kept[i] = True
    return kept
