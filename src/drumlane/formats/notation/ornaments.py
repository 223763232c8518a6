"""Ornaments: strokes that lead to another one (flams, drags), and rolls.

Flow: hits -> **ornaments** -> grid, strokes

A grace stroke has no place of its own on the grid: it is found by its time before the grid is laid.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from drumlane.formats.notation.measures import THIRTY_SECOND
from drumlane.performance import Hit
from drumlane.vocabulary import Drum, Lane

GRACE_SECONDS = 0.03  # how long before its main stroke a grace stroke is played back
MAX_GRACES = 2
_FLAM = 0.045  # seconds from the grace stroke to the main one, at most
_CLOSE_FLAM = 0.03  # so near that the first may be as loud as the second
_DRAG = 0.055  # seconds between the strokes of a drag, at most
_APART = 2.0  # so many times farther away is whatever came before and comes after: else it is a roll
_SOFTER = 0.85  # share of the main stroke's velocity
_GRACED = frozenset({Lane.SNARE, Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM})
_ROLL_DENSITY = 1.5  # strokes per thirty-second
_SHORTEST_ROLL = 2  # thirty-seconds


def main_strokes(hits: Sequence[Hit]) -> list[int]:
    """Return for each hit the index of the stroke it leads to; its own, if it leads to none."""
    mains = list(range(len(hits)))
    of_drum: dict[Drum, list[int]] = {}
    for i, hit in enumerate(hits):
        if hit.drum.lane in _GRACED:
            of_drum.setdefault(hit.drum, []).append(i)
    for indices in of_drum.values():
        for first, main in _figures([hits[i] for i in indices]):
            for i in indices[first:main]:
                mains[i] = indices[main]
    return mains


def _figures(strokes: Sequence[Hit]) -> Iterator[tuple[int, int]]:
    """Yield (first grace stroke, main stroke) of each flam and drag of one drum."""
    i = 0
    while i < len(strokes) - 1:
        if _leads(strokes, i, 2, _DRAG):
            yield i, i + 2
            i += 3
        elif _leads(strokes, i, 1, _FLAM):
            yield i, i + 1
            i += 2
        else:
            i += 1


def _leads(strokes: Sequence[Hit], first: int, n_graces: int, longest: float) -> bool:
    main = first + n_graces
    if main >= len(strokes):
        return False
    figure = strokes[first : main + 1]
    gaps = [b.time - a.time for a, b in pairwise(figure)]
    widest = max(gaps)
    before = figure[0].time - strokes[first - 1].time if first else float("inf")
    after = strokes[main + 1].time - figure[-1].time if main + 1 < len(strokes) else float("inf")
    if widest > longest or min(before, after) < _APART * widest:
        return False
    soft = all(grace.velocity <= _SOFTER * figure[-1].velocity for grace in figure[:-1])
    return soft or (n_graces == 1 and widest <= _CLOSE_FLAM)


def rolled(counts: dict[int, int]) -> set[int]:
    """Return the places of one drum that are part of a roll.

    Args:
        counts: place (units) -> strokes that fell on it; a roll fills thirty-seconds in a row, most of them
            with more than one stroke.
    """
    found: set[int] = set()
    if max(counts.values(), default=0) < 2:
        return found
    run: list[int] = []
    for place in [*sorted(counts), None]:
        if run and (place is None or place - run[-1] != THIRTY_SECOND):
            if _is_roll([counts[p] for p in run]):
                found.update(run)
            run = []
        if place is not None:
            run.append(place)
    return found


def _is_roll(counts: Sequence[int]) -> bool:
    return len(counts) >= _SHORTEST_ROLL and sum(counts) >= _ROLL_DENSITY * len(counts)
