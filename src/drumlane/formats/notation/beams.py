"""Beams: which notes of a beat are joined, and by how many lines."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from drumlane.formats.notation.values import Value


class Beam(StrEnum):
    """What one line of a beam does at a note; the values are MusicXML's."""

    BEGIN = "begin"
    CONTINUE = "continue"
    END = "end"
    FORWARD = "forward hook"
    BACKWARD = "backward hook"


def beams_of(beat: Sequence[tuple[Value, bool]]) -> list[tuple[Beam, ...]]:
    """Return the beams of each note and rest of a beat: (value, whether it is a note).

    Notes with flags are joined, over rests between them too; a quarter ends the group.

    >>> [beams[0].value for beams in beams_of([(Value(8), True), (Value(8), True)])]
    ['begin', 'end']
    """
    beams: list[tuple[Beam, ...]] = [()] * len(beat)
    for group in _groups(beat):
        flags = [beat[i][0].flags for i in group]
        # A rest between two notes is crossed only by as many lines as it would have itself.
        crossed = [min((beat[j][0].flags for j in range(a + 1, b)), default=9) for a, b in pairwise(group)]
        for place, i in enumerate(group):
            beams[i] = tuple(_line(flags, crossed, place, line) for line in range(1, flags[place] + 1))
    return beams


def _groups(beat: Sequence[tuple[Value, bool]]) -> list[list[int]]:
    """Return the indices of notes that are joined; single notes keep their flags."""
    groups: list[list[int]] = [[]]
    for i, (value, is_note) in enumerate(beat):
        if value.flags == 0:
            groups.append([])
        elif is_note:
            groups[-1].append(i)
    return [group for group in groups if len(group) > 1]


def _line(flags: Sequence[int], crossed: Sequence[int], place: int, line: int) -> Beam:
    before = place > 0 and min(flags[place - 1], crossed[place - 1] if line > 1 else 9) >= line
    after = place < len(flags) - 1 and min(flags[place + 1], crossed[place] if line > 1 else 9) >= line
    if before and after:
        return Beam.CONTINUE
    if before:
        return Beam.END
    if after:
        return Beam.BEGIN
    return Beam.FORWARD if place == 0 else Beam.BACKWARD
