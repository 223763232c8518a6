"""Meters: what a beat is in notation, and which metres come into question.

Flow: time signatures, strokes -> **meters** -> transcription.bars, tempo_layout

A beat is what a foot taps. In n/4 it is a quarter note, in 6/8, 9/8 and 12/8 a dotted quarter, in 5/8 and 7/8
an eighth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ConfigError

# Beats a bar that are looked for, and how unusual they are: a price for each bar. 12/8 is two bars of 6/8.
SIMPLE: Mapping[int, float] = MappingProxyType({4: 0.0, 3: 0.4, 5: 2.0, 7: 2.4})
COMPOUND: Mapping[int, float] = MappingProxyType({2: 0.0, 3: 0.8})
COMPOUND_FASTEST = 105.0  # beats a minute; all three of three, faster, are triplets in n/4
EIGHTHS_FROM = 180.0  # beats a minute; five or seven to a bar, this fast, are eighths
LARGEST = 32  # numerator and denominator
_DIVISIONS = np.array([0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0])  # of a beat

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
    nearest = np.abs(place[:, None] - _DIVISIONS).argmin(axis=1)
    played = np.zeros((len(beats), len(_DIVISIONS)), dtype=bool)
    played[number, nearest] = True
    _, quarter, third, half, two_thirds, _, _ = played.T
    all_three = np.sum(third & two_thirds)
    even = np.sum(half | quarter)
    return bool(all_three > 0.4 * np.sum(played[:, 1:-1].any(axis=1)) and all_three > 2 * even)
