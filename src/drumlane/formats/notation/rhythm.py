"""Rhythm: how a beat is written: note values, rests, tuplets and beams for a pattern of strokes.

Flow: strokes of one voice in one beat -> **rhythm** -> layout

A note lasts until the next one of its voice or to the end of the beat, if that is a value which reads at a
glance; else it is shorter and rests fill up. What a beat looks like depends on its pattern alone, so each
pattern is worked out once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from drumlane.formats.notation.beams import Beam, beams_of
from drumlane.formats.notation.measures import DOTTED_QUARTER, EIGHTH, QUARTER, THIRTY_SECOND
from drumlane.formats.notation.values import Value

_SIXTEENTH = 12
_SINGLE: dict[int, Value] = {
    THIRTY_SECOND: Value(32),
    _SIXTEENTH: Value(16),
    18: Value(16, 1),
    EIGHTH: Value(8),
    36: Value(8, 1),
    QUARTER: Value(4),
    DOTTED_QUARTER: Value(4, 1),
    2 * QUARTER: Value(2),
    2 * DOTTED_QUARTER: Value(2, 1),
}


@dataclass(frozen=True, slots=True)
class Tuplet:
    """So many notes of a value in the time of so many."""

    actual: int
    normal: int
    value: Value  # of one of them


@dataclass(frozen=True, slots=True)
class Slot:
    """A note or a rest of one voice."""

    start: int  # units, from the beat's start
    length: int  # units it sounds
    value: Value
    is_note: bool
    tuplet: Tuplet | None = None
    tuplet_starts: bool = False
    tuplet_stops: bool = False
    beams: tuple[Beam, ...] = ()  # from the first, outermost, on


_TRIPLET_8 = Tuplet(3, 2, Value(8))
_TRIPLET_16 = Tuplet(3, 2, Value(16))
_SEXTUPLET = Tuplet(6, 4, Value(16))


@lru_cache(maxsize=8192)
def rhythm_of(onsets: tuple[int, ...], length: int, stops: tuple[int, ...] = ()) -> tuple[Slot, ...]:
    """Return a beat as it is written.

    Args:
        onsets: where notes begin, units from the beat's start, increasing; all on thirty-seconds, or all on
            sixteenth triplets (quarters only).
        length: of the beat, in units.
        stops: where rolls end, on thirty-seconds: what sounds there must not last longer.
    """
    slots = tuple(_binary(onsets, 0, length, stops) if stops else _written(onsets, length))
    return tuple(
        replace(slot, beams=beams)
        for slot, beams in zip(slots, beams_of([(s.value, s.is_note) for s in slots]), strict=True)
    )


def rests(start: int, length: int) -> Iterator[Slot]:
    """Yield rests that show where the beat and its halves are.

    >>> [slot.value.kind for slot in rests(12, 36)]
    [16, 8]
    """
    at, end = start, start + length
    while at < end:
        size = next(s for s in (QUARTER, EIGHTH, _SIXTEENTH, THIRTY_SECOND) if at % s == 0 and s <= end - at)
        yield Slot(at, size, _SINGLE[size], is_note=False)
        at += size


def whole_rest(start: int, length: int) -> Slot | None:
    """Return one rest of this length, or None if no single sign says it."""
    value = _SINGLE.get(length)
    return Slot(start, length, value, is_note=False) if value else None


def _written(onsets: Sequence[int], length: int) -> Iterator[Slot]:
    if all(onset % THIRTY_SECOND == 0 for onset in onsets):
        return _binary(onsets, 0, length)
    if all(onset % _TRIPLET_STEP[_TRIPLET_8] == 0 for onset in onsets):
        return _tuplet(onsets, 0, _TRIPLET_8)
    if EIGHTH in onsets or max(onsets) < EIGHTH or min(onsets) > EIGHTH:
        return _halves(onsets)
    return _tuplet(onsets, 0, _SEXTUPLET)


_TRIPLET_STEP = {_TRIPLET_8: QUARTER // 3, _TRIPLET_16: EIGHTH // 3, _SEXTUPLET: QUARTER // 6}


def _halves(onsets: Sequence[int]) -> Iterator[Slot]:
    """Yield a quarter of which one half or both are sixteenth triplets."""
    for half in (0, EIGHTH):
        own = [onset for onset in onsets if half <= onset < half + EIGHTH]
        plain = all((onset - half) % _SIXTEENTH == 0 for onset in own)
        yield from _binary(own, half, EIGHTH) if plain else _tuplet(own, half, _TRIPLET_16)


def _binary(onsets: Sequence[int], start: int, length: int, stops: Sequence[int] = ()) -> Iterator[Slot]:
    edges = sorted({*onsets, *stops, start + length})
    if length == DOTTED_QUARTER and not onsets:
        yield Slot(start, length, _SINGLE[length], is_note=False)
        return
    yield from rests(start, edges[0] - start)
    for onset, following in pairwise(edges):
        if onset not in onsets:
            yield from rests(onset, following - onset)
            continue
        size = _length_of_note(onset, following - onset, length)
        yield Slot(onset, size, _SINGLE[size], is_note=True)
        yield from rests(onset + size, following - onset - size)


def _length_of_note(onset: int, available: int, beat: int) -> int:
    """Return the longest value that reads well at its place: no note hides where the eighths are."""
    for size in (DOTTED_QUARTER, QUARTER, 36, EIGHTH, 18, _SIXTEENTH):
        if size <= available and _reads(onset, size, beat):
            return size
    return THIRTY_SECOND


def _reads(onset: int, size: int, beat: int) -> bool:
    if size in (DOTTED_QUARTER, QUARTER):
        return onset % EIGHTH == 0
    if size == 36:  # dotted eighth: on the beat, or after its first sixteenth; in 6/8 two fill the beat
        return onset in ((0, _SIXTEENTH) if beat == QUARTER else (0, 36))
    if size == EIGHTH:
        return onset % _SIXTEENTH == 0
    if size == 18:
        return onset % EIGHTH in (0, THIRTY_SECOND)
    return onset % EIGHTH in (0, THIRTY_SECOND, _SIXTEENTH)


def _tuplet(onsets: Sequence[int], start: int, tuplet: Tuplet) -> Iterator[Slot]:
    step = _TRIPLET_STEP[tuplet]
    end = start + tuplet.actual * step
    pieces: list[tuple[int, int, bool]] = list(_tuplet_rests(start, onsets[0] - start, step, start))
    for onset, following in pairwise([*onsets, end]):
        size = _length_in_tuplet(onset - start, following - onset, step)
        pieces.append((onset, size, True))
        pieces += _tuplet_rests(onset + size, following - onset - size, step, start)
    last = len(pieces) - 1
    for i, (at, size, is_note) in enumerate(pieces):
        # In a triplet three steps take the time of two: a step is written half as long again.
        value = _SINGLE[size * 3 // 2]
        yield Slot(at, size, value, is_note, tuplet, i == 0, i == last)


def _length_in_tuplet(offset: int, available: int, step: int) -> int:
    """Return one, two, three or four steps; three and four only from where they read."""
    n = available // step
    if n >= 4 and offset in (0, 2 * step):
        return 4 * step
    if n >= 3 and offset % (3 * step) == 0 and step == QUARTER // 6:
        return 3 * step
    return 2 * step if n >= 2 else step


def _tuplet_rests(at: int, length: int, step: int, start: int) -> Iterator[tuple[int, int, bool]]:
    while length > 0:
        size = 2 * step if length >= 2 * step and (at - start) % (2 * step) == 0 else step
        yield at, size, False
        at, length = at + size, length - size
