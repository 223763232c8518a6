"""Vocabulary: the only place that names drums.

Three grains, from fine to coarse: ``Drum`` (what was struck and how), ``Lane`` (one of eight columns,
indices 0..7 in a fixed order), and evaluation class sets of 8, 5 and 3 classes. Every map is a table;
``tests/test_vocabulary.py`` says which are total and which lose something.

MIDI notes: TD-17 is the electronic kit of GMD and E-GMD; ``GENERAL_MIDI`` follows GM level 1. The maps
``DOCUMENT_A`` and ``DOCUMENT_D`` are kept by name for people who trained with them: they are musically wrong
in places (tom 1 as a mid tom, crash edges and hat edges dropped).
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType

from drumlane.errors import ConfigError, nearest_first


class Lane(IntEnum):
    """One of the eight columns, in the order used by every array of this package."""

    KICK = 0
    SNARE = 1
    HIHAT = 2
    HI_TOM = 3
    MID_TOM = 4
    LOW_TOM = 5
    CRASH = 6
    RIDE = 7

    @property
    def label(self) -> str:
        """Return the name used in files, like ``hi_tom``."""
        return self.name.lower()


class Drum(StrEnum):
    """What was struck and how; the values are the names used in files."""

    KICK = "kick"
    SNARE = "snare"
    SNARE_RIM = "snare_rim"
    SIDE_STICK = "side_stick"
    HIHAT_CLOSED = "hihat_closed"
    HIHAT_OPEN = "hihat_open"
    HIHAT_PEDAL = "hihat_pedal"
    TOM_HIGH = "tom_high"
    TOM_MID = "tom_mid"
    TOM_LOW = "tom_low"
    CRASH = "crash"
    CRASH2 = "crash2"
    CHINA = "china"
    SPLASH = "splash"
    RIDE = "ride"
    RIDE_BELL = "ride_bell"
    # Auxiliaries: kept in a Performance, never forced into a lane.
    CLAP = "clap"
    COWBELL = "cowbell"
    TAMBOURINE = "tambourine"
    SHAKER = "shaker"

    @property
    def lane(self) -> Lane | None:
        """Return the drum's lane, or None for an auxiliary."""
        return LANE_OF_DRUM[self]


LANES: tuple[Lane, ...] = tuple(Lane)
LANE_NAMES: tuple[str, ...] = tuple(lane.label for lane in Lane)

LANE_OF_DRUM: Mapping[Drum, Lane | None] = MappingProxyType(
    {
        Drum.KICK: Lane.KICK,
        Drum.SNARE: Lane.SNARE,
        Drum.SNARE_RIM: Lane.SNARE,
        Drum.SIDE_STICK: Lane.SNARE,
        Drum.HIHAT_CLOSED: Lane.HIHAT,
        Drum.HIHAT_OPEN: Lane.HIHAT,
        Drum.HIHAT_PEDAL: Lane.HIHAT,
        Drum.TOM_HIGH: Lane.HI_TOM,
        Drum.TOM_MID: Lane.MID_TOM,
        Drum.TOM_LOW: Lane.LOW_TOM,
        Drum.CRASH: Lane.CRASH,
        Drum.CRASH2: Lane.CRASH,
        Drum.CHINA: Lane.CRASH,
        Drum.SPLASH: Lane.CRASH,
        Drum.RIDE: Lane.RIDE,
        Drum.RIDE_BELL: Lane.RIDE,
        Drum.CLAP: None,
        Drum.COWBELL: None,
        Drum.TAMBOURINE: None,
        Drum.SHAKER: None,
    }
)

# The plain stroke of each lane: what a transcription writes when it knows no more than the lane.
DRUM_OF_LANE: Mapping[Lane, Drum] = MappingProxyType(
    {
        Lane.KICK: Drum.KICK,
        Lane.SNARE: Drum.SNARE,
        Lane.HIHAT: Drum.HIHAT_CLOSED,
        Lane.HI_TOM: Drum.TOM_HIGH,
        Lane.MID_TOM: Drum.TOM_MID,
        Lane.LOW_TOM: Drum.TOM_LOW,
        Lane.CRASH: Drum.CRASH,
        Lane.RIDE: Drum.RIDE,
    }
)

# Other strokes of a lane that a transcriber tells from the plain one, in the order of its output.
ARTICULATIONS: tuple[Drum, ...] = (
    Drum.HIHAT_OPEN,
    Drum.HIHAT_PEDAL,
    Drum.SIDE_STICK,
    Drum.RIDE_BELL,
    Drum.SPLASH,
    Drum.CHINA,
)
LANES_OF_ARTICULATIONS: tuple[Lane, ...] = (
    Lane.HIHAT,
    Lane.HIHAT,
    Lane.SNARE,
    Lane.RIDE,
    Lane.CRASH,
    Lane.CRASH,
)

# Evaluation class sets: lane -> class name. Five classes as in the ADTOF papers, three as in MIREX.
FIVE_CLASSES: tuple[str, ...] = ("kick", "snare", "tom", "hihat", "cymbal")
FIVE_CLASS_OF_LANE: Mapping[Lane, str] = MappingProxyType(
    {
        Lane.KICK: "kick",
        Lane.SNARE: "snare",
        Lane.HIHAT: "hihat",
        Lane.HI_TOM: "tom",
        Lane.MID_TOM: "tom",
        Lane.LOW_TOM: "tom",
        Lane.CRASH: "cymbal",
        Lane.RIDE: "cymbal",
    }
)
THREE_CLASSES: tuple[str, ...] = ("kick", "snare", "hihat")
THREE_CLASS_OF_LANE: Mapping[Lane, str | None] = MappingProxyType(
    {lane: (lane.label if lane.label in THREE_CLASSES else None) for lane in Lane}
)

# MIDI in -------------------------------------------------------------------------------------------

TD17: Mapping[int, Drum] = MappingProxyType(
    {
        35: Drum.KICK,
        36: Drum.KICK,
        37: Drum.SIDE_STICK,
        38: Drum.SNARE,
        40: Drum.SNARE_RIM,
        22: Drum.HIHAT_CLOSED,
        42: Drum.HIHAT_CLOSED,
        26: Drum.HIHAT_OPEN,
        46: Drum.HIHAT_OPEN,
        44: Drum.HIHAT_PEDAL,
        48: Drum.TOM_HIGH,
        50: Drum.TOM_HIGH,
        45: Drum.TOM_MID,
        47: Drum.TOM_MID,
        41: Drum.TOM_LOW,
        43: Drum.TOM_LOW,
        58: Drum.TOM_LOW,
        49: Drum.CRASH,
        55: Drum.CRASH,
        52: Drum.CRASH2,
        57: Drum.CRASH2,
        51: Drum.RIDE,
        59: Drum.RIDE,
        53: Drum.RIDE_BELL,
        39: Drum.CLAP,
        54: Drum.TAMBOURINE,
        56: Drum.COWBELL,
    }
)

GENERAL_MIDI: Mapping[int, Drum] = MappingProxyType(
    {
        35: Drum.KICK,
        36: Drum.KICK,
        37: Drum.SIDE_STICK,
        38: Drum.SNARE,
        39: Drum.CLAP,
        40: Drum.SNARE,
        41: Drum.TOM_LOW,
        42: Drum.HIHAT_CLOSED,
        43: Drum.TOM_LOW,
        44: Drum.HIHAT_PEDAL,
        45: Drum.TOM_MID,
        46: Drum.HIHAT_OPEN,
        47: Drum.TOM_MID,
        48: Drum.TOM_HIGH,
        49: Drum.CRASH,
        50: Drum.TOM_HIGH,
        51: Drum.RIDE,
        52: Drum.CHINA,
        53: Drum.RIDE_BELL,
        54: Drum.TAMBOURINE,
        55: Drum.SPLASH,
        56: Drum.COWBELL,
        57: Drum.CRASH2,
        59: Drum.RIDE,
        69: Drum.SHAKER,
        70: Drum.SHAKER,
        82: Drum.SHAKER,
    }
)

DOCUMENT_A: Mapping[int, Drum] = MappingProxyType(
    {
        36: Drum.KICK,
        38: Drum.SNARE,
        42: Drum.HIHAT_CLOSED,
        50: Drum.TOM_HIGH,
        47: Drum.TOM_MID,
        45: Drum.TOM_LOW,
        41: Drum.TOM_LOW,
        49: Drum.CRASH,
        51: Drum.RIDE,
    }
)

DOCUMENT_D: Mapping[int, Drum] = MappingProxyType(
    {
        36: Drum.KICK,
        38: Drum.SNARE,
        42: Drum.HIHAT_CLOSED,
        44: Drum.HIHAT_PEDAL,
        46: Drum.HIHAT_OPEN,
        50: Drum.TOM_HIGH,
        47: Drum.TOM_MID,
        48: Drum.TOM_MID,
        45: Drum.TOM_LOW,
        41: Drum.TOM_LOW,
        43: Drum.TOM_LOW,
        49: Drum.CRASH,
        55: Drum.CRASH,
        57: Drum.CRASH2,
        51: Drum.RIDE,
        53: Drum.RIDE_BELL,
        59: Drum.RIDE,
    }
)

MIDI_MAPS: Mapping[str, Mapping[int, Drum]] = MappingProxyType(
    {"td17": TD17, "gm": GENERAL_MIDI, "document-a": DOCUMENT_A, "document-d": DOCUMENT_D}
)

# MIDI out ------------------------------------------------------------------------------------------

# One note per drum. All come back as themselves through DRUMLANE_MIDI. Through TD17 the low tom does not (45
# is that kit's second tom), nor do china and splash, which are crashes there.
NOTE_OF_DRUM: Mapping[Drum, int] = MappingProxyType(
    {
        Drum.KICK: 36,
        Drum.SNARE: 38,
        Drum.SNARE_RIM: 40,
        Drum.SIDE_STICK: 37,
        Drum.HIHAT_CLOSED: 42,
        Drum.HIHAT_OPEN: 46,
        Drum.HIHAT_PEDAL: 44,
        Drum.TOM_HIGH: 50,
        Drum.TOM_MID: 47,
        Drum.TOM_LOW: 45,
        Drum.CRASH: 49,
        Drum.CRASH2: 57,
        Drum.CHINA: 52,
        Drum.SPLASH: 55,
        Drum.RIDE: 51,
        Drum.RIDE_BELL: 53,
        Drum.CLAP: 39,
        Drum.COWBELL: 56,
        Drum.TAMBOURINE: 54,
        Drum.SHAKER: 82,
    }
)

# One note per drum as a TD-17 kit sends it: what files like those of E-GMD hold. Of a pad's notes it is the
# one struck most (crashes and open hats on the edge). China and splash are its crashes; it has no shaker.
TD17_NOTE_OF_DRUM: Mapping[Drum, int] = MappingProxyType(
    {
        **{drum: note for drum, note in NOTE_OF_DRUM.items() if drum != Drum.SHAKER},
        Drum.HIHAT_OPEN: 26,
        Drum.TOM_HIGH: 48,
        Drum.TOM_MID: 45,
        Drum.TOM_LOW: 43,
        Drum.CRASH: 55,
        Drum.CRASH2: 52,
    }
)

# What drumlane writes, read back: the inverse of NOTE_OF_DRUM, with TD-17's meaning for every other note.
DRUMLANE_MIDI: Mapping[int, Drum] = MappingProxyType(
    {**TD17, **{note: drum for drum, note in NOTE_OF_DRUM.items()}}
)


def midi_map(name: str) -> Mapping[int, Drum]:
    """Return a note map by name.

    Raises:
        ConfigError: the name is unknown; the message lists the maps, nearest first.
    """
    maps = {**MIDI_MAPS, "drumlane": DRUMLANE_MIDI}
    try:
        return maps[name]
    except KeyError:
        raise ConfigError(f"MIDI map {name!r} is unknown; maps: {nearest_first(name, maps)}") from None


def lane_by_name(name: str) -> Lane:
    """Return the lane called ``name`` (``kick`` … ``ride``).

    Raises:
        ConfigError: no such lane; the message lists them, nearest first.
    """
    try:
        return LANES[LANE_NAMES.index(name)]
    except ValueError:
        raise ConfigError(f"lane {name!r} is unknown; lanes: {nearest_first(name, LANE_NAMES)}") from None


def drum_by_name(name: str) -> Drum:
    """Return the drum called ``name`` (``ride_bell``), or the plain stroke of the lane called so (``ride``).

    Raises:
        ConfigError: neither; the message lists both, nearest first.
    """
    if name in LANE_NAMES:
        return DRUM_OF_LANE[lane_by_name(name)]
    try:
        return Drum(name)
    except ValueError:
        names = (*LANE_NAMES, *(drum.value for drum in Drum if drum.value not in LANE_NAMES))
        raise ConfigError(
            f"drum {name!r} is unknown; lanes and drums: {nearest_first(name, names)}"
        ) from None
