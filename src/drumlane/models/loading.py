"""Loading: a network file and its card, checked against each other, ready to run.

Flow: audio.features -> **models** -> transcription

Input ``features`` (batch, frames, bands); outputs ``onset``, ``velocity`` and ``presence`` (batch, frames, 8)
and ``articulation`` (batch, frames, 6), all in 0..1. onnxruntime is used here only, and loads on the first
``load_model``.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ModelError
from drumlane.files import AnyPath, shown
from drumlane.models.card import ModelCard, read_card
from drumlane.vocabulary import ARTICULATIONS, LANES

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHIPPED = Path(__file__).with_name("transcriber.onnx")
OUTPUTS = ("onset", "velocity", "articulation", "presence")
_SIZES = (len(LANES), len(LANES), len(ARTICULATIONS), len(LANES))
MAX_DEFAULT_THREADS = 4  # a network this small gains nothing from more


@dataclass(frozen=True, slots=True)
class Activations:
    """What the network says about each frame, 0..1; ``…`` is a batch axis or nothing."""

    onset: NDArray[np.floating[Any]]  # (…, frames, 8)
    velocity: NDArray[np.floating[Any]]  # (…, frames, 8)
    articulation: NDArray[np.floating[Any]]  # (…, frames, 6), as ``vocabulary.ARTICULATIONS``
    presence: NDArray[np.floating[Any]]  # (…, frames, 8)

    @property
    def n_frames(self) -> int:
        """The number of frames."""
        return int(self.onset.shape[-2])


class Model:
    """A network and its card."""

    def __init__(self, card: ModelCard, session: "InferenceSession") -> None:
        self.card = card
        self._session = session

    def run(self, features: NDArray[np.float32]) -> Activations:
        """Return the activations of features of shape (batch, frames, bands).

        Raises:
            ModelError: the network does not answer in the promised shapes.
        """
        inputs = {"features": np.ascontiguousarray(features, dtype=np.float32)}
        outputs = self._session.run(list(OUTPUTS), inputs)
        shapes = [output.shape for output in outputs]
        expected = [(*features.shape[:2], size) for size in _SIZES]
        if shapes != expected:
            raise ModelError(
                f"model {self.card.name}: for features {features.shape} the outputs are {shapes}, "
                f"expected {expected}"
            )
        return Activations(*outputs)


def load_model(path: AnyPath | None = None, threads: int | None = None) -> Model:
    """Load a network and the card beside it.

    Args:
        path: the ``.onnx`` file; its card has the same name with ``.json``. None loads the shipped one.
        threads: CPU threads for one run; None takes one per core, at most four.

    Raises:
        ModelError: a file is missing, altered, or made for another version or other features.
    """
    path = SHIPPED if path is None else Path(path)
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"{shown(path)}: a model is an .onnx file with its .json card beside it")
    weights = read_weights(path)
    card = read_card(path.with_suffix(".json"))
    session = open_checked(weights, path, card.sha256, threads)
    _check_interface(session, card, path)
    return Model(card, session)


def open_checked(weights: bytes, path: Path, sha256: str, threads: int | None) -> "InferenceSession":
    """Open a network whose card knows what it should be.

    Raises:
        ModelError: the weights are not the card's, or no network.
    """
    found = hashlib.sha256(weights).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{shown(path)}: the file's sha256 starts with {found[:12]}, its card says {sha256[:12]}; "
            "the file is damaged or belongs to another card"
        )
    return _open_session(weights, path, threads)


def read_weights(path: Path) -> bytes:
    """Return the bytes of a network's file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        if path == SHIPPED:
            raise ModelError(
                f"{shown(path)}: this installation has no shipped model; pass one with --model"
            ) from error
        raise ModelError(f"{shown(path)}: no such model file") from error
    except OSError as error:
        raise ModelError(f"{shown(path)}: the model cannot be read ({error.strerror})") from error


def _open_session(weights: bytes, path: Path, threads: int | None) -> "InferenceSession":
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows; elsewhere drumlane/__init__.py has done it
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(os.cpu_count() or 1, MAX_DEFAULT_THREADS)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # our errors are one line; the runtime would print its own before
    # Waiting threads would otherwise spin, which costs as much processor time as the network itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Windows of one size need no pool that grows with the largest tensor ever asked for.
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own classes have no public base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{shown(path)}: onnxruntime cannot load the network ({reason})") from error


def _check_interface(session: "InferenceSession", card: ModelCard, path: Path) -> None:
    inputs = [node.name for node in session.get_inputs()]
    if inputs != ["features"]:
        raise ModelError(f"{shown(path)}: the network's inputs are {inputs}, expected ['features']")
    _check_last_axis(path, "features", session.get_inputs()[0].shape, card.features.spec.n_bands)
    shapes = {node.name: node.shape for node in session.get_outputs()}
    if missing := [name for name in OUTPUTS if name not in shapes]:
        raise ModelError(
            f"{shown(path)}: the network has no output {', '.join(missing)} (has: {', '.join(shapes)})"
        )
    for name, size in zip(OUTPUTS, _SIZES, strict=True):
        _check_last_axis(path, name, shapes[name], size)


def _check_last_axis(path: Path, name: str, shape: list[int | str | None], size: int) -> None:
    """Refuse a tensor that is not (batch, frames, size); an axis without a fixed size passes."""
    if len(shape) != 3 or (isinstance(shape[2], int) and shape[2] != size):
        raise ModelError(f"{shown(path)}: {name} has shape {shape}, expected (batch, frames, {size})")
