"""Evidence: what a network heard in each track, kept to explain its errors afterwards.

Flow: transcription -> **evidence** -> oracle, error_pictures

Activations are kept for all tracks, tens of megabytes an hour; features are made again when a picture needs
them, unless the sound is gone by then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.performance import Performance
from drumlane.transcription.activations import PieceActivations, features_of
from drumlane.transcription.decoding import Decoder
from drumlane.transcription.recording import Recording
from drumlane.transcription.transcribe import Transcriber


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What there is to see of a track."""

    features: Callable[[], NDArray[Any]]  # gives log-mel frames, shape (frames, mels)
    fps: float  # of the features
    activations: PieceActivations | None = None  # None: another program wrote the estimate
    decoder: Decoder | None = None


def evidence_of_file(path: Path) -> Evidence:
    """Return what can be seen of a recording without a network."""
    spec = FeatureSpec(n_low=0)
    return Evidence(lambda: features_of(Recording(path, spec.sample_rate), spec), spec.fps)


class Listener:
    """A transcriber that keeps what it heard."""

    def __init__(self, transcriber: Transcriber, keep: bool = True) -> None:
        """Listen with a transcriber; with ``keep=False`` nothing but the hits is left."""
        self._transcriber = transcriber
        self._keep = keep
        self._evidence: dict[Path, Evidence] = {}

    @property
    def subject(self) -> str:
        """Name the model for reports."""
        card = self._transcriber.model.card
        return f"model {card.name} {card.version}"

    def transcribe(self, source: Path) -> Performance:
        """Return the hits of a recording."""
        activations = self._transcriber.activations(source)
        if self._keep:
            self._evidence[source] = self._kept(lambda: self._transcriber.features(source), activations)
        return self._transcriber.decode(activations)

    def transcribe_samples(self, samples: NDArray[Any], sample_rate: int, name: Path) -> Performance:
        """Return the hits of samples of shape (n,); their features are kept under ``name``, they are not."""
        activations = self._transcriber.activations(samples, sample_rate)
        if self._keep:
            features = self._transcriber.features(samples, sample_rate)
            self._evidence[name] = self._kept(lambda: features, activations)
        return self._transcriber.decode(activations)

    def evidence(self, source: Path | None) -> Evidence | None:
        """Return what was heard in a recording; None if it was none or could not be heard."""
        return self._evidence.get(source) if source else None

    def _kept(self, features: Callable[[], NDArray[Any]], activations: PieceActivations) -> Evidence:
        return Evidence(features, activations.fps, activations, self._transcriber.decoder)
