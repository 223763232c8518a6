"""Preparing one take: its features and hits, computed once, unless they are stored already.

Flow: preprocessing_plan -> **prepare_take** (recording, features, midi) -> feature_store

A stored take is known by its key: a hash of the bytes of recording and MIDI file, of the feature spec and of
the note map. Where one of them has changed the take is done again. The recording is brought to the loudness
at which inference hears every recording; what is wrong with a take is returned and stops no other.
"""

import errno
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.data.egmd_reading import TOLERANCE
from drumlane.data.feature_files import Storage
from drumlane.data.feature_store import FeatureStore
from drumlane.errors import DamagedAudioError, DatasetError, DrumlaneError
from drumlane.files import shown
from drumlane.formats.midi import read_midi_report
from drumlane.performance import Hit
from drumlane.transcription.activations import features_of
from drumlane.transcription.recording import Recording
from drumlane.vocabulary import LANES, Drum

PREPARATION_VERSION = 1  # part of every key: raise it when the same input is to give something else
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no fault of a take: the next one would fail as well


@dataclass(frozen=True, slots=True)
class Job:
    """A take to prepare."""

    name: str  # in the store
    audio: Path
    midi: Path


@dataclass(frozen=True, slots=True)
class Preparation:
    """How every take is prepared, and where it goes."""

    processed_root: Path
    storage: Storage
    features: FeatureSpec
    note_map: Mapping[int, Drum]
    force: bool = False  # do again what is stored

    def __post_init__(self) -> None:
        object.__setattr__(self, "note_map", dict(self.note_map))  # a read-only view cannot go to a worker

    @property
    def store(self) -> FeatureStore:
        """Where features and hits are kept."""
        return FeatureStore(self.processed_root, self.storage)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a take."""

    name: str
    problem: str | None = None  # one line; then nothing below counts
    was_there: bool = False  # already, made of the same
    n_frames: int = 0
    seconds: float = 0.0
    lane_counts: tuple[int, ...] = (0,) * len(LANES)


def prepare(job: Job, preparation: Preparation) -> Outcome:
    """Store one take, unless it is there.

    Raises:
        DatasetError: the disk is full or cannot be written to at all.
    """
    try:
        return _prepare(job, preparation)
    except (DrumlaneError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno in _DISK:
            raise DatasetError(str(error)) from None
        return Outcome(job.name, problem=_in_one_line(error))


def key_of(job: Job, preparation: Preparation) -> str:
    """Return the hash of all that decides what is stored.

    Raises:
        OSError: a file cannot be read.
    """
    contents = [_hash_of(path) for path in (job.audio, job.midi)]
    meanings = sorted((note, drum.value) for note, drum in preparation.note_map.items())
    parts = [PREPARATION_VERSION, *contents, preparation.features.digest, meanings]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _prepare(job: Job, preparation: Preparation) -> Outcome:
    store = preparation.store
    key = key_of(job, preparation)
    was_there = not preparation.force and store.key(job.name) == key
    if not was_there:
        hits = _hits_of(job.midi, preparation.note_map)
        features = _features_of(job.audio, hits[-1].time, preparation.features)
        store.write(job.name, features, hits, key, preparation.features.fps)
    stored = store.describe(job.name)
    seconds = stored.n_frames / stored.fps
    return Outcome(job.name, None, was_there, stored.n_frames, seconds, _lane_counts(stored.hits))


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hits_of(path: Path, note_map: Mapping[int, Drum]) -> tuple[Hit, ...]:
    reading = read_midi_report(path, note_map)
    if not reading.notes:
        raise DatasetError(f"{shown(path)}: has no notes; there is nothing to learn from it")
    if not reading.performance.hits:
        n_notes = sum(reading.notes.values())
        raise DatasetError(f"{shown(path)}: none of its {n_notes} notes is in the note map; give another map")
    return reading.performance.hits


def _features_of(path: Path, last_hit: float, spec: FeatureSpec) -> NDArray[np.float16]:
    """Return the features of a recording at the common loudness, shape (frames, bands)."""
    recording = Recording(path, spec.sample_rate)
    if recording.silent:
        raise DatasetError(f"{shown(path)}: is silent")
    if recording.duration < last_hit - TOLERANCE:
        raise DatasetError(
            f"{shown(path)}: ends at {recording.duration:.2f} s, before the MIDI's last note at "
            f"{last_hit:.2f} s; take the MIDI file that belongs to it"
        )
    return features_of(recording, spec)


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, DamagedAudioError):  # its advice is transcription's, which may use a part
        return f"{text.partition('; ')[0]}; get it again"
    return text


def _lane_counts(hits: Sequence[Hit]) -> tuple[int, ...]:
    n_hits = Counter(hit.drum.lane for hit in hits)
    return tuple(n_hits[lane] for lane in LANES)
