"""Groove MIDI Dataset: a card and a loader for its MIDI performances.

1,150 performances, 13.6 h, ten drummers on a Roland TD-11, velocities and micro-timing as played. The csv's
``split`` column is by performance and is the one to use.

Source: Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck, David Bamman, "Learning to Groove with Inverse
Sequence Transformations", ICML 2019. Licence: CC BY 4.0.
"""

from dataclasses import dataclass
from pathlib import Path

from drumlane.errors import DatasetError, FormatError
from drumlane.files import read_rows
from drumlane.formats.midi import read_midi
from drumlane.performance import Performance
from drumlane.vocabulary import TD17

LICENCE = "CC BY 4.0"
ATTRIBUTION = (
    "Groove MIDI Dataset: Gillick, Roberts, Engel, Eck, Bamman, Learning to Groove with Inverse Sequence "
    "Transformations, ICML 2019 (Google LLC)"
)
SPLITS = ("train", "validation", "test")
_COLUMNS = ("id", "style", "bpm", "beat_type", "split", "midi_filename")


@dataclass(frozen=True, slots=True)
class Groove:
    """One performance and what the csv says of it."""

    id: str  # drummer/session/number
    style: str
    bpm: float
    beat_type: str  # "beat" or "fill"
    split: str
    performance: Performance


def load_grooves(root: Path, split: str, max_grooves: int | None = None) -> list[Groove]:
    """Read the performances of one split, in the order of the csv.

    Raises:
        DatasetError: the folder has no ``info.csv`` or another table of that name, the split is unknown, or
            no performance can be read.
        FormatError: a MIDI file is there but broken.
    """
    if split not in SPLITS:
        raise DatasetError(f"split {split!r} is unknown; splits: {', '.join(SPLITS)}")
    rows = [row for row in read_rows(root / "info.csv", _COLUMNS, "groove table") if row["split"] == split]
    grooves = [groove for row in rows[:max_grooves] if (groove := _groove(row, root)) is not None]
    if not grooves:
        raise DatasetError(f"{root}: none of the {len(rows)} MIDI files of split {split!r} can be read")
    return grooves


def _groove(row: dict[str, str], root: Path) -> Groove | None:
    path = root / row["midi_filename"]
    try:
        performance = read_midi(path, TD17)
    except FormatError:
        if path.exists():
            raise
        return None  # partial copies of the dataset are welcome
    return Groove(
        id=row["id"],
        style=row["style"],
        bpm=_bpm(row, root),
        beat_type=row["beat_type"],
        split=row["split"],
        performance=performance,
    )


def _bpm(row: dict[str, str], root: Path) -> float:
    try:
        return float(row["bpm"])
    except (TypeError, ValueError):
        raise DatasetError(
            f"{root / 'info.csv'}: groove {row['id']}: bpm {row['bpm']!r} is no number"
        ) from None
