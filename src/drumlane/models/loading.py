"""Loading: a network file and its card, checked against each other, ready to run.

Flow: audio.features -> **models** -> transcription

Input ``features`` (batch, frames, bands); outputs ``onset``, ``velocity`` and ``presence`` (batch, frames, 8)
and ``articulation`` (batch, frames, 6), all in 0..1.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ModelError
from drumlane.files import AnyPath, shown
from drumlane.models.card import ModelCard, read_card
from drumlane.models.rescorer_model import RescorerModel, load_rescorer, rescorer_beside
from drumlane.models.sessions import SHIPPED, open_checked, read_weights
from drumlane.vocabulary import ARTICULATIONS, LANES

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OUTPUTS = ("onset", "velocity", "articulation", "presence")
_SIZES = (len(LANES), len(LANES), len(ARTICULATIONS), len(LANES))


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
    """A network and its card, and who judges what it hears."""

    def __init__(
        self, card: ModelCard, session: "InferenceSession", rescorer: RescorerModel | None = None
    ) -> None:
        self.card = card
        self.rescorer = rescorer
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
    """Load a network and the card beside it, and its rescorer if the card speaks of one.

    Args:
        path: the ``.onnx`` file; its card has the same name with ``.json``, its rescorer with
            ``.rescorer.onnx``. None loads the shipped one.
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
    return Model(card, session, _rescorer_of(card, path, threads))


def _rescorer_of(card: ModelCard, path: Path, threads: int | None) -> RescorerModel | None:
    if card.rescorer is None:
        return None
    beside = rescorer_beside(path)
    rescorer = load_rescorer(beside, card.sha256, threads)
    if rescorer.card.sha256 != card.rescorer:
        raise ModelError(
            f"{shown(beside)}: its sha256 starts with {rescorer.card.sha256[:12]}, the card of the "
            f"transcriber beside it was made with {card.rescorer[:12]}; export the two together"
        )
    return rescorer


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
