"""Lane layouts: where the games have our drums, both ways.

Used by the formats of games. A layout says for every drum where it goes, None for nowhere, and for every
place what is meant by it. ``tests/test_lane_layouts.py`` says which layouts are lossless.

Columns stand as the lanes of DTXMania do, which is how a kit looks from the stool with the kick in the
middle: crash, hi-hat, snare, high tom, kick, mid tom, low tom, ride.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from drumlane.vocabulary import DRUM_OF_LANE, Drum, Lane

# Column -> lane, left to right: osu!mania with eight keys and StepMania's dance-double.
EIGHT_COLUMNS: tuple[Lane, ...] = (
    Lane.CRASH,
    Lane.HIHAT,
    Lane.SNARE,
    Lane.HI_TOM,
    Lane.KICK,
    Lane.MID_TOM,
    Lane.LOW_TOM,
    Lane.RIDE,
)

# DTXMania: two hexadecimal digits a lane. 61 to 64 are sounds that play by themselves.
DTX_CHANNEL_OF_DRUM: Mapping[Drum, str] = MappingProxyType(
    {
        Drum.KICK: "13",
        Drum.SNARE: "12",
        Drum.SNARE_RIM: "12",
        Drum.SIDE_STICK: "12",
        Drum.HIHAT_CLOSED: "11",
        Drum.HIHAT_OPEN: "18",
        Drum.HIHAT_PEDAL: "1B",
        Drum.TOM_HIGH: "14",
        Drum.TOM_MID: "15",
        Drum.TOM_LOW: "17",
        Drum.CRASH: "16",
        Drum.CRASH2: "1A",
        Drum.CHINA: "1A",
        Drum.SPLASH: "1A",
        Drum.RIDE: "19",
        Drum.RIDE_BELL: "19",
        Drum.CLAP: "61",
        Drum.COWBELL: "62",
        Drum.TAMBOURINE: "63",
        Drum.SHAKER: "64",
    }
)
# The plain stroke of each lane; the sound's name says more. 1C is a second kick.
DRUM_OF_DTX_CHANNEL: Mapping[str, Drum] = MappingProxyType(
    {
        "11": Drum.HIHAT_CLOSED,
        "12": Drum.SNARE,
        "13": Drum.KICK,
        "14": Drum.TOM_HIGH,
        "15": Drum.TOM_MID,
        "16": Drum.CRASH,
        "17": Drum.TOM_LOW,
        "18": Drum.HIHAT_OPEN,
        "19": Drum.RIDE,
        "1A": Drum.CRASH2,
        "1B": Drum.HIHAT_PEDAL,
        "1C": Drum.KICK,
    }
)
# Sounds that are no lane of the game: a file's sound effects are drums only where their names say so.
DTX_EFFECT_CHANNELS: frozenset[str] = frozenset(str(number) for number in range(61, 93))

# drum-game: names of channels. Its second crash is a crash struck with the left hand.
BJSON_CHANNEL_OF_DRUM: Mapping[Drum, str] = MappingProxyType(
    {
        Drum.KICK: "bass",
        Drum.SNARE: "snare",
        Drum.SNARE_RIM: "rim",
        Drum.SIDE_STICK: "sidestick",
        Drum.HIHAT_CLOSED: "hihat",
        Drum.HIHAT_OPEN: "open-hihat",
        Drum.HIHAT_PEDAL: "hihat-pedal",
        Drum.TOM_HIGH: "high-tom",
        Drum.TOM_MID: "mid-tom",
        Drum.TOM_LOW: "low-tom",
        Drum.CRASH: "crash",
        Drum.CRASH2: "crash",
        Drum.CHINA: "china",
        Drum.SPLASH: "splash",
        Drum.RIDE: "ride",
        Drum.RIDE_BELL: "ride-bell",
        Drum.CLAP: "Aux1",
        Drum.COWBELL: "Aux2",
        Drum.TAMBOURINE: "Aux3",
        Drum.SHAKER: "Aux4",
    }
)
# Every name that the game reads: those it writes, and the names of its own enumeration.
DRUM_OF_BJSON_CHANNEL: Mapping[str, Drum] = MappingProxyType(
    {name: drum for drum, name in BJSON_CHANNEL_OF_DRUM.items() if drum is not Drum.CRASH2}
    | {
        "half-hihat": Drum.HIHAT_OPEN,
        "half-open-hihat": Drum.HIHAT_OPEN,
        "ride-crash": Drum.RIDE,
        "BassDrum": Drum.KICK,
        "Snare": Drum.SNARE,
        "Rim": Drum.SNARE_RIM,
        "SideStick": Drum.SIDE_STICK,
        "ClosedHiHat": Drum.HIHAT_CLOSED,
        "OpenHiHat": Drum.HIHAT_OPEN,
        "HalfOpenHiHat": Drum.HIHAT_OPEN,
        "HiHatPedal": Drum.HIHAT_PEDAL,
        "SmallTom": Drum.TOM_HIGH,
        "MediumTom": Drum.TOM_MID,
        "LargeTom": Drum.TOM_LOW,
        "Crash": Drum.CRASH,
        "China": Drum.CHINA,
        "Splash": Drum.SPLASH,
        "Ride": Drum.RIDE,
        "RideBell": Drum.RIDE_BELL,
    }
)


def column_of_drum(columns: Sequence[Lane] = EIGHT_COLUMNS) -> Mapping[Drum, int | None]:
    """Return every drum's column, None for an auxiliary; ``columns`` are the lanes from left to right.

    Raises:
        ValueError: the columns are not the eight lanes, each once.
    """
    if sorted(columns) != list(Lane):
        raise ValueError(
            f"columns must be the eight lanes, each once, not {[lane.label for lane in columns]}"
        )
    return {drum: None if drum.lane is None else columns.index(drum.lane) for drum in Drum}


def drum_of_column(columns: Sequence[Lane] = EIGHT_COLUMNS) -> tuple[Drum, ...]:
    """Return the plain stroke of every column."""
    return tuple(DRUM_OF_LANE[lane] for lane in columns)
