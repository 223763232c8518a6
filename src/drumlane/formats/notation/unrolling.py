"""Unrolling: the order in which bars are played, repeats and endings followed.

Used by the readers of MusicXML and tablature. Jumps (da capo, segno, coda) are not followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from drumlane.formats.notation.measures import MAX_BARS


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands at the lines of one bar."""

    begins: bool = False  # a repeat begins here
    times: int = 0  # it ends here: how often the passage is played in all; 0: no repeat ends
    endings: frozenset[int] = frozenset()  # played in these rounds only; none: in every one


def played_order(bars: Sequence[Signs]) -> list[int]:
    """Return the indices of bars as they are played.

    >>> played_order([Signs(), Signs(endings=frozenset({1}), times=2), Signs(endings=frozenset({2}))])
    [0, 1, 0, 2]

    Raises:
        ValueError: repeats within repeats make more than ``MAX_BARS`` bars.
    """
    order: list[int] = []
    at = start = 0
    turn = 1
    while at < len(bars):
        bar = bars[at]
        if bar.begins and at != start:
            start, turn = at, 1
        if not bar.endings or turn in bar.endings:
            order.append(at)
            if len(order) > MAX_BARS:
                raise ValueError(f"repeats make more than {MAX_BARS} bars")
            if _goes_back(bars, at, turn):
                at, turn = start, turn + 1
                continue
        if _passage_ends(bars, at):
            start, turn = at + 1, 1
        at += 1
    return order


def _goes_back(bars: Sequence[Signs], at: int, turn: int) -> bool:
    bar = bars[at]
    if not bar.times:
        return False
    return turn + 1 in _endings_from(bars, at) if bar.endings else turn < bar.times


def _endings_from(bars: Sequence[Signs], at: int) -> set[int]:
    """Return all rounds that this ending and those right after it are for."""
    found: set[int] = set()
    while at < len(bars) and bars[at].endings:
        found |= bars[at].endings
        at += 1
    return found


def _passage_ends(bars: Sequence[Signs], at: int) -> bool:
    """Return whether the next bar is beyond what was repeated."""
    if bars[at].endings:
        return at + 1 == len(bars) or not bars[at + 1].endings
    return bars[at].times > 0
