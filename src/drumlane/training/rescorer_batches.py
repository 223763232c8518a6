"""Rescorer batches: judged items side by side, shifted as unseen kits would shift them.

Flow: rescorer_items -> **rescorer_batches** -> rescorer_run

The transcriber has learnt from the kits that items are played on: it hears them better than others, and their
balance is no surprise. So heights are shifted by lane, levels, tone, colour and velocities by drum, and what
is heard of the three toms by the tom that was struck. Grooves would be known again, too, and with them how
hard each stroke was: so an item is a part of what was rendered, at another tempo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

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
    GAPS,
    LEVEL,
    LEVEL_SCALE,
    N_DRUMS,
    N_LANES,
    OWN_HEIGHTS,
    SPECTRA,
    VELOCITY,
    gaps_of,
    loudness_of,
)
from drumlane.transcription.stroke_spectra import LOW_BANDS, N_SPECTRA, SPECTRUM_SCALE, STRUCK_BANDS
from drumlane.transcription.toms import TOM_LANES

_STRETCH = 0.1  # deviation of a factor on own heights
_HIDDEN = 0.2, 1.2  # share of the bands that are left out; above 1: all
_FEWEST = 4  # strokes of a part
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
    if rng is not None:
        items = [_played_otherwise(item, config, rng) for item in items]
    longest = max(len(item.times) for item in items)
    features = [item.features.astype(np.float32) for item in items]
    if rng is not None:
        features = [
            _on_another_kit(rows, item, items, config, rng)
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


def balance_of(item: JudgedItem) -> NDArray[np.float64]:
    """Return how loud each drum is at a velocity of 127, in dB, (drums,); nan: it is hardly struck.

    Toms are one drum here.
    """
    drums = item.features[:, :N_DRUMS].argmax(axis=1)
    off = item.features[:, LEVEL].astype(np.float64) * LEVEL_SCALE - loudness_of(item.velocities)
    balance = np.full(N_DRUMS, np.nan)
    alone = [np.array([drum]) for drum in range(N_DRUMS) if drum not in _TOMS]
    for group in (*alone, _TOMS):
        mine = off[item.real & np.isin(drums, group)]
        if len(mine) >= _FEWEST:
            balance[group] = np.median(mine)
    return balance


def _on_another_kit(
    features: NDArray[np.float32],
    item: JudgedItem,
    items: Sequence[JudgedItem],
    config: RescorerRunConfig,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return features of one item as another kit might have given them, or with another item's balance."""
    features = _with_toms_shifted(features, item, config, rng)
    balance = None
    if rng.random() < config.balance_swapped:
        balance = _louder_in(items[int(rng.integers(len(items)))], item)
    return shifted(features, config, rng, balance)


def _louder_in(other: JudgedItem, item: JudgedItem) -> NDArray[np.float64]:
    """Return by how many dB each drum would be louder in another item's balance; 0 where that is not known.

    Levels are against the recording's own, so what all strokes have in common is left out.
    """
    louder = balance_of(other) - balance_of(item)
    of_strokes = louder[item.features[:, :N_DRUMS].argmax(axis=1)]
    if np.isnan(of_strokes).all():
        return np.zeros(N_DRUMS)
    return np.asarray(np.nan_to_num(louder - np.nanmedian(of_strokes)))


def shifted(
    features: NDArray[np.float32],
    config: RescorerRunConfig,
    rng: np.random.Generator,
    balance: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Return features of one item as another kit might have given them.

    Args:
        features: of the item.
        config: how far what is shifted.
        rng: draws the shifts.
        balance: dB by which each drum is to be louder, besides.
    """
    out = features.copy()
    drums = out[:, :N_DRUMS].argmax(axis=1)
    by_lane = rng.normal(0, config.height_shift, N_LANES)
    out[:, OWN_HEIGHTS] = out[:, OWN_HEIGHTS] * rng.normal(1, _STRETCH) + by_lane[LANE_OF_DRUM[drums], None]
    out[:, ALL_HEIGHTS] += np.tile(by_lane / 2, 2)  # these are scaled down twice as far
    level_db, tone_db = (rng.normal(0, shift, N_DRUMS) for shift in (config.level_shift, config.tone_shift))
    level_db[_TOMS], tone_db[_TOMS] = level_db[_TOMS[0]], tone_db[_TOMS[0]]  # nothing that tells them apart
    if balance is not None:
        level_db = level_db + balance
    out[:, LEVEL] += level_db[drums] / LEVEL_SCALE
    spectra = out[:, SPECTRA]
    tilt = np.linspace(-1, 1, N_BANDS)
    spectra[:, STRUCK_BANDS] += (level_db[:, None] + tone_db[:, None] * tilt)[drums] / SPECTRUM_SCALE
    spectra[:, LOW_BANDS] += (level_db - tone_db)[drums, None] / SPECTRUM_SCALE
    colours = rng.normal(0, config.colour_shift / SPECTRUM_SCALE, (N_DRUMS, N_SPECTRA))
    colours[_TOMS] = colours[_TOMS[0]]
    spectra += colours[drums]
    if rng.random() < config.spectra_hidden:
        spectra[:, rng.random(N_SPECTRA) < rng.uniform(*_HIDDEN)] = 0.0
    out[:, VELOCITY] += (rng.normal(0, config.velocity_shift, N_DRUMS))[drums]
    return out


def _played_otherwise(item: JudgedItem, config: RescorerRunConfig, rng: np.random.Generator) -> JudgedItem:
    """Return a part of an item, at another tempo."""
    factor = np.exp(rng.normal(0, config.tempo_shift))
    whole = float(item.times[-1])
    length = rng.uniform(config.least_share, 1.0) * whole
    start = rng.uniform(0, whole - length)
    kept = np.flatnonzero((item.times >= start) & (item.times <= start + length))
    if len(kept) < _FEWEST:
        kept = np.arange(len(item.times))
    columns = {f.name: getattr(item, f.name)[kept] for f in fields(item)}
    times = (columns["times"] - columns["times"][0]).astype(np.float64) * factor
    columns["times"] = times.astype(np.float32)
    drums = columns["features"][:, :N_DRUMS].argmax(axis=1)
    columns["features"][:, GAPS] = np.stack(gaps_of(times, LANE_OF_DRUM[drums]), axis=1)
    return JudgedItem(**columns)


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
