"""Model cards: what a network needs around its weights, as a typed JSON file beside the ``.onnx``.

Flow: training.export -> **card** -> models.loading -> transcription

The card says which features the network hears, which lane each output is, from which activation on a peak
counts as a hit, and where the weights come from. It is refused when any of it does not fit this package.
"""

import json
import math
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ModelError
from drumlane.files import shown, whole_file
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES, Drum

FORMAT_VERSION = 2  # raise it when a reader of the old form would go wrong

LaneValues = dict[str, float]


class CardPart(BaseModel):
    """A part of a card: unknown fields are errors, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(CardPart):
    """Material the weights were trained on."""

    name: str
    licence: str
    attribution: str


class Training(CardPart):
    """How the weights came to be."""

    command: str
    data: tuple[Source, ...]
    notes: str = ""


class Score(CardPart):
    """One measured number and the command that measures it again."""

    measure: str
    value: float
    n: int = Field(ge=0)  # items (tracks, clips) behind the value
    interval: tuple[float, float] | None = None  # 95 %
    command: str


class FeatureFields(CardPart):
    """The numbers of a ``FeatureSpec``, as the card holds them."""

    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    log_gain: float
    # Cards of networks without low bands say nothing of them.
    n_low: int = 0
    low_n_fft: int = 8192
    low_fmin: float = 45.0
    low_fmax: float = 450.0

    @property
    def spec(self) -> FeatureSpec:
        """Return the spec these numbers mean."""
        return FeatureSpec(**self.model_dump())

    @classmethod
    def of(cls, spec: FeatureSpec) -> Self:
        """Return the fields of a spec."""
        return cls(**{name: getattr(spec, name) for name in cls.model_fields})


class Level(CardPart):
    """The loudness the network expects; see ``audio.level``."""

    measure: str = "percentile-95 of 50 ms RMS"
    target_rms: float = Field(gt=0)


class TomFields(CardPart):
    """Where kits' toms lie on the network's axis of pitch; see ``transcription.toms``."""

    means: tuple[float, float, float]  # of high, middle and low
    shared: float = Field(gt=0)  # standard deviation of a kit as a whole
    own: float = Field(gt=0)  # of each drum
    stroke: float = Field(gt=0)  # of each stroke
    sound_own: float = Field(1.0, gt=0)  # of the sound of each drum, in every direction; needs a rescorer
    sound_stroke: float = Field(1.0, gt=0)  # of each stroke's


class MidiOutput(CardPart):
    """What MIDI files of a model hold, where it is not a note for each drum."""

    notes: dict[str, int]  # of each lane
    note_ticks: int = Field(gt=0)

    @field_validator("notes")
    @classmethod
    def _one_note_per_lane(cls, notes: dict[str, int]) -> dict[str, int]:
        if sorted(notes) != sorted(LANE_NAMES) or not all(0 <= note <= 127 for note in notes.values()):
            raise ValueError(f"needs one note in 0..127 for each of {', '.join(LANE_NAMES)}")
        return {name: notes[name] for name in LANE_NAMES}

    @property
    def note_of_drum(self) -> dict[Drum, int]:
        """The note of every drum that has a lane."""
        return {drum: self.notes[drum.lane.label] for drum in Drum if drum.lane is not None}


class ModelCard(CardPart):
    """Everything about a transcription network but its weights; times are in seconds."""

    format_version: int = FORMAT_VERSION
    name: str = Field(min_length=1)
    version: str
    created: str  # ISO date
    lanes: tuple[str, ...] = LANE_NAMES
    features: FeatureFields
    features_digest: str
    level: Level
    sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of the .onnx file
    parameters: int = Field(ge=0)
    thresholds: LaneValues  # activation in 0..1 from which a peak counts
    minimum_gaps: LaneValues  # seconds between hits of a lane
    offsets: LaneValues  # seconds the network is late; subtracted from every time
    presence_thresholds: LaneValues  # mean presence in 0..1 below which a lane's peaks are no hits
    articulation_thresholds: dict[str, float]  # activation in 0..1 from which a stroke is not the plain one
    confidence: dict[str, tuple[float, float]]  # of each lane: see ``transcription.dynamics.confidences``
    repetition: float = Field(0.0, ge=0, le=2)  # see ``transcription.repetition``; older cards know of none
    velocity: dict[str, tuple[float, float]]  # of each lane: MIDI velocity = slope · output + intercept
    toms: TomFields | None = None  # None: a tom stroke is what it was heard as
    rescorer: str | None = Field(None, pattern="^[0-9a-f]{64}$")  # sha256; None: nobody judges what it hears
    license: str
    training: Training
    scores: tuple[Score, ...] = ()
    midi: MidiOutput | None = None  # None: a note for each drum

    @field_validator("lanes")
    @classmethod
    def _lanes_in_order(cls, lanes: tuple[str, ...]) -> tuple[str, ...]:
        if lanes != LANE_NAMES:
            raise ValueError(f"lanes {list(lanes)} are not this package's {list(LANE_NAMES)}")
        return lanes

    @field_validator("confidence", "velocity")
    @classmethod
    def _one_rising_curve_per_lane(
        cls, curves: dict[str, tuple[float, float]]
    ) -> dict[str, tuple[float, float]]:
        if sorted(curves) != sorted(LANE_NAMES):
            raise ValueError(f"needs a slope and an intercept for each of {', '.join(LANE_NAMES)}")
        if not all(slope > 0 and math.isfinite(slope + intercept) for slope, intercept in curves.values()):
            raise ValueError("slopes must be above 0 and everything finite")
        return {name: curves[name] for name in LANE_NAMES}

    @field_validator("articulation_thresholds")
    @classmethod
    def _one_value_per_articulation(cls, values: dict[str, float]) -> dict[str, float]:
        names = [drum.value for drum in ARTICULATIONS]
        if sorted(values) != sorted(names) or not all(0 <= value <= 1 for value in values.values()):
            raise ValueError(f"needs one value in 0..1 for each of {', '.join(names)}")
        return {name: values[name] for name in names}

    @field_validator("thresholds", "presence_thresholds", "minimum_gaps", "offsets")
    @classmethod
    def _one_value_per_lane(cls, values: LaneValues) -> LaneValues:
        if sorted(values) != sorted(LANE_NAMES):
            raise ValueError(f"needs one value for each of {', '.join(LANE_NAMES)}")
        if not all(map(math.isfinite, values.values())):
            raise ValueError("values must be finite")
        return {name: values[name] for name in LANE_NAMES}

    @field_validator("thresholds")
    @classmethod
    def _thresholds_in_range(cls, values: LaneValues) -> LaneValues:
        if not all(0 < value < 1 for value in values.values()):
            raise ValueError("thresholds must lie between 0 and 1")
        return values

    @field_validator("presence_thresholds")
    @classmethod
    def _presence_in_range(cls, values: LaneValues) -> LaneValues:
        if not all(0 <= value < 1 for value in values.values()):
            raise ValueError("thresholds of presence must be at least 0 and below 1")
        return values

    @field_validator("minimum_gaps")
    @classmethod
    def _gaps_not_negative(cls, values: LaneValues) -> LaneValues:
        if min(values.values()) < 0:
            raise ValueError("gaps must be >= 0 seconds")
        return values

    @model_validator(mode="after")
    def _features_are_ours(self) -> Self:
        ours = self.features.spec.digest
        if self.features_digest != ours:
            raise ValueError(
                f"features_digest is {self.features_digest}, but this version computes {ours} for these "
                "features: the network would hear something else than in training"
            )
        return self

    @property
    def feature_spec(self) -> FeatureSpec:
        """The features the network hears."""
        return self.features.spec


AnyCard = TypeVar("AnyCard", bound=CardPart)


def read_card(path: Path) -> ModelCard:
    """Read a transcriber's card.

    Raises:
        ModelError: the file is missing, is not a card, or was made for another version.
    """
    return read_card_of(ModelCard, path, FORMAT_VERSION)


def read_card_of(kind: type[AnyCard], path: Path, version: int) -> AnyCard:
    """Read a card of some kind of model.

    Raises:
        ModelError: the file is missing, is not such a card, or was made for another version.
    """
    try:
        fields: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{shown(path)}: the model's card cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ModelError(f"{shown(path)}: the model's card is not JSON ({error})") from error
    found = fields.get("format_version") if isinstance(fields, dict) else None
    if found != version:
        raise ModelError(
            f"{shown(path)}: the card has format_version {found!r}, this version of drumlane reads "
            f"{version}; export the model again or use the drumlane it was made for"
        )
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise ModelError(f"{shown(path)}: {_first_problem(error)}") from error


def write_card(card: BaseModel, path: Path) -> None:
    """Write a card as JSON.

    Raises:
        ModelError: the file cannot be written.
    """
    with whole_file(path, ModelError) as partial:
        partial.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _first_problem(error: ValidationError) -> str:
    problems = error.errors()
    place = ".".join(map(str, problems[0]["loc"])) or "card"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place}: {problems[0]['msg'].removeprefix('Value error, ')}{more}"
