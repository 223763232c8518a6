"""Chords: strokes that are meant together, at one time.

Flow: **chords** -> reduction, formats of games

Two hands never strike at the very same moment, and a game shows what is 8 ms apart as two notes. Strokes of
different lanes within a window are brought to the time of the loudest. Strokes of one lane stay apart: they
are flams.
"""

from dataclasses import replace

from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane

WINDOW = 0.018  # s
MOST_HANDS = 2


def gather(performance: Performance, window: float = WINDOW) -> Performance:
    """Return the performance with its chords at one time each; no stroke moves further than ``window``."""
    out: list[Hit] = []
    group: list[Hit] = []
    for hit in performance:
        if group and (hit.time - group[0].time > window or hit.drum.lane in {h.drum.lane for h in group}):
            out += _together(group)
            group = []
        group.append(hit)
    return replace(performance, hits=tuple(out + _together(group)))


def _together(group: list[Hit]) -> list[Hit]:
    loudest = max(group, key=lambda hit: hit.velocity, default=None)
    return [] if loudest is None else [replace(hit, time=loudest.time) for hit in group]


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
