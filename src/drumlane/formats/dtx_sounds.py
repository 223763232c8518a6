"""DTX sounds: what a chip's sound says about the drum and how loud it is struck, both ways.

Used by ``dtx``. A sound has two digits, a file name and a volume. Drums that share a channel are told apart
by words in the file name; loudness has 16 levels a drum, each of them a sound of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from drumlane.charting.lane_layouts import (
    DRUM_OF_DTX_CHANNEL,
    DTX_CHANNEL_OF_DRUM,
    DTX_EFFECT_CHANNELS,
)
from drumlane.formats.dtx_text import id_of
from drumlane.performance import Hit
from drumlane.vocabulary import Drum

LEVELS = 16
UNKNOWN_VELOCITY = 80  # of sounds without a volume

_DRUM_OF_NAME = {drum.value: drum for drum in Drum}
_CYMBALS = {"splash": Drum.SPLASH, "china": Drum.CHINA, "bell": Drum.RIDE_BELL, "ride": Drum.RIDE}
# Words in a sound's name -> what is struck, in the order in which they are looked for.
_DRUM_OF_WORD: Mapping[str, Mapping[str, Drum]] = {
    "12": {
        "rimshot": Drum.SNARE_RIM,
        "rim_shot": Drum.SNARE_RIM,
        "sidestick": Drum.SIDE_STICK,
        "side_stick": Drum.SIDE_STICK,
        "xstick": Drum.SIDE_STICK,
        "rim": Drum.SIDE_STICK,
    },
    "11": {"open": Drum.HIHAT_OPEN, "ohh": Drum.HIHAT_OPEN},
    "16": _CYMBALS,
    "1A": _CYMBALS,
    "19": {word: drum for word, drum in _CYMBALS.items() if word != "ride"},
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound as a file defines it."""

    file: str
    velocity: int = UNKNOWN_VELOCITY


def sounds_of(commands: Mapping[str, str]) -> dict[int, Sound]:
    """Return the sounds that a file defines, by number."""
    sounds: dict[int, Sound] = {}
    for name, file in commands.items():
        digits = name.removeprefix("WAV")
        if name.startswith("WAV") and len(digits) == 2 and digits.isascii() and digits.isalnum():
            volume = commands.get(f"VOLUME{digits}", commands.get(f"WAVVOL{digits}", ""))
            sounds[int(digits, 36)] = Sound(file.replace("\\", "/"), _velocity(volume))
    return sounds


def drum_of(channel: str, sound: Sound | None, kick_sounds: Iterable[str] = ()) -> Drum | None:
    """Return what a chip strikes; None for what is no drum.

    Args:
        channel: two digits.
        sound: the chip's, if the file defines it.
        kick_sounds: files that are struck as kicks: older charts have their second kick in the hi-hat pedal.
    """
    name = PurePosixPath(sound.file).stem.lower() if sound else ""
    named = _DRUM_OF_NAME.get(name)
    if named is not None and (DTX_CHANNEL_OF_DRUM[named] == channel or channel in DTX_EFFECT_CHANNELS):
        return named if named.lane is None or channel not in DTX_EFFECT_CHANNELS else None
    if channel == "1B" and sound and sound.file in kick_sounds:
        return Drum.KICK
    for word, drum in _DRUM_OF_WORD.get(channel, {}).items():
        if word in name:
            return drum
    return DRUM_OF_DTX_CHANNEL.get(channel)


def defined(hits: Iterable[Hit]) -> tuple[list[str], dict[tuple[Drum, int], str]]:
    """Return the lines that define the sounds of hits, and each drum's and level's two digits."""
    used = sorted({(hit.drum, level_of(hit.velocity)) for hit in hits}, key=_order)
    ids = {sound: id_of(number) for number, sound in enumerate(used, start=2)}  # 01 is the music
    lines = []
    for (drum, level), name in ids.items():
        lines += [f"#WAV{name}: {drum.value}.wav", f"#VOLUME{name}: {round((level + 0.5) * 100 / LEVELS)}"]
    return lines, ids


def level_of(velocity: int) -> int:
    """Return the level, 0 to 15, of a velocity."""
    return (int(velocity) - 1) * LEVELS // 127


def _order(sound: tuple[Drum, int]) -> tuple[int, int]:
    return list(Drum).index(sound[0]), -sound[1]


def _velocity(volume: str) -> int:
    """Return the velocity of a volume in per cent."""
    if not (volume.isascii() and volume.isdecimal() and len(volume) < 4):
        return UNKNOWN_VELOCITY
    return min(max(1, round(int(volume) * 127 / 100)), 127)
