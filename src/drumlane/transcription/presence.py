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

    Args:
        presence: shape (frames, lanes), 0..1.
        fps: frames a second.
    """
    half = round(SECONDS / 2 * fps)
    total = np.cumsum(presence, axis=0, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total[:1]), total])
    frames = np.arange(len(presence))
    first, behind = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(presence))
    means = (total[behind] - total[first]) / (behind - first)[:, None]
    return np.asarray(means, dtype=np.float32)
