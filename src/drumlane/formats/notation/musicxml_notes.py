"""Notes of MusicXML: chords, rests and small notes of one voice as text.

Used by ``musicxml``. Elements stand in the order that the schema asks for.
"""

from functools import lru_cache

from drumlane.formats.notation.dynamics import Dynamic
from drumlane.formats.notation.model import Event, Mark, Note
from drumlane.formats.notation.rhythm import Slot
from drumlane.formats.notation.staff import POSITIONS
from drumlane.vocabulary import NOTE_OF_DRUM, Drum

VELOCITY_OF_FORTE = 90  # MusicXML's dynamics are in percent of this velocity
ROLL_FLAGS = 4  # a roll is sixty-fourths: beams and strokes through the stem together
_HANDS = 1


def instrument_id(drum: Drum) -> str:
    """Return the name of a drum inside the file; it holds the MIDI note, as most programs' files do."""
    return f"P1-I{NOTE_OF_DRUM[drum]}"


def event_xml(voice: int, event: Event) -> str:
    """Return a chord with the small notes before it, or a rest."""
    if not event.notes:
        return _rest(voice, event.slot)
    graces = max((note.graces for note in event.notes), key=len)
    small = "".join(_grace(voice, event, i, len(graces)) for i in range(len(graces)))
    heads, accented = [], False
    for i, note in enumerate(event.notes):
        # One accent is enough for a chord: the page would show a pile of them.
        accent = note.dynamic is Dynamic.ACCENT and not accented
        dynamic = Dynamic.NORMAL if note.dynamic is Dynamic.ACCENT and not accent else note.dynamic
        accented = accented or accent
        head = _head(voice, event.slot, note.drum, dynamic, note.mark, (i > 0, note.roll))
        heads.append(head.replace("@", _percent(note.velocity)))
    return small + "".join(heads)


def _percent(velocity: int) -> str:
    return f"{velocity * 100 / VELOCITY_OF_FORTE:.2f}"


@lru_cache(maxsize=1024)
def _rest(voice: int, slot: Slot) -> str:
    tuplet = _tuplet_notation(slot)
    notations = f"<notations>{tuplet}</notations>" if tuplet else ""
    return (
        f"<note><rest/><duration>{slot.length}</duration><voice>{voice}</voice>"
        f"{_type(slot)}{_modification(slot)}{notations}</note>\n"
    )


@lru_cache(maxsize=8192)
def _head(
    voice: int, slot: Slot, drum: Drum, dynamic: Dynamic, mark: Mark | None, flags: tuple[bool, bool]
) -> str:
    """Return one note of a chord; "@" stands for its dynamics. ``flags``: (follows another, is a roll)."""
    in_chord, roll = flags
    beams = "" if in_chord else _beams(slot)
    return (
        f'<note dynamics="@">{"<chord/>" if in_chord else ""}{_unpitched(drum)}'
        f'<duration>{slot.length}</duration><instrument id="{instrument_id(drum)}"/>'
        f"<voice>{voice}</voice>{_type(slot)}{_modification(slot)}"
        f"<stem>{_stem(voice)}</stem>{_notehead(drum, dynamic)}{beams}"
        f"{_notations(slot, dynamic, mark, in_chord, roll)}</note>\n"
    )


def _grace(voice: int, event: Event, number: int, n_graces: int) -> str:
    """Return the small notes of a chord's drums that come at one moment before it."""
    notes = [note for note in event.notes if len(note.graces) >= n_graces - number]
    return "".join(_small(voice, note, number, n_graces, i > 0) for i, note in enumerate(notes))


def _small(voice: int, note: Note, number: int, n_graces: int, in_chord: bool) -> str:
    slash, kind = (' slash="yes"', "eighth") if n_graces == 1 else ("", "16th")
    velocity = note.graces[number - n_graces]
    edge = "begin" if number == 0 else "end" if number == n_graces - 1 else "continue"
    beams = "".join(f'<beam number="{line}">{edge}</beam>' for line in (1, 2))
    return (
        f'<note dynamics="{_percent(velocity)}"><grace{slash}/>{"<chord/>" if in_chord else ""}'
        f'{_unpitched(note.drum)}<instrument id="{instrument_id(note.drum)}"/>'
        f"<voice>{voice}</voice><type>{kind}</type><stem>{_stem(voice)}</stem>"
        f"{_notehead(note.drum, Dynamic.NORMAL)}{beams if n_graces > 1 and not in_chord else ''}</note>\n"
    )


def _unpitched(drum: Drum) -> str:
    position = POSITIONS[drum]
    return (
        f"<unpitched><display-step>{position.step}</display-step>"
        f"<display-octave>{position.octave}</display-octave></unpitched>"
    )


def _type(slot: Slot) -> str:
    return f"<type>{slot.value.name}</type>{'<dot/>' * slot.value.dots}"


def _modification(slot: Slot) -> str:
    if slot.tuplet is None:
        return ""
    return (
        f"<time-modification><actual-notes>{slot.tuplet.actual}</actual-notes>"
        f"<normal-notes>{slot.tuplet.normal}</normal-notes>"
        f"<normal-type>{slot.tuplet.value.name}</normal-type></time-modification>"
    )


def _stem(voice: int) -> str:
    return "up" if voice == _HANDS else "down"


def _notehead(drum: Drum, dynamic: Dynamic) -> str:
    head = POSITIONS[drum].head
    if dynamic is Dynamic.GHOST:
        return f'<notehead parentheses="yes">{head}</notehead>'
    return f"<notehead>{head}</notehead>" if head != "normal" else ""


def _beams(slot: Slot) -> str:
    return "".join(f'<beam number="{i}">{beam}</beam>' for i, beam in enumerate(slot.beams, start=1))


def _tuplet_notation(slot: Slot) -> str:
    starts = '<tuplet type="start"/>' if slot.tuplet_starts else ""
    return starts + ('<tuplet type="stop"/>' if slot.tuplet_stops else "")


def _notations(slot: Slot, dynamic: Dynamic, mark: Mark | None, in_chord: bool, roll: bool) -> str:
    tuplet = "" if in_chord else _tuplet_notation(slot)
    tremolo = ""
    if roll:
        strokes = ROLL_FLAGS - slot.value.flags
        tremolo = f'<ornaments><tremolo type="single">{strokes}</tremolo></ornaments>'
    sign = {None: "", Mark.OPEN: "<open-string/>", Mark.CLOSED: "<stopped/>"}[mark]
    technical = f"<technical>{sign}</technical>" if sign else ""
    accent = "<articulations><accent/></articulations>" if dynamic is Dynamic.ACCENT else ""
    notations = tuplet + tremolo + technical + accent
    return f"<notations>{notations}</notations>" if notations else ""
