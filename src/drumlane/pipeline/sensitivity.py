"""Sensitivity: BeatSight's 0 to 100 as thresholds of this package's own.

Flow: models.card -> **sensitivity** -> process

60, BeatSight's usual value, leaves the thresholds that a model was calibrated with. Every 20 more halve the
odds that an activation must have to be a hit, every 20 less double them: thresholds stay between 0 and 1.
"""

from collections.abc import Mapping

from drumlane.errors import ConfigError

CALIBRATED = 60.0
LEAST, MOST = 0.0, 100.0
_PER_DOUBLING = 20.0


def thresholds_at(sensitivity: float, calibrated: Mapping[str, float]) -> dict[str, float]:
    """Return the thresholds of all lanes.

    Raises:
        ConfigError: the sensitivity is outside 0 to 100.

    >>> thresholds_at(60, {"kick": 0.4}), thresholds_at(80, {"kick": 0.5})
    ({'kick': 0.4}, {'kick': 0.3333333333333333})
    """
    check_sensitivity(sensitivity)
    factor = 2.0 ** ((CALIBRATED - sensitivity) / _PER_DOUBLING)
    if factor == 1:
        return dict(calibrated)
    odds = {lane: factor * value / (1.0 - value) for lane, value in calibrated.items()}
    return {lane: value / (1.0 + value) for lane, value in odds.items()}


def check_sensitivity(sensitivity: float) -> None:
    """Refuse what is no sensitivity.

    Raises:
        ConfigError: it is outside 0 to 100.
    """
    if not LEAST <= sensitivity <= MOST:
        raise ConfigError(f"sensitivity {sensitivity:g} must be {LEAST:g} to {MOST:g}")
