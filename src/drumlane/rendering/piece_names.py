"""Piece names: what the makers of sample kits call their drums, and what is meant.

Flow: a file's, folder's or label's name -> **piece_names** -> kit_folder, kit_sfz, kit_hydrogen

A name may leave something open: ``hat`` is a closed, an open or a pedal hat. So a name has several meanings,
likeliest first, among which the MIDI note that it lies on may choose. ``None`` is percussion without a drum
of its own. A name that fits two instruments (``snare_kick``) means nothing, and neither does a number.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from drumlane.rendering.piece_words import NOT_ONE_STROKE, SHORT_WORDS, canonical_words, tokens_of
from drumlane.vocabulary import FIVE_CLASS_OF_LANE, Drum

Meanings = tuple[Drum | None, ...]  # likeliest first

_OF_A_HAT: Mapping[str, str] = MappingProxyType(
    {"cl": "closed", "clh": "closed", "op": "open", "fch": "pedal"}  # anywhere in a hat's name
)
_NEXT_TO_HAT: Mapping[str, str] = MappingProxyType({"c": "closed", "o": "open", "p": "pedal"})
_NEXT_TO_TOM: Mapping[str, str] = MappingProxyType({"h": "high", "m": "mid", "l": "low", "f": "floor"})
_KICK: Meanings = (Drum.KICK,)
_SNARES: Meanings = (Drum.SNARE, Drum.SNARE_RIM, Drum.SIDE_STICK)
_HATS: Meanings = (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.HIHAT_PEDAL)
_TOMS: Meanings = (Drum.TOM_MID, Drum.TOM_HIGH, Drum.TOM_LOW)
_CYMBALS: Meanings = (Drum.CRASH, Drum.RIDE, Drum.CRASH2, Drum.CHINA, Drum.SPLASH, Drum.RIDE_BELL)
_PLAIN: Mapping[str, Meanings] = MappingProxyType(
    {
        "kick": _KICK,
        "splash": (Drum.SPLASH,),
        "china": (Drum.CHINA,),
        "clap": (Drum.CLAP,),
        "cowbell": (Drum.COWBELL,),
        "tambourine": (Drum.TAMBOURINE,),
        "shaker": (Drum.SHAKER,),
        "percussion": (None,),
    }
)
_INSTRUMENTS = frozenset({*_PLAIN, "snare", "hat", "tom", "crash", "ride", "cymbal"})
_HIGHEST_TOM_NUMBER, _LARGEST_TOM = 5, 20  # Tom 1 … 5, or its size in inches


def drums_named(name: str) -> Meanings:
    """Return what a name may mean, likeliest first; nothing if it says nothing or contradicts itself.

    >>> [drum.value for drum in drums_named("HatClosed-Hard") if drum]
    ['hihat_closed']
    >>> drums_named("Snare 2")[0].value, drums_named("high floor tom")[0].value, drums_named("Bongo lo")
    ('snare', 'tom_low', (None,))
    >>> drums_named("loop_17"), drums_named("kick+snare")
    ((), ())
    """
    tokens = tokens_of(name)
    words = canonical_words(tokens)
    if not _instrument_of(words):
        words = canonical_words(tokens, SHORT_WORDS)
    instrument = _instrument_of(words)
    if instrument in _PLAIN:
        return _PLAIN[instrument]
    readers = {"snare": _snare, "hat": _hat, "tom": _tom, "crash": _crash, "ride": _ride, "cymbal": _cymbal}
    return readers[instrument](words) if instrument else ()


def is_one_stroke(name: str) -> bool:
    """Return whether a name is not that of a roll, a flam, a choke …, which no single hit can stand for.

    >>> is_one_stroke("Snare Roll 2"), is_one_stroke("snare_center_04")
    (False, True)
    """
    return not NOT_ONE_STROKE.intersection(tokens_of(name))


def settle(meanings: Meanings, by_note: Drum | None, trust_note: bool) -> Meanings:
    """Choose among a name's meanings by the MIDI note it lies on.

    Args:
        meanings: of the name.
        by_note: what General MIDI means by the note; None if nothing.
        trust_note: whether the kit's notes are those of General MIDI (``notes_agree``).

    Returns:
        The meanings, the best first. A trusted note decides what the name leaves open, and which of the toms.
    """
    if not trust_note or by_note is None:
        return meanings
    if not meanings or by_note in meanings or (by_note in _TOMS and meanings[0] in _TOMS):
        return (by_note,)
    return meanings


def notes_agree(pairs: Iterable[tuple[Meanings, Drum | None]], share: float = 0.5) -> bool:
    """Return whether at least ``share`` of a kit's named pieces lie on a General MIDI note of their kind."""
    known = [(meanings, by_note) for meanings, by_note in pairs if meanings and by_note]
    agreeing = sum(_kind(meanings[0]) == _kind(by_note) for meanings, by_note in known)
    return agreeing >= share * len(known)


def _kind(drum: Drum | None) -> str | None:
    if drum is None or drum.lane is None:
        return drum
    return FIVE_CLASS_OF_LANE[drum.lane]


def _instrument_of(words: Sequence[str]) -> str:
    """Return the one instrument that is named, or an empty word."""
    named = _INSTRUMENTS.intersection(words)
    if "hat" in named:
        named -= {"splash", "cymbal"}  # a splash of the foot
    if "ride" in named:
        named -= {"crash", "cymbal"}  # a crash-ride, or a ride that is crashed
    if named & {"crash", "splash", "china"}:
        named -= {"cymbal", *(("crash",) if named & {"splash", "china"} else ())}
    if not named:
        return _implied_instrument(words)
    return next(iter(named)) if len(named) == 1 else ""


def _implied_instrument(words: Sequence[str]) -> str:
    if {"sidestick", "stick", "rim"}.intersection(words):
        return "snare"
    if "floor" in words:
        return "tom"
    return "ride" if "bell" in words else ""


def _snare(words: Sequence[str]) -> Meanings:
    if "sidestick" in words or ("stick" in words and "snare" not in words):
        return (Drum.SIDE_STICK,)
    return (Drum.SNARE_RIM, Drum.SIDE_STICK) if "rim" in words else _SNARES


def _hat(words: Sequence[str]) -> Meanings:
    said = {_OF_A_HAT.get(word, word) for word in words}
    said |= {_NEXT_TO_HAT.get(word, word) for word in _neighbours(words, "hat")}
    if said & {"half", "splash"} or ("open" in said and "pedal" in said):
        return (Drum.HIHAT_OPEN,)
    if "pedal" in said:
        return (Drum.HIHAT_PEDAL,)
    if "open" in said:
        return _HATS if "closed" in said else (Drum.HIHAT_OPEN,)
    return (Drum.HIHAT_CLOSED,) if "closed" in said else _HATS


def _tom(words: Sequence[str]) -> Meanings:
    if "sidestick" in words:
        return (None,)  # a click of wood: neither a tom to the ear nor a side stick to the eye
    beside = _neighbours(words, "tom")
    letter = next((_NEXT_TO_TOM[word] for word in beside if word in _NEXT_TO_TOM), "")
    said = {*words, letter}
    if "floor" in said:
        return (Drum.TOM_LOW,)
    if "high" in said or "low" in said or "mid" in said:
        return _tom_by_size(said)
    by_number = _tom_by_number(next((word for word in beside[1:] if word.isdigit()), ""))
    if by_number:
        return by_number
    return (Drum.TOM_HIGH, Drum.TOM_MID) if "rack" in said else _TOMS


def _tom_by_size(said: set[str]) -> Meanings:
    if "high" in said:
        return (Drum.TOM_HIGH,)
    return (Drum.TOM_MID,) if "mid" in said else (Drum.TOM_LOW,)


def _tom_by_number(number: str) -> Meanings:
    """Return the tom of a number or of a size in inches; ``01`` counts takes, not toms."""
    if not number or number[0] == "0" or len(number) > 2 or int(number) > _LARGEST_TOM:
        return ()
    rank = int(number)
    if rank > _HIGHEST_TOM_NUMBER:
        rank = 1 if rank < 12 else 2 if rank < 14 else 3
    return ((Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW)[min(rank, 3) - 1],)


def _crash(words: Sequence[str]) -> Meanings:
    plain = [word for word in words if word != "cymbal"]
    second = {"2", "3", "r", "right"}.intersection(_neighbours(plain, "crash")[1:])
    return (Drum.CRASH2, Drum.CRASH) if second else (Drum.CRASH, Drum.CRASH2)


def _ride(words: Sequence[str]) -> Meanings:
    if "bell" in words:
        return (Drum.RIDE_BELL,)
    return (Drum.RIDE, Drum.CRASH, Drum.CRASH2) if "crash" in words else (Drum.RIDE, Drum.RIDE_BELL)


def _cymbal(words: Sequence[str]) -> Meanings:
    """Return a crash, as on a machine with one cymbal; of several, nobody knows which is the ride."""
    if "bell" in words:
        return (Drum.RIDE_BELL,)
    numbered = any(word.isdigit() for word in _neighbours(words, "cymbal"))
    return () if numbered else _CYMBALS


def _neighbours(words: Sequence[str], instrument: str) -> tuple[str, str]:
    """Return the words before and after the instrument's; empty where there is none."""
    at = words.index(instrument) if instrument in words else -1
    before = words[at - 1] if at > 0 else ""
    after = words[at + 1] if 0 <= at < len(words) - 1 else ""
    return before, after
