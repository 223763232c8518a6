"""Expanded Groove MIDI Dataset: a card, and a loader of its takes.

Flow: csv + folder -> **egmd** -> splits, egmd_check

The performances of the Groove MIDI Dataset, each played again by a TD-17 on 43 kits and recorded. A
*performance* (the csv's ``id``) is what a drummer played once; a *take* is one of its recordings on one kit,
with a MIDI file of its own. GMD's table is read as well: it has no kits, and often no recordings either.

Source: Lee Callender, Curtis Hawthorne, Jesse Engel, "Improving Perceptual Quality of Drum Transcription with
the Expanded Groove MIDI Dataset", 2020 (arXiv:2004.00188). Licence: CC BY 4.0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path, PurePosixPath

from drumlane.errors import DatasetError
from drumlane.files import read_rows, shown

MIDI_SUFFIXES = (".midi", ".mid")
COLUMNS = (
    "drummer",
    "session",
    "id",
    "style",
    "bpm",
    "beat_type",
    "time_signature",
    "midi_filename",
    "audio_filename",
    "duration",
    "split",
    "kit_name",
)
_OF_BOTH = COLUMNS[:-1]  # GMD's table has no kit_name
_BASE = "https://storage.googleapis.com/magentadata/datasets/e-gmd/v1.0.0/"


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What there is to know of a dataset before it is downloaded."""

    name: str
    licence: str
    citation: str
    archive_url: str
    table_url: str
    archive_gb: int  # about
    n_takes: int
    n_performances: int
    n_kits: int
    hours: float
    takes_of_split: tuple[tuple[str, int], ...]


EGMD = DatasetCard(
    name="E-GMD v1.0.0",
    licence="CC BY 4.0",
    citation=(
        "Expanded Groove MIDI Dataset: Callender, Hawthorne, Engel, Improving Perceptual Quality of Drum "
        "Transcription with the Expanded Groove MIDI Dataset, 2020, arXiv:2004.00188 (Google LLC)"
    ),
    archive_url=f"{_BASE}e-gmd-v1.0.0.zip",
    table_url=f"{_BASE}e-gmd-v1.0.0.csv",
    archive_gb=90,
    n_takes=45_537,
    n_performances=1_059,
    n_kits=43,
    hours=444.5,
    takes_of_split=(("train", 35_217), ("validation", 5_031), ("test", 5_289)),
)
EGMD_TABLE = "e-gmd-v1.0.0.csv"
TABLES = (EGMD_TABLE, "info.csv")  # of E-GMD and of GMD


@dataclass(frozen=True, slots=True)
class Take:
    """One row of the table, and the files of it that are there."""

    drummer: str
    session: str
    id: str  # of the performance: all its takes share it
    style: str  # primary/secondary
    bpm: float | None  # None: the table holds no number
    beat_type: str  # "beat" or "fill"
    time_signature: str  # "4-4"
    midi_filename: str  # as the table has it; empty if it names none
    audio_filename: str
    duration: float | None  # seconds, as the table has it; None: no number >= 0
    split: str
    kit_name: str  # empty in GMD
    midi: Path | None  # None: not there
    audio: Path | None

    @property
    def is_pair(self) -> bool:
        """Whether recording and MIDI are both there."""
        return self.midi is not None and self.audio is not None

    @property
    def name(self) -> str:
        """What messages call it."""
        return shown(self.midi_filename or self.audio_filename or self.id)


def load_takes(root: Path) -> tuple[Take, ...]:
    """Read the table of E-GMD or GMD and look which files are there; none of them is opened.

    Partial copies are welcome: a missing file is None. A MIDI file may end in ``.mid`` or ``.midi`` whatever
    the table says. A name that leads out of the folder counts as missing.

    Args:
        root: the folder with the table, or the folder it was unpacked in.

    Raises:
        DatasetError: there is no table, it is another kind of table, or it has no rows.
    """
    table = find_table(root)
    rows = read_rows(table, _OF_BOTH, "table of takes")
    if not rows:
        raise DatasetError(f"{shown(table)}: has no rows; download it again from {EGMD.table_url}")
    return tuple(_take(row, table.parent) for row in rows)


def find_table(root: Path) -> Path:
    """Return the table of a copy: in ``root``, else in the one folder below it that has one.

    Raises:
        DatasetError: there is no folder, no table, or more than one.
    """
    if not root.is_dir():
        raise DatasetError(f"{shown(root)}: no such folder; pass where E-GMD was unpacked")
    below = sorted(path for path in root.iterdir() if path.is_dir())
    for folders in ([root], below):
        tables = [path for name in TABLES for folder in folders if (path := folder / name).is_file()]
        if len(tables) > 1:
            raise DatasetError(f"{shown(root)}: holds {len(tables)} tables; pass the folder of one of them")
        if tables:
            return tables[0]
    raise DatasetError(
        f"{shown(root)}: neither {' nor '.join(TABLES)} is in it; download the table from {EGMD.table_url}"
    )


def pairs_of(takes: Iterable[Take], root: Path) -> tuple[Take, ...]:
    """Return the takes whose recording and MIDI are both there.

    Raises:
        DatasetError: there are none.
    """
    pairs = tuple(take for take in takes if take.is_pair)
    if not pairs:
        raise DatasetError(f"{shown(root)}: no take has both recording and MIDI; see drumlane egmd check")
    return pairs


def safe_name(name: str) -> bool:
    r"""Whether a table's file name stays in the dataset's folder and can be a file name at all.

    >>> [safe_name(name) for name in ("drummer1/session1/1.wav", "../1.wav", "/1.wav", r"c:\\1.wav", "")]
    [True, False, False, False, False]
    """
    path = PurePosixPath(name)
    hostile = (
        path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable()
    )
    return bool(path.parts) and not hostile


def _take(row: dict[str, str], root: Path) -> Take:
    # A row that is cut short has None in its last columns.
    text = {column: (row.get(column) or "").strip() for column in COLUMNS}
    return Take(
        drummer=text["drummer"],
        session=text["session"],
        id=text["id"],
        style=text["style"],
        bpm=_number(text["bpm"]),
        beat_type=text["beat_type"],
        time_signature=text["time_signature"],
        midi_filename=text["midi_filename"],
        audio_filename=text["audio_filename"],
        duration=_number(text["duration"]),
        split=text["split"],
        kit_name=text["kit_name"],
        midi=_existing(root, text["midi_filename"], MIDI_SUFFIXES),
        audio=_existing(root, text["audio_filename"]),
    )


def _existing(root: Path, name: str, suffixes: Iterable[str] = ()) -> Path | None:
    """Return the named file, or the same with another of ``suffixes``, if it is there."""
    if not safe_name(name):
        return None
    path = root / name
    candidates = (path, *(path.with_suffix(suffix) for suffix in suffixes))
    return next((candidate for candidate in candidates if _is_file(candidate)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
