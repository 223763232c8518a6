"""SFZ kits: a drum kit written for a sampler.

Flow: sfz_text -> sfz_region -> **kit_sfz** -> kits

Keys are those of General MIDI if at least half of the named pieces lie on such a key; otherwise labels and
names of files and folders alone say what a piece is (``piece_names``). Regions that sound for the same
stroke are the microphones of one take and are added up; those that take turns are a round robin.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lcm
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.assembly import in_balance, kit_of, layered_piece, mixed, read_sound
from drumlane.rendering.kits import Kit, Piece
from drumlane.rendering.piece_names import Meanings, drums_named, is_one_stroke, notes_agree, settle
from drumlane.rendering.sfz_region import Region, read_region, unknown_opcodes
from drumlane.rendering.sfz_text import read_regions
from drumlane.vocabulary import GENERAL_MIDI, NOTE_OF_DRUM, Drum

MAX_TURNS = 64  # of a round robin
MAX_REGIONS = 50_000
_NAMED = 12  # opcodes and keys named in the log

_log = logging.getLogger(__name__)

Take = tuple[Region, ...]  # regions that sound together


@dataclass(frozen=True, slots=True)
class _Place:
    """A key, or a name where regions have no key, and what sounds there."""

    note: int | None
    regions: tuple[Region, ...]

    @property
    def by_note(self) -> Drum | None:
        return None if self.note is None else GENERAL_MIDI.get(self.note)

    @property
    def meanings(self) -> Meanings:
        """What most of the regions are called; on a tie, everything that they may be."""
        votes = Counter(meanings for region in self.regions if (meanings := _meanings(region)))
        most = max(votes.values(), default=0)
        tied = [meanings for meanings, count in votes.items() if count == most]
        return tuple(dict.fromkeys(drum for meanings in tied for drum in meanings))


def read_sfz(path: Path, root: Path | None = None) -> Kit:
    """Read an SFZ file as a drum kit, as it sounds before any controller is moved.

    Args:
        path: the file.
        root: the kit's folder, outside which nothing is read; by default the one above the file's, because
            programs often lie beside the samples.

    Raises:
        DatasetError: a file is missing, broken or outside the kit, or none of the regions is a drum.
        AudioError: a sample cannot be decoded.
    """
    root = root or path.absolute().parent.parent
    raw = read_regions(path, root)
    if not raw:
        raise DatasetError(f"{shown(path)}: holds no <region>; is this the file that a sampler opens?")
    if len(raw) > MAX_REGIONS:
        raise DatasetError(
            f"{shown(path)}: {len(raw)} regions are more than {MAX_REGIONS}; is this a drum kit?"
        )
    if ignored := unknown_opcodes(raw):
        _log.warning("%s: ignored opcodes: %s", shown(path), _some(ignored))
    regions = [read_region(r, path.parent, root, path) for r in raw]
    places = _places([region for region in regions if region and is_one_stroke(" ".join(region.names[:2]))])
    return kit_of(path.stem, in_balance(_pieces(places, path)))


def _places(regions: Sequence[Region]) -> list[_Place]:
    """Sort regions by key, and those without by what they are called."""
    by_note: dict[int, list[Region]] = defaultdict(list)
    by_name: dict[Meanings, list[Region]] = defaultdict(list)
    for region in regions:
        for note in region.keys:
            by_note[note].append(region)
        if not region.keys:
            by_name[_meanings(region)].append(region)
    places = [_Place(note, tuple(heard)) for note, heard in sorted(by_note.items())]
    return places + [_Place(None, tuple(heard)) for heard in by_name.values()]


def _meanings(region: Region) -> Meanings:
    return next((meanings for name in region.names if (meanings := drums_named(name))), ())


def _pieces(places: Sequence[_Place], path: Path) -> list[Piece]:
    trusted = notes_agree((place.meanings, place.by_note) for place in places)
    found: list[tuple[tuple[bool, bool, int], Piece]] = []
    strangers = []
    for place in places:
        meanings = settle(place.meanings, place.by_note, trusted)
        piece = _piece(place, meanings[0]) if meanings else None
        if piece is None:
            strangers.append(_called(place))
        else:
            found.append((_order(place, piece.drum), piece))
    if not found:
        raise DatasetError(
            f"{shown(path)}: none of its regions is a drum by key or name "
            f"({_some(strangers) or 'nothing sounds'}); map them to General MIDI keys or name them"
        )
    if strangers:
        _log.warning("%s: left out %s (no drum by key or name, or silent)", shown(path), _some(strangers))
    return [piece for _, piece in sorted(found, key=lambda pair: pair[0])]


def _order(place: _Place, drum: Drum | None) -> tuple[bool, bool, int]:
    """Sort the usual key of a drum before its others, and those before keys that mean something else."""
    elsewhere = drum is None or place.by_note is not drum
    usual = drum is not None and NOTE_OF_DRUM[drum] == place.note
    return elsewhere, not usual, 128 if place.note is None else place.note


def _piece(place: _Place, drum: Drum | None) -> Piece | None:
    def takes_at(velocity: int) -> tuple[Take, ...]:
        return _takes([region for region in place.regions if region.low <= velocity <= region.high])

    def play(take: Take) -> NDArray[np.float32]:
        return mixed([_sound(region, place.note) for region in take])

    return layered_piece(drum, takes_at, play)


def _takes(regions: Sequence[Region]) -> tuple[Take, ...]:
    """Return what sounds together at each turn of the round robin, without repetition."""
    n_turns = min(lcm(*(region.length for region in regions)), MAX_TURNS)
    edges = {0.0, 1.0, *(min(1.0, max(0.0, edge)) for region in regions for edge in region.chance)}
    takes = (
        tuple(r for r in regions if turn % r.length == r.position - 1 and r.chance[0] <= low < r.chance[1])
        for turn in range(n_turns)
        for low, _ in pairwise(sorted(edges))
    )
    return tuple(dict.fromkeys(take for take in takes if take))


def _sound(region: Region, note: int | None) -> NDArray[np.float32]:
    samples = read_sound(region.file, region.semitones(note), region.start, region.end)
    return samples * np.float32(region.gain)


def _called(place: _Place) -> str:
    first = place.regions[0]
    return f"{'no key' if place.note is None else f'key {place.note}'} ({first.file.name})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
