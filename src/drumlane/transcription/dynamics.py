"""Dynamics: how hard, how open and how surely each peak was struck.

Flow: transcription.peaks -> **dynamics** -> transcription.decoding

The network's velocity and openness mean something only where it hears an onset, so they are read as the mean
over the peak's frame and its two neighbours, weighted by the onset activation there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.vocabulary import ARTICULATIONS, DRUM_OF_LANE, LANES_OF_ARTICULATIONS, Drum, Lane

Frames = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
PLAIN_VELOCITY = (126.0, 1.0)  # slope and intercept of an output that is a velocity already, as targets are


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


def midi_velocities(strengths: Floats, slope: float, intercept: float) -> NDArray[np.int64]:
    """Return MIDI velocities for strengths in 0..1: ``slope · strength + intercept``, rounded, 1 to 127.

    >>> midi_velocities(np.array([0.0, 0.5, 1.0]), *PLAIN_VELOCITY).tolist()
    [1, 64, 127]
    """
    return np.clip(np.rint(slope * strengths + intercept), 1, 127).astype(np.int64)


def confidences(heights: Floats, slope: float, intercept: float) -> Floats:
    """Return how probably each hit is right: ``sigmoid(slope · logit(height) + intercept)``.

    >>> confidences(np.array([0.2, 0.5, 0.8]), 1.0, 0.0).round(2).tolist()
    [0.2, 0.5, 0.8]
    """
    return sigmoid(slope * logit(heights) + intercept)


def articulations_told(lane: Lane, told: Frames, thresholds: Sequence[float]) -> list[Drum]:
    """Return for each stroke of a lane the articulation that exceeds its threshold most, else the plain one.

    Args:
        lane: of all strokes.
        told: what is heard of the lane's own articulations, shape (strokes, ``len(articulations_of(lane))``).
        thresholds: of all articulations, in the order of ``vocabulary.ARTICULATIONS``.
    """
    mine = articulations_of(lane)
    if not mine:
        return [DRUM_OF_LANE[lane]] * len(told)
    excess = told - np.array([thresholds[i] for i in mine])
    strongest = excess.argmax(axis=1)
    return [
        ARTICULATIONS[mine[i]] if excess[n, i] >= 0 else DRUM_OF_LANE[lane]
        for n, i in enumerate(strongest.tolist())
    ]


def articulations_of(lane: Lane) -> list[int]:
    """Return the indices of a lane's own articulations."""
    return [i for i, owner in enumerate(LANES_OF_ARTICULATIONS) if owner is lane]


def logit(heights: Frames, least: float = 1e-3) -> Floats:
    """Return the logarithm of the odds of heights in 0..1, kept ``least`` from both ends."""
    inside = np.clip(np.asarray(heights, dtype=np.float64), least, 1 - least)
    return np.asarray(np.log(inside / (1.0 - inside)))


def sigmoid(odds: Frames) -> Floats:
    """Return probabilities for logarithms of odds; no size of them overflows.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(odds, dtype=np.float64))))
