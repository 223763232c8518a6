"""Chords: strokes that are meant together, at one time.

Flow: **chords** -> reduction, formats of games

Two hands never strike at the very same moment, and a game shows what is 8 ms apart as two notes. Strokes of
different lanes within a window are brought to the time of the loudest, or a little before it, so that chords
stand far enough apart to be told from one another. Strokes of one lane stay apart: they are flams.
"""

from dataclasses import replace

from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane

WINDOW = 0.018  # s
APART = 0.0155  # s, from one chord to the next; what is nearer looks like a mistake
MOST_HANDS = 2


def gather(performance: Performance) -> Performance:
    """Return the performance with its chords at one time each; no stroke moves further than ``WINDOW``."""
    groups: list[list[Hit]] = []
    for hit in performance:
        group = groups[-1] if groups else []
        if group and hit.time - group[0].time <= WINDOW and _lane(hit) not in map(_lane, group):
            group.append(hit)
        else:
            groups.append([hit])
    following = [*(group[0].time for group in groups[1:]), float("inf")][: len(groups)]
    return replace(
        performance,
        hits=tuple(
            hit for group, end in zip(groups, following, strict=True) for hit in _together(group, end)
        ),
    )


def _lane(hit: Hit) -> Lane | Drum:
    """Return the lane of a stroke; what has none is a lane of its own."""
    return hit.drum if hit.drum.lane is None else hit.drum.lane


def _together(group: list[Hit], following: float) -> list[Hit]:
    """Return a group at one time, the loudest stroke's unless the next group is too near."""
    loudest = max(group, key=lambda hit: hit.velocity)
    time = max(group[0].time, min(loudest.time, following - APART))
    return [replace(hit, time=time) for hit in group]


def without_doubles(performance: Performance) -> Performance:
    """Return the performance without second strokes of a lane within ``APART``; the louder of two stays."""
    kept: dict[Lane | Drum, Hit] = {}
    dropped: set[int] = set()
    for hit in performance:
        lane = _lane(hit)
        before = kept.get(lane)
        if before is not None and hit.time - before.time < APART:
            softer = before if before.velocity < hit.velocity else hit
            dropped.add(id(softer))
            kept[lane] = hit if softer is before else before
        else:
            kept[lane] = hit
    return replace(performance, hits=tuple(hit for hit in performance if id(hit) not in dropped))


def for_two_hands(performance: Performance) -> Performance:
    """Return what two hands and a kick pedal play: no pedal hats, of three hands at once the two surest.

    Games have no pad for the left foot, and a chord of three hands is always a mistake of the ear.
    """
    by_time: dict[float, list[Hit]] = {}
    for hit in performance:
        if hit.drum is not Drum.HIHAT_PEDAL:
            by_time.setdefault(hit.time, []).append(hit)
    kept: list[Hit] = []
    for chord in by_time.values():
        hands = sorted((h for h in chord if h.drum.lane is not Lane.KICK), key=_doubt)
        kept += [h for h in chord if h.drum.lane is Lane.KICK] + hands[:MOST_HANDS]
    return replace(performance, hits=tuple(kept))


def _doubt(hit: Hit) -> tuple[float, int]:
    return -hit.confidence, -hit.velocity
