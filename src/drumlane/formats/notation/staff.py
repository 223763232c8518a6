"""Staff: where each drum stands on the five lines, and with which head.

Used by the writer and the reader of MusicXML. As in the guide of the Percussive Arts Society where that names
the drum (Weinberg, Guide to Standardized Drumset Notation), with heads that programs know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drumlane.vocabulary import Drum

FEET = frozenset({Drum.KICK, Drum.HIHAT_PEDAL})  # the second voice, stems down; all else is played by hands
HATS = frozenset({Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN})


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the staff, named as in a treble clef."""

    step: str
    octave: int
    head: str = "normal"  # MusicXML's name of the notehead

    @property
    def height(self) -> int:
        """Return steps above C0, to sort the notes of a chord from below."""
        return 7 * self.octave + "CDEFGAB".index(self.step)


POSITIONS: Mapping[Drum, Position] = MappingProxyType(
    {
        Drum.KICK: Position("F", 4),
        Drum.SNARE: Position("C", 5),
        Drum.SNARE_RIM: Position("C", 5, "circle-x"),
        Drum.SIDE_STICK: Position("C", 5, "x"),
        Drum.HIHAT_CLOSED: Position("G", 5, "x"),
        Drum.HIHAT_OPEN: Position("G", 5, "x"),  # told apart by the mark above it
        Drum.HIHAT_PEDAL: Position("D", 4, "x"),
        Drum.TOM_HIGH: Position("E", 5),
        Drum.TOM_MID: Position("D", 5),
        Drum.TOM_LOW: Position("A", 4),
        Drum.CRASH: Position("A", 5, "x"),
        Drum.CRASH2: Position("B", 5, "x"),
        Drum.CHINA: Position("C", 6, "circle-x"),
        Drum.SPLASH: Position("B", 5, "diamond"),
        Drum.RIDE: Position("F", 5, "x"),
        Drum.RIDE_BELL: Position("F", 5, "diamond"),
        Drum.COWBELL: Position("E", 5, "triangle"),
        Drum.CLAP: Position("D", 5, "x"),
        Drum.TAMBOURINE: Position("B", 4, "triangle"),
        Drum.SHAKER: Position("B", 4, "x"),
    }
)

NAMES: Mapping[Drum, str] = MappingProxyType(
    {
        Drum.KICK: "Bass Drum",
        Drum.SNARE: "Snare",
        Drum.SNARE_RIM: "Snare Rim Shot",
        Drum.SIDE_STICK: "Side Stick",
        Drum.HIHAT_CLOSED: "Closed Hi-Hat",
        Drum.HIHAT_OPEN: "Open Hi-Hat",
        Drum.HIHAT_PEDAL: "Pedal Hi-Hat",
        Drum.TOM_HIGH: "High Tom",
        Drum.TOM_MID: "Mid Tom",
        Drum.TOM_LOW: "Floor Tom",
        Drum.CRASH: "Crash Cymbal",
        Drum.CRASH2: "Crash Cymbal 2",
        Drum.CHINA: "China Cymbal",
        Drum.SPLASH: "Splash Cymbal",
        Drum.RIDE: "Ride Cymbal",
        Drum.RIDE_BELL: "Ride Bell",
        Drum.COWBELL: "Cowbell",
        Drum.CLAP: "Hand Clap",
        Drum.TAMBOURINE: "Tambourine",
        Drum.SHAKER: "Shaker",
    }
)
