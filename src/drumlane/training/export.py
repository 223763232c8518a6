"""Export: checkpoints become an ONNX network with its card, calibrated on held-out kits or recordings.

Flow: run -> **export** (thresholds) -> models

The legacy exporter is used: it keeps batch and time dynamic. The exported network must agree with torch to
``PARITY`` at three lengths or nothing is written. Thresholds and constant offsets come from the validation
part of the recordings that a run learns from, else from rendered items of the validation families with
held-out accompaniment.
"""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ModelError
from drumlane.files import whole_file
from drumlane.models.card import ModelCard, write_card
from drumlane.models.loading import OUTPUTS, Activations
from drumlane.networks.catalog import Network, build, spec_of
from drumlane.networks.transcriber import Probabilities
from drumlane.training.calibration import calibrate
from drumlane.training.calibration_items import calibration_items
from drumlane.training.cards import Exported, card_of
from drumlane.training.checkpoints import read_checkpoint
from drumlane.training.config import RunConfig
from drumlane.training.thresholds import MINIMUM_GAPS
from drumlane.transcription.repetition import reinforced

PARITY = 1e-5
PARITY_LENGTHS = (57, 1000, 6000)  # frames
OPSET = 17


@dataclass(frozen=True, slots=True)
class Calibrating:
    """How a model's decoder is set."""

    n_items: int = 300
    seconds: float = 30.0  # of each: long enough for patterns to come back
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
    network, spec = load_probabilities(checkpoints)
    exported = Exported(
        onnx_bytes(network, spec), spec, sum(weights.numel() for weights in network.parameters())
    )
    check_parity(network, exported.weights, spec)
    chosen = calibrating or Calibrating()
    check_hears(spec, config)
    items = calibration_items(config, chosen.n_items, chosen.seconds)
    strength = config.postprocessing.repetition
    heard = [hear(network, item.features[:, : spec.n_bands], spec.fps, strength) for item in items]
    found = calibrate(heard, [item.hits for item in items], spec.fps, chosen.thresholds)
    calibration = replace(found, repetition=strength)
    card = card_of(exported, config, calibration, MINIMUM_GAPS, command)
    _write(exported.weights, card, output)
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


def _write(weights: bytes, card: ModelCard, output: Path) -> None:
    """Write network and card; both take their names only when both are written."""
    with (
        whole_file(output, ModelError) as partial,
        whole_file(output.with_suffix(".json"), ModelError) as partial_card,
    ):
        partial.write_bytes(weights)
        write_card(card, partial_card)


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
    axes = {0: "batch", 1: "frames"}
    names = list(OUTPUTS)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter is deprecated upstream and warns about GRUs and batches.
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (example,),
            str(path),
            input_names=["features"],
            output_names=names,
            dynamic_axes=dict.fromkeys(["features", *names], axes),
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def check_parity(network: Probabilities, weights: bytes, spec: FeatureSpec) -> float:
    """Return the largest difference between torch and the exported network over three lengths.

    Raises:
        ModelError: it exceeds ``PARITY``.
    """
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for n_frames in PARITY_LENGTHS:
        features = rng.uniform(0, 6, (1, n_frames, spec.n_bands)).astype(np.float32)
        with torch.inference_mode():
            ours = [out.numpy() for out in network(torch.from_numpy(features))]
        theirs = session.run(list(OUTPUTS), {"features": features})
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)))
    if worst > PARITY:
        raise ModelError(f"the exported network differs from torch by {worst:.1e}, more than {PARITY:.0e}")
    return worst


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
