"""Targets: hits as the network should see them.

Flow: rendering.scene -> **targets** -> items -> module

Arrays are (frames, lanes), float32; frame ``i`` is centred on ``i / fps`` seconds. An onset is a narrow bump
over its nearest frames whose heights tell where between them it lies, so that the peak can be found below the
frame.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.vocabulary import ARTICULATIONS, LANES, LANES_OF_ARTICULATIONS

SIGMA_FRAMES = 0.75  # 1 at the onset, .41 one frame away, .03 two frames away
_REACH = 2  # frames on each side
_OF_LANE = tuple(
    tuple(i for i, owner in enumerate(LANES_OF_ARTICULATIONS) if owner is lane) for lane in LANES
)


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Targets of one item."""

    onset: NDArray[np.float32]  # (frames, 8), 0..1
    velocity: NDArray[np.float32]  # (frames, 8), 0..1, meaningful where onset > 0
    articulation: NDArray[np.float32]  # (frames, 6), 0 or 1, meaningful where onset of its lane > 0


def encode(hits: Iterable[Hit], n_frames: int, fps: float) -> Targets:
    """Return the targets of ``hits``; drums without a lane and frames outside are left out."""
    onset = np.zeros((n_frames, len(LANES)), dtype=np.float32)
    velocity = np.zeros_like(onset)
    articulation = np.zeros((n_frames, len(ARTICULATIONS)), dtype=np.float32)
    for hit in hits:
        lane = hit.drum.lane
        if lane is None:
            continue
        centre = hit.time * fps
        first = max(0, round(centre) - _REACH)
        frames = np.arange(first, min(n_frames, round(centre) + _REACH + 1))
        bump = np.exp(-0.5 * ((frames - centre) / SIGMA_FRAMES) ** 2).astype(np.float32)
        nearer = frames[bump > onset[frames, lane]]  # the nearest of close strokes decides
        onset[frames, lane] = np.maximum(onset[frames, lane], bump)
        velocity[nearer, lane] = (hit.velocity - 1) / 126.0
        for i in _OF_LANE[lane]:
            articulation[nearer, i] = float(hit.drum is ARTICULATIONS[i])
    return Targets(onset, velocity, articulation)
