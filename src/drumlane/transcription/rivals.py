"""Rivals: one stroke heard in two lanes is one hit.

Flow: transcription.peaks -> **rivals** -> transcription.decoding

A tom lies between two lanes, a crash on a ride: where lanes of one group peak together, the network was not
sure which it is, and two hands seldom strike two of them at once. The peak that stands out most stays.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drumlane.vocabulary import LANES, Lane

GROUPS: tuple[tuple[Lane, ...], ...] = ((Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM), (Lane.CRASH, Lane.RIDE))
TOGETHER = 0.03  # s
_RIVALS_OF = {
    lane: [rival for group in GROUPS if lane in group for rival in group if rival is not lane]
    for lane in LANES
}

Floats = NDArray[np.float64]
Peaks = tuple[Floats, Floats]  # times in seconds, ascending, and heights


def without_rivals(peaks: Sequence[Peaks], thresholds: Sequence[float]) -> list[Peaks]:
    """Return the peaks of every lane that no stronger peak of a rival lane covers.

    Args:
        peaks: of each lane, in lane order.
        thresholds: of each lane; a peak's strength is its height against its lane's threshold.
    """
    strengths = [
        heights / max(threshold, 1e-6) for (_, heights), threshold in zip(peaks, thresholds, strict=True)
    ]
    kept = []
    for lane in LANES:
        times, heights = peaks[lane]
        stays = np.ones(len(times), dtype=bool)
        for rival in _RIVALS_OF[lane]:
            strongest = _strongest_near(times, peaks[rival][0], strengths[rival])
            # Of equals the earlier lane stays.
            stays &= strengths[lane] >= strongest if lane < rival else strengths[lane] > strongest
        kept.append((times[stays], heights[stays]))
    return kept


def _strongest_near(times: Floats, others: Floats, strengths: Floats) -> Floats:
    """Return for each time the greatest strength among the others that are together with it, else 0."""
    first = np.searchsorted(others, times - TOGETHER, side="left")
    behind = np.searchsorted(others, times + TOGETHER, side="right")
    return np.array([strengths[a:b].max(initial=0.0) for a, b in zip(first, behind, strict=True)])
