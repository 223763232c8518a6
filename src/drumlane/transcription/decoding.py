"""Decoding: activations become a performance.

Flow: transcription.activations -> **decoding** -> Performance, by way of repetition, peaks, presence, rivals,
toms and dynamics

Pure: the same activations and settings always give the same hits. Training chooses the settings that a
model's card carries; a user may overrule them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.models.card import ModelCard
from drumlane.performance import Hit, Performance
from drumlane.transcription.activations import PRESENCE_STEP, PieceActivations
from drumlane.transcription.dynamics import (
    PLAIN_VELOCITY,
    around_peaks,
    articulations_of,
    articulations_told,
    confidences,
    midi_velocities,
)
from drumlane.transcription.peaks import nearest_frames, pick_peaks
from drumlane.transcription.presence import present
from drumlane.transcription.repetition import reinforced
from drumlane.transcription.rivals import Peaks, without_rivals
from drumlane.transcription.toms import TOM_LANES, TomPositions, heights_near, positions, toms_of
from drumlane.vocabulary import (
    ARTICULATIONS,
    DRUM_OF_LANE,
    LANE_NAMES,
    LANES,
    Drum,
    Lane,
    lane_by_name,
)

PerLane = float | Mapping[str, float]  # one value for all lanes, or some lanes' own


@dataclass(frozen=True, slots=True)
class Decoder:
    """The settings of every lane; tuples are in lane order."""

    thresholds: tuple[float, ...]  # activation from which a peak is a hit, 0..1
    minimum_gaps: tuple[float, ...]  # seconds between hits of one lane
    offsets: tuple[float, ...]  # seconds the activations are late
    presence_thresholds: tuple[float, ...] = (0.0,) * len(LANES)  # see ``presence``; 0 lets every peak pass
    articulation_thresholds: tuple[float, ...] = (0.5,) * len(ARTICULATIONS)
    confidence_curves: tuple[tuple[float, float], ...] = ((1.0, 0.0),) * len(LANES)  # slope and intercept
    velocity_curves: tuple[tuple[float, float], ...] = (PLAIN_VELOCITY,) * len(LANES)  # slope and intercept
    repetition: float = 0.0  # how far what comes back is believed; see ``repetition``
    toms: TomPositions | None = None  # None: a tom stroke is what it was heard as
    articulations: bool = True  # tell open hats, side sticks … from plain strokes

    def __post_init__(self) -> None:
        by_lane = (self.thresholds, self.presence_thresholds, self.minimum_gaps, self.offsets)
        curves = (self.confidence_curves, self.velocity_curves)
        if {len(values) for values in (*by_lane, *curves)} != {len(LANES)}:
            raise ValueError(f"thresholds, gaps, offsets and curves need {len(LANES)} values each")
        if len(self.articulation_thresholds) != len(ARTICULATIONS):
            raise ValueError(f"articulation_thresholds needs {len(ARTICULATIONS)} values")

    @classmethod
    def of(cls, card: ModelCard) -> "Decoder":
        """Return the settings a model was calibrated with."""
        return cls(
            thresholds=tuple(card.thresholds[name] for name in LANE_NAMES),
            minimum_gaps=tuple(card.minimum_gaps[name] for name in LANE_NAMES),
            offsets=tuple(card.offsets[name] for name in LANE_NAMES),
            presence_thresholds=tuple(card.presence_thresholds[name] for name in LANE_NAMES),
            confidence_curves=tuple(card.confidence[name] for name in LANE_NAMES),
            articulation_thresholds=tuple(card.articulation_thresholds[drum.value] for drum in ARTICULATIONS),
            velocity_curves=tuple(card.velocity[name] for name in LANE_NAMES),
            repetition=card.repetition,
            toms=TomPositions(**card.toms.model_dump()) if card.toms else None,
        )


def decode(activations: PieceActivations, decoder: Decoder) -> Performance:
    """Return the hits in the activations of a whole recording."""
    activations = with_repetition(activations, decoder.repetition)
    presence = present(activations.presence, activations.fps / PRESENCE_STEP)
    peaks = [_believed_peaks(activations, presence[:, lane], lane, decoder) for lane in LANES]
    peaks = without_rivals(peaks, decoder.thresholds)
    toms = _toms(activations, peaks, decoder.toms)
    hits = (hit for lane in LANES for hit in _lane_hits(activations, lane, peaks[lane], decoder, toms))
    return Performance.of(hits, duration=activations.duration)


def with_repetition(activations: PieceActivations, strength: float) -> PieceActivations:
    """Return activations whose onsets believe what comes back; decode them with a strength of 0."""
    return replace(activations, onset=reinforced(activations.onset, activations.fps, strength))


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


def _believed_peaks(
    activations: PieceActivations, presence: NDArray[np.float32], lane: Lane, decoder: Decoder
) -> Peaks:
    """Return the peaks of a lane where the lane seems to be played at all."""
    onset = activations.onset[:, lane].astype(np.float32)
    times, heights = pick_peaks(onset, decoder.thresholds[lane], decoder.minimum_gaps[lane], activations.fps)
    frames = nearest_frames(times, activations.fps, len(onset))
    here = presence[frames // PRESENCE_STEP] >= decoder.presence_thresholds[lane]
    return times[here], heights[here]


def _toms(
    activations: PieceActivations, peaks: Sequence[Peaks], model: TomPositions | None
) -> Mapping[Lane, list[Drum]]:
    """Return the drums of the strokes in each tom lane; none where they are what they were heard as."""
    if model is None:
        return {}
    times = np.concatenate([peaks[tom][0] for tom in TOM_LANES])
    where = positions(heights_near(activations.onset, times, activations.fps))
    sounds = activations.tom_sounds.at(times) if activations.tom_sounds else None
    drums = [DRUM_OF_LANE[TOM_LANES[tom]] for tom in toms_of(where, model, sounds).tolist()]
    ends = np.cumsum([len(peaks[lane][0]) for lane in TOM_LANES]).tolist()
    return {lane: drums[end - len(peaks[lane][0]) : end] for lane, end in zip(TOM_LANES, ends, strict=True)}


def _lane_hits(
    activations: PieceActivations,
    lane: Lane,
    peaks: Peaks,
    decoder: Decoder,
    toms: Mapping[Lane, list[Drum]],
) -> Iterator[Hit]:
    times, heights = peaks
    onset = activations.onset[:, lane].astype(np.float32)
    frames = nearest_frames(times, activations.fps, len(onset))
    strengths = around_peaks(activations.velocity[:, lane], onset, frames)
    velocities = midi_velocities(strengths, *decoder.velocity_curves[lane]).tolist()
    drums = toms.get(lane) or _drums(activations, lane, frames, decoder)
    sure = confidences(heights, *decoder.confidence_curves[lane]).tolist()
    onsets = np.clip(times - decoder.offsets[lane], 0.0, activations.duration).tolist()
    yield from map(Hit, onsets, drums, velocities, sure)


def _drums(
    activations: PieceActivations, lane: Lane, frames: NDArray[np.intp], decoder: Decoder
) -> list[Drum]:
    """Return the articulation that exceeds its threshold most, else the lane's plain stroke."""
    mine = articulations_of(lane) if decoder.articulations else []
    if not mine:
        return [DRUM_OF_LANE[lane]] * len(frames)
    onset = activations.onset[:, lane]
    told = np.stack([around_peaks(activations.articulation[:, i], onset, frames) for i in mine], axis=1)
    return articulations_told(lane, told, decoder.articulation_thresholds)
