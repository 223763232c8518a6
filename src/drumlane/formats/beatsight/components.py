"""Components: what BeatSight's maps call the drums, and which drum is meant.

Flow: **components** -> read, write

Ours are written under their own names, which are BeatSight's where it has one; ``snare_rim``, ``side_stick``,
``clap`` and ``shaker`` are custom ids, as the format allows. Others' names are compared without case, spaces,
hyphens and underscores.
"""

from collections.abc import Mapping
from types import MappingProxyType

from drumlane.vocabulary import Drum

# Without case and marks: BeatSight's generator and classifier, its older ``.bs``, and what people write.
_ALIASES: Mapping[str, Drum] = MappingProxyType(
    {
        "bass": Drum.KICK,
        "bassdrum": Drum.KICK,
        "kickdrum": Drum.KICK,
        "snaredrum": Drum.SNARE,
        "snarecenter": Drum.SNARE,
        "snareoff": Drum.SNARE,
        "snarerimshot": Drum.SNARE_RIM,
        "rimshot": Drum.SNARE_RIM,
        "rim": Drum.SNARE_RIM,
        "snarecrossstick": Drum.SIDE_STICK,
        "crossstick": Drum.SIDE_STICK,
        "hihat": Drum.HIHAT_CLOSED,
        "hat": Drum.HIHAT_CLOSED,
        "closedhat": Drum.HIHAT_CLOSED,
        "closedhihat": Drum.HIHAT_CLOSED,
        "openhat": Drum.HIHAT_OPEN,
        "openhihat": Drum.HIHAT_OPEN,
        "hihathalf": Drum.HIHAT_OPEN,
        "pedalhat": Drum.HIHAT_PEDAL,
        "pedalhihat": Drum.HIHAT_PEDAL,
        "hihatfoot": Drum.HIHAT_PEDAL,
        "hihatsplash": Drum.HIHAT_PEDAL,
        "tom": Drum.TOM_MID,
        "racktom": Drum.TOM_HIGH,
        "hightom": Drum.TOM_HIGH,
        "tom1": Drum.TOM_HIGH,
        "midtom": Drum.TOM_MID,
        "tom2": Drum.TOM_MID,
        "floortom": Drum.TOM_LOW,
        "lowtom": Drum.TOM_LOW,
        "tom3": Drum.TOM_LOW,
        "crash1": Drum.CRASH,
        "crashcymbal": Drum.CRASH,
        "ridebow": Drum.RIDE,
        "rideedge": Drum.RIDE,
        "ridecymbal": Drum.RIDE,
        "bell": Drum.RIDE_BELL,
        "chinacymbal": Drum.CHINA,
        "splashcymbal": Drum.SPLASH,
        "handclap": Drum.CLAP,
    }
)
_MARKS = str.maketrans("", "", " -_.")
_OWN: Mapping[str, Drum] = MappingProxyType({drum.value.translate(_MARKS): drum for drum in Drum})
IN_ORDER: tuple[str, ...] = tuple(drum.value for drum in Drum)  # of ``drumKit.components``


def drum_of_component(name: str) -> Drum | None:
    """Return what a component id means; None for one that means no drum of ours.

    >>> drum_of_component("HiHat"), drum_of_component("bass_drum"), drum_of_component("custom_gong")
    (<Drum.HIHAT_CLOSED: 'hihat_closed'>, <Drum.KICK: 'kick'>, None)
    """
    key = name.strip().lower().translate(_MARKS)
    return _OWN.get(key) or _ALIASES.get(key)
