"""Reading: what readers of notation find in a bar, whatever the file.

Flow: musicxml_part, tab_reading -> **reading** -> playing
"""

from dataclasses import dataclass, field

from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.unrolling import Signs
from drumlane.vocabulary import Drum


@dataclass(frozen=True, slots=True)
class ReadNote:
    """One stroke, or the strokes of a roll."""

    start: float  # quarters from the bar's start
    drum: Drum
    velocity: int
    leads_by: int = 0  # 0: a main stroke; else a grace stroke, so many steps before its main one
    roll: tuple[int, float] = (1, 0.0)  # strokes in all, quarters between them
    swings: bool = True  # not so in tuplets


@dataclass(slots=True)
class ReadBar:
    """One bar as written; what does not change in it is None."""

    quarters: float = 0.0  # its length by what is in it; 0 if nothing is
    is_implicit: bool = False  # it may be shorter than its time signature says
    meter: tuple[int, int] | None = None
    notes: list[ReadNote] = field(default_factory=list)
    tempos: list[tuple[float, float]] = field(default_factory=list)  # (quarters, bpm)
    swing: tuple[Swing | None] | None = None  # (the new one)
    signs: Signs = field(default_factory=Signs)
