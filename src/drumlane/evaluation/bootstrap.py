"""Bootstrap: how far a score would move with other tracks of the same kind.

Tracks are drawn with replacement, as a whole (hits within a track are not independent), and the micro F of
each draw is computed from the sums of its counts.
"""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95


def micro_f_interval(
    counts: NDArray[np.int64], seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> tuple[float, float] | None:
    """Return the percentile interval of the micro F over tracks.

    Args:
        counts: true positives, false positives and false negatives of each track, shape (tracks, 3).
        seed: of the random draws; the same seed gives the same interval.
        resamples: number of draws.
        level: share of the draws inside the interval, 0..1.

    Returns:
        (low, high), or None for fewer than two tracks or no hits at all, where an interval says nothing.
    """
    n_tracks = len(counts)
    if n_tracks < 2:
        return None
    draws = np.random.default_rng(seed).multinomial(n_tracks, np.full(n_tracks, 1 / n_tracks), size=resamples)
    tp, fp, fn = (draws @ counts).T
    hits = 2 * tp + fp + fn
    if not hits.any():
        return None
    scores = 2 * tp[hits > 0] / hits[hits > 0]
    low, high = np.percentile(scores, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
