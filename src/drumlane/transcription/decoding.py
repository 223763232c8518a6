"""Decoding: activations become a performance.

Flow: transcription.activations -> **decoding** (peaks, dynamics) -> Performance

Pure: the same activations and settings always give the same hits. Training chooses the settings that a
model's card carries; a user may overrule them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.models.card import ModelCard
from drumlane.performance import Hit, Performance
from drumlane.transcription.activations import PieceActivations
from drumlane.transcription.dynamics import around_peaks, confidences, midi_velocities
from drumlane.transcription.peaks import pick_peaks
from drumlane.vocabulary import DRUM_OF_LANE, LANE_NAMES, LANES, Drum, Lane, lane_by_name

PerLane = float | Mapping[str, float]  # one value for all lanes, or some lanes' own


@dataclass(frozen=True, slots=True)
class Decoder:
    """The settings of every lane; tuples are in lane order."""

    thresholds: tuple[float, ...]  # activation from which a peak is a hit, 0..1
    minimum_gaps: tuple[float, ...]  # seconds between hits of one lane
    offsets: tuple[float, ...]  # seconds the activations are late
    hat_open_threshold: float = 0.5
    velocity_range: tuple[int, int] = (1, 127)  # MIDI velocities of the outputs 0 and 1
    articulations: bool = True  # tell open hats from closed ones

    def __post_init__(self) -> None:
        lengths = {len(self.thresholds), len(self.minimum_gaps), len(self.offsets)}
        if lengths != {len(LANES)}:
            raise ValueError(f"thresholds, minimum_gaps and offsets need {len(LANES)} values each")

    @classmethod
    def of(cls, card: ModelCard) -> "Decoder":
        """Return the settings a model was calibrated with."""
        return cls(
            thresholds=tuple(card.thresholds[name] for name in LANE_NAMES),
            minimum_gaps=tuple(card.minimum_gaps[name] for name in LANE_NAMES),
            offsets=tuple(card.offsets[name] for name in LANE_NAMES),
            hat_open_threshold=card.hat_open_threshold,
            velocity_range=(card.velocity.low, card.velocity.high),
        )


def decode(activations: PieceActivations, decoder: Decoder) -> Performance:
    """Return the hits in the activations of a whole recording."""
    hits = (hit for lane in LANES for hit in _lane_hits(activations, lane, decoder))
    return Performance.of(hits, duration=activations.duration)


def per_lane(defaults: tuple[float, ...], wanted: PerLane | None) -> tuple[float, ...]:
    """Return one value per lane: the defaults, with what is wanted laid over them.

    Raises:
        ConfigError: a lane is unknown; the message lists the lanes.
    """
    if wanted is None:
        return defaults
    if not isinstance(wanted, Mapping):
        return (float(wanted),) * len(LANES)
    values = list(defaults)
    for name, value in wanted.items():
        values[lane_by_name(name)] = float(value)
    return tuple(values)


def _lane_hits(activations: PieceActivations, lane: Lane, decoder: Decoder) -> Iterator[Hit]:
    onset = activations.onset[:, lane].astype(np.float32)
    threshold = decoder.thresholds[lane]
    times, heights = pick_peaks(onset, threshold, decoder.minimum_gaps[lane], activations.fps)
    frames = np.clip(np.rint(times * activations.fps).astype(np.intp), 0, len(onset) - 1)
    strengths = around_peaks(activations.velocity[:, lane], onset, frames)
    velocities = midi_velocities(strengths, *decoder.velocity_range).tolist()
    drums = _drums(activations, lane, frames, decoder)
    sure = confidences(heights, threshold).tolist()
    onsets = np.clip(times - decoder.offsets[lane], 0.0, activations.duration).tolist()
    yield from map(Hit, onsets, drums, velocities, sure)


def _drums(
    activations: PieceActivations, lane: Lane, frames: NDArray[np.intp], decoder: Decoder
) -> list[Drum]:
    plain = DRUM_OF_LANE[lane]
    if lane is not Lane.HIHAT or not decoder.articulations:
        return [plain] * len(frames)
    open_ = around_peaks(activations.hat_open, activations.onset[:, lane], frames)
    return [Drum.HIHAT_OPEN if value >= decoder.hat_open_threshold else plain for value in open_]
