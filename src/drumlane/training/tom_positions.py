"""Tom positions: where a network hears the toms of kits, learnt on held-out kits.

Flow: export (activations of held-out items) -> **tom_positions** -> calibration -> transcription.toms

Moments of the mean position of each drum in each item: what the drums of an item have in common is the kit's,
the rest the drum's; strokes scatter about their drum's mean. Scatter is taken by its median, because some
strokes are no toms to the network at all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.transcription.toms import TOM_LANES, TomPositions, heights_near, positions

_HEARD = 0.15  # activation of some tom lane from which a stroke says where it lies
_FEWEST = 8  # items in which each drum must be heard
_LEAST = 0.2  # of a standard deviation: a few items may agree by chance
_OF_A_NORMAL = 1.4826  # standard deviation against median absolute deviation


def fit_positions(
    heard: Sequence[Activations], references: Sequence[Sequence[Hit]], fps: float
) -> TomPositions | None:
    """Return where the kits of items lie, or None where too few items hold toms.

    Args:
        heard: activations of each item.
        references: their hits.
        fps: frames a second.
    """
    by_item = [_by_drum(activations, hits, fps) for activations, hits in zip(heard, references, strict=True)]
    means = np.array([[drum.mean() if len(drum) else np.nan for drum in drums] for drums in by_item])
    if not len(means) or min((~np.isnan(means)).sum(axis=0)) < _FEWEST:
        return None
    high, middle, low = np.nanmean(means, axis=0).tolist()
    off = means - np.array([high, middle, low])
    together = np.concatenate([off[:, a] * off[:, b] for a, b in ((0, 1), (0, 2), (1, 2))])
    of_kits = float(np.nanmean(together)) if np.isfinite(together).any() else 0.0
    of_drums = float(np.nanvar(off)) - max(0.0, of_kits)
    return TomPositions(
        (round(high, 3), round(middle, 3), round(low, 3)),
        shared=_deviation(of_kits),
        own=_deviation(of_drums),
        stroke=_deviation(_scatter([drum for drums in by_item for drum in drums]) ** 2),
    )


def _by_drum(activations: Activations, hits: Sequence[Hit], fps: float) -> list[NDArray[np.float64]]:
    """Return the positions of the strokes on each tom in one item."""
    found = []
    for lane in TOM_LANES:
        times = np.array([hit.time for hit in hits if hit.drum.lane is lane])
        heights = heights_near(activations.onset, times, fps)
        found.append(positions(heights[heights.max(axis=1, initial=0.0) >= _HEARD]))
    return found


def _scatter(drums: Sequence[NDArray[np.float64]]) -> float:
    off = np.concatenate([np.zeros(0), *(drum - drum.mean() for drum in drums if len(drum) > 1)])
    return _OF_A_NORMAL * float(np.median(np.abs(off))) if len(off) else 0.0


def _deviation(variance: float) -> float:
    return round(max(_LEAST, float(np.sqrt(max(0.0, variance)))), 3)
