"""Thresholds: the decoder's settings, chosen on rendered items of held-out kits.

Flow: module / export -> **thresholds** -> models.card

For each lane every threshold of a grid is scored by note-level F at ±50 ms, pooled over the items. Of those
that are nearly as good as the best one in the upper part is taken: recordings hold more than items do of what
is no drum, never less.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.counts import Counts
from drumlane.evaluation.matching import match_onsets
from drumlane.performance import Hit
from drumlane.transcription.peaks import nearest_frames, pick_peaks
from drumlane.transcription.rivals import TOGETHER, without_rivals
from drumlane.vocabulary import LANES, Lane

GRID = tuple(np.round(np.arange(0.05, 0.91, 0.05), 2).tolist())
TOLERANCE = 0.05  # s
NEARLY_BEST = 0.006  # of F
# Seconds between strokes of one lane: flams and rolls on the snare and fast hats stay.
MINIMUM_GAPS = (0.04, 0.028, 0.025, 0.03, 0.03, 0.03, 0.05, 0.035)
# Ends at .6: items seldom lose a lane for a while, songs do, and thresholds of .7 to .9 lost whole drums.
PRESENCE_GRID = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)

Onsets = NDArray[np.float32]  # (frames, 8), 0..1


def best_thresholds(
    onsets: Sequence[Onsets], references: Sequence[Sequence[Hit]], fps: float, gaps: Sequence[float]
) -> tuple[tuple[float, ...], tuple[Counts, ...]]:
    """Return a threshold for each lane and the counts it gives.

    Args:
        onsets: activations of each item.
        references: hits of each item.
        fps: frames a second.
        gaps: minimum gap of each lane in seconds.
    """
    chosen = [_best_of_lane(lane, onsets, references, fps, gaps[lane]) for lane in LANES]
    return tuple(t for t, _ in chosen), tuple(c for _, c in chosen)


def best_presences(
    heard: Sequence[tuple[Onsets, Onsets]],
    references: Sequence[Sequence[Hit]],
    fps: float,
    gaps: Sequence[float],
    thresholds: Sequence[float],
) -> tuple[float, ...]:
    """Return for each lane the mean presence below which its peaks are better not believed.

    Args:
        heard: onset activations and mean presence of each item.
        references: hits of each item.
        fps: frames a second.
        gaps: minimum gap of each lane in seconds.
        thresholds: onset thresholds of each lane.
    """
    chosen = []
    for lane in LANES:
        table = [Counts(0, 0, 0)] * len(PRESENCE_GRID)
        for (onset, presence), hits in zip(heard, references, strict=True):
            reference = np.array([h.time for h in hits if h.drum.lane is lane])
            times, _ = pick_peaks(onset[:, lane], thresholds[lane], gaps[lane], fps)
            there = presence[nearest_frames(times, fps, len(onset)), lane]
            for i, least in enumerate(PRESENCE_GRID):
                table[i] += count(reference, times[there >= least])
        good = _nearly_best([c.f for c in table])
        chosen.append(PRESENCE_GRID[int(good[-1])])  # music is without drums for longer
    return tuple(chosen)


def best_joint_threshold(
    lanes: Sequence[Lane],
    onsets: Sequence[Onsets],
    references: Sequence[Sequence[Hit]],
    fps: float,
    gaps: Sequence[float],
) -> float:
    """Return the threshold that suits lanes best when it does not matter which of them a stroke is in.

    Args:
        lanes: of one group of rivals.
        onsets: activations of each item.
        references: hits of each item.
        fps: frames a second.
        gaps: minimum gap of each lane in seconds.
    """
    totals = [Counts()] * len(GRID)
    for reference, times, heights in joint_peaks(lanes, onsets, references, fps, gaps):
        for i, threshold in enumerate(GRID):
            totals[i] += count(reference, times[heights >= threshold])
    chosen: float = GRID[_upper(_nearly_best([c.f for c in totals]))]
    return chosen


def joint_peaks(
    lanes: Sequence[Lane],
    onsets: Sequence[Onsets],
    references: Sequence[Sequence[Hit]],
    fps: float,
    gaps: Sequence[float],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Yield for each item the strokes on any of some lanes, and times and heights of peaks in any of them.

    Arguments as of ``best_joint_threshold``.
    """
    for onset, hits in zip(onsets, references, strict=True):
        reference = _apart([hit.time for hit in hits if hit.drum.lane in lanes])
        peaks = [
            pick_peaks(onset[:, lane], GRID[0] if lane in lanes else np.inf, gaps[lane], fps)
            for lane in LANES
        ]
        peaks = without_rivals(peaks, (1.0,) * len(LANES))
        times = np.concatenate([peaks[lane][0] for lane in lanes])
        heights = np.concatenate([peaks[lane][1] for lane in lanes])
        order = np.argsort(times, kind="stable")
        yield reference, times[order], heights[order]


def _apart(times: Sequence[float]) -> NDArray[np.float64]:
    """Return times in order, of such as are together the first: two toms at once are one stroke here."""
    kept: list[float] = []
    for time in sorted(times):
        if not kept or time - kept[-1] > TOGETHER:
            kept.append(time)
    return np.array(kept, dtype=np.float64)


def micro_f(counts: Sequence[Counts]) -> float:
    """Return F of the pooled counts."""
    return sum(counts, Counts(0, 0, 0)).f


def _best_of_lane(
    lane: Lane, onsets: Sequence[Onsets], references: Sequence[Sequence[Hit]], fps: float, gap: float
) -> tuple[float, Counts]:
    table = counts_of_lane(lane, onsets, references, (fps, gap), GRID)
    good = _nearly_best([c.f for c in table])
    chosen = _upper(good)
    return GRID[chosen], table[chosen]


def counts_of_lane(
    lane: Lane,
    onsets: Sequence[Onsets],
    references: Sequence[Sequence[Hit]],
    picking: tuple[float, float],
    grid: Sequence[float],
) -> tuple[Counts, ...]:
    """Return the counts of one lane at each threshold of a rising grid.

    Args:
        lane: that is counted.
        onsets: activations of each item.
        references: hits of each item.
        picking: frames a second, and the minimum gap in seconds.
        grid: thresholds.
    """
    fps, gap = picking
    totals = [Counts()] * len(grid)
    for onset, hits in zip(onsets, references, strict=True):
        reference = np.array([hit.time for hit in hits if hit.drum.lane is lane], dtype=np.float64)
        times, heights = pick_peaks(onset[:, lane], grid[0], gap, fps)
        found, n_kept = Counts(), -1
        for i, threshold in enumerate(grid):
            kept = times[heights >= threshold]
            if len(kept) != n_kept:  # most thresholds keep the same peaks as the one below
                found, n_kept = count(reference, kept), len(kept)
            totals[i] += found
    return tuple(totals)


def _nearly_best(scores: Sequence[float]) -> NDArray[np.intp]:
    f = np.nan_to_num(scores)  # a lane without hits has no F
    return np.flatnonzero(f >= f.max() - NEARLY_BEST)


def _upper(good: NDArray[np.intp]) -> int:
    """Return the one three quarters up: recordings hold more than items do of what is no drum."""
    return int(good[3 * len(good) // 4])


def count(reference: NDArray[np.float64], estimate: NDArray[np.float64]) -> Counts:
    """Return matched, false and missed onsets at ±50 ms."""
    matched = len(match_onsets(reference, estimate, TOLERANCE))
    return Counts(matched, len(estimate) - matched, len(reference) - matched)
