"""Export: checkpoints become an ONNX network with its card, calibrated on held-out kits.

Flow: run -> **export** (thresholds) -> models

The legacy exporter is used: it keeps batch and time dynamic. The exported network must agree with torch to
``PARITY`` at three lengths or nothing is written. Thresholds and constant offsets come from rendered items of
the validation families with held-out accompaniment; no real recording is touched.
"""

import datetime
import hashlib
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
from drumlane.audio.level import TARGET_RMS
from drumlane.errors import ModelError
from drumlane.files import whole_file
from drumlane.models.card import FeatureFields, Level, ModelCard, Training, write_card
from drumlane.models.loading import OUTPUTS, Activations
from drumlane.networks.catalog import Network, build, spec_of
from drumlane.networks.transcriber import Probabilities
from drumlane.rendering.scene import Item
from drumlane.training.calibration import calibrate
from drumlane.training.checkpoints import read_checkpoint
from drumlane.training.config import RunConfig
from drumlane.training.items import encode_item, load_material, validation_items
from drumlane.training.provenance import training_sources, weights_licence
from drumlane.training.thresholds import MINIMUM_GAPS
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES

PARITY = 1e-5
PARITY_LENGTHS = (57, 1000, 6000)  # frames
OPSET = 17
# Drums against accompaniment in the mixes people have. Training goes further, where the best threshold is one
# that hears little.
USUAL_LEVELS_DB = (-3.0, 15.0)


@dataclass(frozen=True, slots=True)
class Calibrating:
    """How a model's decoder is set."""

    n_items: int = 500  # rendered
    seconds: float = 10.0  # of each
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
    weights = onnx_bytes(network, spec)
    check_parity(network, weights, spec)
    chosen = calibrating or Calibrating()
    items = _calibration_items(config, chosen.n_items, chosen.seconds)
    heard = [hear(network, encode_item(item, spec)[0]) for item in items]
    calibration = calibrate(heard, items, spec.fps, chosen.thresholds)
    card = ModelCard(
        name="drumlane-transcriber",
        version=config.version,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        features=FeatureFields.of(spec),
        features_digest=spec.digest,
        level=Level(target_rms=TARGET_RMS),
        sha256=hashlib.sha256(weights).hexdigest(),
        parameters=sum(p.numel() for p in network.parameters()),
        thresholds=dict(zip(LANE_NAMES, calibration.thresholds, strict=True)),
        minimum_gaps=dict(zip(LANE_NAMES, MINIMUM_GAPS, strict=True)),
        offsets=dict(zip(LANE_NAMES, calibration.offsets, strict=True)),
        velocity=dict(zip(LANE_NAMES, calibration.velocity_curves, strict=True)),
        confidence=dict(zip(LANE_NAMES, calibration.confidence_curves, strict=True)),
        presence_thresholds=dict(zip(LANE_NAMES, calibration.presence_thresholds, strict=True)),
        articulation_thresholds=dict(
            zip((d.value for d in ARTICULATIONS), calibration.articulation_thresholds, strict=True)
        ),
        license=weights_licence(config.data),
        training=Training(command=command, data=training_sources(config.data), notes=_NOTES),
    )
    _write(weights, card, output)
    return card


_NOTES = (
    "Trained on rendered audio only: human grooves on sampled and procedural kits, with accompaniment. "
    "Ranges of the procedural kits were set against statistics of sampled kits. "
    "Thresholds were chosen on kit families, grooves and accompaniment kept out of training."
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


def hear(network: Probabilities, features: NDArray[np.float32]) -> Activations:
    """Return what a network makes of the features (frames, bands) of one item, without a batch axis."""
    with torch.inference_mode():
        outputs = network(torch.from_numpy(features[None]))
    return Activations(*(output[0].numpy() for output in outputs))


def _calibration_items(config: RunConfig, n_items: int, seconds: float) -> list[Item]:
    material = load_material(config.data, "validation", config.seed)
    # As songs are: intros, breaks and endings have no drums, and a false hit there is as wrong as anywhere.
    # What only hardens the network is left out: the best threshold on ruined sound is too low for sound.
    scene = replace(
        config.scene,
        accompanied=0.5,
        drumless=0.15,
        percussion=0.05,
        mixed_kit=0.2,
        noise=0.1,
        soft_sticks=0.05,
        layered=0.05,
        live=0.25,
        ducked=0.05,
        separated=0.0,
        mastered=0.0,
        band_limited=0.0,
        hum=0.0,
        level_db=USUAL_LEVELS_DB,
        joined=False,
    )
    # The threshold with the best F lies at half of that F: items that are harder than recordings give one
    # that is too low. Half of the items are therefore kits as they are, in a plain room.
    plain = replace(scene, coloured=False)
    n_plain = n_items // 2
    return [
        *validation_items(material, scene, n_items - n_plain, seconds),
        *validation_items(material, plain, n_plain, seconds),
    ]
