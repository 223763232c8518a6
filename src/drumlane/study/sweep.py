"""Sweep: what every threshold of a fine grid would find, lane by lane.

Flow: hearing -> **sweep** -> strategies -> threshold_file

Counts are note-level at ±50 ms and pooled over the items. Peaks are picked once, at the lowest threshold: of
crowded peaks the strongest win, so a higher threshold only takes away from what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drumlane.evaluation.counts import Counts
from drumlane.performance import Hit
from drumlane.training.thresholds import Onsets, counts_of_lane
from drumlane.vocabulary import LANES, Lane

FINE_GRID = tuple(np.round(np.arange(0.02, 0.981, 0.01), 2).tolist())


@dataclass(frozen=True, slots=True)
class LaneSweep:
    """One lane at every threshold."""

    lane: Lane
    counts: tuple[Counts, ...]  # one for each threshold of ``FINE_GRID``

    @property
    def support(self) -> int:
        """Reference hits of the lane."""
        return self.counts[0].support


def sweep(
    onsets: Sequence[Onsets], references: Sequence[Sequence[Hit]], fps: float, gaps: Sequence[float]
) -> tuple[LaneSweep, ...]:
    """Count hits found, false and missed at every threshold, for every lane.

    Args:
        onsets: activations (frames, 8) of each item, 0..1.
        references: hits of each item.
        fps: frames a second.
        gaps: minimum gap of each lane in seconds.
    """
    return tuple(
        LaneSweep(lane, counts_of_lane(lane, onsets, references, (fps, gaps[lane]), FINE_GRID))
        for lane in LANES
    )
