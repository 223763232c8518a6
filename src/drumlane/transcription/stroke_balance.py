"""Stroke balance: how loud the drums of a recording are against each other, and how evenly each is struck.

Flow: stroke_features -> **stroke_balance** -> models.rescorer_model

How hard a drum is struck is told by how loud it is only if the kit's balance is known, and no two kits have
the same. But people strike drums in known ways: a drum whose loudness hardly varies is struck hard, because a
few steps of velocity are few decibels there; an electronic kit's hardest strokes are all equally loud; and
backbeats are louder than what lies between them. So each stroke is told of the spread of its own drum and of
the levels of all lanes.

Read off the features themselves, after whatever training changed in them.
"""

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.candidates import LANE_OF_DRUM
from drumlane.transcription.stroke_features import (
    LEVEL,
    LEVEL_SCALE,
    N_DRUMS,
    N_FEATURES,
    N_LANES,
    OWN_HEIGHTS,
)
from drumlane.vocabulary import LANES

_QUANTILES = (0.1, 0.5, 0.9, 0.97)
_CEILING_DB = 1.0  # strokes this near to the loudest of their drum are as loud
_OF_DRUM, _OF_LANE = 6, 3
N_BALANCE = _OF_DRUM + N_LANES * _OF_LANE
N_INPUTS = N_FEATURES + N_BALANCE  # what the rescorer is told of a stroke

Floats = NDArray[np.float32]


def with_balance(features: Floats) -> Floats:
    """Return features with the balance of the recording beside them, shape (strokes, ``N_INPUTS``).

    Args:
        features: of ``stroke_features``, shape (strokes, ``N_FEATURES``).
    """
    levels = features[:, LEVEL].astype(np.float64)
    weights = 1 / (1 + np.exp(-3 * features[:, OWN_HEIGHTS.start].astype(np.float64)))
    drums = features[:, :N_DRUMS].argmax(axis=1)
    of_drum = np.zeros((len(features), _OF_DRUM))
    for drum in np.unique(drums):
        mine = drums == drum
        of_drum[mine] = _of_drum(levels[mine], weights[mine])
    of_lanes = np.zeros((N_LANES, _OF_LANE))
    lanes = LANE_OF_DRUM[drums]
    for lane in LANES:
        mine = lanes == lane
        if mine.any():
            low, middle, high, _ = _quantiles(levels[mine], weights[mine])
            of_lanes[lane] = middle, high - low, np.log1p(weights[mine].sum()) / 3
    alike = np.broadcast_to(of_lanes.ravel(), (len(features), of_lanes.size))
    return np.concatenate([features, of_drum, alike], axis=1).astype(np.float32)


def _of_drum(levels: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the spread of a drum's levels and where strokes lie in it, (strokes, ``_OF_DRUM``)."""
    low, middle, high, highest = _quantiles(levels, weights)
    as_loud = weights[np.abs(levels - highest) < _CEILING_DB / LEVEL_SCALE].sum() / weights.sum()
    spread = [middle, middle - low, high - middle, highest - middle, 2 * as_loud - 0.5]
    return np.concatenate([np.tile(spread, (len(levels), 1)), (levels - highest)[:, None]], axis=1)


def _quantiles(levels: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(levels)
    total = np.cumsum(weights[order])
    return np.asarray(levels[order][np.searchsorted(total, np.array(_QUANTILES) * total[-1])])
