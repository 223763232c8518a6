"""Calibration: what the decoder needs beside the weights, from items of held-out kits or recordings.

Flow: export (activations of held-out items) -> **calibration** (thresholds, confidence) -> models.card

Onset thresholds are chosen without presence, presence by what it lets pass, onsets once more with it. The
rest is read off the strokes that are then found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.matching import match_onsets
from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.training.confidence import Curve, fit_curve
from drumlane.training.thresholds import (
    GRID,
    MINIMUM_GAPS,
    TOLERANCE,
    best_joint_threshold,
    best_presences,
    best_thresholds,
    joint_peaks,
)
from drumlane.training.tom_positions import fit_positions
from drumlane.transcription.dynamics import PLAIN_VELOCITY, around_peaks
from drumlane.transcription.peaks import nearest_frames, pick_peaks
from drumlane.transcription.presence import present
from drumlane.transcription.toms import TOM_LANES, TomPositions, TomSounds
from drumlane.vocabulary import ARTICULATIONS, LANES, LANES_OF_ARTICULATIONS, Drum, Lane

_FEWEST = 30  # strokes from which a velocity curve is fitted
_FEWEST_OF_ITEM = 4  # strokes from which an item's spread counts
_SLOPES = (63.0, 378.0)  # MIDI velocity for the whole range of the output


@dataclass(frozen=True, slots=True)
class Calibration:
    """The settings of a decoder; tuples in lane order, times in seconds."""

    thresholds: tuple[float, ...]
    presence_thresholds: tuple[float, ...]
    offsets: tuple[float, ...]
    articulation_thresholds: tuple[float, ...]  # in the order of vocabulary.ARTICULATIONS
    confidence_curves: tuple[Curve, ...]
    velocity_curves: tuple[Curve, ...]
    toms: TomPositions | None = None
    repetition: float = 0.0  # with which the items were heard; see ``transcription.repetition``


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The peaks of one lane in one item, and which of them are hits."""

    onset: NDArray[np.float32]  # (frames,)
    times: NDArray[np.float64]  # (peaks,) seconds
    heights: NDArray[np.float64]  # (peaks,)
    frames: NDArray[np.intp]  # (peaks,)
    hits: Sequence[Hit]  # of the lane
    pairs: NDArray[np.intp]  # (matches, 2): hit, peak


def calibrate(
    heard: Sequence[Activations],
    references: Sequence[Sequence[Hit]],
    fps: float,
    given: tuple[float, ...] | None = None,
    sounds: Sequence[TomSounds] = (),
) -> Calibration:
    """Choose a decoder's settings on what a network heard in held-out items.

    Args:
        heard: activations of each item.
        references: their hits.
        fps: frames a second.
        given: onset thresholds of each lane that were chosen already; everything else is fitted to them.
        sounds: of each item's strokes on toms, as a rescorer tells them.
    """
    onsets = [activations.onset for activations in heard]
    presences = [present(activations.presence, fps) for activations in heard]
    thresholds = given or best_thresholds(onsets, references, fps, MINIMUM_GAPS)[0]
    both = list(zip(onsets, presences, strict=True))
    least = best_presences(both, references, fps, MINIMUM_GAPS, thresholds)
    believed = [o * (p >= np.array(least, dtype=p.dtype)) for o, p in zip(onsets, presences, strict=True)]
    thresholds = given or _final_thresholds(believed, references, fps)
    peaks = {lane: _peaks(lane, thresholds[lane], believed, references, fps) for lane in LANES}
    candidates = {lane: _peaks(lane, GRID[0], believed, references, fps) for lane in LANES}
    return Calibration(
        thresholds,
        least,
        tuple(_offset(peaks[lane]) for lane in LANES),
        tuple(_articulation_threshold(i, heard, peaks) for i in range(len(ARTICULATIONS))),
        _confidence_curves(candidates, believed, references, fps),
        tuple(_velocity_curve(lane, heard, peaks[lane]) for lane in LANES),
        fit_positions(heard, references, fps, sounds),
    )


def _final_thresholds(
    onsets: Sequence[NDArray[np.float32]], references: Sequence[Sequence[Hit]], fps: float
) -> tuple[float, ...]:
    """Return one for each lane; toms share one, because the decoder tells only later which tom it was."""
    thresholds = list(best_thresholds(onsets, references, fps, MINIMUM_GAPS)[0])
    joint = best_joint_threshold(TOM_LANES, onsets, references, fps, MINIMUM_GAPS)
    for lane in TOM_LANES:
        thresholds[lane] = joint
    return tuple(thresholds)


def _peaks(
    lane: Lane,
    threshold: float,
    onsets: Sequence[NDArray[np.float32]],
    references: Sequence[Sequence[Hit]],
    fps: float,
) -> list[_Found]:
    found = []
    for onset, reference in zip(onsets, references, strict=True):
        times, heights = pick_peaks(onset[:, lane], threshold, MINIMUM_GAPS[lane], fps)
        frames = nearest_frames(times, fps, len(onset))
        hits = [h for h in reference if h.drum.lane is lane]
        pairs = match_onsets([h.time for h in hits], times, TOLERANCE)
        found.append(_Found(onset[:, lane], times, heights, frames, hits, pairs))
    return found


def _offset(peaks: Sequence[_Found]) -> float:
    late = [p.times[peak] - p.hits[hit].time for p in peaks for hit, peak in p.pairs.tolist()]
    return round(float(np.median(late)), 5) if late else 0.0


def _confidence_curves(
    candidates: dict[Lane, list[_Found]],
    onsets: Sequence[NDArray[np.float32]],
    references: Sequence[Sequence[Hit]],
    fps: float,
) -> tuple[Curve, ...]:
    """Return one for each lane; toms share one, which says whether it is a tom's stroke at all.

    Whichever tom a stroke was on, all three lanes answer to it: one lane's peaks alone would seem to be
    mostly wrong.
    """
    heights, right = [np.zeros(0)], [np.zeros(0, dtype=np.bool_)]
    for reference, times, found in joint_peaks(TOM_LANES, onsets, references, fps, MINIMUM_GAPS):
        pairs = match_onsets(reference, times, TOLERANCE)
        heights.append(found)
        right.append(np.isin(np.arange(len(times)), pairs[:, 1]))
    of_toms = fit_curve(np.concatenate(heights), np.concatenate(right))
    return tuple(of_toms if lane in TOM_LANES else _confidence_curve(candidates[lane]) for lane in LANES)


def _confidence_curve(peaks: Sequence[_Found]) -> Curve:
    right = [np.isin(np.arange(len(p.times)), p.pairs[:, 1]) for p in peaks]
    return fit_curve(np.concatenate([p.heights for p in peaks]), np.concatenate(right))


def _velocity_curve(lane: Lane, heard: Sequence[Activations], peaks: Sequence[_Found]) -> Curve:
    """Return the line from the output to MIDI velocity that gives a recording's strokes the spread they had.

    Items that are hard to hear teach the network to stay near the mean; the line takes that back. Spread is
    measured within items: how loud kits are against each other says nothing of how one is played. A line with
    the least squared error would be flatter, and flatter for some lanes than for others.
    """
    x, y, x_off, y_off = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for activations, p in zip(heard, peaks, strict=True):
        outputs = around_peaks(activations.velocity[:, lane], p.onset, p.frames[p.pairs[:, 1]])
        velocities = np.array([p.hits[i].velocity for i in p.pairs[:, 0]], dtype=np.float64)
        x.append(outputs)
        y.append(velocities)
        if len(outputs) >= _FEWEST_OF_ITEM:
            x_off.append(outputs - outputs.mean())
            y_off.append(velocities - velocities.mean())
    outputs, velocities = np.concatenate(x), np.concatenate(y)
    spread = float(np.sqrt(np.square(np.concatenate(x_off)).sum()))
    if len(outputs) < _FEWEST or spread < 1e-3 * np.sqrt(len(outputs)):
        return PLAIN_VELOCITY
    played = float(np.sqrt(np.square(np.concatenate(y_off)).sum()))
    slope = float(np.clip(played / spread, *_SLOPES))
    return slope, float(velocities.mean() - slope * outputs.mean())


def _articulation_threshold(
    index: int, heard: Sequence[Activations], peaks: dict[Lane, list[_Found]]
) -> float:
    """Return the threshold that tells an articulation best among the strokes of its lane that were found.

    Best is balanced accuracy for open hats; the others are rare, and best is their F.
    """
    drum, values, truth = ARTICULATIONS[index], [np.zeros(0)], []
    for activations, p in zip(heard, peaks[LANES_OF_ARTICULATIONS[index]], strict=True):
        frames = p.frames[p.pairs[:, 1]]
        values.append(around_peaks(activations.articulation[:, index], p.onset, frames))
        truth += [p.hits[i].drum is drum for i in p.pairs[:, 0]]
    score = _balanced_accuracy if drum is Drum.HIHAT_OPEN else _f_of_told
    return _best_cut(np.concatenate(values), np.array(truth, dtype=bool), score)


def _best_cut(
    values: NDArray[np.float64],
    truth: NDArray[np.bool_],
    score: Callable[[NDArray[np.bool_], NDArray[np.bool_]], float],
) -> float:
    if not truth.any() or truth.all():
        return 0.5
    grid = np.arange(0.1, 0.91, 0.02)
    return round(float(grid[int(np.argmax([score(values >= cut, truth) for cut in grid]))]), 3)


def _balanced_accuracy(told: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(0.5 * (told[truth].mean() + (~told[~truth]).mean()))


def _f_of_told(told: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (told & truth).sum() / max(1, told.sum() + truth.sum()))
