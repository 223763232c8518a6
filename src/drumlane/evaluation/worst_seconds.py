"""Worst seconds: where the errors are thickest, to look at and to listen to.

Flow: verdicts -> **worst_seconds** -> error_pictures, error_report
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from drumlane.evaluation.counts import Counts
from drumlane.evaluation.verdicts import JudgedTrack, Verdict, count

LENGTH = 1.0  # seconds
LEAD = 0.05  # seconds before the first error
NUMBER = 10
PER_TRACK = 2  # more of one track would show its one problem over and over; fewer tracks give more each


@dataclass(frozen=True, slots=True, eq=False)
class WorstSecond:
    """One second of a track."""

    track: JudgedTrack
    start: float  # seconds; the second ends before start + LENGTH
    counts: Counts  # of the hits inside


def worst_seconds(
    tracks: Sequence[JudgedTrack], number: int = NUMBER, per_track: int = PER_TRACK
) -> tuple[WorstSecond, ...]:
    """Return the seconds with most errors, worst first; they do not overlap.

    Tracks without an estimate are left out: there is nothing to learn from where their hits lie.
    """
    heard = [track for track in tracks if track.has_estimate]
    most = max(per_track, ceil(number / max(1, len(heard))))
    found = [second for track in heard for second in _of_track(track, most)]
    return tuple(
        sorted(found, key=lambda second: -_n_errors(second.counts))[:number]
    )  # stable: then by track


def _of_track(track: JudgedTrack, most: int) -> Iterator[WorstSecond]:
    times = np.array([hit.hit.time for hit in track.hits if hit.verdict is not Verdict.FOUND])
    starts = np.maximum(times - LEAD, 0.0)
    sizes = np.searchsorted(times, starts + LENGTH) - np.searchsorted(times, starts)
    free = np.ones(len(times), dtype=np.bool_)
    for _ in range(most):
        if not free.any():
            return
        start = float(starts[int(np.argmax(np.where(free, sizes, 0)))])
        free &= np.abs(starts - start) >= LENGTH
        inside = (hit for hit in track.hits if start <= hit.hit.time < start + LENGTH)
        yield WorstSecond(track, start, count(inside))


def _n_errors(counts: Counts) -> int:
    return counts.fp + counts.fn
