"""Swing: pairs of eighths or sixteenths of which the first is longer, written as if they were even.

Used by ``grid``, which finds it, and by the readers, which play it. A position is units from a beat's start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.formats.notation.measures import EIGHTH

Positions = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Swing:
    """How long the two notes of a pair are, one to the other: 2 to 1 is a triplet's quarter and eighth."""

    note: int  # units of a written note: EIGHTH, or EIGHTH // 2 for sixteenths
    first: int
    second: int

    def __post_init__(self) -> None:
        if self.note <= 0 or self.first <= 0 or self.second <= 0:
            raise ValueError(f"swing of {self.first} to {self.second}: both must be positive")

    @property
    def says(self) -> str:
        """Return the words that stand over the music."""
        return "Swing 8ths" if self.note == EIGHTH else "Swing 16ths"

    @property
    def _share(self) -> float:
        return self.first / (self.first + self.second)

    def played(self, written: Positions) -> Positions:
        """Return when notes sound that are written evenly, same shape.

        >>> Swing(24, 2, 1).played(np.array([0.0, 12.0, 24.0, 36.0, 48.0])).tolist()
        [0.0, 16.0, 32.0, 40.0, 48.0]
        """
        return _bent(written, 2 * self.note, 0.5, self._share)

    def written(self, played: Positions) -> Positions:
        """Return where notes are written that sound at these positions; the inverse of ``played``."""
        return _bent(played, 2 * self.note, self._share, 0.5)


def _bent(positions: Positions, period: int, before: float, after: float) -> Positions:
    """Move the point at a share ``before`` of each period to ``after``, what lies between in proportion."""
    start = np.floor(positions / period) * period
    share = (positions - start) / period
    early = share * after / before
    late = after + (share - before) * (1 - after) / (1 - before)
    return np.asarray(start + period * np.where(share <= before, early, late))
