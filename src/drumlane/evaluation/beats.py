"""Beat scores: how well beats are found, as the literature counts it.

Flow: TempoMap, annotation -> **beats** -> benchmarks

F counts beats within ±70 ms, one to one. CMLt is the share of beats at the annotated level that are in step,
AMLt the best of that over half, double and off-beat too: a beat is in step if it is within 17.5 % of the
annotated interval of an annotated beat that no earlier one took, and its interval differs by less than that.
Beats are seconds, ascending. The numbers are those of mir_eval.beat, and tested against it.

After: Davies, Degara and Plumbley, "Evaluation methods for musical audio beat tracking algorithms", 2009.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.matching import match_onsets
from drumlane.timing import TempoMap

TOLERANCE = 0.07  # seconds
CONTINUITY = 0.175  # of the annotated interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BeatScores:
    """Scores of one piece, 0..1."""

    f: float
    cmlt: float
    amlt: float


def beat_scores(reference: Floats, estimate: Floats) -> BeatScores:
    """Return the scores of beats against annotated ones."""
    if min(len(reference), len(estimate)) < 2:
        return BeatScores(f_measure(reference, estimate), 0.0, 0.0)
    in_step = [_share_in_step(level, estimate) for level in _levels(reference)]
    return BeatScores(f_measure(reference, estimate), in_step[0], max(in_step))


def f_measure(reference: Floats, estimate: Floats) -> float:
    """Return the F-measure at ±70 ms; 0 where one of the two is empty."""
    if not len(reference) or not len(estimate):
        return 0.0
    return 2.0 * len(match_onsets(reference, estimate, TOLERANCE)) / (len(reference) + len(estimate))


def beats_of(tempo: TempoMap, end: float) -> tuple[Floats, Floats]:
    """Return the beats and downbeats in seconds that a tempo map has before ``end``.

    A beat is the denominator's note, or three eighths where the numerator is 6, 9, 12 … eighths.
    """
    beats, downbeats = [], []
    for first, until, numerator, denominator in _stretches(tempo, float(tempo.seconds_to_beats(end))):
        bar = 4.0 * numerator / denominator
        step = 1.5 if denominator == 8 and numerator > 3 and numerator % 3 == 0 else 4.0 / denominator
        downbeats.append(np.arange(first, until - 1e-6, bar))
        beats.append((downbeats[-1][:, None] + np.arange(0, bar - 1e-6, step)).ravel())
        beats[-1] = beats[-1][beats[-1] < until - 1e-6]
    return tempo.beats_to_seconds(np.concatenate(beats)), tempo.beats_to_seconds(np.concatenate(downbeats))


def _stretches(tempo: TempoMap, end: float) -> Iterator[tuple[float, float, int, int]]:
    """Yield begin and end in quarter notes, numerator and denominator, of every time signature."""
    starts = [signature.beat for signature in tempo.signatures]
    for signature, (first, until) in zip(
        tempo.signatures, pairwise([*starts, max(end, starts[-1])]), strict=True
    ):
        yield first, min(until, end), signature.numerator, signature.denominator


def _levels(reference: Floats) -> tuple[Floats, ...]:
    """Return the beats as annotated, off the beat, doubled, and each of the two halves."""
    places = np.arange(0, len(reference) - 0.5, 0.5)
    doubled = np.interp(places, np.arange(len(reference)), reference)
    return reference, doubled[1::2], doubled, reference[::2], reference[1::2]


def _share_in_step(reference: Floats, estimate: Floats) -> float:
    if len(reference) < 2:
        return 0.0
    nearest = np.abs(estimate[:, None] - reference).argmin(axis=1)
    before = (np.arange(len(estimate)) > 0) & (nearest > 0)
    theirs = _interval(reference, nearest, before)
    ours = _interval(estimate, np.arange(len(estimate)), before)
    near = np.abs(estimate - reference[nearest]) < CONTINUITY * theirs
    alike = near & (np.abs(ours - theirs) < CONTINUITY * theirs)
    n_in_step = len(np.unique(nearest[alike]))  # an annotated beat is taken once
    return n_in_step / max(len(reference), len(estimate))


def _interval(times: Floats, places: NDArray[np.intp], before: NDArray[np.bool_]) -> Floats:
    """Return the interval before each place, or the one behind it; of the last one that before it."""
    ahead = np.where(places + 1 < len(times), places, places - 1)
    start = np.where(before, places - 1, ahead)
    return np.asarray(times[start + 1] - times[start])
