"""Matching: which estimated onset answers which reference onset.

Flow: performance -> **matching** -> metrics

A pair may be matched when ``estimate - window <= reference <= estimate + window``, computed in float64
exactly as ``mir_eval.util.match_events`` does (so also ``mir_eval.onset``): distances are not rounded there,
and whether two onsets exactly one window apart match depends on the last bit. (``mir_eval.transcription``
does round them, to 0.1 ms.) Every onset is used at most once, and as many pairs are made as possible. Of all
such matchings the one with the smallest sum of distances is returned, which mir_eval leaves open.

In sorted order a matching never needs to cross: swapping two crossed pairs keeps both within the window and
makes neither longer in sum. So an alignment along the diagonal, limited to the pairs within the window, finds
the best.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TICKS = 1e6  # distances are compared in whole microseconds, so that sums are exact


def match_onsets(reference: ArrayLike, estimate: ArrayLike, window: float) -> NDArray[np.int64]:
    """Match onsets one to one.

    Args:
        reference: onset times, shape (n,), in any order.
        estimate: onset times, shape (m,), in any order.
        window: the largest distance, seconds, >= 0.

    Returns:
        Indices (reference, estimate) of the matched pairs, shape (pairs, 2), in order of time.

    Raises:
        ValueError: the times are not one-dimensional and finite, or the window is negative.

    >>> match_onsets([1.0, 2.0], [2.01, 1.02, 1.01], window=0.05).tolist()
    [[0, 2], [1, 0]]
    """
    ref_times, est_times = _validated(reference, "reference"), _validated(estimate, "estimate")
    if not (np.isfinite(window) and window >= 0):
        raise ValueError(f"window={window} must be a number >= 0")
    ref_order, est_order = np.argsort(ref_times, kind="stable"), np.argsort(est_times, kind="stable")
    pairs = _match_sorted(ref_times[ref_order], est_times[est_order], window)
    return np.column_stack([ref_order[pairs[:, 0]], est_order[pairs[:, 1]]])


def _validated(times: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} onsets of shape {array.shape} must be one-dimensional and finite")
    return array


def _match_sorted(ref: NDArray[np.float64], est: NDArray[np.float64], window: float) -> NDArray[np.int64]:
    """Match sorted onsets: pairs without any alternative at once, the rest by alignment."""
    first = np.searchsorted(ref, est - window, side="left")
    end = np.searchsorted(ref, est + window, side="right")
    lonely = _has_no_alternative(first, end, len(ref))
    rest = np.flatnonzero((end > first) & ~lonely)
    bands = np.column_stack([first[rest], end[rest]])
    aligned = _align(ref, est[rest], bands, window)
    aligned[:, 1] = rest[aligned[:, 1]]
    pairs = np.concatenate([np.column_stack([first[lonely], np.flatnonzero(lonely)]), aligned])
    return np.asarray(pairs[np.argsort(pairs[:, 0])], dtype=np.int64)


def _has_no_alternative(
    first: NDArray[np.intp], end: NDArray[np.intp], n_references: int
) -> NDArray[np.bool_]:
    """Return per estimate whether it reaches one reference that nothing else reaches."""
    size = n_references + 1
    reached = np.cumsum(np.bincount(first, minlength=size) - np.bincount(end, minlength=size))
    return np.asarray((end - first == 1) & (reached[np.minimum(first, size - 1)] == 1))


def _align(
    ref: NDArray[np.float64], est: NDArray[np.float64], bands: NDArray[np.intp], window: float
) -> NDArray[np.int64]:
    """Return the best pairs that do not cross; estimate ``k`` may take references ``bands[k]``.

    ``gains[k][c]`` is the best sum for the estimates up to ``k`` and the references below ``bands[k, 0] +
    c``. A pair is worth more than all distances together, less its own distance: number first, then
    closeness.
    """
    pair_value = (int(np.ceil(window * _TICKS)) + 1) * (len(est) + 1)
    gains: list[NDArray[np.int64]] = []
    for k, (low, high) in enumerate(bands):
        before = _gain_before(gains, bands, k)
        distances = np.rint(np.abs(ref[low:high] - est[k]) * _TICKS).astype(np.int64)
        best = before.copy()
        np.maximum(before[1:], before[:-1] + (pair_value - distances), out=best[1:])
        gains.append(np.maximum.accumulate(best))
    return _trace_back(gains, bands)


def _gain_before(gains: list[NDArray[np.int64]], bands: NDArray[np.intp], k: int) -> NDArray[np.int64]:
    """Return the gains of the estimates before ``k`` in the columns of ``k``'s band."""
    low, high = bands[k]
    if k == 0:
        return np.zeros(high - low + 1, dtype=np.int64)
    shift = low - bands[k - 1, 0]
    columns = np.minimum(np.arange(shift, shift + high - low + 1), len(gains[k - 1]) - 1)
    return gains[k - 1][columns]


def _trace_back(gains: list[NDArray[np.int64]], bands: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the pairs (reference, estimate) behind the last gain, later ones first."""
    pairs: list[tuple[int, int]] = []
    k = len(gains) - 1
    bound = int(bands[-1, 1]) if len(bands) else 0  # references below it are still free
    while k >= 0:
        low = int(bands[k, 0])
        column = min(bound - low, len(gains[k]) - 1)
        column = int(np.searchsorted(gains[k][: column + 1], gains[k][column]))  # leave references unused
        bound = low + column
        if column > 0 and gains[k][column] > _gain_before(gains, bands, k)[column]:
            bound -= 1
            pairs.append((bound, k))
        k -= 1
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
