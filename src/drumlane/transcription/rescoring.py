"""Rescoring: a second hearing that weighs every possible stroke against all others of the recording.

Flow: transcription.activations -> candidates, stroke_levels, stroke_features, models.rescorer_model ->
**rescoring** -> decoding

The first network hears frames; it knows neither how this recording's own drums sound nor what is played
around. Here each candidate's share of the sound is told by templates of the recording's own drums, and a
network reads the candidates of a minute or two as a sequence: how probably each is a stroke, and how hard it
was struck. The answers are written into the activations in place of the first hearing's: everything behind
works as before. What it says of how strokes sound goes beside them, for ``toms``.

Two passes, as in speech recognition: candidates, then rescoring with more context. The second one may have
rounds: sounds are told apart the better the surer it is what was struck, so that once all candidates are
judged their levels are found anew, and another network judges again, knowing the verdicts (as structures are
recycled by Jumper et al., Nature 2021). The mean of all rounds counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.rescorer_model import RescorerModel, Verdicts
from drumlane.transcription.candidates import Candidates, Proposing, find_candidates
from drumlane.transcription.dynamics import logit, sigmoid
from drumlane.transcription.energies import N_BANDS
from drumlane.transcription.heard import Heard
from drumlane.transcription.stroke_balance import with_balance
from drumlane.transcription.stroke_features import as_heard, stroke_features
from drumlane.transcription.stroke_levels import StrokeLevels, stroke_levels
from drumlane.transcription.stroke_spectra import stroke_spectra
from drumlane.transcription.toms import TOM_LANES, TomSounds
from drumlane.vocabulary import LANES

MOST_STROKES = 1000  # that a network reads at once
MARGIN_STROKES = 150  # of them on either side of those that are judged then
_WIDTH = 0.8  # frames: standard deviation of a peak as it is written
_EVEN = (0.5,) * len(LANES)  # probability above which a verdict is for a stroke

Frames = NDArray[np.float32]


def features_of_candidates(
    candidates: Candidates,
    energies: NDArray[np.floating[Any]],
    proposing: Proposing,
    verdicts: Verdicts | None = None,
) -> Frames:
    """Return what is known of candidates before they are judged, shape (strokes, features).

    With verdicts their probabilities and velocities are in place of what was heard.

    Args:
        candidates: of a recording or of a part of it.
        energies: ``energies.band_energies`` of it, shape (frames, ``N_ENERGIES``).
        proposing: how the candidates were found.
        verdicts: of the round before, on each candidate; None in the first round.
    """
    levels = levels_of_candidates(candidates, energies, proposing, verdicts)
    spectra = stroke_spectra(energies, candidates.frames)
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
    energies: NDArray[np.floating[Any]],
    proposing: Proposing,
    verdicts: Verdicts | None = None,
) -> StrokeLevels:
    """Return what each candidate brings; arguments as of ``features_of_candidates``."""
    if verdicts is None:
        against = candidates.heights / np.array(proposing.thresholds)[candidates.lanes]
        belief = np.square(np.clip(against - 0.2, 0.05, 1.0))
    else:
        belief = np.sqrt(verdicts.probability.astype(np.float64))
    return stroke_levels(energies[:, :N_BANDS], candidates.frames, candidates.drums, belief)


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
    rounds = list[Verdicts]()
    for number in range(model.card.rounds):
        features = features_of_candidates(candidates, energies, proposing, rounds[-1] if rounds else None)
        rounds.append(verdicts_of_round(model, features, candidates.times, number))
    verdicts = _of_all(rounds)
    onset, velocity = np.zeros_like(heard.onset), heard.velocity.copy()
    _write(candidates, verdicts, heard.fps, (onset, velocity))
    on_toms = np.isin(candidates.lanes, TOM_LANES)
    sounds = TomSounds(candidates.times[on_toms], verdicts.sounds[on_toms].astype(np.float64))
    return Rescored(onset, velocity, sounds)


def verdicts_of_round(
    model: RescorerModel, features: Frames, times: NDArray[np.float64], number: int
) -> Verdicts:
    """Return the verdicts of one round, some strokes at a time, each with those around them.

    Args:
        model: that judges.
        features: of ``features_of_candidates``, with the verdicts of the round before, (strokes, features).
        times: seconds, ascending.
        number: of the round, from 0.
    """
    told = with_balance(features)
    found = [Verdicts.none()]
    for part, judged in _parts(len(times)):
        verdicts = model.run(told[part], times[part] - times[part.start], number)
        found.append(verdicts.part(slice(judged.start - part.start, judged.stop - part.start)))
    return Verdicts.joined(found)


def _of_all(rounds: Sequence[Verdicts]) -> Verdicts:
    """Return the verdicts of rounds together: they err differently. Sounds are the first one's."""
    return Verdicts(
        sigmoid(np.mean([logit(one.probability) for one in rounds], axis=0)),
        np.mean([one.velocity for one in rounds], axis=0),
        rounds[0].sounds,
    )


def _parts(n_strokes: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of the strokes that are heard together, and of those judged then; equally many each."""
    n_parts = 1
    if n_strokes > MOST_STROKES:
        n_parts = -(-n_strokes // (MOST_STROKES - 2 * MARGIN_STROKES))
    ends = np.linspace(0, n_strokes, n_parts + 1).round().astype(int).tolist()
    for start, stop in pairwise(ends):
        if start < stop:
            yield slice(max(0, start - MARGIN_STROKES), stop + MARGIN_STROKES), slice(start, stop)


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
