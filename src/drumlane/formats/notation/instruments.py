"""Instruments: which drum a note of somebody's MusicXML means.

Used by ``musicxml_part``. The MIDI note says it; else the instrument's name; else the place on the staff with
its notehead, as in ``staff`` and as MuseScore, Finale and Sibelius set drums.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree import ElementTree

from drumlane.formats.notation.staff import POSITIONS
from drumlane.vocabulary import DRUMLANE_MIDI, GENERAL_MIDI, Drum

# Heads that stand for metal and rims; all others are drums.
_CROSSES = frozenset({"x", "cross", "circle-x", "diamond", "triangle", "slash", "circled"})
# The first pattern that is found in a name decides; more special ones come first.
_NAMES: tuple[tuple[re.Pattern[str], Drum], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), drum)
    for pattern, drum in (
        (r"side ?-?stick|cross ?-?stick|\bx-?stick", Drum.SIDE_STICK),
        (r"rim ?-?shot|\brim\b", Drum.SNARE_RIM),
        (r"(pedal|foot).*(hat|hh)|(hat|hh).*(pedal|foot)", Drum.HIHAT_PEDAL),
        (r"open.*(hat|hh)|(hat|hh).*open", Drum.HIHAT_OPEN),
        (r"hi-? ?hat|\bhh\b|charl", Drum.HIHAT_CLOSED),
        (r"ride.*bell|bell.*ride|cup", Drum.RIDE_BELL),
        (r"ride", Drum.RIDE),
        (r"china|chinese", Drum.CHINA),
        (r"splash", Drum.SPLASH),
        (r"crash.*2|2.*crash", Drum.CRASH2),
        (r"crash|cymbal", Drum.CRASH),
        (r"cow ?bell", Drum.COWBELL),
        (r"tambourin", Drum.TAMBOURINE),
        (r"shaker|maraca|cabasa", Drum.SHAKER),
        (r"clap", Drum.CLAP),
        (r"floor|low.*tom|tom.*low|tom ?3", Drum.TOM_LOW),
        (r"mid.*tom|tom.*mid|tom ?2", Drum.TOM_MID),
        (r"tom", Drum.TOM_HIGH),
        (r"bass ?-?drum|kick|grosse caisse|\bbd\b", Drum.KICK),
        (r"snare|caisse claire|\bsd\b", Drum.SNARE),
    )
)
# Places that other programs use beside ours: (step, octave, whether its head is a cross) -> drum.
_FOREIGN_PLACES: Mapping[tuple[str, int, bool], Drum] = MappingProxyType(
    {
        ("E", 4, False): Drum.KICK,
        ("D", 4, False): Drum.KICK,
        ("F", 4, True): Drum.HIHAT_PEDAL,
        ("G", 4, False): Drum.TOM_LOW,
        ("F", 5, False): Drum.TOM_HIGH,
        ("B", 4, False): Drum.TOM_LOW,
        ("E", 5, True): Drum.RIDE,
        ("A", 5, False): Drum.CRASH,
        ("C", 6, True): Drum.CHINA,
    }
)


@dataclass(frozen=True, slots=True)
class Instruments:
    """The instruments of one part, by their names inside the file."""

    notes: Mapping[str, int]  # MIDI notes
    names: Mapping[str, str]
    is_ours: bool  # whether drumlane wrote the file: then notes mean what it writes
    is_on_drum_channel: bool = False

    def drum(self, instrument: str, place: tuple[str, int], head: str) -> Drum | None:
        """Return what a note means.

        Args:
            instrument: its name inside the file; "" if the note has none.
            place: step and octave on the staff.
            head: MusicXML's name of the notehead.
        """
        instrument = instrument or self._only
        note_map = DRUMLANE_MIDI if self.is_ours else GENERAL_MIDI
        if (drum := note_map.get(self.notes.get(instrument, -1))) is not None:
            return drum
        if (drum := drum_named(self.names.get(instrument, ""))) is not None:
            return drum
        return _drum_at(place, head)

    @property
    def _only(self) -> str:
        return next(iter(self.names)) if len(self.names) == 1 else ""


def instruments_of(part: ElementTree.Element, is_ours: bool) -> Instruments:
    """Return the instruments that a ``score-part`` lists."""
    notes: dict[str, int] = {}
    for midi in part.iter("midi-instrument"):
        text = midi.findtext("midi-unpitched", "").strip()
        if text.isdecimal() and len(text) <= 3:
            notes[midi.get("id", "")] = int(text) - 1  # MusicXML counts from 1
    names = {i.get("id", ""): i.findtext("instrument-name", "") for i in part.iter("score-instrument")}
    channels = {channel.text for channel in part.iter("midi-channel")}
    return Instruments(notes, names, is_ours, channels == {"10"})


def drum_named(name: str) -> Drum | None:
    """Return the drum that an instrument's name says, None if it says none.

    >>> drum_named("Acoustic Snare"), drum_named("Drumset")
    (<Drum.SNARE: 'snare'>, None)
    """
    return next((drum for pattern, drum in _NAMES if pattern.search(name[:100])), None)


def _drum_at(place: tuple[str, int], head: str) -> Drum | None:
    exact = next(
        (drum for drum, at in POSITIONS.items() if (at.step, at.octave, at.head) == (*place, head)), None
    )
    if exact is not None:
        return exact
    is_cross = head in _CROSSES
    if (drum := _FOREIGN_PLACES.get((*place, is_cross))) is not None:
        return drum
    alike = (drum for drum, at in POSITIONS.items() if (at.step, at.octave) == place)
    return next((drum for drum in alike if (POSITIONS[drum].head in _CROSSES) == is_cross), None)
