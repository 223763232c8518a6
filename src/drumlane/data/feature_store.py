"""Feature store: features and hits of recordings, written once and read in excerpts.

Flow: prepare_take -> **feature_store** -> training

Names are those of the recordings, without suffix, relative to the store's folder. A store may be pickled and
used after a fork: open files are kept for each process of its own. What has been read is float32 again, from
float16 on disk.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.data.feature_files import BROKEN, LABEL_TYPE, STORAGES, Header, OpenFile, Storage
from drumlane.errors import DatasetError, nearest_first
from drumlane.files import shown
from drumlane.performance import Hit
from drumlane.vocabulary import Drum

MAX_OPEN = 64  # files a process keeps open: workers × this stays far below the 1,024 of most systems


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stored recording, without its features."""

    name: str
    n_frames: int
    fps: float  # frames a second
    hits: tuple[Hit, ...]  # as in the MIDI file; auxiliary drums too


class FeatureStore:
    """Recordings by name in one folder, in one of two storages."""

    def __init__(self, root: Path, storage: Storage) -> None:
        """Open nothing yet.

        Raises:
            ValueError: there is no such storage.
        """
        if storage not in STORAGES:
            raise ValueError(f"storage={storage!r} must be one of {nearest_first(storage, STORAGES)}")
        self.root = root
        self.storage = storage
        self._files = STORAGES[storage]
        self._open: OrderedDict[str, OpenFile] = OrderedDict()  # the one used last stands last
        self._process = os.getpid()

    def __getstate__(self) -> tuple[Path, Storage]:
        return self.root, self.storage

    def __setstate__(self, state: tuple[Path, Storage]) -> None:
        FeatureStore.__init__(self, *state)

    def write(
        self,
        name: str,
        features: NDArray[np.floating[Any]],
        hits: Sequence[Hit],
        key: str,
        fps: float = FeatureSpec().fps,
    ) -> None:
        """Store a recording, or replace it; it is there whole or not at all.

        Args:
            name: with "/" between folders, which are made.
            features: (frames, bands); stored as float16.
            hits: in order of time.
            key: of what it was made from, for ``key``.
            fps: frames a second.

        Raises:
            DatasetError: it cannot be written.
        """
        drums = tuple(sorted({hit.drum.value for hit in hits}))
        labels = np.array([(hit.time, drums.index(hit.drum.value), hit.velocity) for hit in hits], LABEL_TYPE)
        stem = self._stem(name)
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise DatasetError(f"{shown(stem.parent)}: the folder cannot be made ({reason})") from error
        if stale := self._opened().pop(name, None):
            stale.close()
        self._files.write(stem, features.astype(np.float16), labels, Header(key, fps, drums))

    def key(self, name: str) -> str | None:
        """Return what a recording was stored with; None if it is absent, cut short or unreadable."""
        try:
            file = self._files.open(self._stem(name))
        except BROKEN:
            return None
        file.close()
        return file.header.key

    def read(self, name: str, first: int = 0, n_frames: int | None = None) -> NDArray[np.float32]:
        """Return frames ``first`` to ``first + n_frames``, shape (frames, bands); fewer at the end.

        Only these are read from disk; None: all that follow.

        Raises:
            DatasetError: the recording is absent or cannot be read.
            ValueError: a number is negative.
        """
        if first < 0 or (n_frames or 0) < 0:
            raise ValueError(f"first={first}, n_frames={n_frames} must be 0 or more")
        end = None if n_frames is None else first + n_frames
        try:
            return np.asarray(self._file(name).features[first:end], dtype=np.float32)
        except BROKEN as error:
            raise self._unreadable(name, error) from None

    def describe(self, name: str) -> Prepared:
        """Return length and hits.

        Raises:
            DatasetError: the recording is absent or cannot be read.
        """
        file = self._file(name)
        try:
            drums = [Drum(drum) for drum in file.header.drums]
            hits = tuple(Hit(time, drums[drum], velocity) for time, drum, velocity in file.labels.tolist())
            return Prepared(name, len(file.features), file.header.fps, hits)
        except (*BROKEN, IndexError) as error:
            raise self._unreadable(name, error) from None

    def _file(self, name: str) -> OpenFile:
        opened = self._opened()
        if name not in opened:
            try:
                opened[name] = self._files.open(self._stem(name))
            except BROKEN as error:
                raise self._unreadable(name, error) from None
            if len(opened) > MAX_OPEN:
                opened.popitem(last=False)[1].close()
        opened.move_to_end(name)
        return opened[name]

    def _opened(self) -> OrderedDict[str, OpenFile]:
        if self._process != os.getpid():  # forked: the parent's files, and HDF5's notes on them, are not ours
            self._open, self._process = OrderedDict(), os.getpid()
        return self._open

    def _stem(self, name: str) -> Path:
        return self.root / name

    def _unreadable(self, name: str, error: Any) -> DatasetError:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        return DatasetError(
            f"{shown(self._stem(name))}: no stored features can be read ({reason}); "
            "run drumlane preprocess again"
        )
