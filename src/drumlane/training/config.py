"""Config: one typed, validated description of a training run, read from YAML.

Flow: YAML + ``--set`` -> sections -> **config** -> run, preprocess, export

A wrong name is an error with the nearest right one; ``--set a.b=value`` changes one field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ConfigError, nearest_first
from drumlane.networks.catalog import NETWORKS
from drumlane.networks.crnn import CrnnSpec
from drumlane.networks.transcriber import NetworkSpec
from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.sections import (
    AugmentationConfig,
    CheckpointConfig,
    DataConfig,
    EarlyStoppingConfig,
    HardwareConfig,
    LoggingConfig,
    LossConfig,
    MidiConfig,
    MidiMapping,
    ModelConfig,
    PostprocessingConfig,
    Section,
    TrainingConfig,
    ValidationConfig,
    note_map_of,
)
from drumlane.vocabulary import Drum

AnySection = TypeVar("AnySection", bound=Section)


class RunConfig(Section):
    """A whole run."""

    name: str = Field("transcriber", description="folder of the run below `output`")
    version: str = Field("1", description="of the model, for its card")
    output: Path = Field(Path("runs"), description="where runs are kept")
    seed: int = Field(42, ge=0, description="of everything that is drawn")
    data: DataConfig
    audio: FeatureSpec = Field(default_factory=FeatureSpec)
    scene: SceneOptions = Field(default_factory=SceneOptions)
    model: ModelConfig = Field(default_factory=NetworkSpec)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)
    loss: LossConfig = Field(default_factory=LossConfig)
    validation: ValidationConfig = Field(default_factory=ValidationConfig)
    early_stopping: EarlyStoppingConfig = Field(default_factory=EarlyStoppingConfig)
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    logging: LoggingConfig = Field(default_factory=LoggingConfig)
    hardware: HardwareConfig = Field(default_factory=HardwareConfig)
    postprocessing: PostprocessingConfig = Field(default_factory=PostprocessingConfig)
    midi: MidiConfig = Field(default_factory=MidiConfig)
    egmd_midi_mapping: MidiMapping = Field(
        "td17",
        description="what notes of the recordings mean: a map by its name, or notes with lanes or drums",
    )

    @field_validator("egmd_midi_mapping")
    @classmethod
    def _known_names(cls, mapping: MidiMapping) -> MidiMapping:
        try:
            note_map_of(mapping)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return mapping

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        for name in ("n_mels", "n_low"):
            given, taken = getattr(self.audio, name), getattr(self.model, name)
            if given != taken:
                raise ValueError(
                    f"audio.{name} is {given} and model.{name} is {taken}: "
                    "the network must take what the features give"
                )
        if self.training.num_epochs is not None and self.data.recordings is None:
            raise ValueError("training.num_epochs counts passes over recordings; rendered items have no end")
        if self.data.recordings and self.data.renders and self.data.excerpt_seconds != self.scene.seconds:
            raise ValueError(
                f"data.excerpt_seconds is {self.data.excerpt_seconds:g} and scene.seconds "
                f"{self.scene.seconds:g}: rendered and recorded items of one batch must be as long"
            )
        return self

    @property
    def folder(self) -> Path:
        """Where the run's checkpoints and logs are."""
        return self.output / self.name

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints are."""
        return self.checkpoint.dirpath or self.folder / "checkpoints"

    @property
    def network(self) -> NetworkSpec | CrnnSpec:
        """The numbers that rebuild the network."""
        if isinstance(self.model, CrnnSpec):
            return replace(self.model, default_velocity=self.midi.default_velocity)
        return self.model

    @property
    def note_map(self) -> dict[int, Drum]:
        """What the notes of recordings' MIDI files mean."""
        return note_map_of(self.egmd_midi_mapping)


def read_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file and apply ``a.b=value`` overrides; relative paths are taken from the working folder.

    Raises:
        ConfigError: the file is missing or not YAML, or a name or value in it is wrong.
    """
    return parse_config(read_values(path, overrides, "sections"), str(path))


def read_values(path: Path, overrides: Sequence[str], entries: str) -> dict[str, Any]:
    """Return what a YAML file says, with ``a.b=value`` overrides laid over it.

    Args:
        path: the file.
        overrides: in order.
        entries: what its table holds, for the error: "sections".

    Raises:
        ConfigError: the file is missing, not YAML or no table, or an override is malformed.
    """
    values = read_yaml(path, "the configuration")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a configuration is a table of {entries}, not {type(values).__name__}")
    for override in overrides:
        apply_override(values, override)
    return values


def read_yaml(path: Path, what: str) -> Any:
    """Return what a YAML file holds.

    Raises:
        ConfigError: the file, which is ``what``, cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read {what} ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def parse_config(values: Mapping[str, Any], origin: str) -> RunConfig:
    """Validate plain values.

    Raises:
        ConfigError: the first wrong name or value, with the nearest right names.
    """
    return _parsed(RunConfig, values, origin)


def read_section(kind: type[AnySection], path: Path, overrides: Sequence[str]) -> AnySection:
    """Read a YAML file that holds a configuration of some kind, with ``a.b=value`` overrides.

    Raises:
        ConfigError: the file is missing or not YAML, or a name or value in it is wrong.
    """
    return _parsed(kind, read_values(path, overrides, "keys"), str(path))


def apply_override(values: dict[str, Any], override: str) -> None:
    """Change one value of a configuration as ``a.b=value`` says.

    Raises:
        ConfigError: it is not written so, or a part of the name is no section.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {override!r}: write it as section.key=value")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override!r}: {parent!r} is a value, not a section")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override!r}: {text!r} is not a YAML value") from None


def _parsed(kind: type[AnySection], values: Mapping[str, Any], origin: str) -> AnySection:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_explain(error, kind)}") from None


def _explain(error: ValidationError, kind: type[Section]) -> str:
    first = error.errors()[0]
    network = next((name for name in NETWORKS if first["loc"][:2] == ("model", name)), None)
    path = [part for part in first["loc"] if part != network]
    where = ".".join(str(part) for part in path) or "sections"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        choices = _fields(kind, path[:-1], network)
        return f"{where!r} is unknown; did you mean: {nearest_first(str(path[-1]), choices)}"
    if first["type"] == "union_tag_invalid":
        return f"'model.name': no such network; networks: {', '.join(NETWORKS)}"
    return f"{where!r}: {first['msg'].removeprefix('Value error, ')}"


def _fields(kind: type[Section], path: Sequence[int | str], network: str | None) -> list[str]:
    model: Any = kind
    for part in path:
        model = model.model_fields[str(part)].annotation
    model = NETWORKS[network] if network else model
    return list(getattr(model, "model_fields", None) or getattr(model, "__dataclass_fields__", {}))
