"""Velocity: how well the strength of matched hits is told.

``close_in_velocity`` is the criterion of ``mir_eval.transcription_velocity`` (Hawthorne et al., ISMIR 2018):
the reference velocities of a track are brought to 0..1, the estimated ones are fitted to them by one straight
line over the matched pairs of the track, and a pair counts when less than 0.1 is left between the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VELOCITY_TOLERANCE = 0.1  # of the track's own velocity range


@dataclass(frozen=True, slots=True)
class VelocityScore:
    """Velocities over all tracks whose reference has more than one velocity."""

    n_tracks: int
    n_pairs: int  # matched hits
    mean_absolute_error: float  # MIDI steps, nothing rescaled; nan without pairs
    correlation: float  # Pearson, -1..1; nan when one side is constant
    precision: float  # of hits right in time, class and velocity
    recall: float
    f: float


def close_in_velocity(
    reference: NDArray[np.float64],
    matched_reference: NDArray[np.float64],
    matched_estimate: NDArray[np.float64],
    tolerance: float = VELOCITY_TOLERANCE,
) -> NDArray[np.bool_]:
    """Return per matched pair whether its velocities agree after rescaling, shape (pairs,).

    Args:
        reference: all reference velocities of the track, MIDI, shape (hits,); they set the range.
        matched_reference: velocities of the pairs' reference hits, shape (pairs,).
        matched_estimate: velocities of the pairs' estimated hits, shape (pairs,).
        tolerance: the largest difference, exclusive, as a share of the range.
    """
    if len(matched_reference) == 0:
        return np.zeros(0, dtype=np.bool_)
    smallest = np.min(reference)
    span = max(1.0, float(np.max(reference) - smallest))  # at least one step: no division by zero
    wanted = (matched_reference - smallest) / span
    columns = np.column_stack([matched_estimate, np.ones(len(matched_estimate))])
    line = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    return np.asarray(np.abs(columns @ line - wanted) < tolerance)


def correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Pearson's correlation, nan when it is undefined."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
