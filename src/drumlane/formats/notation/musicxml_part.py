"""Parts of MusicXML, read: bar by bar, what is struck where.

Flow: opening -> **musicxml_part** -> musicxml_reading, playing

A bar is read when its element ends and then forgotten: what is kept of a note is five numbers. Places are
quarter notes from the bar's start.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from drumlane.formats.notation.dynamics import ACCENT_VELOCITY, GHOST_VELOCITY, NORMAL_VELOCITY
from drumlane.formats.notation.instruments import Instruments
from drumlane.formats.notation.measures import EIGHTH
from drumlane.formats.notation.musicxml_notes import VELOCITY_OF_FORTE
from drumlane.formats.notation.reading import ReadBar, ReadNote
from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.unrolling import Signs
from drumlane.vocabulary import Drum

MAX_QUARTERS = 4096.0  # in one bar
MAX_ENDINGS = 100
_MAX_TREMOLO = 4  # strokes through a stem
_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}
_BEAT_UNITS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}


@dataclass(slots=True)
class PartReader:
    """Reads the bars of one part in order."""

    instruments: Instruments
    bars: list[ReadBar] = field(default_factory=list)
    is_percussion: bool = False
    unknown: Counter[str] = field(default_factory=Counter)  # place on the staff -> notes without a drum
    has_jumps: bool = False
    n_tied: int = 0
    _divisions: float = 1.0
    _endings: frozenset[int] = frozenset()
    _velocity: float = float(NORMAL_VELOCITY)  # of a note without marks

    def read(self, measure: ElementTree.Element) -> None:
        """Read one ``measure``.

        Raises:
            ValueError: a number in it is none, or out of all bounds.
        """
        bar = ReadBar(0.0, measure.get("implicit") == "yes")
        at = chord_at = longest = 0.0
        waiting: list[ReadNote] = []  # grace notes, until their main note comes
        for element in measure:
            if element.tag == "note":
                length = self._length(element) if element.find("grace") is None else 0.0
                place = chord_at if element.find("chord") is not None else at
                self._note(element, place, length, bar, waiting)
                chord_at, at = place, max(at, place + length)
            elif element.tag == "backup":
                at = max(0.0, at - self._length(element))
            elif element.tag == "forward":
                at += self._length(element)
            else:
                self._other(element, at, bar)
            longest = max(longest, at)
            if longest > MAX_QUARTERS:
                raise ValueError(f"a bar of more than {MAX_QUARTERS:g} quarter notes")
        bar.quarters = longest
        bar.signs = self._signs(measure)
        self.bars.append(bar)

    # Notes ----------------------------------------------------------------------------------------

    def _note(
        self, note: ElementTree.Element, at: float, length: float, bar: ReadBar, waiting: list[ReadNote]
    ) -> None:
        place = _place(note)
        if place is None or note.find("rest") is not None or note.find("cue") is not None:
            return
        self.is_percussion = self.is_percussion or note.find("unpitched") is not None
        if any(tie.get("type") == "stop" for tie in note.iter("tie")):
            self.n_tied += 1
            return
        drum = self._drum(note, place)
        if drum is None:
            return
        velocity = self._velocity_of(note)
        if note.find("grace") is not None:
            waiting.append(ReadNote(at, drum, velocity, 1))
            return
        bar.notes += _led(waiting, at)
        waiting.clear()
        swings = note.find("time-modification") is None
        bar.notes.append(ReadNote(at, drum, velocity, 0, _roll(note, length), swings))

    def _drum(self, note: ElementTree.Element, place: tuple[str, int]) -> Drum | None:
        instrument = note.find("instrument")
        name = instrument.get("id", "") if instrument is not None else ""
        drum = self.instruments.drum(name, place, note.findtext("notehead", "normal").strip())
        if drum is None:
            self.unknown[f"{place[0]}{place[1]}"] += 1
        is_open = any(note.find(f"notations/technical/{tag}") is not None for tag in ("open-string", "open"))
        return Drum.HIHAT_OPEN if drum is Drum.HIHAT_CLOSED and is_open else drum

    def _velocity_of(self, note: ElementTree.Element) -> int:
        if (percent := note.get("dynamics")) is not None:
            return _as_velocity(_number(percent) * VELOCITY_OF_FORTE / 100)
        head = note.find("notehead")
        if head is not None and head.get("parentheses") == "yes":
            return GHOST_VELOCITY
        accents = note.find("notations/articulations")
        if accents is not None and any(e.tag in ("accent", "strong-accent") for e in accents):
            return _as_velocity(max(self._velocity, ACCENT_VELOCITY))
        return _as_velocity(self._velocity)

    def _length(self, element: ElementTree.Element) -> float:
        return _number(element.findtext("duration", "0")) / self._divisions

    # All else -------------------------------------------------------------------------------------

    def _other(self, element: ElementTree.Element, at: float, bar: ReadBar) -> None:
        if element.tag == "attributes":
            self._attributes(element, bar)
        elif element.tag in ("direction", "sound"):
            self._sound(element, at, bar)

    def _attributes(self, attributes: ElementTree.Element, bar: ReadBar) -> None:
        if (text := attributes.findtext("divisions")) is not None:
            self._divisions = _number(text)
            if self._divisions <= 0:
                raise ValueError("divisions must be positive")
        if (time := attributes.find("time")) is not None and time.find("beats") is not None:
            bar.meter = _meter(time)
        if any(sign.text == "percussion" for sign in attributes.iter("sign")):
            self.is_percussion = True

    def _sound(self, element: ElementTree.Element, at: float, bar: ReadBar) -> None:
        sound = element if element.tag == "sound" else element.find("sound")
        bpm: float | None = None
        if sound is not None:
            at += _number(sound.findtext("offset", "0"), negative=True) / self._divisions
            self.has_jumps |= any(sound.get(jump) for jump in ("dacapo", "dalsegno", "tocoda"))
            if (tempo := sound.get("tempo")) is not None:
                bpm = _number(tempo)
            if (dynamics := sound.get("dynamics")) is not None:
                self._velocity = _as_velocity(_number(dynamics) * VELOCITY_OF_FORTE / 100)
            if (swing := sound.find("swing")) is not None:
                bar.swing = (_swing(swing),)
        if element.tag == "direction":
            at += _number(element.findtext("offset", "0"), negative=True) / self._divisions
            bpm = _metronome(element) if bpm is None else bpm
        if bpm:
            bar.tempos.append((max(0.0, at), bpm))

    def _signs(self, measure: ElementTree.Element) -> Signs:
        begins, times = False, 0
        ends_here = False
        for line in measure.iter("barline"):
            if (ending := line.find("ending")) is not None:
                if ending.get("type") == "start":
                    self._endings = _rounds(ending.get("number", ""))
                ends_here = ends_here or ending.get("type") in ("stop", "discontinue")
            if (repeat := line.find("repeat")) is not None:
                begins = begins or repeat.get("direction") == "forward"
                if repeat.get("direction") == "backward":
                    times = int(_number(repeat.get("times", "2")))
        signs = Signs(begins, times, self._endings)
        self._endings = frozenset() if ends_here else self._endings
        return signs


def _led(waiting: list[ReadNote], at: float) -> Iterator[ReadNote]:
    """Yield grace notes with their distance to the main note at ``at``."""
    for number, grace in enumerate(waiting):
        yield ReadNote(at, grace.drum, grace.velocity, len(waiting) - number)


def _place(note: ElementTree.Element) -> tuple[str, int] | None:
    for kind, prefix in (("unpitched", "display-"), ("pitch", "")):
        if (found := note.find(kind)) is not None:
            octave = _number(found.findtext(f"{prefix}octave", "5"))
            return found.findtext(f"{prefix}step", "C").strip()[:1].upper(), int(octave)
    return None


def _roll(note: ElementTree.Element, length: float) -> tuple[int, float]:
    """Return (strokes, quarters between them) for strokes through the stem."""
    tremolo = note.find("notations/ornaments/tremolo")
    if tremolo is None or tremolo.get("type", "single") != "single" or length <= 0:
        return 1, 0.0
    marks = min(_MAX_TREMOLO, int(_number(tremolo.text or "3")))
    flags = marks + _FLAGS.get(note.findtext("type", "").strip(), 0)
    step = 1.0 / 2 ** min(flags, 6)
    n_strokes = min(256, max(1, round(length / step)))
    return n_strokes, length / n_strokes


def _swing(swing: ElementTree.Element) -> Swing | None:
    if swing.find("straight") is not None:
        return None
    first, second = (int(_number(swing.findtext(part, "1"))) for part in ("first", "second"))
    note = EIGHTH // 2 if swing.findtext("swing-type", "").strip() == "16th" else EIGHTH
    return Swing(note, first, second)


def _metronome(direction: ElementTree.Element) -> float | None:
    metronome = direction.find("direction-type/metronome")
    if metronome is None or (text := metronome.findtext("per-minute")) is None:
        return None
    unit = _BEAT_UNITS.get(metronome.findtext("beat-unit", "quarter").strip(), 1.0)
    dotted = metronome.find("beat-unit-dot") is not None
    try:
        return _number(text) * unit * (1.5 if dotted else 1.0)
    except ValueError:
        return None  # "ca. 120", "120-130"


def _meter(time: ElementTree.Element) -> tuple[int, int]:
    """Return the time signature; sums like 3+2 are added up."""
    beats = sum(int(_number(part)) for part in time.findtext("beats", "4")[:50].split("+"))
    kind = int(_number(time.findtext("beat-type", "4")))
    if not (1 <= beats <= 255 and kind in (1, 2, 4, 8, 16, 32, 64)):
        raise ValueError(f"time signature {beats}/{kind}")
    return beats, kind


def _rounds(numbers: str) -> frozenset[int]:
    found = (part.strip() for part in numbers[:200].replace(" ", ",").split(","))
    return frozenset(n for part in found if part.isdecimal() and 1 <= (n := int(part)) <= MAX_ENDINGS)


def _as_velocity(value: float) -> int:
    return min(127, max(1, round(value)))


def _number(text: str, negative: bool = False) -> float:
    """Return a number of a file, bounded.

    Raises:
        ValueError: it is none, below 0 or beyond a thousand million.
    """
    try:
        value = float(text) if len(text) < 40 else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and abs(value) <= 1e9 and (negative or value >= 0)):
        raise ValueError(f"{text[:40]!r} is no number that can stand here")
    return value
