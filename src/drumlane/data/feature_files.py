"""Feature files: what was computed of one recording, as one HDF5 file or as two npy files and a json.

Flow: feature_store -> **feature_files**

Features are float16, (frames, bands): half the disk, and finer than a thousandth of a value. Labels are hits,
not frames: time in seconds, drum and velocity, so that a stretched excerpt still knows each of them exactly.
The drum is a place in the list of drum names that the header carries. A file is there whole or not at all.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import DatasetError, MissingExtraError
from drumlane.files import whole_file

Storage = Literal["hdf5", "npy"]
LABEL_TYPE = np.dtype([("time", "<f8"), ("drum", "u1"), ("velocity", "u1")])
# What h5py, numpy and json raise on files that are cut off or something else.
BROKEN = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, EOFError)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself."""

    key: str  # of what it was made from
    fps: float  # frames a second
    drums: tuple[str, ...]  # names that the labels' drums count from 0


@dataclass(frozen=True, slots=True, eq=False)
class OpenFile:
    """A stored recording, open; ``features`` is read from disk where it is sliced."""

    header: Header
    features: Any  # (frames, bands), float16; a dataset or a memory map
    labels: NDArray[Any]  # (hits,), of LABEL_TYPE
    close: Callable[[], object]


class FeatureFiles(Protocol):
    """One way to keep a recording in files that begin with ``stem``, a path without suffix."""

    def write(self, stem: Path, features: NDArray[np.float16], labels: NDArray[Any], header: Header) -> None:
        """Replace what is there."""

    def open(self, stem: Path) -> OpenFile:
        """Open; raises one of ``BROKEN`` where that fails."""


class HdfFiles:
    """``<name>.h5`` with the datasets ``spec`` and ``labels``; the header is its attributes."""

    def write(self, stem: Path, features: NDArray[np.float16], labels: NDArray[Any], header: Header) -> None:
        """Make the file in memory and write its bytes, so that what the disk complains of arrives as it is.

        Raises:
            DatasetError: the file cannot be written.
        """
        with _h5py().File("memory", "w", driver="core", backing_store=False) as file:
            file.create_dataset("spec", data=features)
            file.create_dataset("labels", data=labels)
            file.attrs.update({"key": header.key, "fps": header.fps, "drums": json.dumps(header.drums)})
            file.flush()
            image: bytes = file.id.get_file_image()
        _write(_beside(stem, ".h5"), lambda path: path.write_bytes(image))

    def open(self, stem: Path) -> OpenFile:
        """Open for reading, without a lock: network drives often have none."""
        file = _h5py().File(_beside(stem, ".h5"), "r", locking=False)
        try:
            drums = tuple(json.loads(file.attrs["drums"]))
            header = Header(str(file.attrs["key"]), float(file.attrs["fps"]), drums)
            return OpenFile(header, file["spec"], file["labels"][:], file.close)
        except BaseException:
            file.close()
            raise


class NpyFiles:
    """``<name>_spec.npy``, ``<name>_labels.npy`` and, written last, ``<name>_key.json`` with their sizes."""

    def write(self, stem: Path, features: NDArray[np.float16], labels: NDArray[Any], header: Header) -> None:
        """Write the arrays, then the json that says they belong together.

        Raises:
            DatasetError: a file cannot be written.
        """
        mark = _beside(stem, "_key.json")
        mark.unlink(missing_ok=True)  # a kill between two files must not leave new arrays under an old key
        sizes = {}
        for suffix, array in (("_spec.npy", features), ("_labels.npy", labels)):
            path = _beside(stem, suffix)
            _write(path, partial(np.save, arr=array))
            sizes[suffix] = path.stat().st_size
        text = json.dumps({**asdict(header), "bytes": sizes}, indent=1) + "\n"
        _write(mark, lambda path: path.write_text(text, encoding="utf-8"))

    def open(self, stem: Path) -> OpenFile:
        """Map the features into memory; the labels are read."""
        said: Mapping[str, Any] = json.loads(_beside(stem, "_key.json").read_text(encoding="utf-8"))
        for suffix, size in said["bytes"].items():
            path = _beside(stem, suffix)
            if path.stat().st_size != size:
                raise ValueError(f"{path.name} is not {size} bytes long")
        header = Header(str(said["key"]), float(said["fps"]), tuple(said["drums"]))
        features = np.load(_beside(stem, "_spec.npy"), mmap_mode="r")
        return OpenFile(header, features, np.load(_beside(stem, "_labels.npy")), lambda: None)


STORAGES: Mapping[str, FeatureFiles] = {"hdf5": HdfFiles(), "npy": NpyFiles()}


def _beside(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)  # with_suffix would cut "take.2" short


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    with whole_file(path, DatasetError) as unfinished:
        fill(unfinished)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("storage hdf5", "h5py", "train") from None
    return h5py
