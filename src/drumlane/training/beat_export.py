"""Beat export: a checkpoint of the beat network becomes an ONNX file with its card.

Flow: beat_run -> **beat_export** -> models.beat_model

The exported network must agree with torch at three lengths or nothing is written.
"""

import datetime
import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from drumlane.data import gmd
from drumlane.models.beat_model import BeatCard
from drumlane.models.card import Source, Training
from drumlane.networks.beats import BeatProbabilities
from drumlane.training.beat_config import BeatRunConfig
from drumlane.training.beat_run import load_beat_network
from drumlane.training.onnx_export import Arrays, onnx_of, worst_difference, write_model
from drumlane.transcription.hit_frames import FPS

PARITY_LENGTHS = (57, 1000, 6000)  # frames
LICENCE = "MIT"
SOURCES = (
    Source(name="Groove MIDI Dataset", licence=gmd.LICENCE, attribution=gmd.ATTRIBUTION),
    Source(
        name="composed patterns",
        licence="MIT",
        attribution="drumlane contributors: composed by the program",
    ),
)
_NOTES = (
    "Trained on symbolic music only: human grooves (train split) joined to songs and composed patterns, with "
    "the errors of a transcriber drawn at random. The checkpoint was chosen on the validation split."
)


def export_beats(checkpoint: Path, config: BeatRunConfig, output: Path, command: str) -> BeatCard:
    """Write ``output`` (.onnx) and its card beside it; return the card.

    Raises:
        ModelError: the checkpoint cannot be read, the export disagrees with torch, or ``output`` cannot be
            written.
    """
    network = BeatProbabilities(load_beat_network(checkpoint)).eval()
    weights = beat_onnx(network)
    check_beat_parity(network, weights)
    card = BeatCard(
        name="drumlane-beats",
        version=config.version,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        fps=FPS,
        context=config.model.context,
        sha256=hashlib.sha256(weights).hexdigest(),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        license=LICENCE,
        training=Training(command=command, data=SOURCES, notes=_NOTES),
    )
    write_model(weights, card, output)
    return card


def beat_onnx(network: BeatProbabilities) -> bytes:
    """Return the network as ONNX with dynamic batch and time."""
    example = torch.zeros(2, 100, network.network.spec.n_lanes)
    return onnx_of(network, {"strokes": example}, ["beats"], {0: "batch", 1: "frames"})


def check_beat_parity(network: BeatProbabilities, weights: bytes) -> float:
    """Return the largest difference between torch and the exported network over three lengths.

    Raises:
        ModelError: it exceeds ``PARITY``.
    """
    rng = np.random.default_rng(0)
    questions = (
        {"strokes": (rng.random((1, n_frames, network.network.spec.n_lanes)) ** 4).astype(np.float32)}
        for n_frames in PARITY_LENGTHS
    )

    def ask(question: Arrays) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            return [network(torch.from_numpy(question["strokes"])).numpy()]

    return worst_difference(ask, weights, ["beats"], questions)
