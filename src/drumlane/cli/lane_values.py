"""Lane values: ``0.3`` or ``kick=0.3,snare=0.2`` on a command line."""

from collections.abc import Iterable, Mapping

from drumlane.errors import ConfigError
from drumlane.vocabulary import LANE_NAMES, lane_by_name


def parse_lane_values(texts: Iterable[str], low: float, high: float) -> Mapping[str, float] | None:
    """Return the value of each lane that the texts speak of, later ones over earlier ones; None for no texts.

    Args:
        texts: each a number for every lane, or ``lane=number`` pairs with commas between.
        low: the least value allowed.
        high: values must be less.

    Raises:
        ConfigError: a lane is unknown, or a value is no number or out of range.

    >>> parse_lane_values(["kick=0.3,ride=0.2"], 0, 1)
    {'kick': 0.3, 'ride': 0.2}
    """
    values: dict[str, float] = {}
    for part in (part for text in texts for part in text.split(",")):
        name, given, number = part.rpartition("=")
        lanes = (lane_by_name(name.strip()).label,) if given else LANE_NAMES
        values |= dict.fromkeys(lanes, _number(number, low, high))
    return values or None


def _number(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"{text.strip()!r} is not a number; write 0.3 or kick=0.3,snare=0.2") from None
    if not low <= value < high:
        raise ConfigError(f"{value:g} must be at least {low:g} and less than {high:g}")
    return value
