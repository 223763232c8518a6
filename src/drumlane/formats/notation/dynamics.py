"""Dynamics: which strokes are ghosts and which are accents, by the loudness of the lane they are in.

Used by ``strokes``. The level of a stroke depends on the drummer, the kit and the recording, so each lane is
measured against itself. Only strokes on snare and toms can be ghosts: a soft hi-hat is no ghost note, and a
page full of parentheses is not read. For the same reason a hi-hat or ride must stand out more to be an
accent, and crashes, which are loud anyway, have none. Feet have no marks.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

import numpy as np

from drumlane.performance import Hit
from drumlane.vocabulary import Drum, Lane

GHOST_VELOCITY = 38  # what a mark means when a file says no more
NORMAL_VELOCITY = 90
ACCENT_VELOCITY = 115
_GHOSTS = frozenset({Lane.SNARE, Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM})
_FEET = frozenset({Drum.KICK, Drum.HIHAT_PEDAL})
_LOUDEST_GHOST = 55
_GHOST_SHARE = 0.6  # of the lane's loud strokes
_SOFTEST_ACCENT = 105
_ACCENT_SHARE = 1.2  # of the lane's middle
_ACCENT_SHARE_OF_TIMEKEEPERS = 1.35
_TIMEKEEPERS = frozenset({Lane.HIHAT, Lane.RIDE})


class Dynamic(Enum):
    """How a stroke is marked."""

    NORMAL = NORMAL_VELOCITY
    GHOST = GHOST_VELOCITY
    ACCENT = ACCENT_VELOCITY


class Loudness:
    """The loudness of each lane of a piece; built once."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._ghost_below: Mapping[Lane | None, float]
        self._accent_from: Mapping[Lane | None, float]
        velocities: dict[Lane | None, list[int]] = {}
        for hit in hits:
            velocities.setdefault(hit.drum.lane, []).append(hit.velocity)
        self._ghost_below = {
            lane: min(_LOUDEST_GHOST, _GHOST_SHARE * float(np.percentile(of_lane, 90)))
            for lane, of_lane in velocities.items()
            if lane in _GHOSTS
        }
        self._accent_from = {
            lane: max(_SOFTEST_ACCENT, _accent_share(lane) * float(np.median(of_lane)))
            for lane, of_lane in velocities.items()
            if lane is not Lane.CRASH
        }

    def of(self, drum: Drum, velocity: int) -> Dynamic:
        """Return how a stroke is marked."""
        lane = drum.lane
        if drum in _FEET:
            return Dynamic.NORMAL
        if velocity < self._ghost_below.get(lane, 0.0):
            return Dynamic.GHOST
        return Dynamic.ACCENT if velocity >= self._accent_from.get(lane, np.inf) else Dynamic.NORMAL


def _accent_share(lane: Lane | None) -> float:
    return _ACCENT_SHARE_OF_TIMEKEEPERS if lane in _TIMEKEEPERS else _ACCENT_SHARE
