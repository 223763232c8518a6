"""Hit frames: strokes laid on frames, as the beat network reads them, and the times of its frames.

Flow: Performance -> **hit_frames** -> models (beats) -> transcription.pulse

Frame i is centred on i / FPS seconds. A stroke is shared by the two frames around it, so that its time is
kept to much less than a frame; how hard it was struck is its height.
"""

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Performance
from drumlane.vocabulary import LANES

FPS = 50.0
SOFTEST = 0.25  # height of a stroke without any force: that it was struck says more than how hard
Floats = NDArray[np.float64]


def hit_frames(
    times: Floats, lanes: NDArray[np.integer], velocities: Floats, n_frames: int
) -> NDArray[np.float32]:
    """Return frames of shape (n_frames, 8), 0..1; of strokes in one place the strongest counts.

    Args:
        times: seconds, shape (hits,); those outside the frames are left out.
        lanes: lane numbers, shape (hits,).
        velocities: MIDI, 1..127, shape (hits,).
        n_frames: frames to fill.
    """
    frames = np.zeros((n_frames, len(LANES)), np.float32)
    heights = SOFTEST + (1.0 - SOFTEST) * velocities / 127.0
    first = np.floor(times * FPS).astype(np.intp)
    late = times * FPS - first
    for frame, share in ((first, 1.0 - late), (first + 1, late)):
        inside = (frame >= 0) & (frame < n_frames)
        np.maximum.at(frames, (frame[inside], lanes[inside]), (heights * share)[inside])
    return frames


def strokes_of(performance: Performance) -> tuple[Floats, NDArray[np.intp], Floats]:
    """Return times, lanes and velocities of the hits that have a lane."""
    hits = [(hit.time, hit.drum.lane, hit.velocity) for hit in performance if hit.drum.lane is not None]
    table = np.array(hits, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1].astype(np.intp), table[:, 2]
