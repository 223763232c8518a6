"""Activations: what the network hears in a whole recording, frame by frame.

Flow: recording -> audio.features -> silence -> windows (models) -> **activations** (energies, judging) ->
decoding

Kept as float16: an hour is 16 MB, and a step of 0.0005 near 1 is far finer than the network is sure of.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, FeatureStream
from drumlane.errors import FormatError
from drumlane.files import whole_file
from drumlane.models.loading import Activations, Model
from drumlane.transcription.energies import band_energies
from drumlane.transcription.heard import Heard
from drumlane.transcription.judging import Judging
from drumlane.transcription.recording import Recording
from drumlane.transcription.silence import KEPT_SECONDS, SilenceCutter
from drumlane.transcription.toms import TomSounds
from drumlane.transcription.windows import WindowStream
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES

Progress = Callable[[float], None]  # called with a fraction, 0..1
Halves = NDArray[np.float16]
PRESENCE_STEP = 10  # frames


@dataclass(frozen=True, slots=True)
class PieceActivations:
    """The activations of a whole recording, 0..1."""

    onset: Halves  # (frames, 8)
    velocity: Halves  # (frames, 8)
    articulation: Halves  # (frames, 6), as ``vocabulary.ARTICULATIONS``
    presence: Halves  # (frames / PRESENCE_STEP, 8), of every tenth frame: it changes slowly
    fps: float  # frame i is centred on i / fps seconds
    duration: float  # seconds of audio
    silent: bool = False  # nothing was there to hear; all values are 0
    tom_sounds: TomSounds | None = None  # None: nobody compared the strokes on toms


def hear(recording: Recording, model: Model, progress: Progress | None = None) -> PieceActivations:
    """Run the network over a recording, and its rescorer over what it hears.

    Long silence is not given to it, and there is nothing in it.

    Args:
        recording: at the rate of the model's features.
        model: a loaded network.
        progress: called with the fraction done.
    """
    progress = progress or (lambda _: None)
    spec = model.card.feature_spec
    if recording.rate != spec.sample_rate:
        raise ValueError(f"recording.rate={recording.rate} must be the model's {spec.sample_rate}")
    n_frames = spec.n_frames(recording.n_samples)
    if recording.silent:
        nothing = Heard.nothing(n_frames, PRESENCE_STEP, spec.fps)
        return PieceActivations(*nothing.arrays, spec.fps, recording.duration, silent=True)
    judging = Judging(n_frames, PRESENCE_STEP, spec.fps, model.rescorer) if model.rescorer else None
    heard = Heard.nothing(0 if judging else n_frames, PRESENCE_STEP, spec.fps)
    write, tom_sounds = judging.write if judging else heard.write, None
    windows, cutter = WindowStream(model.run), SilenceCutter(spec.fps)
    waiting = np.zeros(0, dtype=np.intp)  # numbers of frames that are not answered yet
    n_done = 0
    for features in _features(recording, spec):
        if judging:
            judging.push(band_energies(features, spec))
        left, places = cutter.push(features)
        waiting = _write_all(windows.push(left), np.concatenate([waiting, places]), write)
        n_done += len(features)
        if judging:
            first_open = int(waiting[0]) if len(waiting) else n_done
            judging.advance(first_open - round(2 * KEPT_SECONDS * spec.fps))  # some silence may still come
        if n_done < n_frames:
            progress(n_done / n_frames)
    _write_all(windows.finish(), waiting, write)
    if judging:
        heard, tom_sounds = judging.finish()
    progress(1.0)
    return PieceActivations(*heard.arrays, spec.fps, recording.duration, tom_sounds=tom_sounds)


def features_of(recording: Recording, spec: FeatureSpec) -> Halves:
    """Return the features of a whole recording, shape (frames, mels)."""
    return np.concatenate([block.astype(np.float16) for block in _features(recording, spec)])


def save_activations(activations: PieceActivations, path: Path) -> None:
    """Write activations as a compressed ``.npz``, each array under its name, with the names of its columns.

    Raises:
        FormatError: the file cannot be written.
    """
    with whole_file(path, FormatError) as partial:
        np.savez_compressed(
            partial,
            onset=activations.onset,
            velocity=activations.velocity,
            articulation=activations.articulation,
            presence=activations.presence,
            fps=np.float64(activations.fps),
            duration=np.float64(activations.duration),
            lanes=np.array(LANE_NAMES),
            articulations=np.array([drum.value for drum in ARTICULATIONS]),
        )


def _features(recording: Recording, spec: FeatureSpec) -> Iterator[NDArray[np.float32]]:
    stream = FeatureStream(spec)
    for block in recording.blocks():
        yield stream.push(block)
    yield stream.finish()


def _write_all(
    parts: Iterator[Activations],
    places: NDArray[np.intp],
    write: Callable[[Activations, NDArray[np.intp]], None],
) -> NDArray[np.intp]:
    """Write parts in order to the frames ``places``; return those that are left."""
    for part in parts:
        write(part, places[: part.n_frames])
        places = places[part.n_frames :]
    return places
