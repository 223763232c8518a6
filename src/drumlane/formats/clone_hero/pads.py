"""Pads: our drums as a game's pads and back; the one table that both kinds of file are written from.

Flow: Performance <-> **pads** <-> track -> notes_midi, chart_text

A pedal (kick) and four colours. Red is the snare; yellow, blue and green are toms or, in Pro Drums, cymbals.
In one tick a colour is a tom or a cymbal, never both: the cymbal moves to a neighbouring colour that is free,
else the tom is left out. Of several strokes on one pad and tick the loudest stays. Loudness is kept in three
steps, but for the kick's; articulations are not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from itertools import pairwise
from types import MappingProxyType

from drumlane.performance import Hit
from drumlane.vocabulary import DRUM_OF_LANE, Drum, Lane


class Pad(IntEnum):
    """What is struck, in the order of note numbers."""

    KICK = 0
    RED = 1
    YELLOW = 2
    BLUE = 3
    GREEN = 4


class Dynamic(Enum):
    """How hard; the value is the velocity that a chart is read back with."""

    GHOST = 30
    NORMAL = 85
    ACCENT = 120


@dataclass(frozen=True, slots=True, order=True)
class PadNote:
    """One stroke in a chart."""

    tick: int
    pad: Pad
    cymbal: bool = False  # yellow, blue, green only
    dynamic: Dynamic = Dynamic.NORMAL
    double_kick: bool = False  # of the second pedal: Expert+ only
    flam: bool = False

    def __post_init__(self) -> None:
        if self.cymbal and self.pad < Pad.YELLOW:
            raise ValueError(f"{self.pad.name} is never a cymbal")


GHOST_BELOW = 45  # MIDI velocity
ACCENT_FROM = 113
GRACE_SECONDS = 0.025  # from the grace stroke to the main one, where a flam is read
LONGEST_FLAM = 0.04  # s, between two strokes that are one flam
SHARED_PEDAL = 0.14  # s; kicks that follow faster are shared between two feet

PAD_OF_LANE: Mapping[Lane, tuple[Pad, bool]] = MappingProxyType(  # pad, and whether it is a cymbal
    {
        Lane.KICK: (Pad.KICK, False),
        Lane.SNARE: (Pad.RED, False),
        Lane.HIHAT: (Pad.YELLOW, True),
        Lane.HI_TOM: (Pad.YELLOW, False),
        Lane.MID_TOM: (Pad.BLUE, False),
        Lane.LOW_TOM: (Pad.GREEN, False),
        Lane.RIDE: (Pad.BLUE, True),
        Lane.CRASH: (Pad.GREEN, True),
    }
)
DRUM_OF_PAD: Mapping[tuple[Pad, bool], Drum] = MappingProxyType(
    {pad: DRUM_OF_LANE[lane] for lane, pad in PAD_OF_LANE.items()}
)
# Where a cymbal goes when a tom of its colour is struck with it, the better place first.
_NEIGHBOURS: Mapping[Pad, tuple[Pad, ...]] = MappingProxyType(
    {Pad.YELLOW: (Pad.BLUE,), Pad.BLUE: (Pad.GREEN, Pad.YELLOW), Pad.GREEN: (Pad.BLUE,)}
)


Placed = dict[tuple[int, Lane], PadNote]  # notes by tick and by the lane that they stand for


def place(strokes: Iterable[tuple[int, Hit]]) -> Placed:
    """Return the notes of hits with their ticks; drums without a lane are left out."""
    loudest: dict[int, dict[Lane, Hit]] = {}
    for tick, hit in strokes:
        lane = hit.drum.lane
        if lane is not None:
            chord = loudest.setdefault(tick, {})
            if lane not in chord or chord[lane].velocity < hit.velocity:
                chord[lane] = hit
    return {
        (tick, lane): PadNote(tick, *pad, _dynamic(lane, loudest[tick][lane].velocity))
        for tick in sorted(loudest)
        for lane, pad in _without_conflicts(loudest[tick]).items()
    }


def _without_conflicts(chord: Iterable[Lane]) -> dict[Lane, tuple[Pad, bool]]:
    """Return pads on which no colour is both tom and cymbal."""
    pads = {lane: PAD_OF_LANE[lane] for lane in sorted(chord)}
    taken = Counter(pad for pad, _ in pads.values())
    for lane, (pad, cymbal) in list(pads.items()):
        if not cymbal or taken[pad] < 2:
            continue
        to = next((n for n in _NEIGHBOURS[pad] if not taken[n]), None)
        if to is not None:
            pads[lane] = (to, True)
            taken[to] += 1
        else:
            pads = {k: place for k, place in pads.items() if place != (pad, False)}
        taken[pad] -= 1
    return pads


def _dynamic(lane: Lane, velocity: int) -> Dynamic:
    """Return the step that a velocity falls into; a kick has none, because a .chart has no place for it."""
    if lane is Lane.KICK:
        return Dynamic.NORMAL
    if velocity < GHOST_BELOW:
        return Dynamic.GHOST
    return Dynamic.ACCENT if velocity >= ACCENT_FROM else Dynamic.NORMAL


def with_flams(notes: Placed, seconds: Mapping[int, float]) -> Placed:
    """Return notes in which a grace stroke is a mark on the stroke that follows it.

    A flam is two strokes of one drum within ``LONGEST_FLAM`` of which the second is as loud or louder, with
    none of that drum near them: rolls stay strokes. It takes both hands, and its mark counts for all of its
    tick, so nothing else is struck with it.
    """
    out = dict(notes)
    hands = Counter(tick for tick, lane in notes if lane is not Lane.KICK)
    for lane in Lane:
        if PAD_OF_LANE[lane][1] or lane is Lane.KICK:
            continue
        ticks = [tick for tick, of in notes if of is lane]
        times = [-1.0, *(seconds[tick] for tick in ticks), float("inf")]
        for k, (grace, main) in enumerate(pairwise(ticks)):
            before, gap, after = (times[k + n + 1] - times[k + n] for n in range(3))
            alone = min(before, after) > 2 * LONGEST_FLAM or (k == 0 and after > 2 * LONGEST_FLAM)
            first, second = notes[grace, lane], notes[main, lane]
            alone = alone and hands[main] == 1
            if gap <= LONGEST_FLAM and alone and first.dynamic.value <= second.dynamic.value:
                out.pop((grace, lane))
                out[main, lane] = replace(second, flam=True)
    return out


def with_double_kicks(notes: Placed, seconds: Mapping[int, float]) -> Placed:
    """Return notes in which every second kick of a fast run is the other foot's.

    So one foot never strikes twice within ``SHARED_PEDAL`` unless both do.
    """
    out = dict(notes)
    last, second = float("-inf"), False
    for tick, lane in notes:
        if lane is Lane.KICK:
            second = seconds[tick] - last < SHARED_PEDAL and not second
            out[tick, lane] = replace(notes[tick, lane], double_kick=second)
            last = seconds[tick]
    return out


def hits_of(notes: Iterable[PadNote], seconds: Mapping[int, float]) -> list[Hit]:
    """Return the hits of notes, by the seconds of their ticks; a flam is two strokes again."""
    hits = []
    for note in notes:
        time, drum = seconds[note.tick], DRUM_OF_PAD[note.pad, note.cymbal]
        hits.append(Hit(time, drum, note.dynamic.value))
        if note.flam:
            hits.append(Hit(max(0.0, time - GRACE_SECONDS), drum, Dynamic.GHOST.value))
    return hits
