"""Candidates: everything in activations that may be a stroke, far below the thresholds of hits.

Flow: repetition, peaks, rivals, presence, dynamics -> **candidates** -> stroke_levels, stroke_features

The first hearing proposes, the second one (``rescoring``) decides.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.card import ModelCard
from drumlane.models.rescorer_model import RescorerCard
from drumlane.transcription.dynamics import around_peaks, articulations_of, articulations_told
from drumlane.transcription.heard import Heard
from drumlane.transcription.peaks import nearest_frames, pick_peaks
from drumlane.transcription.presence import present
from drumlane.transcription.repetition import reinforced
from drumlane.transcription.rivals import without_rivals
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES, LANES, Drum, Lane

LOWEST = 0.4  # of a lane's threshold
_LEAST_HEIGHT = 0.06
_NEAR = 3  # frames: activations of other lanes need not peak in the same one

DRUMS: tuple[Drum, ...] = tuple(Drum)
LANE_OF_DRUM = np.array([-1 if drum.lane is None else int(drum.lane) for drum in DRUMS])
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proposing:
    """How candidates are found; tuples are in lane order."""

    thresholds: tuple[float, ...]  # of hits, as the first hearing alone would have them
    minimum_gaps: tuple[float, ...]  # seconds
    articulation_thresholds: tuple[float, ...]
    repetition: float = 0.0  # see ``repetition``

    @classmethod
    def of(cls, card: ModelCard | RescorerCard) -> "Proposing":
        """Return how a transcriber alone finds hits, or how a rescorer wants its candidates to be found."""
        return cls(
            tuple(card.thresholds[name] for name in LANE_NAMES),
            tuple(card.minimum_gaps[name] for name in LANE_NAMES),
            tuple(card.articulation_thresholds[drum.value] for drum in ARTICULATIONS),
            card.repetition,
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible strokes in order of time; every array has one row for each."""

    times: Floats  # seconds
    frames: NDArray[np.intp]
    lanes: NDArray[np.intp]
    drums: NDArray[np.intp]  # indices of DRUMS
    heights: Floats  # activation of the own lane, with what comes back believed
    activations: NDArray[np.float32]  # (strokes, 8), the same around the stroke in every lane
    plain: NDArray[np.float32]  # (strokes, 8), as the network heard it
    velocities: Floats  # the network's, 0..1
    articulations: NDArray[np.float32]  # (strokes, 6)
    presences: NDArray[np.float32]  # (strokes, 8), mean over several seconds

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.times)

    def part(self, which: slice) -> "Candidates":
        """Return some of them."""
        return Candidates(*(getattr(self, field.name)[which] for field in fields(self)))


def find_candidates(heard: Heard, proposing: Proposing) -> Candidates:
    """Return the candidates in activations."""
    onset = reinforced(heard.onset, heard.fps, proposing.repetition).astype(np.float32)
    lowest = [max(_LEAST_HEIGHT, LOWEST * threshold) for threshold in proposing.thresholds]
    peaks = without_rivals(
        [pick_peaks(onset[:, i], lowest[i], proposing.minimum_gaps[i], heard.fps) for i in LANES],
        proposing.thresholds,
    )
    lanes = np.concatenate([np.full(len(times), lane, np.intp) for lane, (times, _) in enumerate(peaks)])
    times = np.concatenate([times for times, _ in peaks])
    order = np.argsort(times, kind="stable")
    lanes, times = lanes[order], times[order]
    frames = nearest_frames(times, heard.fps, len(onset))
    near = np.clip(frames[:, None] + np.arange(-_NEAR, _NEAR + 1), 0, len(onset) - 1)
    told = np.zeros((len(times), len(ARTICULATIONS)), np.float32)
    velocities, drums = np.zeros(len(times)), np.zeros(len(times), np.intp)
    for lane in LANES:
        mine = np.flatnonzero(lanes == lane)
        velocities[mine] = around_peaks(heard.velocity[:, lane], onset[:, lane], frames[mine])
        told[mine] = _around(heard.articulation, onset, frames[mine], lane)
        of_lane = articulations_told(
            lane, told[mine][:, articulations_of(lane)], proposing.articulation_thresholds
        )
        drums[mine] = [DRUMS.index(drum) for drum in of_lane]
    presence = present(heard.presence, heard.fps / heard.step)
    return Candidates(
        times=times,
        frames=frames,
        lanes=lanes,
        drums=drums,
        heights=np.concatenate([heights for _, heights in peaks])[order],
        activations=onset[near].max(axis=1, initial=0.0),
        plain=heard.onset[near].max(axis=1, initial=0.0),
        velocities=velocities,
        articulations=told,
        presences=presence[frames // heard.step],
    )


def _around(
    values: NDArray[np.floating[Any]], onset: NDArray[np.float32], frames: NDArray[np.intp], lane: Lane
) -> NDArray[np.float32]:
    """Return all columns of ``values`` at strokes of one lane, shape (strokes, columns)."""
    columns = [around_peaks(column, onset[:, lane], frames) for column in values.T]
    return np.stack(columns, axis=1).astype(np.float32)
