"""Levels: beats that turn out to be divisions of a slower beat.

Flow: transcription.tempo_fit -> **levels** -> transcription.meters, transcription.bars

Slow grooves look like fast ones in half time: a kick, a hat, a snare, a hat. A drummer who counts the hats
would divide them now and then. So beats that are hardly ever divided, while kick and snare alternate on every
second or third of them, are the hats, and the beat is where kick and snare are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.vocabulary import Lane

DIVIDED = 0.12  # of the beats; fewer are hardly ever divided
ALTERNATING = 0.8  # of kicks, and of snares, that are where the slower beat has them
SLOWEST_STEP = 45.0  # beats a minute that are left
_FASTER = 100.0  # beats a minute that may be divisions
_LEAST_STROKES = 6
_INSIDE = (0.15, 0.85)  # of the beat; a stroke between divides it

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """Which of the beats are kept: every ``size``-th from ``first`` on."""

    first: int
    size: int


def slower_step(beats: Floats, strokes: Floats, lanes: NDArray[np.intp]) -> Step:
    """Return how beats are to be counted; all of them where they are no divisions.

    Args:
        beats: seconds, ascending.
        strokes: seconds of hits, ascending.
        lanes: their lanes.
    """
    rate = 60.0 / float(np.median(np.diff(beats)))
    if rate < _FASTER or _divided(beats, strokes) > DIVIDED:
        return Step(0, 1)
    kicks, snares = (_beats_of(beats, strokes[lanes == lane]) for lane in (Lane.KICK, Lane.SNARE))
    if min(len(kicks), len(snares)) < _LEAST_STROKES:
        return Step(0, 1)
    for size in (2, 3):
        if rate / size < SLOWEST_STEP:
            break
        first = int(np.bincount(kicks % (2 * size)).argmax())
        on_it = np.mean(kicks % (2 * size) == first)
        back = np.mean(snares % (2 * size) == (first + size) % (2 * size))
        if min(on_it, back) >= ALTERNATING:
            return Step(first % size, size)
    return Step(0, 1)


def _divided(beats: Floats, strokes: Floats) -> float:
    """Return the share of beats that are divided by a stroke."""
    inside = strokes[(strokes >= beats[0]) & (strokes < beats[-1])]
    number = np.searchsorted(beats, inside, side="right") - 1
    place = (inside - beats[number]) / np.maximum(np.diff(beats)[number], 1e-6)
    dividing = (place > _INSIDE[0]) & (place < _INSIDE[1])
    return len(np.unique(number[dividing])) / (len(beats) - 1)


def _beats_of(beats: Floats, strokes: Floats) -> NDArray[np.intp]:
    """Return the numbers of the beats that strokes are nearest to."""
    return np.searchsorted((beats[1:] + beats[:-1]) / 2, strokes)
