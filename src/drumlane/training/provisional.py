"""Provisional: a model file of a checkpoint that was not calibrated, to evaluate it as it is.

Flow: checkpoint + ``postprocessing`` -> **provisional** (cards) -> transcription
"""

from pathlib import Path

from drumlane.models.card import write_card
from drumlane.training.calibration import Calibration
from drumlane.training.cards import Exported, card_of
from drumlane.training.config import RunConfig
from drumlane.training.export import load_probabilities, onnx_bytes
from drumlane.transcription.dynamics import PLAIN_VELOCITY
from drumlane.vocabulary import ARTICULATIONS, LANES

_AS_IT_IS = (1.0, 0.0)  # confidence is the activation's height


def write_provisional(
    checkpoint: Path, config: RunConfig, folder: Path, thresholds: tuple[float, ...] | None = None
) -> Path:
    """Write a checkpoint's averaged network as ``checkpoint.onnx``, with its card; return its path.

    Args:
        checkpoint: of a transcriber.
        config: its run; ``postprocessing`` says how activations become hits.
        folder: that exists.
        thresholds: for each lane, instead of the configuration's.

    Raises:
        ModelError: the checkpoint cannot be read.
    """
    network, spec = load_probabilities([checkpoint])
    weights = onnx_bytes(network, spec)
    exported = Exported(weights, spec, sum(p.numel() for p in network.parameters()))
    chosen = config.postprocessing
    gap = max(chosen.min_onset_interval, chosen.peak_min_distance / spec.fps)
    plain = Calibration(
        thresholds=thresholds or chosen.thresholds(),
        presence_thresholds=(0.0,) * len(LANES),
        offsets=(0.0,) * len(LANES),
        articulation_thresholds=(0.5,) * len(ARTICULATIONS),
        confidence_curves=(_AS_IT_IS,) * len(LANES),
        velocity_curves=(PLAIN_VELOCITY,) * len(LANES),
        repetition=chosen.repetition,
    )
    card = card_of(exported, config, plain, (gap,) * len(LANES), "not exported: evaluated as it is")
    path = folder / "checkpoint.onnx"
    path.write_bytes(weights)
    write_card(card, path.with_suffix(".json"))
    return path
