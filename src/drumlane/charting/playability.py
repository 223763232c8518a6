"""Playability: what in a part no drummer could play, or what looks like a mistake.

Flow: chords -> **playability** -> cli.inspect
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drumlane.charting.chords import MOST_HANDS
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane

TOGETHER = 0.02  # s; strokes this near are one chord
SAME_STROKE = 0.01  # s; two strokes of one drum this near are one
FASTEST_FOOT = 0.06  # s between kicks, with both feet
FASTEST_HANDS = 0.04  # s between strokes of two hands that alternate, over a run
_RUN = 6  # strokes


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that cannot be meant."""

    time: float  # seconds
    what: str


def problems(performance: Performance) -> tuple[Problem, ...]:
    """Return what is wrong, in order of time."""
    found = [*_doubled(performance), *_too_many_hands(performance), *_too_fast(performance)]
    return tuple(sorted(found))


def _doubled(performance: Performance) -> Iterator[Problem]:
    last: dict[Drum, float] = {}
    for hit in performance:
        before = last.get(hit.drum, -1.0)
        if before >= 0 and hit.time - before < SAME_STROKE:
            yield Problem(hit.time, f"two strokes of {hit.drum} within {1000 * SAME_STROKE:g} ms")
        last[hit.drum] = hit.time


def _too_many_hands(performance: Performance) -> Iterator[Problem]:
    chord: list[Hit] = []
    for hit in _of_hands(performance):
        if chord and hit.time - chord[0].time >= TOGETHER:
            yield from _judged(chord)
            chord = []
        chord.append(hit)
    yield from _judged(chord)


def _judged(chord: list[Hit]) -> Iterator[Problem]:
    drums = sorted({hit.drum.value for hit in chord})
    if len(drums) > MOST_HANDS:
        yield Problem(chord[0].time, f"{len(drums)} hands at once: {', '.join(drums)}")


def _too_fast(performance: Performance) -> Iterator[Problem]:
    kicks = np.array([hit.time for hit in performance if hit.drum.lane is Lane.KICK])
    for at in np.flatnonzero(np.diff(kicks) < FASTEST_FOOT):
        yield Problem(float(kicks[at + 1]), f"kicks {1000 * (kicks[at + 1] - kicks[at]):.0f} ms apart")
    hands = np.array([hit.time for hit in _of_hands(performance)])
    moves = hands[np.append(True, np.diff(hands) >= TOGETHER)] if len(hands) else hands
    spans = moves[_RUN:] - moves[:-_RUN]
    last = -1.0
    for at in np.flatnonzero(spans < _RUN * FASTEST_HANDS):
        if moves[at] > last:
            yield Problem(
                float(moves[at]), f"{_RUN + 1} strokes of the hands within {1000 * spans[at]:.0f} ms"
            )
            last = float(moves[at + _RUN])


def _of_hands(performance: Performance) -> Iterator[Hit]:
    for hit in performance:
        if hit.drum.lane not in (None, Lane.KICK) and hit.drum is not Drum.HIHAT_PEDAL:
            yield hit
