"""Export: checkpoints become an ONNX network with its card, calibrated on held-out kits or recordings.

Flow: run -> **export** (thresholds) -> models

The exported network must agree with torch to ``onnx_export.PARITY`` at three lengths or nothing is written.
Thresholds and constant offsets come from the validation part of the recordings that a run learns from, else
from rendered items of the validation families with held-out accompaniment. With a rescorer everything is
calibrated on what it makes of the activations, and it is written beside the network.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ModelError
from drumlane.models.card import ModelCard
from drumlane.models.loading import OUTPUTS, Activations
from drumlane.models.rescorer_model import RescorerModel, load_rescorer, rescorer_beside
from drumlane.networks.catalog import Network, build, spec_of
from drumlane.networks.transcriber import Probabilities
from drumlane.training.calibration import calibrate
from drumlane.training.calibration_items import calibration_items
from drumlane.training.cards import Exported, card_of
from drumlane.training.checkpoints import read_checkpoint
from drumlane.training.config import RunConfig
from drumlane.training.onnx_export import Arrays, onnx_of, worst_difference, write_model
from drumlane.training.rescorer_items import heard_of
from drumlane.training.thresholds import MINIMUM_GAPS
from drumlane.transcription.dynamics import PLAIN_VELOCITY
from drumlane.transcription.energies import band_energies
from drumlane.transcription.repetition import reinforced
from drumlane.transcription.rescoring import rescored
from drumlane.transcription.toms import TomSounds
from drumlane.vocabulary import LANES

PARITY_LENGTHS = (57, 1000, 6000)  # frames


@dataclass(frozen=True, slots=True)
class Calibrating:
    """How a model's decoder is set."""

    n_items: int = 300
    seconds: float = 30.0  # of each: long enough for patterns to come back
    rescorer: Path | None = None  # that listens to the network, and is written beside it
    thresholds: tuple[float, ...] | None = None  # of onsets, one for each lane; None: calibrated too


def export_transcriber(
    checkpoints: Sequence[Path],
    config: RunConfig,
    output: Path,
    command: str,
    calibrating: Calibrating | None = None,
) -> ModelCard:
    """Write ``output`` (.onnx) and its card beside it; return the card.

    Args:
        checkpoints: one, or several whose networks answer together, by the mean of their probabilities.
        config: says what is used for calibration.
        output: the network's file.
        command: that trained it, for the card.
        calibrating: on how much; and thresholds, if they were chosen already.

    Raises:
        ModelError: a checkpoint cannot be read, checkpoints do not go together, the export disagrees with
            torch, or ``output`` cannot be written.
    """
    _check_output(output)
    chosen = calibrating or Calibrating()
    if chosen.thresholds and chosen.rescorer:
        raise ModelError(
            "thresholds that were chosen on what the network hears alone mean nothing to its rescorer; leave "
            "--thresholds or --rescorer out"
        )
    network, spec = load_probabilities(checkpoints)
    exported = Exported(
        onnx_bytes(network, spec), spec, sum(weights.numel() for weights in network.parameters())
    )
    check_parity(network, exported.weights, spec)
    check_hears(spec, config)
    transcriber = hashlib.sha256(exported.weights).hexdigest()
    rescorer = load_rescorer(chosen.rescorer, transcriber) if chosen.rescorer else None
    items = calibration_items(config, chosen.n_items, chosen.seconds)
    # Candidates of a rescorer are found with its own belief in what comes back; once is enough.
    strength = 0.0 if rescorer else config.postprocessing.repetition
    heard = [hear(network, item.features[:, : spec.n_bands], spec.fps, strength) for item in items]
    sounds = []
    if rescorer:
        judged = [rescored_item(h, i.features, spec, rescorer) for h, i in zip(heard, items, strict=True)]
        heard, sounds = [activations for activations, _ in judged], [of_toms for _, of_toms in judged]
    calibration = calibrate(heard, [item.hits for item in items], spec.fps, chosen.thresholds, sounds)
    if rescorer:  # it says velocities as they are
        calibration = replace(calibration, velocity_curves=(PLAIN_VELOCITY,) * len(LANES))
    calibration = replace(calibration, repetition=strength)
    card = card_of(exported, config, calibration, MINIMUM_GAPS, command)
    card = card.model_copy(update={"rescorer": rescorer.card.sha256 if rescorer else None})
    beside = _beside(output, chosen.rescorer) if chosen.rescorer else {}
    write_model(exported.weights, card, output, beside)
    return card


def check_hears(spec: FeatureSpec, config: RunConfig) -> None:
    """Refuse a network that hears other features than the configuration's, or than its first bands.

    Raises:
        ModelError: it does.
    """
    if spec not in (config.audio, replace(config.audio, n_low=0)):
        raise ModelError(
            f"the checkpoint hears features {spec.digest}, the configuration's are {config.audio.digest}; "
            "pass the configuration of its run (config.yaml in the run's folder)"
        )


def _check_output(output: Path) -> None:
    """Refuse what cannot be written before the minutes of calibration."""
    if output.suffix.lower() != ".onnx":
        raise ModelError(f"{output}: a model is an .onnx file; its card goes beside it as .json")
    if not output.parent.is_dir():
        raise ModelError(f"{output}: cannot be written, its folder does not exist; create it first")


def _beside(output: Path, rescorer: Path) -> dict[Path, bytes]:
    """Return the rescorer's files as they lie beside a network."""
    return {
        rescorer_beside(output).with_suffix(path.suffix): path.read_bytes()
        for path in (rescorer, rescorer.with_suffix(".json"))
    }


def load_probabilities(checkpoints: Sequence[Path]) -> tuple[Probabilities, FeatureSpec]:
    """Return the averaged networks of checkpoints, ready for inference, and the features they need.

    Raises:
        ModelError: a file is missing or is no checkpoint of a transcriber, or networks hear other features.
    """
    loaded = [load_network(checkpoint) for checkpoint in checkpoints]
    _, widest = max(loaded, key=lambda pair: pair[1].n_bands)
    for checkpoint, (_, spec) in zip(checkpoints, loaded, strict=True):
        if spec not in (widest, replace(widest, n_low=0)):
            raise ModelError(
                f"{checkpoint}: its features are not those of the other checkpoints; only networks that hear "
                "the same, with or without low bands, answer together"
            )
    return Probabilities(*(network for network, _ in loaded)).eval(), widest


def load_network(checkpoint: Path) -> tuple[Network, FeatureSpec]:
    """Return the averaged network of a checkpoint, ready for inference, and its features.

    Raises:
        ModelError: the file is missing or is not a checkpoint of a transcriber.
    """
    saved = read_checkpoint(checkpoint)
    hyper, state = saved["hyper_parameters"], saved["state_dict"]
    try:
        network = build(spec_of(hyper["model"]))
        spec = FeatureSpec(**hyper["features"])
        network.load_state_dict({name: state[f"averaged.module.{name}"] for name in network.state_dict()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{checkpoint}: made for another version of the network ({reason})") from None
    return network.eval(), spec


def onnx_bytes(network: Probabilities, spec: FeatureSpec) -> bytes:
    """Return the network as ONNX with dynamic batch and time and probabilities as outputs."""
    example = torch.zeros(2, 100, spec.n_bands)
    return onnx_of(network, {"features": example}, OUTPUTS, {0: "batch", 1: "frames"})


def check_parity(network: Probabilities, weights: bytes, spec: FeatureSpec) -> float:
    """Return the largest difference between torch and the exported network over three lengths.

    Raises:
        ModelError: it exceeds ``PARITY``.
    """
    rng = np.random.default_rng(0)
    questions = (
        {"features": rng.uniform(0, 6, (1, n_frames, spec.n_bands)).astype(np.float32)}
        for n_frames in PARITY_LENGTHS
    )

    def ask(question: Arrays) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            return [out.numpy() for out in network(torch.from_numpy(question["features"]))]

    return worst_difference(ask, weights, OUTPUTS, questions)


def hear(network: Probabilities, features: NDArray[np.float32], fps: float, repetition: float) -> Activations:
    """Return what a decoder is given of one item, without a batch axis.

    Args:
        network: as it is exported.
        features: shape (frames, bands).
        fps: frames a second.
        repetition: strength with which the decoder believes what comes back.
    """
    with torch.inference_mode():
        outputs = network(torch.from_numpy(features[None]))
    onset, *others = (output[0].numpy() for output in outputs)
    return Activations(reinforced(onset, fps, repetition), *others)


def rescored_item(
    heard: Activations, features: NDArray[np.float32], spec: FeatureSpec, rescorer: RescorerModel
) -> tuple[Activations, TomSounds]:
    """Return what a decoder is given of one item when a rescorer has judged it.

    Args:
        heard: by the network alone.
        features: shape (frames, bands).
        spec: of the features.
        rescorer: that judges.
    """
    found = rescored(heard_of(heard, spec.fps), band_energies(features, spec), rescorer)
    return replace(heard, onset=found.onset, velocity=found.velocity), found.tom_sounds
