"""Reduction: the same part for fewer hands and slower ones; every level is a thinned version of the next.

Flow: metre -> **reduction** -> formats of games

Expert is what was played. On each easier level strokes are taken in order of their importance, and one stays
if the level's limits allow it beside those taken before. So what carries the music stays: first beats,
backbeats, accents, crashes at the starts of phrases; ghosts, ornaments and every second hat go first, and a
steady pattern is thinned evenly because all its strokes on the same kind of place weigh alike. The limits
are in seconds, rounded up to a note value of the song, so that a pattern keeps its pulse.

The limits are those that charters give: on Hard no second pedal and no more than two hands; on Medium eighths
and one hand beside the kick; on Easy quarters and at most two pads at once.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from drumlane.charting.level import Level
from drumlane.charting.metre import beat_lengths, weights
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane

TOGETHER = 0.02  # s; strokes this near are one chord
_GHOST = 45  # velocity below which a snare's stroke is an ornament
_VALUES = (4.0, 2.0, 1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 16)  # beats
_SLACK = 0.8  # of a note value: humans are early
_FILL_REACH = 1.1  # beats within which a tom must have company
_TOMS = (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)
_IMPORTANCE: Mapping[Lane, float] = MappingProxyType(
    {
        Lane.KICK: 1.6,
        Lane.SNARE: 2.0,
        Lane.CRASH: 1.8,
        Lane.HI_TOM: 1.0,
        Lane.MID_TOM: 1.0,
        Lane.LOW_TOM: 1.0,
        Lane.HIHAT: 0.4,
        Lane.RIDE: 0.4,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a level asks of a player; times in seconds."""

    lane_gap: float  # between strokes of one lane of the hands
    hand_gap: float  # between any strokes of the hands that are not struck together
    kick_gap: float
    most_hands: int  # pads at once, without the kick
    hands_with_kick: int
    ghosts: bool


LIMITS: Mapping[Level, Limits] = MappingProxyType(
    {
        Level.HARD: Limits(0.11, 0.07, 0.16, 2, 2, ghosts=False),
        Level.MEDIUM: Limits(0.22, 0.20, 0.28, 2, 1, ghosts=False),
        Level.EASY: Limits(0.40, 0.38, 0.45, 1, 1, ghosts=False),
    }
)


def reduce_all(performance: Performance) -> Mapping[Level, Performance]:
    """Return the performance of every level, easiest first; Expert is the performance itself."""
    levels = {Level.EXPERT: performance}
    harder = performance
    for level, limits in LIMITS.items():
        harder = levels[level] = reduce(harder, limits)
    return MappingProxyType({level: levels[level] for level in Level})


def reduce(performance: Performance, limits: Limits) -> Performance:
    """Return the performance with the strokes that the limits leave, unchanged."""
    hits = [h for h in performance if h.drum.lane is not None and h.drum is not Drum.HIHAT_PEDAL]
    if not limits.ghosts:
        hits = [h for h in hits if h.drum.lane is not Lane.SNARE or h.velocity >= _GHOST]
    times = np.array([h.time for h in hits])
    heavy = weights(performance, times)
    beats = beat_lengths(performance, times)
    order = sorted(range(len(hits)), key=lambda i: (-_importance(hits[i], float(heavy[i])), times[i], i))
    taken = _Taken(limits)
    kept = [i for i in order if taken.take(hits[i], float(beats[i]))]
    chosen = sorted(hits[i] for i in kept)
    return replace(performance, hits=tuple(_without_orphans(chosen, performance)))


def _importance(hit: Hit, weight: float) -> float:
    lane = hit.drum.lane
    assert lane is not None
    return weight + _IMPORTANCE[lane] + hit.velocity / 127 + 0.5 * hit.confidence


class _Taken:
    """The strokes that a level has so far."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lanes: dict[Lane, list[float]] = {lane: [] for lane in Lane}
        self._hands: list[float] = []

    def take(self, hit: Hit, beat: float) -> bool:
        """Take a stroke where the limits allow it; ``beat`` is the length of a quarter note there, s."""
        lane, time, limits = hit.drum.lane, hit.time, self._limits
        assert lane is not None
        if lane is Lane.KICK:
            allowed = _far(self._lanes[lane], time, _as_note_value(limits.kick_gap, beat)) and (
                _number(self._hands, time) <= limits.hands_with_kick
            )
        else:
            most = limits.hands_with_kick if _number(self._lanes[Lane.KICK], time) else limits.most_hands
            allowed = (
                _number(self._hands, time) < most
                and _far(self._lanes[lane], time, _as_note_value(limits.lane_gap, beat))
                and _far(self._hands, time, _as_note_value(limits.hand_gap, beat), beside=TOGETHER)
            )
        if allowed:
            insort(self._lanes[lane], time)
            if lane is not Lane.KICK:
                insort(self._hands, time)
        return allowed


def _as_note_value(gap: float, beat: float) -> float:
    """Return the shortest gap of the song's note values that is not under ``gap``, a little less."""
    values = [value * beat for value in _VALUES if value * beat >= gap]
    return _SLACK * min(values, default=gap)


def _far(times: list[float], time: float, gap: float, beside: float = -1.0) -> bool:
    """Whether no time is nearer than ``gap``, but for those within ``beside``."""
    at = bisect_left(times, time - gap)
    while at < len(times) and times[at] < time + gap:
        distance = abs(times[at] - time)
        if beside < distance < gap:
            return False
        at += 1
    return True


def _number(times: list[float], time: float) -> int:
    return bisect_left(times, time + TOGETHER) - bisect_left(times, time - TOGETHER)


def _without_orphans(hits: list[Hit], performance: Performance) -> list[Hit]:
    """Leave out toms that are alone: a fill is thinned to its accents or left out whole."""
    times = np.array([h.time for h in hits if h.drum.lane in (*_TOMS, Lane.SNARE)])
    toms = [h for h in hits if h.drum.lane in _TOMS]
    if not toms:
        return hits
    at = [h.time for h in toms]
    reach = _FILL_REACH * beat_lengths(performance, at)
    heavy = weights(performance, at)
    company = np.searchsorted(times, at + reach, side="right") - np.searchsorted(times, at - reach)
    alone = {id(h) for h, n, w in zip(toms, company, heavy, strict=True) if n < 2 and w < 3}
    return [h for h in hits if id(h) not in alone]
