"""Rolls: thirty-seconds that were struck more than once, joined to long notes with strokes through the stem.

Used by ``layout``.
"""

from collections.abc import Sequence

from drumlane.formats.notation.measures import THIRTY_SECOND
from drumlane.formats.notation.model import Note

Chords = dict[int, tuple[Note, ...]]


def joined_rolls(chords: Chords, beats: Sequence[int]) -> dict[int, int]:
    """Join the notes of rolls within their beats, as far as nothing else of the voice is between them.

    Args:
        chords: unit of the bar -> heads; joined notes are taken out.
        beats: lengths of the bar's beats.

    Returns:
        Where a roll's notes are now, and how long each of them lasts.
    """
    lengths = {unit: THIRTY_SECOND for unit, chord in chords.items() if any(note.roll for note in chord)}
    if not lengths:
        return lengths
    start = 0
    for beat in beats:
        for size in (THIRTY_SECOND, 2 * THIRTY_SECOND, 4 * THIRTY_SECOND):
            for unit in range(start, start + beat - size, 2 * size):
                if _are_one(chords, lengths, unit, size):
                    del chords[unit + size], lengths[unit + size]
                    lengths[unit] = 2 * size
        start += beat
    return lengths


def _are_one(chords: Chords, lengths: dict[int, int], unit: int, size: int) -> bool:
    if lengths.get(unit) != size or lengths.get(unit + size) != size:
        return False
    here, there = chords[unit], chords[unit + size]
    alone = len(here) == len(there) == 1 and here[0].drum is there[0].drum
    return alone and not any(unit < other < unit + 2 * size and other != unit + size for other in chords)
