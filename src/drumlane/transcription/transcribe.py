"""Transcribe: a sound in, a performance out; the one call most users need.

Flow: audio -> recording -> activations -> decoding -> beats -> **Performance**

    >>> import drumlane
    >>> performance = drumlane.transcribe("song.mp3")  # doctest: +SKIP
    >>> drumlane.Transcriber(options=TranscriptionOptions(thresholds={"kick": 0.3}))  # doctest: +SKIP
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

from drumlane.files import AnyPath
from drumlane.models.loading import Model, load_model
from drumlane.performance import Performance
from drumlane.transcription.activations import Halves, PieceActivations, Progress, features_of, hear
from drumlane.transcription.beats import BeatOptions, BeatTracker
from drumlane.transcription.decoding import Decoder, PerLane, decode, per_lane
from drumlane.transcription.recording import Recording, Source


@dataclass(frozen=True, slots=True)
class TranscriptionOptions:
    """What to change against the model's card; None keeps what the model was calibrated with."""

    thresholds: PerLane | None = None  # 0..1, for all lanes or by name: {"kick": 0.3}
    minimum_gaps: PerLane | None = None  # seconds between hits of one lane
    articulations: bool = True  # tell open hats, side sticks, bells …; False writes each lane's plain stroke
    partial: bool = False  # use recordings that are cut off as far as they go, instead of refusing them
    beats: BeatOptions = field(default_factory=BeatOptions)  # what is known of tempo and bars

    def __post_init__(self) -> None:
        for value in _values(self.thresholds):
            if not 0 < value < 1:
                raise ValueError(f"threshold {value} must lie between 0 and 1")
        for value in _values(self.minimum_gaps):
            if not 0 <= value < float("inf"):
                raise ValueError(f"minimum gap {value} must be a number of seconds >= 0")


class Transcriber:
    """A loaded model, for many recordings."""

    def __init__(
        self,
        model: Model | AnyPath | None = None,
        threads: int | None = None,
        options: TranscriptionOptions | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: a loaded model, or the path of an ``.onnx`` file; None takes the shipped one.
            threads: CPU threads; None takes one per core, at most four.
            options: changes to the model's own settings.

        Raises:
            ModelError: the model is missing, damaged or made for another version.
            ConfigError: an option names an unknown lane.
        """
        self.model = model if isinstance(model, Model) else load_model(model, threads)
        options = options or TranscriptionOptions()
        self._partial = options.partial
        self._beats = BeatTracker(options.beats, threads)
        calibrated = Decoder.of(self.model.card)
        self.decoder = replace(
            calibrated,
            thresholds=per_lane(calibrated.thresholds, options.thresholds),
            minimum_gaps=per_lane(calibrated.minimum_gaps, options.minimum_gaps),
            articulations=options.articulations,
        )

    def transcribe(
        self, source: Source, sample_rate: int | None = None, progress: Progress | None = None
    ) -> Performance:
        """Return the hits of a recording, with its tempo map.

        Args:
            source: a path, or samples of shape (n,) or (n, channels).
            sample_rate: Hz; needed for samples, ignored for a path.
            progress: called with the fraction done, 0..1.

        Raises:
            AudioError: the sound cannot be read, is empty or holds non-finite samples.
        """
        return self.with_tempo(self.decode(self.activations(source, sample_rate, progress)), source)

    def activations(
        self, source: Source, sample_rate: int | None = None, progress: Progress | None = None
    ) -> PieceActivations:
        """Return what the network hears in a recording; arguments as in ``transcribe``."""
        rate = self.model.card.features.sample_rate
        return hear(Recording(source, rate, sample_rate, partial=self._partial), self.model, progress)

    def features(self, source: Source, sample_rate: int | None = None) -> Halves:
        """Return log-mel frames of shape (frames, mels) as the network is given them, for plots."""
        spec = replace(self.model.card.feature_spec, n_low=0)
        return features_of(Recording(source, spec.sample_rate, sample_rate, partial=self._partial), spec)

    def decode(self, activations: PieceActivations) -> Performance:
        """Return the hits in activations, without their tempo."""
        return decode(activations, self.decoder)

    def with_tempo(self, performance: Performance, source: Source | None = None) -> Performance:
        """Return a performance with the tempo map of its hits.

        Args:
            performance: hits of a recording.
            source: the recording; only beat trackers that hear sound need it, as a path.

        Raises:
            ConfigError: such a tracker was asked for, and the recording is no file.
            DrumlaneError: that tracker is not installed.
        """
        path = Path(source) if isinstance(source, (str, PathLike)) else None
        return replace(performance, tempo=self._beats.tempo(performance, path))


def transcribe(
    source: Source,
    sample_rate: int | None = None,
    model: Model | AnyPath | None = None,
    options: TranscriptionOptions | None = None,
) -> Performance:
    """Return the hits of one recording; for several, keep a ``Transcriber``.

    Args and errors are those of ``Transcriber`` and ``Transcriber.transcribe``.
    """
    return Transcriber(model, options=options).transcribe(source, sample_rate)


def _values(setting: PerLane | None) -> tuple[float, ...]:
    if setting is None:
        return ()
    return tuple(setting.values()) if isinstance(setting, Mapping) else (setting,)
