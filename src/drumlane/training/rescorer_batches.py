"""Rescorer batches: judged items side by side, shifted as unseen kits would shift them.

Flow: rescorer_items -> **rescorer_batches** -> rescorer_run

The transcriber has learnt from the kits that items are played on: it hears them better than others, and their
balance is no surprise. So heights are shifted by lane, levels and velocities by drum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drumlane.training.rescorer_config import RescorerRunConfig
from drumlane.training.rescorer_items import JudgedItem
from drumlane.transcription.candidates import DRUMS
from drumlane.transcription.stroke_features import (
    ALL_HEIGHTS,
    LEVEL,
    LEVEL_SCALE,
    N_DRUMS,
    N_LANES,
    OWN_HEIGHTS,
    VELOCITY,
)

_STRETCH = 0.1  # deviation of a factor on own heights
_LANE_OF_DRUM = np.array([-1 if drum.lane is None else int(drum.lane) for drum in DRUMS])


@dataclass(frozen=True, slots=True)
class RescorerBatch:
    """Items filled up to one length; (batch, strokes) unless said."""

    features: Tensor  # (batch, strokes, features)
    times: Tensor
    there: Tensor  # False where filled up
    real: Tensor  # 0 or 1
    velocities: Tensor  # nan where nothing was struck


def collate(
    items: Sequence[JudgedItem], config: RescorerRunConfig, rng: np.random.Generator | None
) -> RescorerBatch:
    """Return items as a batch; without a generator they are as they are."""
    longest = max(len(item.times) for item in items)
    features = [item.features.astype(np.float32) for item in items]
    if rng is not None:
        features = [shifted(rows, config, rng) for rows in features]

    def filled(rows: Sequence[NDArray[np.generic]], value: float, kind: type) -> Tensor:
        out = np.full((len(rows), longest, *rows[0].shape[1:]), value, kind)
        for line, row in zip(out, rows, strict=True):
            line[: len(row)] = row
        return torch.from_numpy(out)

    return RescorerBatch(
        features=filled(features, 0.0, np.float32),
        times=filled([item.times for item in items], 0.0, np.float32),
        there=filled([np.ones(len(item.times), bool) for item in items], False, np.bool_),
        real=filled([item.real for item in items], 0.0, np.float32),
        velocities=filled([item.velocities for item in items], np.nan, np.float32),
    )


def shifted(
    features: NDArray[np.float32], config: RescorerRunConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return features of one item as another kit might have given them."""
    out = features.copy()
    drums = out[:, :N_DRUMS].argmax(axis=1)
    by_lane = rng.normal(0, config.height_shift, N_LANES)
    out[:, OWN_HEIGHTS] = out[:, OWN_HEIGHTS] * rng.normal(1, _STRETCH) + by_lane[_LANE_OF_DRUM[drums], None]
    out[:, ALL_HEIGHTS] += np.tile(by_lane / 2, 2)  # these are scaled down twice as far
    out[:, LEVEL] += (rng.normal(0, config.level_shift / LEVEL_SCALE, N_DRUMS))[drums]
    out[:, VELOCITY] += (rng.normal(0, config.velocity_shift, N_DRUMS))[drums]
    return out
