"""Model: a page of music before anyone draws it.

Flow: layout -> **model** -> musicxml -> score

Everything is exact: places and lengths are whole units of 1/48 quarter note (see ``measures``), and the
events of a voice fill its bar without a gap.
"""

from dataclasses import dataclass
from enum import Enum

from drumlane.formats.notation.dynamics import Dynamic
from drumlane.formats.notation.measures import Measure
from drumlane.formats.notation.rhythm import Slot
from drumlane.formats.notation.swing import Swing
from drumlane.song import Song
from drumlane.vocabulary import Drum


class Mark(Enum):
    """A sign above a hi-hat stroke; where nothing changes there is none."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Note:
    """One head."""

    drum: Drum
    velocity: int  # MIDI, 1..127
    dynamic: Dynamic = Dynamic.NORMAL
    mark: Mark | None = None
    graces: tuple[int, ...] = ()  # velocities of the small notes before it
    roll: bool = False  # strokes through the stem: sixty-fourths for as long as it lasts


@dataclass(frozen=True, slots=True)
class Event:
    """A chord or a rest of one voice."""

    start: int  # units from the bar's start
    slot: Slot  # value, length, tuplet, beams
    notes: tuple[Note, ...] = ()  # from below; none for a rest

    @property
    def length(self) -> int:
        """Return how long it lasts, in units."""
        return self.slot.length


@dataclass(frozen=True, slots=True)
class TempoMark:
    """A tempo from a place of the bar on."""

    start: int  # units from the bar's start
    bpm: float  # quarter notes a minute
    printed: bool  # whether a reader should see it: the small changes of a recording are for players


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its voices; a voice that rests for the whole bar has no events."""

    measure: Measure
    hands: tuple[Event, ...]
    feet: tuple[Event, ...]
    tempos: tuple[TempoMark, ...] = ()
    is_pickup: bool = False  # a short first bar, not counted


@dataclass(frozen=True, slots=True)
class Score:
    """A piece as it is written."""

    bars: tuple[Bar, ...]
    song: Song
    swing: Swing | None
    drums: tuple[Drum, ...]  # that are played
