"""Rescoring: a second hearing that weighs every possible stroke against all others of the recording.

Flow: transcription.activations -> candidates, stroke_levels, stroke_features, models.rescorer_model ->
**rescoring** -> decoding

The first network hears frames; it knows neither how this recording's own drums sound nor what is played
around. Here each candidate's share of the sound is told by templates of the recording's own drums, and a
network reads all candidates of half a minute as a sequence: how probably each is a stroke, and how hard it
was struck. The answers are written into the activations in place of the first hearing's: everything behind
works as before. What it says of how strokes sound goes beside them, for ``toms``.

Two passes, as in speech recognition: candidates, then rescoring with more context. The second one may have
rounds: sounds are told apart the better the surer it is what was struck, so that once all candidates are
judged their levels are found anew, and another network judges again, knowing the verdicts (as structures are
recycled by Jumper et al., Nature 2021).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.rescorer_model import N_SOUND, RescorerModel, Verdicts
from drumlane.transcription.candidates import Candidates, Heard, Proposing, find_candidates
from drumlane.transcription.dynamics import logit, sigmoid
from drumlane.transcription.energies import N_BANDS
from drumlane.transcription.stroke_balance import with_balance
from drumlane.transcription.stroke_features import as_heard, stroke_features
from drumlane.transcription.stroke_levels import StrokeLevels, stroke_levels
from drumlane.transcription.stroke_spectra import stroke_spectra
from drumlane.transcription.toms import TOM_LANES, TomSounds
from drumlane.vocabulary import LANES

PART_SECONDS = 20.0  # judged at once
MARGIN_SECONDS = 5.0  # heard on either side of it; together as long as the items of training
_WIDTH = 0.8  # frames: standard deviation of a peak as it is written
_EVEN = (0.5,) * len(LANES)  # probability above which a verdict is for a stroke
_LEAST_BELIEF = 0.05

Frames = NDArray[np.float32]


def features_of_candidates(
    candidates: Candidates,
    first: int,
    energies: NDArray[np.floating[Any]],
    proposing: Proposing,
    verdicts: Verdicts | None = None,
) -> Frames:
    """Return what is known of candidates before they are judged, shape (strokes, features).

    With verdicts their probabilities and velocities are in place of what was heard.

    Args:
        candidates: all of half a minute.
        first: the frame in which the half minute begins.
        energies: ``energies.band_energies`` of it, shape (frames, ``N_ENERGIES``).
        proposing: how the candidates were found.
        verdicts: of the round before, on each candidate; None in the first round.
    """
    levels = levels_of_candidates(candidates, first, energies, proposing, verdicts)
    spectra = stroke_spectra(energies, candidates.frames - first)
    if verdicts is None:
        return stroke_features(candidates, levels, spectra, proposing.thresholds)
    judged = replace(
        candidates,
        heights=verdicts.probability.astype(np.float64),
        velocities=as_heard(np.clip(verdicts.velocity, 1.0, 127.0)),
    )
    return stroke_features(judged, levels, spectra, _EVEN)


def levels_of_candidates(
    candidates: Candidates,
    first: int,
    energies: NDArray[np.floating[Any]],
    proposing: Proposing,
    verdicts: Verdicts | None = None,
) -> StrokeLevels:
    """Return what each candidate brings; arguments as of ``features_of_candidates``."""
    if verdicts is None:
        against = candidates.heights / np.array(proposing.thresholds)[candidates.lanes]
        belief = np.square(np.clip(against - 0.2, 0.05, 1.0))
    else:
        belief = np.maximum(_LEAST_BELIEF, np.sqrt(verdicts.probability.astype(np.float64)))
    return stroke_levels(energies[:, :N_BANDS], candidates.frames - first, candidates.drums, belief)


@dataclass(frozen=True, slots=True)
class Rescored:
    """What a recording sounds like after the second hearing."""

    onset: Frames  # (frames, 8), with the verdicts in place of what was heard
    velocity: Frames  # (frames, 8), the same
    tom_sounds: TomSounds


def rescored(heard: Heard, energies: NDArray[np.floating[Any]], model: RescorerModel) -> Rescored:
    """Return activations with the verdicts in place of what was heard, and how toms sound.

    Args:
        heard: activations of a recording of any length.
        energies: ``energies.band_energies`` of the same frames.
        model: that judges.
    """
    proposing = Proposing.of(model.card)
    candidates = find_candidates(heard, proposing)
    onset, velocity = np.zeros_like(heard.onset), heard.velocity.copy()
    sounds = []
    for part, judged, frames in _parts(candidates.times, heard.fps):
        mine = candidates.part(part)
        known = partial(features_of_candidates, mine, frames.start, energies[frames], proposing)
        verdicts = model.run(with_balance(known()), mine.times - mine.times[0])
        for number in range(1, model.card.rounds):
            verdicts = model.run(with_balance(known(verdicts)), mine.times - mine.times[0], number)
        verdicts = verdicts.part(slice(judged.start - part.start, judged.stop - part.start))
        _write(candidates.part(judged), verdicts, heard.fps, (onset, velocity))
        sounds.append(verdicts.sounds)
    on_toms = np.isin(candidates.lanes, TOM_LANES)
    vectors = np.concatenate([np.zeros((0, N_SOUND)), *sounds])
    return Rescored(onset, velocity, TomSounds(candidates.times[on_toms], vectors[on_toms]))


def _parts(times: NDArray[np.float64], fps: float) -> Iterator[tuple[slice, slice, slice]]:
    """Yield slices of the candidates that are heard together, of those judged then, and of their frames."""
    start = 0
    while start < len(times):
        begins = float(times[start])
        first, last = begins - MARGIN_SECONDS, begins + PART_SECONDS + MARGIN_SECONDS
        heard_from, stop, heard_to = np.searchsorted(times, [first, begins + PART_SECONDS, last]).tolist()
        yield (
            slice(heard_from, heard_to),
            slice(start, stop),
            slice(max(0, round(first * fps)), round(last * fps) + 1),
        )
        start = stop


def _write(candidates: Candidates, verdicts: Verdicts, fps: float, into: tuple[Frames, Frames]) -> None:
    """Write peaks; a parabola through their logarithms gives back place and height exactly."""
    onset, velocity = into
    velocities = (np.clip(verdicts.velocity, 1.0, 127.0) - 1) / 126
    of_toms = _of_toms(candidates, verdicts)
    off = candidates.times * fps - candidates.frames  # frames, -0.5 to 0.5
    for step in (-1, 0, 1):
        frames = candidates.frames + step
        inside = (frames >= 0) & (frames < len(onset))
        fall = np.exp((off**2 - (step - off) ** 2) / (2 * _WIDTH**2))
        for lane in LANES:
            mine, height = candidates.lanes == lane, verdicts.probability
            if lane in TOM_LANES:  # a tom's stroke may have been on any of them
                mine = np.isin(candidates.lanes, TOM_LANES)
                height = of_toms[:, TOM_LANES.index(lane)]
            mine = mine & inside
            velocity[frames[mine], lane] = velocities[mine]
            np.maximum.at(onset[:, lane], frames[mine], (height * fall)[mine].astype(onset.dtype))


def _of_toms(candidates: Candidates, verdicts: Verdicts) -> NDArray[np.float64]:
    """Return the probability of each tom, (strokes, 3): the verdict for the likeliest one.

    Which tom it was is told by all strokes together, see ``toms``: so the odds of the three stay to each
    other as the first hearing had them.
    """
    odds = logit(candidates.activations[:, list(TOM_LANES)])
    raised = logit(verdicts.probability)[:, None] + odds - odds.max(axis=1, keepdims=True)
    return sigmoid(raised)
