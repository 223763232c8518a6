"""Reliability: whether the confidence of a hit is how often such hits are right.

A hit is right when it is matched with a reference hit of its class. The expected calibration error is the
mean distance between the confidence of hits and the share of them that is right, over ten bins of confidence.

After: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The hits of one range of confidence."""

    n_hits: int
    mean_confidence: float
    share_right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against truth over all estimated hits."""

    n_hits: int
    mean_confidence: float
    share_right: float
    expected_error: float  # 0..1, the expected calibration error
    bins: tuple[Bin, ...]  # those that hold hits, from unsure to sure


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Reliability | None:
    """Return how far confidence can be believed; None without hits, or where all are said to be certain.

    Args:
        confidence: of every estimated hit, 0..1, shape (hits,).
        right: whether each was matched, shape (hits,).
    """
    if np.all(confidence == 1.0):
        return None
    index = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    bins = tuple(_bin(confidence[index == i], right[index == i]) for i in np.unique(index))
    distance = sum(b.n_hits * abs(b.mean_confidence - b.share_right) for b in bins)
    everything = _bin(confidence, right)
    return Reliability(
        n_hits=everything.n_hits,
        mean_confidence=everything.mean_confidence,
        share_right=everything.share_right,
        expected_error=distance / everything.n_hits,
        bins=bins,
    )


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Bin:
    return Bin(len(confidence), float(confidence.mean()), float(right.mean()))
