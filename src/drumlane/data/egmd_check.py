"""Check of a copy of E-GMD or GMD: what is there, what is missing, what is broken and what was played.

Flow: egmd, egmd_reading, splits -> **egmd_check** -> egmd_tables

Hours, hits and notes are counted over the takes that are there; a missing partner is missing, not broken.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.data.egmd import MIDI_SUFFIXES, Take, find_table, load_takes
from drumlane.data.egmd_reading import TOLERANCE, VELOCITY_BINS, Fault, Finding, TakeReading, read_take
from drumlane.data.splits import in_several_parts
from drumlane.data.workers import each
from drumlane.vocabulary import DOCUMENT_A, DOCUMENT_D, LANES, TD17, Drum, Lane

AUDIO_SUFFIX = ".wav"
NOTE_MAPS: Mapping[str, Mapping[int, Drum]] = {
    "td17": TD17,
    "document-a": DOCUMENT_A,
    "document-d": DOCUMENT_D,
}


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the folder holds, by the names of its files."""

    table: Path
    takes: tuple[Take, ...]  # every row
    unlisted: tuple[str, ...]  # recordings and MIDI files that no row names, below the table's folder

    @property
    def pairs(self) -> tuple[Take, ...]:
        """Return the takes with both files."""
        return tuple(take for take in self.takes if take.is_pair)

    @property
    def without_midi(self) -> tuple[Take, ...]:
        """Return the takes with a recording only."""
        return tuple(take for take in self.takes if take.audio is not None and take.midi is None)

    @property
    def without_audio(self) -> tuple[Take, ...]:
        """Return the takes with MIDI only."""
        return tuple(take for take in self.takes if take.audio is None and take.midi is not None)

    @property
    def without_files(self) -> tuple[Take, ...]:
        """Return the rows that name nothing that is there."""
        return tuple(take for take in self.takes if take.audio is None and take.midi is None)

    @property
    def midi_only(self) -> bool:
        """Whether it is a copy without any recording, as GMD's MIDI archive is."""
        return bool(self.without_audio) and not self.pairs and not self.without_midi


@dataclass(frozen=True, slots=True)
class Share:
    """The takes of one split or of one kit that are there."""

    name: str
    n_takes: int
    n_performances: int
    hours: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a note map makes of the notes."""

    name: str
    n_notes: int  # all that were struck
    hits_of_lane: tuple[int, ...]  # in the order of LANES

    @property
    def share(self) -> float:
        """Return the part of the notes that reaches a lane, 0..1; nan without notes."""
        return sum(self.hits_of_lane) / self.n_notes if self.n_notes else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """All that was found."""

    inventory: Inventory
    quick: bool
    findings: tuple[Finding, ...]
    n_sound: int  # takes that can be used: pairs, or MIDI in a copy without recordings, without a fault
    splits: tuple[Share, ...]
    kits: tuple[Share, ...]
    sample_rates: Mapping[int, int]  # Hz -> recordings
    torn: tuple[str, ...]  # performances in more than one split of the table
    hits: NDArray[np.int64]  # (lanes, velocity bins); all 0 if quick
    notes: Mapping[int, int]  # MIDI note -> strokes; empty if quick


def take_inventory(root: Path) -> Inventory:
    """Look at the table and at the names of the files.

    Raises:
        DatasetError: as ``load_takes``.
    """
    table = find_table(root)
    takes = load_takes(root)
    named = {path for take in takes for path in (take.audio, take.midi) if path is not None}
    unlisted = (path for path in _files(table.parent) if path not in named)
    return Inventory(
        table, takes, tuple(sorted(path.relative_to(table.parent).as_posix() for path in unlisted))
    )


def read_takes(
    inventory: Inventory, quick: bool = False, tolerance: float = TOLERANCE, num_workers: int = 1
) -> Iterator[TakeReading]:
    """Yield a reading of every row, in the table's order; arguments as for ``read_take`` and ``each``."""
    return each(partial(read_take, quick=quick, tolerance=tolerance), inventory.takes, num_workers)


def summarise(inventory: Inventory, readings: Iterable[TakeReading], quick: bool = False) -> Check:
    """Count what was read."""
    kept = tuple(readings)
    there = [
        reading for reading in kept if reading.take.is_pair or (inventory.midi_only and reading.take.midi)
    ]
    notes: Counter[int] = Counter()
    for reading in kept:
        notes.update(reading.notes)
    no_hits = np.zeros((len(LANES), len(VELOCITY_BINS)), dtype=np.int64)
    return Check(
        inventory=inventory,
        quick=quick,
        findings=tuple(finding for reading in kept for finding in reading.findings),
        n_sound=sum(reading.is_sound for reading in there),
        splits=_shares(there, "split"),
        kits=_shares(there, "kit_name"),
        sample_rates=Counter(reading.sample_rate for reading in kept if reading.sample_rate),
        torn=in_several_parts((take.id, take.split) for take in inventory.takes),
        hits=sum((reading.hits for reading in kept), no_hits),
        notes=dict(sorted(notes.items())),
    )


def coverage(notes: Mapping[int, int]) -> tuple[Coverage, ...]:
    """Return what each of ``NOTE_MAPS`` makes of strokes by MIDI note."""
    return tuple(
        Coverage(name, sum(notes.values()), tuple(_n_hits(notes, note_map, lane) for lane in LANES))
        for name, note_map in NOTE_MAPS.items()
    )


def faults(findings: Sequence[Finding]) -> Counter[Fault]:
    """Return how often each fault was found."""
    return Counter(finding.fault for finding in findings)


def _n_hits(notes: Mapping[int, int], note_map: Mapping[int, Drum], lane: Lane) -> int:
    return sum(n for note, n in notes.items() if note in note_map and note_map[note].lane is lane)


def _files(folder: Path) -> Iterator[Path]:
    """Yield every recording and MIDI file, without what macOS adds (``._x``, ``__MACOSX``)."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            if not name.startswith(".") and name.lower().endswith((AUDIO_SUFFIX, *MIDI_SUFFIXES)):
                yield Path(place, name)


def _shares(readings: Iterable[TakeReading], column: str) -> tuple[Share, ...]:
    groups: dict[str, list[TakeReading]] = {}
    for reading in readings:
        groups.setdefault(getattr(reading.take, column), []).append(reading)
    return tuple(
        Share(
            name,
            len(group),
            len({reading.take.id for reading in group}),
            sum(reading.seconds or 0.0 for reading in group) / 3600,
        )
        for name, group in sorted(groups.items())
    )
