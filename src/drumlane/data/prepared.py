"""Prepared recordings: what lies in ``processed_root`` beside features and hits, written and read.

Flow: preprocessing -> **prepared** -> training

``index.csv`` lists the takes that were prepared, ``{train,val,test}_split.txt`` their names by part, and
``prepared.json``, written last, says with which features, note map and storage: a folder with it is finished.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from drumlane.audio.features import FeatureSpec
from drumlane.data.feature_files import Storage
from drumlane.data.gmd import SPLITS
from drumlane.errors import DatasetError
from drumlane.files import read_rows, shown, whole_file
from drumlane.vocabulary import LANE_NAMES, Drum

INDEX = "index.csv"
MARK = "prepared.json"
LISTS: Mapping[str, str] = {part: f"{'val' if part == 'validation' else part}_split.txt" for part in SPLITS}
_NEXT = "run drumlane preprocess --config …"
_PLAIN = ("name", "drummer", "style", "kit_name", "performance", "split", "audio", "midi")


@dataclass(frozen=True, slots=True)
class PreparedTake:
    """A take whose features and hits are stored."""

    name: str  # in the store
    n_frames: int
    duration: float  # seconds of its frames
    drummer: str
    style: str
    kit_name: str
    performance: str  # id: all takes of one performance share it
    split: str  # one of SPLITS
    audio: str  # as in the dataset, relative to its folder
    midi: str
    lane_counts: tuple[int, ...]  # hits, in the order of LANES


_COLUMNS = (*[field.name for field in fields(PreparedTake)][:-1], *LANE_NAMES)  # without lane_counts


@dataclass(frozen=True, slots=True)
class PreparedWith:
    """What ``prepared.json`` says."""

    feature_digest: str
    fps: float  # frames a second
    n_bands: int
    note_map: Mapping[int, Drum]
    storage: Storage


def check_spec(processed_root: Path, digest: str) -> PreparedWith:
    """Return what a folder was prepared with.

    Raises:
        DatasetError: it is not prepared, not to the end, or with another feature spec than ``digest``.
    """
    mark = processed_root / MARK
    try:
        said = json.loads(mark.read_text(encoding="utf-8"))
        prepared = PreparedWith(
            str(said["feature_digest"]),
            float(said["fps"]),
            int(said["n_bands"]),
            {int(note): Drum(drum) for note, drum in said["note_map"].items()},
            said["storage"],
        )
    except FileNotFoundError:
        raise _missing(processed_root) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "is not what preprocessing writes"
        raise DatasetError(f"{shown(mark)}: {reason}; {_NEXT}") from None
    if prepared.feature_digest != digest:
        raise DatasetError(
            f"{shown(processed_root)}: prepared with features {prepared.feature_digest}, the configuration's "
            f"are {digest}; {_NEXT} again"
        )
    return prepared


def load_prepared(processed_root: Path, splits_dir: Path, part: str) -> tuple[PreparedTake, ...]:
    """Return the takes of one part, in the order of its list.

    Args:
        processed_root: where features, hits and the index are.
        splits_dir: where the lists are.
        part: one of SPLITS.

    Raises:
        DatasetError: index or list is absent or broken, the list is empty or names what is not prepared.
    """
    takes = _read_index(processed_root)
    path = splits_dir / LISTS[part]
    names = _read_list(path)
    if not names:
        raise DatasetError(
            f"{shown(path)}: names no take: there is nothing for {part}; add recordings and {_NEXT}"
        )
    if unknown := [name for name in names if name not in takes]:
        more = f" and {len(unknown) - 1} more are" if len(unknown) > 1 else " is"
        raise DatasetError(f"{shown(path)}: {shown(unknown[0])}{more} not prepared; {_NEXT}")
    return tuple(takes[name] for name in names)


def write_prepared(
    processed_root: Path,
    splits_dir: Path,
    takes: Iterable[PreparedTake],
    spec: FeatureSpec,
    made: PreparedWith,
) -> None:
    """Write index, lists and, last, what it was prepared with.

    Raises:
        DatasetError: a file cannot be written.
    """
    ordered = sorted(takes, key=lambda take: take.name)
    _write_index(processed_root / INDEX, ordered)
    _make_folder(splits_dir)
    for part, name in LISTS.items():
        _write_text(splits_dir / name, "".join(f"{take.name}\n" for take in ordered if take.split == part))
    said = {
        **asdict(made),
        "note_map": {str(note): drum.value for note, drum in sorted(made.note_map.items())},
        "features": asdict(spec),
    }
    _write_text(processed_root / MARK, json.dumps(said, indent=1) + "\n")


def unmark(processed_root: Path) -> None:
    """Take back that a folder is finished, before anything in it changes; make it if it is not there.

    Raises:
        DatasetError: the folder cannot be made or written to.
    """
    _make_folder(processed_root)
    try:
        for name in (MARK, INDEX):
            (processed_root / name).unlink(missing_ok=True)
        for left_over in processed_root.rglob(".drumlane-*"):  # of a run that was killed within a file
            left_over.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(f"{shown(processed_root)}: cannot be written to ({error.strerror})") from None


def _read_index(processed_root: Path) -> dict[str, PreparedTake]:
    index = processed_root / INDEX
    if not index.is_file():
        raise _missing(processed_root)
    try:
        return {row["name"]: _take(row) for row in read_rows(index, _COLUMNS, "list of prepared takes")}
    except (ValueError, TypeError):
        raise DatasetError(f"{shown(index)}: a number in it makes no sense; {_NEXT} again") from None


def _take(row: Mapping[str, str]) -> PreparedTake:
    return PreparedTake(
        **{name: row[name] for name in _PLAIN},
        n_frames=int(row["n_frames"]),
        duration=float(row["duration"]),
        lane_counts=tuple(int(row[name]) for name in LANE_NAMES),
    )


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise DatasetError(f"{shown(path)}: no such list; {_NEXT}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise DatasetError(f"{shown(path)}: cannot be read ({reason}); {_NEXT}") from None
    return [line for line in map(str.strip, lines) if line]


def _write_index(path: Path, takes: Iterable[PreparedTake]) -> None:
    with (
        whole_file(path, DatasetError) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for take in takes:
            *plain, lane_counts = (getattr(take, field.name) for field in fields(take))
            writer.writerow([*plain, *lane_counts])


def _write_text(path: Path, text: str) -> None:
    with whole_file(path, DatasetError) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{shown(folder)}: the folder cannot be made ({error.strerror})") from None


def _missing(processed_root: Path) -> DatasetError:
    return DatasetError(f"{shown(processed_root)}: holds no prepared recordings, or not all of them; {_NEXT}")
