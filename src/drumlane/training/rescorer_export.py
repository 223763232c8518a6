"""Rescorer export: a checkpoint of the rescorer, alone or with others, becomes an ONNX file with its card.

Flow: rescorer_run -> **rescorer_export** -> models.rescorer_model
"""

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from drumlane.errors import ModelError
from drumlane.models.card import Training
from drumlane.models.loading import load_model
from drumlane.models.rescorer_model import RescorerCard
from drumlane.networks.rescorer import RescorerRounds, RescorerVerdicts
from drumlane.training.onnx_export import Arrays, onnx_of, worst_difference, write_model
from drumlane.training.provenance import training_sources, weights_licence
from drumlane.training.rescorer_config import RescorerRunConfig
from drumlane.training.rescorer_networks import together

PARITY_LENGTHS = (1, 57, 600)  # strokes
_SCALE = 127.0  # velocities are the largest outputs
_NOTES = (
    "Trained on what a transcriber hears in rendered audio: human grooves (train split) on sampled and "
    "procedural kits, with accompaniment. The checkpoint was chosen on kit families, grooves and music kept "
    "out of training."
)


def export_rescorer(checkpoint: Path, config: RescorerRunConfig, output: Path, command: str) -> RescorerCard:
    """Write ``output`` (.onnx) and its card beside it; return the card.

    Raises:
        ModelError: the checkpoint or its transcriber cannot be read, the export disagrees with torch, or
            ``output`` cannot be written.
    """
    before = [together(config.after)] if config.after else []
    rounds = [*before, together((checkpoint, *config.together_with))]
    if len({one.n_features for one in rounds}) != 1:
        raise ModelError(
            f"{checkpoint}: it is told other features of a stroke than those that it judges after"
        )
    weights = rescorer_onnx(rounds)
    check_rescorer_parity(rounds, weights)
    heard = load_model(config.transcriber).card
    card = RescorerCard(
        name="drumlane-rescorer",
        version=config.version,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        transcriber=heard.sha256,
        n_features=rounds[0].n_features,
        rounds=len(rounds),
        thresholds=heard.thresholds,
        minimum_gaps=heard.minimum_gaps,
        articulation_thresholds=heard.articulation_thresholds,
        repetition=heard.repetition,
        sha256=hashlib.sha256(weights).hexdigest(),
        parameters=sum(parameter.numel() for one in rounds for parameter in one.parameters()),
        license=weights_licence(config.data),
        training=Training(command=command, data=training_sources(config.data), notes=_NOTES),
    )
    write_model(weights, card, output)
    return card


def rescorer_onnx(rounds: Sequence[RescorerVerdicts]) -> bytes:
    """Return what networks say in each round as ONNX with dynamic batch and number of strokes."""
    examples = {"strokes": torch.zeros(2, 10, rounds[0].n_features), "times": torch.rand(2, 10)}
    axes = {0: "batch", 1: "strokes"}
    if len(rounds) == 1:
        return onnx_of(rounds[0], examples, ["verdicts"], axes)
    traced = [
        torch.jit.trace(one, tuple(examples.values()), check_trace=False)  # type: ignore[no-untyped-call]
        for one in rounds
    ]
    chosen = torch.jit.script(RescorerRounds(traced))
    return onnx_of(chosen, {**examples, "round": torch.tensor(0)}, ["verdicts"], axes)


def check_rescorer_parity(rounds: Sequence[RescorerVerdicts], weights: bytes) -> float:
    """Return the largest difference between torch and the exported network over three lengths.

    Raises:
        ModelError: it exceeds ``onnx_export.PARITY`` of the largest output.
    """
    rng = np.random.default_rng(0)
    questions = (
        {
            "strokes": rng.normal(0, 1, (1, n, rounds[0].n_features)).astype(np.float32),
            "times": np.sort(rng.uniform(0, 30, (1, n))).astype(np.float32),
            **({"round": np.array(number)} if len(rounds) > 1 else {}),
        }
        for n in PARITY_LENGTHS
        for number in range(len(rounds))
    )

    def ask(question: Arrays) -> list[NDArray[np.float32]]:
        one = rounds[int(question.get("round", 0))]
        with torch.inference_mode():
            return [one(*(torch.from_numpy(question[name]) for name in ("strokes", "times"))).numpy()]

    return worst_difference(ask, weights, ["verdicts"], questions, _SCALE)
