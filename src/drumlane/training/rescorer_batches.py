"""Rescorer batches: judged items side by side, shifted as unseen kits would shift them.

Flow: rescorer_items -> **rescorer_batches** -> rescorer_run

The transcriber has learnt from the kits that items are played on: it hears them better than others, and their
balance is no surprise. So heights are shifted by lane, levels, tone and velocities by drum, and what is heard
of the three toms by the tom that was struck.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drumlane.training.rescorer_config import RescorerRunConfig
from drumlane.training.rescorer_items import JudgedItem
from drumlane.transcription.candidates import DRUMS, LANE_OF_DRUM
from drumlane.transcription.energies import N_BANDS
from drumlane.transcription.stroke_balance import with_balance
from drumlane.transcription.stroke_features import (
    ALL_HEIGHTS,
    LEVEL,
    LEVEL_SCALE,
    N_DRUMS,
    N_LANES,
    OWN_HEIGHTS,
    SPECTRA,
    VELOCITY,
)
from drumlane.transcription.stroke_spectra import LOW_BANDS, SPECTRUM_SCALE, STRUCK_BANDS
from drumlane.transcription.toms import TOM_LANES

_STRETCH = 0.1  # deviation of a factor on own heights
_TOGETHER = 0.04  # s: what is heard in the lanes of toms this near to a stroke on one is that stroke
_TOMS = np.array([index for lane in TOM_LANES for index, drum in enumerate(DRUMS) if drum.lane is lane])


@dataclass(frozen=True, slots=True)
class RescorerBatch:
    """Items filled up to one length; (batch, strokes) unless said."""

    features: Tensor  # (batch, strokes, features)
    times: Tensor
    there: Tensor  # False where filled up
    real: Tensor  # 0 or 1
    velocities: Tensor  # nan where nothing was struck
    toms: Tensor  # 0 high, 1 middle, 2 low; -1: none


def collate(
    items: Sequence[JudgedItem], config: RescorerRunConfig, rng: np.random.Generator | None
) -> RescorerBatch:
    """Return items as a batch; without a generator they are as they are."""
    longest = max(len(item.times) for item in items)
    features = [item.features.astype(np.float32) for item in items]
    if rng is not None:
        features = [
            shifted(_with_toms_shifted(rows, item, config, rng), config, rng)
            for rows, item in zip(features, items, strict=True)
        ]
    features = [with_balance(rows) for rows in features]

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
        toms=filled([item.toms for item in items], -1, np.int64),
    )


def shifted(
    features: NDArray[np.float32], config: RescorerRunConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return features of one item as another kit might have given them."""
    out = features.copy()
    drums = out[:, :N_DRUMS].argmax(axis=1)
    by_lane = rng.normal(0, config.height_shift, N_LANES)
    out[:, OWN_HEIGHTS] = out[:, OWN_HEIGHTS] * rng.normal(1, _STRETCH) + by_lane[LANE_OF_DRUM[drums], None]
    out[:, ALL_HEIGHTS] += np.tile(by_lane / 2, 2)  # these are scaled down twice as far
    level_db, tone_db = (rng.normal(0, shift, N_DRUMS) for shift in (config.level_shift, config.tone_shift))
    level_db[_TOMS], tone_db[_TOMS] = level_db[_TOMS[0]], tone_db[_TOMS[0]]  # nothing that tells them apart
    out[:, LEVEL] += level_db[drums] / LEVEL_SCALE
    spectra = out[:, SPECTRA]
    tilt = np.linspace(-1, 1, N_BANDS)
    spectra[:, STRUCK_BANDS] += (level_db[:, None] + tone_db[:, None] * tilt)[drums] / SPECTRUM_SCALE
    spectra[:, LOW_BANDS] += (level_db - tone_db)[drums, None] / SPECTRUM_SCALE
    out[:, VELOCITY] += (rng.normal(0, config.velocity_shift, N_DRUMS))[drums]
    return out


def _with_toms_shifted(
    features: NDArray[np.float32], item: JudgedItem, config: RescorerRunConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return features with toms heard as higher or lower ones, all strokes on one tom alike.

    The heights of the three lanes are moved against each other, the greatest of them stays; candidates go to
    the lane that is the highest then.
    """
    struck = np.flatnonzero(item.toms >= 0)
    shared, own, middle = (rng.normal(0, config.tom_shift, n) for n in (1, len(TOM_LANES), len(TOM_LANES)))
    if not len(struck):
        return features
    axis = (0.8 * shared + own) / 2
    shifts = np.stack([axis, 0.7 * middle, -axis], axis=1)  # (tom struck, lane), logits
    nearest = struck[np.abs(item.times[:, None] - item.times[struck]).argmin(axis=1)]
    near = np.abs(item.times - item.times[nearest]) < _TOGETHER
    out = features.copy()
    for which in range(2):  # with what comes back believed, and as heard
        columns = ALL_HEIGHTS.start + which * N_LANES + np.array(TOM_LANES)
        heights = out[np.ix_(near, columns)]
        moved = heights + shifts[item.toms[nearest[near]]] / 4
        moved += (heights.max(axis=1) - moved.max(axis=1))[:, None]
        out[np.ix_(near, columns)] = moved
    rows = np.flatnonzero(near & features[:, _TOMS].any(axis=1))
    highest = out[rows][:, ALL_HEIGHTS.start + np.array(TOM_LANES)].argmax(axis=1)
    out[np.ix_(rows, _TOMS)] = np.eye(len(TOM_LANES))[highest]
    return out
