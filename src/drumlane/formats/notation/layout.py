"""Layout: strokes as voices of notes and rests.

Flow: strokes, rhythm -> **layout** -> model
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from drumlane.formats.notation.measures import QUARTER, Measure
from drumlane.formats.notation.model import Bar, Event, Mark, Note, Score, TempoMark
from drumlane.formats.notation.rhythm import rhythm_of, whole_rest
from drumlane.formats.notation.rolls import joined_rolls
from drumlane.formats.notation.staff import FEET, HATS, POSITIONS
from drumlane.formats.notation.strokes import Placement, Stroke, place
from drumlane.performance import Performance
from drumlane.timing import TempoMap
from drumlane.vocabulary import Drum

_SEEN_CHANGE = 0.05  # a tempo is printed again when it is so far from the last one that was
_Chords = Mapping[int, tuple[Note, ...]]  # unit of the bar -> heads, from below


def bars_of(performance: Performance) -> Score:
    """Write a performance down.

    Raises:
        ValueError: as ``strokes.place``.
    """
    placement = place(performance)
    drums = tuple(drum for drum in Drum if any(stroke.drum is drum for stroke in placement.strokes))
    return Score(tuple(_bars(placement)), performance.song, placement.swing, drums)


def _bars(placement: Placement) -> Iterator[Bar]:
    notes = list(_marked(placement.strokes))
    first = notes[0][0] / QUARTER if notes else 0.0
    tempos = list(_tempo_marks(placement.tempo, first))
    at_note = at_tempo = 0
    for number, measure in enumerate(placement.measures):
        first_note, first_tempo = at_note, at_tempo
        while at_note < len(notes) and notes[at_note][0] < measure.end:
            at_note += 1
        while at_tempo < len(tempos) and tempos[at_tempo].start < measure.end:
            at_tempo += 1
        own = notes[first_note:at_note]
        hands = _voice(measure, (pair for pair in own if pair[1].drum not in FEET))
        feet = _voice(measure, (pair for pair in own if pair[1].drum in FEET))
        marks = tuple(replace(t, start=t.start - measure.start) for t in tempos[first_tempo:at_tempo])
        yield Bar(measure, hands, feet, marks, _is_pickup(placement.measures, number))


def _is_pickup(measures: Sequence[Measure], number: int) -> bool:
    """Return whether this is a lead-in: a first bar shorter than the one after it."""
    return number == 0 and len(measures) > 1 and measures[0].length < measures[1].length


def _tempo_marks(tempo: TempoMap, first: float) -> Iterator[TempoMark]:
    """Yield the marks; what a lead-in needs to reach the music on a bar line, no reader needs to see.

    Args:
        tempo: the map.
        first: quarter notes before the first stroke.
    """
    music = max(change.beat for change in tempo.changes if change.beat <= max(first, 0.0))
    printed = 0.0
    for change in tempo.changes:
        seen = change.beat >= music and abs(change.bpm - printed) > _SEEN_CHANGE * printed
        printed = change.bpm if seen else printed
        yield TempoMark(round(change.beat * QUARTER), change.bpm, seen)


def _marked(strokes: Iterable[Stroke]) -> Iterator[tuple[int, Note]]:
    """Yield (place, head) with open hats marked, and closed ones where they were open before."""
    is_open = False
    for stroke in strokes:
        mark = None
        if stroke.drum is Drum.HIHAT_OPEN:
            mark = Mark.OPEN
        elif stroke.drum is Drum.HIHAT_CLOSED and is_open:
            mark = Mark.CLOSED
        if stroke.drum in HATS or stroke.drum is Drum.HIHAT_PEDAL:
            is_open = stroke.drum is Drum.HIHAT_OPEN
        yield (
            stroke.unit,
            Note(stroke.drum, stroke.velocity, stroke.dynamic, mark, stroke.graces, stroke.roll),
        )


def _voice(measure: Measure, notes: Iterable[tuple[int, Note]]) -> tuple[Event, ...]:
    """Return the events of one voice, none if it rests."""
    chords: dict[int, tuple[Note, ...]] = {}
    for unit, note in notes:
        chords[unit - measure.start] = (*chords.get(unit - measure.start, ()), note)
    if not chords:
        return ()
    chords = {
        unit: tuple(sorted(chord, key=lambda note: POSITIONS[note.drum].height))
        for unit, chord in chords.items()
    }
    rolls = joined_rolls(chords, measure.beats)
    return tuple(_with_long_rests(list(_events(measure, chords, rolls)), measure))


def _events(measure: Measure, chords: _Chords, rolls: Mapping[int, int]) -> Iterator[Event]:
    """Yield the events of a voice; ``rolls`` says where a roll begins and how long it lasts."""
    start = 0
    ends = [at + length for at, length in rolls.items() if at + length not in chords]
    for beat in measure.beats:
        own = tuple(sorted(onset - start for onset in chords if start <= onset < start + beat))
        stops = tuple(sorted(end - start for end in ends if start < end < start + beat))
        for slot in rhythm_of(own, beat, stops):
            at = start + slot.start
            yield Event(at, slot, chords[at] if slot.is_note else ())
        start += beat


def _with_long_rests(events: list[Event], measure: Measure) -> Iterator[Event]:
    """Yield the events with rests of whole beats joined to half notes, where the bar's halves allow it."""
    edges = {0}
    for beat in measure.beats:
        edges.add(max(edges) + beat)
    i = 0
    while i < len(events):
        event = events[i]
        following = events[i + 1] if i + 1 < len(events) else None
        if following is not None and _make_one_rest(event, following, measure, edges):
            slot = whole_rest(0, event.length + following.length)
            if slot is not None:
                yield Event(event.start, slot)
                i += 2
                continue
        yield event
        i += 1


def _make_one_rest(event: Event, following: Event, measure: Measure, edges: set[int]) -> bool:
    if event.notes or following.notes or event.length != following.length or len(measure.beats) % 2:
        return False
    whole = {event.start, following.start, following.start + following.length} <= edges
    return whole and event.start % (2 * event.length) == 0
