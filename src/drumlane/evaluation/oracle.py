"""Oracle: how much of the loss is the threshold's, and how much is the network's.

Flow: evidence, references -> **oracle** -> error_report

Each lane is decoded again with every threshold of a grid, all other settings kept. The best one in hindsight,
for all tracks together and for each track alone, bounds what a better choice of thresholds can give; what is
missing beyond that has to come from the activations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.counts import Counts
from drumlane.evaluation.evidence import Evidence
from drumlane.evaluation.matching import match_onsets
from drumlane.performance import Performance
from drumlane.transcription.activations import PieceActivations
from drumlane.transcription.decoding import Decoder, decode, with_repetition
from drumlane.vocabulary import LANES, Lane

GRID = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, slots=True)
class OracleLane:
    """One lane with thresholds chosen in hindsight."""

    lane: Lane
    threshold: float  # in use
    now: Counts  # with it
    best_threshold: float  # of all tracks together
    best: Counts  # with it
    best_by_track: Counts  # with each track's own best threshold


def oracle(tracks: Iterable[tuple[Performance, Evidence]], tolerance: float) -> tuple[OracleLane, ...]:
    """Return the best thresholds of every lane in hindsight; empty if no track has activations.

    Args:
        tracks: references and what the network heard, all by the same network.
        tolerance: seconds.
    """
    heard = [
        (reference, evidence.activations, evidence.decoder)
        for reference, evidence in tracks
        if evidence.activations is not None and evidence.decoder is not None
    ]
    if not heard:
        return ()
    thresholds = heard[0][2].thresholds
    table = np.array([_counts(*track, thresholds, tolerance) for track in heard])
    return tuple(_best_of_lane(lane, thresholds[lane], table[:, :, lane]) for lane in LANES)


def _counts(
    reference: Performance,
    activations: PieceActivations,
    decoder: Decoder,
    in_use: Sequence[float],
    tolerance: float,
) -> NDArray[np.int64]:
    """Return (tp, fp, fn) for every threshold, those in use last, shape (grid + 1, 8, 3)."""
    truth = [reference.lane_times(lane) for lane in LANES]
    choices = [*((threshold,) * len(LANES) for threshold in GRID), tuple(in_use)]
    table = np.zeros((len(choices), len(LANES), 3), dtype=np.int64)
    heard = with_repetition(activations, decoder.repetition)  # once: it takes longer than all the rest
    plain = replace(decoder, repetition=0.0, articulations=False)
    for row, thresholds in zip(table, choices, strict=True):
        estimate = decode(heard, replace(plain, thresholds=thresholds))
        for lane in LANES:
            times = estimate.lane_times(lane)
            tp = len(match_onsets(truth[lane], times, tolerance))
            row[lane] = tp, len(times) - tp, len(truth[lane]) - tp
    return table


def _best_of_lane(lane: Lane, in_use: float, table: NDArray[np.int64]) -> OracleLane:
    """Choose from counts of shape (tracks, grid + 1, 3)."""
    total = table.sum(axis=0)
    best = _best(total)
    by_track = sum((Counts(*counts[_best(counts)].tolist()) for counts in table), Counts())
    return OracleLane(
        lane=lane,
        threshold=in_use,
        now=Counts(*total[-1].tolist()),
        best_threshold=(*GRID, in_use)[best],
        best=Counts(*total[best].tolist()),
        best_by_track=by_track,
    )


def _best(counts: NDArray[np.int64]) -> int:
    """Return the row of (tp, fp, fn) with the highest F, of equal ones that with fewest false hits."""
    tp, fp, fn = counts.T
    hits = 2 * tp + fp + fn
    f = np.divide(2 * tp, hits, out=np.ones(len(hits)), where=hits > 0)
    return int(np.lexsort((fp, -f))[0])
