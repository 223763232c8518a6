"""Recorded kits: those of the manifest and those that the user adds, for training and for validation.

Flow: rendering.kits, rendering.open_kit -> **recorded_kits** -> items
"""

import numpy as np

from drumlane.data.families import TEST_FAMILIES, VALIDATION_FAMILIES, in_training, in_validation
from drumlane.errors import DatasetError
from drumlane.rendering.kits import Kit, load_kits
from drumlane.rendering.open_kit import open_kit
from drumlane.rendering.procedural import procedural_kit
from drumlane.training.sections import DataConfig

N_STAND_INS = 8  # procedural kits that validate where there is no manifest
_STAND_IN_SEED = 10**9 + 7  # apart from the procedural kits that are trained on


def recorded_kits(data: DataConfig, training: bool) -> list[Kit]:
    """Return the kits of a split besides the program's own.

    The user's kits are for training. Without a manifest no recorded kit is left to validate on that training
    does not hear: procedural kits of other seeds stand in.

    Raises:
        DatasetError: a kit is missing or broken, is held out from training, or none is left.
        AudioError: a sample cannot be decoded.
    """
    chosen = in_training if training else in_validation
    kits = load_kits(data.kits, chosen)[: data.max_kits] if data.kits else []
    if training:
        return kits + _more_kits(data)
    return kits or [procedural_kit(np.random.default_rng((_STAND_IN_SEED, i))) for i in range(N_STAND_INS)]


def _more_kits(data: DataConfig) -> list[Kit]:
    kits = []
    for path in data.more_kits:
        kit = open_kit(path)
        if kit.family in (*VALIDATION_FAMILIES, *TEST_FAMILIES):
            raise DatasetError(
                f"{path}: the kit family {kit.family!r} is held out to validate and test models; take it out "
                "of data.more_kits, or rename it if it shares no recording with that family"
            )
        kits.append(kit)
    return kits
