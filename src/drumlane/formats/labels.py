"""Labels: what annotations call the drums, and what is meant.

Used by ``formats.table``. Beside this package's own names (``snare_rim``, ``hi_tom``) it knows the labels
of ENST-Drums (Gillet and Richard, ISMIR 2006: ``bd``, ``cs``, ``rc3``), the short ones of IDMT-SMT-Drums
(``KD``, ``SD``, ``HH``) and ``midi42`` for a note of a TD-17 kit. Upper and lower case mean the same.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from drumlane.errors import nearest_first
from drumlane.vocabulary import DRUM_OF_LANE, TD17, Drum, Lane

# ENST numbers the cymbals of a kit (cr1, rc3): the number says which one, not which kind.
DRUM_OF_LABEL: Mapping[str, Drum] = MappingProxyType(
    {
        "bd": Drum.KICK,
        "kd": Drum.KICK,
        "sd": Drum.SNARE,
        "sd-": Drum.SNARE,  # snares off
        "rs": Drum.SNARE_RIM,
        "cs": Drum.SIDE_STICK,
        "hh": Drum.HIHAT_CLOSED,
        "chh": Drum.HIHAT_CLOSED,
        "ohh": Drum.HIHAT_OPEN,
        "phh": Drum.HIHAT_PEDAL,
        "ht": Drum.TOM_HIGH,
        "mt": Drum.TOM_MID,
        "lmt": Drum.TOM_MID,
        "lt": Drum.TOM_LOW,
        "lft": Drum.TOM_LOW,
        "c": Drum.CRASH,  # a cymbal, not said which
        "cr": Drum.CRASH,
        "ch": Drum.CHINA,
        "spl": Drum.SPLASH,
        "rc": Drum.RIDE,
        "cb": Drum.COWBELL,
    }
)

_DRUM_OF_OWN_NAME: Mapping[str, Drum] = MappingProxyType(
    {lane.label: drum for lane, drum in DRUM_OF_LANE.items()} | {drum.value: drum for drum in Drum}
)
_NUMBER_AT_END = re.compile(r"(?<=[a-z])\d+$")
_TD17_NOTE = re.compile(r"midi(\d+)")


def drum_of_name(name: str) -> Drum | None:
    """Return what a drum's name, a lane's name or a label means; None if it is none of them.

    >>> [drum_of_name(name).value for name in ("snare_rim", "hi_tom", "rc3", "midi22")]
    ['snare_rim', 'tom_high', 'ride', 'hihat_closed']
    """
    key = name.strip().lower()
    if key in _DRUM_OF_OWN_NAME:
        return _DRUM_OF_OWN_NAME[key]
    if note := _TD17_NOTE.fullmatch(key):
        return TD17.get(int(note[1]))
    return DRUM_OF_LABEL.get(_NUMBER_AT_END.sub("", key))


def drum_in_lane(label: str, lane: Lane | None) -> Drum | None:
    """Return the drum that a label names inside a lane.

    The lane decides: a label that is unknown or belongs elsewhere gives the lane's plain stroke. Without a
    lane only an auxiliary can be meant.
    """
    drum = drum_of_name(label)
    if drum is not None and drum.lane is lane:
        return drum
    return DRUM_OF_LANE[lane] if lane is not None else None


def names_near(name: str) -> str:
    """List the names of drums and lanes for an error message, the most similar first."""
    return nearest_first(name.strip().lower(), _DRUM_OF_OWN_NAME)
