"""Beat model: the network that hears beats in strokes, and its card.

Flow: transcription.hit_frames -> **beat_model** -> transcription.pulse

Input ``strokes`` (batch, frames, 8), as ``transcription.hit_frames`` lays them; output ``beats`` (batch,
frames, 2): beat and downbeat, 0..1. Long pieces are heard in parts with as much around them as the network
can use.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from drumlane.errors import ModelError
from drumlane.files import AnyPath, shown
from drumlane.models.card import CardPart, Score, Training, read_card_of
from drumlane.models.sessions import open_checked, read_weights
from drumlane.vocabulary import LANE_NAMES, LANES

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHIPPED_BEATS = Path(__file__).with_name("beats.onnx")
BEAT_FORMAT_VERSION = 1
PART_FRAMES = 9000  # three minutes at 50 frames a second


class BeatCard(CardPart):
    """Everything about a beat network but its weights."""

    format_version: int = BEAT_FORMAT_VERSION
    name: str = Field(min_length=1)
    version: str
    created: str  # ISO date
    lanes: tuple[str, ...] = LANE_NAMES
    fps: float = Field(gt=0)  # frames a second of strokes and beats
    context: int = Field(ge=0)  # frames before and behind one that it depends on
    sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of the .onnx file
    parameters: int = Field(ge=0)
    license: str
    training: Training
    scores: tuple[Score, ...] = ()

    @field_validator("lanes")
    @classmethod
    def _lanes_in_order(cls, lanes: tuple[str, ...]) -> tuple[str, ...]:
        if lanes != LANE_NAMES:
            raise ValueError(f"lanes {list(lanes)} are not this package's {list(LANE_NAMES)}")
        return lanes


class BeatModel:
    """A beat network and its card."""

    def __init__(self, card: BeatCard, session: "InferenceSession") -> None:
        self.card = card
        self._session = session

    def run(self, strokes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return beat and downbeat activations (frames, 2) for strokes (frames, 8), of any length."""
        n_frames, context = len(strokes), self.card.context
        heard = np.zeros((n_frames, 2), np.float32)
        for start in range(0, n_frames, PART_FRAMES):
            stop = min(start + PART_FRAMES, n_frames)
            first = max(0, start - context)
            part = strokes[first : stop + context]
            heard[start:stop] = self._answer(part)[start - first : stop - first]
        return heard

    def _answer(self, strokes: NDArray[np.float32]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._session.run(["beats"], {"strokes": strokes[None]})[0]
        if answer.shape != (1, len(strokes), 2):
            raise ModelError(
                f"model {self.card.name}: for {len(strokes)} frames the output is {answer.shape}, "
                f"expected {(1, len(strokes), 2)}"
            )
        heard: NDArray[np.float32] = answer[0]
        return heard


def load_beat_model(path: AnyPath | None = None, threads: int | None = None) -> BeatModel:
    """Load a beat network and the card beside it.

    Args:
        path: the ``.onnx`` file; its card has the same name with ``.json``. None loads the shipped one.
        threads: CPU threads for one run; None takes one per core, at most four.

    Raises:
        ModelError: a file is missing, altered, or made for another version.
    """
    path = SHIPPED_BEATS if path is None else Path(path)
    weights = read_weights(path)
    card = read_card_of(BeatCard, path.with_suffix(".json"), BEAT_FORMAT_VERSION)
    session = open_checked(weights, path, card.sha256, threads)
    inputs = [(node.name, node.shape[-1]) for node in session.get_inputs()]
    outputs = [node.name for node in session.get_outputs()]
    if inputs != [("strokes", len(LANES))] or outputs != ["beats"]:
        raise ModelError(f"{shown(path)}: not a beat network (inputs {inputs}, outputs {outputs})")
    return BeatModel(card, session)
