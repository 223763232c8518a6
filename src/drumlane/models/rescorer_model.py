"""Rescorer model: the network that weighs possible strokes against each other, and its card.

Flow: transcription.stroke_features -> **rescorer_model** -> transcription.rescoring

Inputs ``strokes`` (1, strokes, features) and ``times`` (1, strokes) in seconds; output ``verdicts`` (1,
strokes, 10): probability of a stroke, MIDI velocity, and the place of its sound, where strokes on one tom lie
close together. If strokes are judged in several rounds, each time knowing the verdicts before, there is an
input ``round`` besides, a number from 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from drumlane.errors import ModelError
from drumlane.files import AnyPath, shown
from drumlane.models.card import CardPart, Training, read_card_of
from drumlane.models.sessions import open_checked, read_weights
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

RESCORER_SUFFIX = ".rescorer.onnx"  # beside the transcriber that it listens to
RESCORER_FORMAT_VERSION = 2
N_SOUND = 8
N_VERDICTS = 2 + N_SOUND


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is thought of each stroke."""

    probability: NDArray[np.floating[Any]]  # (strokes,) that it is one, 0..1
    velocity: NDArray[np.floating[Any]]  # (strokes,) MIDI, not rounded
    sounds: NDArray[np.floating[Any]]  # (strokes, N_SOUND): strokes on one tom lie close together

    @classmethod
    def none(cls) -> "Verdicts":
        """Return verdicts on no stroke."""
        return cls(np.zeros(0), np.zeros(0), np.zeros((0, N_SOUND)))

    @classmethod
    def joined(cls, parts: "Sequence[Verdicts]") -> "Verdicts":
        """Return the verdicts on all strokes of parts that follow each other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def part(self, which: slice) -> "Verdicts":
        """Return those on some strokes."""
        return Verdicts(self.probability[which], self.velocity[which], self.sounds[which])


class RescorerCard(CardPart):
    """Everything about a rescorer but its weights: how candidates for it are found is part of it."""

    format_version: int = RESCORER_FORMAT_VERSION
    name: str = Field(min_length=1)
    version: str
    created: str  # ISO date
    transcriber: str = Field(
        pattern="^[0-9a-f]{64}$"
    )  # sha256 of the network whose activations it learnt from
    n_features: int = Field(ge=1)
    rounds: int = Field(1, ge=1)  # how often candidates are judged, each time knowing the verdicts before
    thresholds: dict[str, float]  # of the transcriber alone, 0..1; candidates lie far below them
    minimum_gaps: dict[str, float]  # seconds
    articulation_thresholds: dict[str, float]
    repetition: float = Field(ge=0, le=2)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of the .onnx file
    parameters: int = Field(ge=0)
    license: str
    training: Training

    @field_validator("thresholds", "minimum_gaps")
    @classmethod
    def _one_value_per_lane(cls, values: dict[str, float]) -> dict[str, float]:
        if sorted(values) != sorted(LANE_NAMES) or not all(0 <= value <= 1 for value in values.values()):
            raise ValueError(f"needs a value in 0..1 for each of {', '.join(LANE_NAMES)}")
        return {name: values[name] for name in LANE_NAMES}

    @field_validator("articulation_thresholds")
    @classmethod
    def _one_value_per_articulation(cls, values: dict[str, float]) -> dict[str, float]:
        names = [drum.value for drum in ARTICULATIONS]
        if sorted(values) != sorted(names) or not all(0 <= value <= 1 for value in values.values()):
            raise ValueError(f"needs a value in 0..1 for each of {', '.join(names)}")
        return {name: values[name] for name in names}


class RescorerModel:
    """A rescorer and its card."""

    def __init__(self, card: RescorerCard, session: "InferenceSession") -> None:
        self.card = card
        self._session = session

    def run(
        self, strokes: NDArray[np.float32], times: NDArray[np.floating[Any]], number: int = 0
    ) -> Verdicts:
        """Return the verdicts of round ``number`` on strokes.

        Args:
            strokes: what is known of them, shape (strokes, features).
            times: seconds, ascending.
            number: of the round, from 0.

        Raises:
            ModelError: the network does not answer in the promised shape.
        """
        inputs = {"strokes": strokes[None], "times": np.asarray(times, dtype=np.float32)[None]}
        if self.card.rounds > 1:
            inputs["round"] = np.array(number)
        verdicts = self._session.run(["verdicts"], inputs)[0]
        if verdicts.shape != (1, len(strokes), N_VERDICTS):
            raise ModelError(
                f"model {self.card.name}: for {len(strokes)} strokes the output is {verdicts.shape}, "
                f"expected {(1, len(strokes), N_VERDICTS)}"
            )
        return Verdicts(verdicts[0, :, 0], verdicts[0, :, 1], verdicts[0, :, 2:])


def rescorer_beside(path: Path) -> Path:
    """Return where the rescorer of a transcriber lies."""
    return path.with_suffix(RESCORER_SUFFIX)


def load_rescorer(path: AnyPath, transcriber: str, threads: int | None = None) -> RescorerModel:
    """Load a rescorer and the card beside it.

    Args:
        path: the ``.onnx`` file; its card has the same name with ``.json``.
        transcriber: sha256 of the network that it is to listen to.
        threads: CPU threads for one run; None takes one per core, at most four.

    Raises:
        ModelError: a file is missing, altered, made for another version or for another transcriber.
    """
    path = Path(path)
    weights = read_weights(path)
    card = read_card_of(RescorerCard, path.with_suffix(".json"), RESCORER_FORMAT_VERSION)
    if card.transcriber != transcriber:
        raise ModelError(
            f"{shown(path)}: learnt to listen to the network {card.transcriber[:12]}, this one is "
            f"{transcriber[:12]}; train a rescorer for it, or export it without one"
        )
    session = open_checked(weights, path, card.sha256, threads)
    inputs = {node.name: node.shape for node in session.get_inputs()}
    expected = ["strokes", "times", *(["round"] if card.rounds > 1 else [])]
    if list(inputs) != expected or inputs["strokes"][-1] != card.n_features:
        raise ModelError(f"{shown(path)}: not a rescorer (inputs {inputs})")
    return RescorerModel(card, session)
