"""Stroke features: what the second hearing is told of each candidate.

Flow: candidates, stroke_levels, stroke_spectra -> **stroke_features** -> models.rescorer_model

Nothing here knows how loud a recording is or how its kit is tuned: levels are against the recording's own, by
its weighted median. Everything is brought to about -1..1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.candidates import DRUMS, Candidates
from drumlane.transcription.dynamics import logit
from drumlane.transcription.stroke_levels import N_GROUPS, StrokeLevels
from drumlane.transcription.stroke_spectra import N_SPECTRA
from drumlane.vocabulary import ARTICULATIONS, LANES

CURVE_DB = 35.0  # dB for a tenfold velocity, as kits are played by ``rendering.stage``
_STEPS, _LEAST_STEPS = 164.0, -15.0  # MIDI steps of the network's velocities of 1 and 0: they are too even
_LONGEST = 4.0  # s between strokes that makes a difference
_SHORTEST = 0.005  # s

N_DRUMS, N_LANES = len(DRUMS), len(LANES)
# Where training may shift a column: see ``training.rescorer_batches``.
OWN_HEIGHTS = slice(N_DRUMS, N_DRUMS + 2)
ALL_HEIGHTS = slice(OWN_HEIGHTS.stop, OWN_HEIGHTS.stop + 2 * N_LANES)
VELOCITY = ALL_HEIGHTS.stop
LEVEL = VELOCITY + 1 + len(ARTICULATIONS) + N_LANES
LEVEL_SCALE = 8.0  # dB
_SPREAD_DB = 6.0
GAPS = slice(LEVEL + 5 + 2 * N_GROUPS, LEVEL + 9 + 2 * N_GROUPS)
SPECTRA = slice(GAPS.stop, GAPS.stop + N_SPECTRA)
N_FEATURES = SPECTRA.stop

Floats = NDArray[np.float64]


def stroke_features(
    candidates: Candidates,
    levels: StrokeLevels,
    spectra: NDArray[np.float32],
    thresholds: tuple[float, ...],
) -> NDArray[np.float32]:
    """Return one row for each candidate, shape (strokes, ``N_FEATURES``).

    Args:
        candidates: of a recording or of a part of it.
        levels: theirs.
        spectra: theirs, shape (strokes, ``N_SPECTRA``).
        thresholds: of the first hearing, in lane order.
    """
    if not len(candidates):
        return np.zeros((0, N_FEATURES), dtype=np.float32)
    lanes, drums = candidates.lanes, candidates.drums
    own = np.array(thresholds)[lanes]
    plain = candidates.plain[np.arange(len(lanes)), lanes]
    weights = np.clip(candidates.heights / own - 0.3, 0.02, 1.5)
    loudness = loudness_of(_STEPS * candidates.velocities + _LEAST_STEPS)
    columns = [
        (logit(candidates.heights) - logit(own)) / 2,
        (logit(plain) - logit(own)) / 2,
        logit(candidates.activations) / 4,
        logit(candidates.plain) / 4,
        4 * candidates.velocities - 2,
        2 * candidates.articulations - 0.6,
        2 * candidates.presences - 1,
        np.clip(levels.level - _weighted_median(levels.level, weights), -40, 25) / LEVEL_SCALE,
        2 * levels.share - 1,
        _above_own_median(levels.level, weights, drums),
        _above_own_median(loudness, weights, drums),
        *(_above_own_median(of_group, weights, drums) for of_group in levels.group_levels.T),
        2 * levels.group_shares - 1,
        np.log1p(_sum_by(weights, drums)) / 3 - 0.5,
        *gaps_of(candidates.times, lanes),
        spectra,
    ]
    rows = [column[:, None] if column.ndim == 1 else column for column in columns]
    return np.concatenate([np.eye(N_DRUMS)[drums], *rows], axis=1).astype(np.float32)


def as_heard(velocities: NDArray[np.floating[Any]]) -> Floats:
    """Return what the network would say of MIDI velocities, 0..1, same shape."""
    return np.asarray((velocities - _LEAST_STEPS) / _STEPS, dtype=np.float64)


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _above_own_median(values: Floats, weights: Floats, groups: NDArray[np.intp]) -> Floats:
    """Return how far each value in dB lies above the weighted median of its group, about -1..1."""
    above = np.zeros(len(values))
    for group in np.unique(groups):
        mine = groups == group
        above[mine] = values[mine] - _weighted_median(values[mine], weights[mine])
    return np.asarray(np.clip(above, -30, 20) / _SPREAD_DB)


def _sum_by(weights: Floats, groups: NDArray[np.intp]) -> Floats:
    return np.asarray(np.bincount(groups, weights=weights)[groups], dtype=np.float64)


def loudness_of(velocities: NDArray[np.floating[Any]]) -> Floats:
    """Return how loud strokes of MIDI velocities are against the hardest of their drum, dB, same shape."""
    return np.asarray(CURVE_DB * np.log10(np.clip(velocities.astype(np.float64), 5, 127) / 127))


def gaps_of(times: Floats, lanes: NDArray[np.intp]) -> list[Floats]:
    """Return the columns ``GAPS``: times to the strokes before and after, of all and of the same lane.

    Args:
        times: of strokes in order, seconds.
        lanes: theirs.
    """
    return [*_gaps(times, np.zeros_like(lanes)), *_gaps(times, lanes)]


def _gaps(times: Floats, groups: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return the logarithms of the times to the one before and the next one of the same group."""
    before, after = np.zeros(len(times)), np.zeros(len(times))
    for group in np.unique(groups):
        mine = np.flatnonzero(groups == group)
        gaps = np.diff(times[mine])
        before[mine] = np.concatenate([[_LONGEST], gaps])
        after[mine] = np.concatenate([gaps, [_LONGEST]])
    scaled = [np.log(np.clip(gap, _SHORTEST, _LONGEST) + _SHORTEST) / 2 + 1 for gap in (before, after)]
    return scaled[0], scaled[1]
