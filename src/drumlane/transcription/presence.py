"""Presence: whether a lane is played around a moment at all.

Flow: transcription.activations -> **presence** -> transcription.decoding

The network answers in every frame whether each lane is struck anywhere in the excerpt around it. Answers are
averaged over as long an excerpt as it learnt from. A peak of a lane that seems absent there is no hit: music
without drums, and songs without toms, are what single peaks cannot tell.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS = 8.0  # of the training excerpts


def present(presence: NDArray[np.floating[Any]], fps: float) -> NDArray[np.float32]:
    """Return the mean presence within ±4 s of every frame, fewer at the ends, same shape.

    Frames of zeros were not asked, because they lie in silence: they do not count.

    Args:
        presence: shape (frames, lanes), 0..1.
        fps: frames a second.
    """
    half = round(SECONDS / 2 * fps)
    asked = np.asarray(presence.any(axis=1), dtype=np.float64)[:, None]
    total, n_asked = _sums_before(presence), _sums_before(asked)
    frames = np.arange(len(presence))
    first, behind = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(presence))
    means = (total[behind] - total[first]) / np.maximum(1.0, n_asked[behind] - n_asked[first])
    return np.asarray(means, dtype=np.float32)


def _sums_before(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the sum of all rows before each row, and behind the last one the sum of all."""
    total = np.cumsum(values, axis=0, dtype=np.float64)
    return np.concatenate([np.zeros_like(total[:1]), total])
