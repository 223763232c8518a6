"""Counts: hits found, invented and missed, and the ratios made of them.

A ratio with nothing below the line is ``nan``: the precision of no estimate, the recall of no reference.
"""

from dataclasses import dataclass
from math import isfinite, nan


@dataclass(frozen=True, slots=True)
class Counts:
    """Hits found, invented and missed.

    >>> Counts(tp=3, fp=1, fn=0).precision, Counts(tp=3, fp=1, fn=0).recall
    (0.75, 1.0)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def support(self) -> int:
        """Reference hits."""
        return self.tp + self.fn

    @property
    def estimated(self) -> int:
        """Estimated hits."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Share of the estimated hits that are right."""
        return ratio(self.tp, self.estimated)

    @property
    def recall(self) -> float:
        """Share of the reference hits that were found."""
        return ratio(self.tp, self.support)

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        return ratio(2 * self.tp, self.support + self.estimated)

    @property
    def count_bias(self) -> float:
        """Estimated hits too many (> 0) or too few, as a share of the reference hits."""
        return ratio(self.fp - self.fn, self.support)


@dataclass(frozen=True, slots=True)
class HatCounts:
    """Matched hats by what the reference says (pedal counts as closed)."""

    open_right: int = 0
    open_wrong: int = 0
    closed_right: int = 0
    closed_wrong: int = 0

    def __add__(self, other: "HatCounts") -> "HatCounts":
        return HatCounts(
            self.open_right + other.open_right,
            self.open_wrong + other.open_wrong,
            self.closed_right + other.closed_right,
            self.closed_wrong + other.closed_wrong,
        )

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the shares of open and of closed hats told right; nan unless the reference has both."""
        n_open, n_closed = self.open_right + self.open_wrong, self.closed_right + self.closed_wrong
        return (ratio(self.open_right, n_open) + ratio(self.closed_right, n_closed)) / 2


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``, nan for nothing out of nothing."""
    return part / whole if whole else nan


def counts_json(counts: Counts) -> dict[str, float | None]:
    """Return counts and their ratios as plain JSON values."""
    return {
        "n_reference": counts.support,
        "n_estimate": counts.estimated,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "precision": finite(counts.precision),
        "recall": finite(counts.recall),
        "f": finite(counts.f),
    }


def finite(value: float) -> float | None:
    """Return a value as JSON can hold it: None for one that is not finite."""
    return value if isfinite(value) else None
