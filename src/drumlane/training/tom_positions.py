"""Tom positions: where a network hears the toms of kits, learnt on held-out kits.

Flow: export (activations of held-out items) -> **tom_positions** -> calibration -> transcription.toms

Moments of the mean position of each drum in each item: what the drums of an item have in common is the kit's,
the rest the drum's; strokes scatter about their drum's mean. Scatter is taken by its median, because some
strokes are no toms to the network at all. Sounds, where a rescorer tells them, lie about the origin.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.matching import match_onsets
from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.training.thresholds import TOLERANCE
from drumlane.transcription.toms import TOM_LANES, TomPositions, TomSounds, heights_near, positions

_HEARD = 0.15  # activation of some tom lane from which a stroke says where it lies
_FEWEST = 8  # items in which each drum must be heard
_LEAST = 0.2  # of a standard deviation: a few items may agree by chance
_OF_A_NORMAL = 1.4826  # standard deviation against median absolute deviation


def fit_positions(
    heard: Sequence[Activations],
    references: Sequence[Sequence[Hit]],
    fps: float,
    sounds: Sequence[TomSounds] = (),
) -> TomPositions | None:
    """Return where the kits of items lie, or None where too few items hold toms.

    Args:
        heard: activations of each item.
        references: their hits.
        fps: frames a second.
        sounds: of each item's strokes on toms, as a rescorer tells them; none without one.
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
    sound_own, sound_stroke = _deviations_of_sounds(sounds, references)
    return TomPositions(
        (round(high, 3), round(middle, 3), round(low, 3)),
        shared=_deviation(of_kits),
        own=_deviation(of_drums),
        stroke=_deviation(_scatter([drum for drums in by_item for drum in drums]) ** 2),
        sound_own=sound_own,
        sound_stroke=sound_stroke,
    )


def _deviations_of_sounds(
    sounds: Sequence[TomSounds], references: Sequence[Sequence[Hit]]
) -> tuple[float, float]:
    """Return how far drums lie from the origin and strokes from their drum, in any direction."""
    drums = []
    for told, hits in zip(sounds, references, strict=False):
        for lane in TOM_LANES:
            struck = [hit.time for hit in hits if hit.drum.lane is lane]
            pairs = match_onsets(struck, told.times, TOLERANCE)
            if len(pairs):
                drums.append(told.vectors[pairs[:, 1]])
    more = [drum for drum in drums if len(drum) > 1]
    if len(more) < _FEWEST:
        return 1.0, 1.0
    free = sum(len(drum) - 1 for drum in more)
    of_strokes = sum(float(drum.var(axis=0).mean()) * len(drum) for drum in more) / free
    of_means = np.mean([float((drum.mean(axis=0) ** 2).mean()) - of_strokes / len(drum) for drum in drums])
    return _deviation(float(of_means)), _deviation(of_strokes)


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
