"""Lanes: which column of the screen a drum falls into; BeatSight has several conventions, so they have names.

Flow: **lanes** -> write, cli.process

A drum that a table does not name gets no ``lane`` field: it is optional. BeatSight's generator moves cymbals
and toms that follow closely from lane to lane; a table does not, so one drum has one lane.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drumlane.errors import ConfigError, nearest_first
from drumlane.vocabulary import Drum


@dataclass(frozen=True, slots=True)
class LaneTable:
    """A named layout of the screen."""

    name: str
    n_lanes: int
    lanes: Mapping[Drum, int]


def _spread(lane_of_stem: Mapping[str, int]) -> Mapping[Drum, int]:
    """Give every drum the lane of the longest stem that its name begins with."""
    found = {
        drum: max((stem for stem in lane_of_stem if drum.value.startswith(stem)), key=len, default=None)
        for drum in Drum
    }
    return MappingProxyType({drum: lane_of_stem[stem] for drum, stem in found.items() if stem is not None})


_SIDE_STICK = "side_stick"
DRUMLANE = LaneTable(
    "drumlane", 8, MappingProxyType({drum: int(drum.lane) for drum in Drum if drum.lane is not None})
)
BEATSIGHT7 = LaneTable(
    "beatsight7",
    7,
    _spread(
        {
            "crash": 0,
            "hihat": 1,
            "snare": 2,
            _SIDE_STICK: 2,
            "kick": 3,
            "tom": 4,
            "ride": 5,
            "china": 6,
            "splash": 6,
        }
    ),
)
BEATSIGHT8 = LaneTable(
    "beatsight8",
    8,
    _spread(
        {
            "crash": 0,
            "crash2": 7,
            "splash": 0,
            "hihat": 1,
            "snare": 2,
            _SIDE_STICK: 2,
            "kick": 3,
            "tom_high": 4,
            "tom_mid": 4,
            "tom_low": 5,
            "ride": 6,
            "china": 7,
        }
    ),
)
GENERATOR = LaneTable(
    "generator",
    7,
    _spread(
        {
            "hihat": 5,
            "hihat_pedal": 0,
            "snare": 1,
            _SIDE_STICK: 1,
            "tom": 4,
            "tom_high": 2,
            "kick": 3,
            "crash": 6,
            "crash2": 0,
            "ride": 6,
            "china": 6,
            "splash": 6,
            "clap": 0,
            "cowbell": 0,
            "tambourine": 0,
            "shaker": 0,
        }
    ),
)
LANE_TABLES: Mapping[str, LaneTable] = MappingProxyType(
    {table.name: table for table in (DRUMLANE, BEATSIGHT7, BEATSIGHT8, GENERATOR)}
)


def lane_table(name: str) -> LaneTable:
    """Return a lane table by name.

    Raises:
        ConfigError: the name is unknown; the message lists the tables, nearest first.
    """
    try:
        return LANE_TABLES[name]
    except KeyError:
        raise ConfigError(f"lanes {name!r} are unknown; tables: {nearest_first(name, LANE_TABLES)}") from None
