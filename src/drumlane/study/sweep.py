"""Sweep: what every threshold of a fine grid would find, lane by lane.

Flow: hearing -> **sweep** -> strategies -> threshold_file

Counts are note-level at ±50 ms and pooled over the items. Peaks are picked once, at the lowest threshold: of
crowded peaks the strongest win, so a higher threshold only takes away from what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.counts import Counts
from drumlane.performance import Hit
from drumlane.training.thresholds import Onsets, count
from drumlane.transcription.peaks import pick_peaks
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
    return tuple(LaneSweep(lane, _of_lane(lane, onsets, references, fps, gaps[lane])) for lane in LANES)


def _of_lane(
    lane: Lane, onsets: Sequence[Onsets], references: Sequence[Sequence[Hit]], fps: float, gap: float
) -> tuple[Counts, ...]:
    totals = [Counts()] * len(FINE_GRID)
    for onset, hits in zip(onsets, references, strict=True):
        reference = np.array([hit.time for hit in hits if hit.drum.lane is lane], dtype=np.float64)
        peaks = pick_peaks(onset[:, lane], FINE_GRID[0], gap, fps)
        for i, found in enumerate(_of_item(reference, *peaks)):
            totals[i] += found
    return tuple(totals)


def _of_item(
    reference: NDArray[np.float64], times: NDArray[np.float64], heights: NDArray[np.float64]
) -> list[Counts]:
    """Return the counts at each threshold; most thresholds keep the same peaks as the one below."""
    found: list[Counts] = []
    n_kept = -1
    for threshold in FINE_GRID:
        kept = times[heights >= threshold]
        found.append(found[-1] if len(kept) == n_kept else count(reference, kept))
        n_kept = len(kept)
    return found
