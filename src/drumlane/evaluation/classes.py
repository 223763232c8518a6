"""Class sets: how fine two transcriptions are compared.

Flow: vocabulary -> **classes** -> metrics

A class set maps every drum to a class or to None; drums without a class are left out of reference and
estimate alike. Auxiliaries (no lane) have no class in any set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drumlane.errors import ConfigError, nearest_first
from drumlane.vocabulary import (
    FIVE_CLASS_OF_LANE,
    FIVE_CLASSES,
    LANE_NAMES,
    THREE_CLASS_OF_LANE,
    THREE_CLASSES,
    Drum,
    Lane,
)


@dataclass(frozen=True, slots=True)
class ClassSet:
    """Classes in order, and the class of each drum as an index into them."""

    name: str
    labels: tuple[str, ...]
    index_of_drum: Mapping[Drum, int | None]  # total over Drum


def class_set(name: str) -> ClassSet:
    """Return a class set by name.

    Raises:
        ConfigError: the name is unknown; the message lists the sets, nearest first.
    """
    try:
        return CLASS_SETS[name]
    except KeyError:
        raise ConfigError(
            f"class set {name!r} is unknown; class sets: {nearest_first(name, CLASS_SETS)}"
        ) from None


def _of_lanes(name: str, labels: tuple[str, ...], label_of: Callable[[Lane], str | None]) -> ClassSet:
    """Build a set whose classes are unions of lanes."""
    names = {drum: None if drum.lane is None else label_of(drum.lane) for drum in Drum}
    return ClassSet(name, labels, _indices(labels, names))


def _articulations() -> ClassSet:
    labels = tuple(drum.value for drum in Drum if drum.lane is not None)
    names = {drum: None if drum.lane is None else drum.value for drum in Drum}
    return ClassSet("articulations", labels, _indices(labels, names))


def _indices(labels: tuple[str, ...], names: Mapping[Drum, str | None]) -> Mapping[Drum, int | None]:
    return MappingProxyType({d: None if name is None else labels.index(name) for d, name in names.items()})


CLASS_SETS: Mapping[str, ClassSet] = MappingProxyType(
    {
        "three": _of_lanes("three", THREE_CLASSES, THREE_CLASS_OF_LANE.__getitem__),
        "five": _of_lanes("five", FIVE_CLASSES, FIVE_CLASS_OF_LANE.__getitem__),
        "lanes": _of_lanes("lanes", LANE_NAMES, lambda lane: lane.label),
        "articulations": _articulations(),
    }
)
