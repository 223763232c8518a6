"""Confidence: how often peaks of a height are right, learnt on held-out kits.

Flow: transcription.peaks -> **confidence** -> models.card -> transcription.dynamics

A logistic curve over the logit of the height, for each lane: two numbers that rank as the height does and say
what share of such hits is right (Platt, "Probabilistic outputs for support vector machines", 1999).
"""

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.dynamics import logit, sigmoid

_PRIOR = 4.0  # pseudo-observations that hold the curve where a lane has few peaks
_N_STEPS = 50
_SMALLEST = 1e-9  # of a step

Curve = tuple[float, float]  # slope (> 0) and intercept


def fit_curve(heights: NDArray[np.float64], right: NDArray[np.bool_]) -> Curve:
    """Return the curve ``sigmoid(slope · logit(height) + intercept)`` that fits which peaks were right.

    Args:
        heights: activations of the peaks, 0..1.
        right: whether each of them was a hit; none at all give the activation itself.
    """
    x = np.stack([logit(heights), np.ones(len(heights))], axis=1)
    weights = start = np.array([1.0, 0.0])

    def loss(w: NDArray[np.float64]) -> float:
        odds = x @ w
        return float(
            np.logaddexp(0.0, odds).sum() - odds[right].sum() + _PRIOR / 2 * np.square(w - start).sum()
        )

    for _ in range(_N_STEPS):  # Newton's method with a Gaussian prior around the activation itself
        p = sigmoid(x @ weights)
        gradient = x.T @ (p - right) + (weights - start) * _PRIOR
        curvature = (x.T * (p * (1 - p))) @ x + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Whole steps run away where heights are nearly certain: half a step, a quarter … until it is better.
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _SMALLEST:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < _SMALLEST:
            break
    return max(float(weights[0]), 0.01), float(weights[1])
