"""Meters: what a beat is in notation, and which metres come into question.

Flow: time signatures, strokes -> **meters** -> transcription.bars, tempo_layout

A beat is what a foot taps. In n/4 it is a quarter note, in 6/8, 9/8 and 12/8 a dotted quarter, in 5/8 and 7/8
an eighth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ConfigError

SIMPLE = (3, 4, 5, 7)  # beats a bar that are looked for
COMPOUND = (2, 3, 4)
COMPOUND_FASTEST = 105.0  # beats a minute; all three of three, faster, are triplets in n/4
EIGHTHS_FROM = 180.0  # beats a minute; five or seven to a bar, this fast, are eighths
LARGEST = 32  # numerator and denominator
_INSIDE = 0.09  # of the beat; a stroke this near to a division of it is on it

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature.

    >>> Meter(6, 8).beats, Meter(6, 8).quarters, Meter(7, 8).quarters
    (2, 1.5, 0.5)
    """

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        top, bottom = self.numerator, self.denominator
        if not (1 <= top <= LARGEST and 1 <= bottom <= LARGEST) or bottom & (bottom - 1):
            raise ConfigError(
                f"time signature {top}/{bottom}: write it like 4/4, 6/8; at most {LARGEST}, the lower number "
                "a power of two"
            )

    @property
    def compound(self) -> bool:
        """Whether a beat has three parts."""
        return self.denominator == 8 and self.numerator % 3 == 0 and self.numerator > 3

    @property
    def beats(self) -> int:
        """Beats a bar."""
        return self.numerator // 3 if self.compound else self.numerator

    @property
    def quarters(self) -> float:
        """Quarter notes a beat."""
        return 1.5 if self.compound else 4.0 / self.denominator


def meter_of(beats: int, quarters: float) -> Meter:
    """Return the time signature of bars of some beats of some quarter notes; the inverse of ``Meter``."""
    if quarters == 1.5:
        return Meter(3 * beats, 8)
    return Meter(beats, round(4 / quarters))


def parse_meter(text: str) -> Meter:
    """Read a time signature such as ``6/8``.

    Raises:
        ConfigError: it is none.
    """
    top, _, bottom = text.partition("/")
    if not (top.strip().isdecimal() and bottom.strip().isdecimal() and len(text) < 8):
        raise ConfigError(f"time signature {text!r}: write it like 4/4 or 6/8")
    return Meter(int(top), int(bottom))


def in_threes(beats: Floats, strokes: Floats) -> bool:
    """Return whether beats are played in three parts, all of them: shuffles leave the middle one out.

    Args:
        beats: seconds, ascending, at least two.
        strokes: seconds of hits, ascending.
    """
    inside = strokes[(strokes >= beats[0]) & (strokes < beats[-1])]
    number = np.searchsorted(beats, inside, side="right") - 1
    place = (inside - beats[number]) / np.diff(beats)[number]

    def played(division: float) -> NDArray[np.bool_]:
        on_it = np.abs(place - division) < _INSIDE
        return np.asarray(np.bincount(number[on_it], minlength=len(beats)) > 0)

    all_three = np.sum(played(1 / 3) & played(2 / 3))
    halved = np.sum(played(1 / 2) & ~played(1 / 3))
    divided = np.sum(played(1 / 3) | played(2 / 3) | played(1 / 2))
    return bool(all_three > 0.4 * divided and all_three > 2 * halved)
