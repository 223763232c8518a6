"""Density: how hard a part is to play, by BeatSight's measure.

Flow: performance -> **density** -> formats of games
"""

import numpy as np

from drumlane.performance import Performance

HARDEST = 10.0
_MOST_FROM_DENSITY, _MOST_FROM_DRUMS, _MOST_FROM_GAPS = 4.0, 3.0, 3.0


def difficulty_of(performance: Performance) -> float:
    """Return a number from 0 to 10: hits a second, kinds of drums, and how close strokes follow.

    Source: BeatSight's generator: ``min(2 · density, 4) + min(drums / 2, 3) + min(5 · max(0, 1 - gap), 3)``,
    with the mean gap between strokes in seconds.
    """
    times = np.array([hit.time for hit in performance])
    if not len(times):
        return 0.0
    seconds = max(1.0, float(times[-1] - times[0]))
    gap = float(np.diff(times).mean()) if len(times) > 1 else 1.0
    return min(
        HARDEST,
        min(2 * len(times) / seconds, _MOST_FROM_DENSITY)
        + min(len(performance.counts()) / 2, _MOST_FROM_DRUMS)
        + min(5 * max(0.0, 1 - gap), _MOST_FROM_GAPS),
    )
