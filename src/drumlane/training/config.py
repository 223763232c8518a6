"""Config: one typed, validated description of a training run, read from YAML.

A wrong name is an error with the nearest right one; ``--set a.b=value`` changes one field.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ConfigError, nearest_first
from drumlane.networks.transcriber import NetworkSpec
from drumlane.rendering.scene_options import SceneOptions
from drumlane.vocabulary import LANES


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the material is and how much of it to use."""

    kits: Path | None = Field(None, description="kits.csv of one-shot samples; none: `more_kits` alone")
    more_kits: tuple[Path, ...] = Field(
        (),
        description="kits of your own, of any kind that `drumlane render` plays; mind their licences",
    )
    grooves: Path = Field(description="folder of the Groove MIDI Dataset (info.csv and MIDI files)")
    backing: Path | None = Field(None, description="folder of drumless clips (music.csv, real.csv, ir.csv)")
    procedural_kits: int = Field(24, ge=0, description="kits made by the program itself")
    procedural_brushes: int = Field(
        12, ge=0, description="snares played with brushes, made by the program itself"
    )
    procedural_clips: int = Field(24, ge=0, description="20 s pieces of accompaniment made by the program")
    max_grooves: int | None = Field(None, ge=1, description="use only the first grooves of each split")
    max_kits: int | None = Field(None, ge=1, description="use only the first kits of each set")

    @model_validator(mode="after")
    def _some_kits(self) -> Self:
        if self.kits is None and not self.more_kits:
            raise ValueError("name a kits.csv as data.kits, or kits of your own as data.more_kits")
        return self


class TrainingConfig(_Section):
    """How the network learns."""

    init_from: Path | None = Field(
        None,
        description="checkpoint to start from; layers that do not fit start anew",
    )
    num_steps: int = Field(6000, ge=1, description="optimiser steps of the whole run")
    batch_size: int = Field(16, ge=1, description="items a step")
    learning_rate: float = Field(1e-3, gt=0, description="peak, after the warm-up")
    warmup_steps: int = Field(200, ge=0, description="linear warm-up; a cosine to 1 % follows")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's")
    gradient_clip_val: float = Field(1.0, gt=0, description="norm")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field("bf16-mixed", description="Lightning's")
    ema_decay: float = Field(0.999, ge=0, lt=1, description="of the averaged weights that are kept")
    velocity_weight: float = Field(0.5, ge=0, description="of the velocity loss")
    articulation_weight: float = Field(0.1, ge=0, description="of the articulation loss")
    presence_weight: float = Field(0.05, ge=0, description="of the loss of lane presence")
    positive_weight: tuple[float, ...] = Field(
        (1.5, 1.5, 1.5, 3.0, 3.0, 3.0, 3.0, 2.0),
        min_length=len(LANES),
        max_length=len(LANES),
        description="of onset frames, one for each lane",
    )


class ValidationConfig(_Section):
    """How the best checkpoint is found: note-level F on unseen kit families."""

    every_n_steps: int = Field(250, ge=1, description="steps between validations")
    n_items: int = Field(64, ge=1, description="rendered items")
    seconds: float = Field(8.0, gt=0, description="length of each")


class HardwareConfig(_Section):
    """What to run on."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = Field("auto", description="Lightning's")
    devices: int | Literal["auto"] = Field(1, description="how many")
    num_workers: int = Field(1, ge=0, description="rendering processes")
    num_threads: int | None = Field(None, ge=1, description="torch threads of the training process")


class RunConfig(_Section):
    """A whole run."""

    name: str = Field("transcriber", description="folder of the run below `output`")
    version: str = Field("1", description="of the model, for its card")
    output: Path = Field(Path("runs"), description="where runs are kept")
    seed: int = Field(42, ge=0, description="of everything that is drawn")
    data: DataConfig
    features: FeatureSpec = Field(default_factory=FeatureSpec)
    scene: SceneOptions = Field(default_factory=SceneOptions)
    model: NetworkSpec = Field(default_factory=NetworkSpec)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    validation: ValidationConfig = Field(default_factory=ValidationConfig)
    hardware: HardwareConfig = Field(default_factory=HardwareConfig)

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        for name in ("n_mels", "n_low"):
            given, taken = getattr(self.features, name), getattr(self.model, name)
            if given != taken:
                raise ValueError(
                    f"features.{name} is {given} and model.{name} is {taken}: "
                    "the network must take what the features give"
                )
        return self

    @property
    def folder(self) -> Path:
        """Where the run's checkpoints and logs are."""
        return self.output / self.name


def read_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file and apply ``a.b=value`` overrides; relative paths are taken from the working folder.

    Raises:
        ConfigError: the file is missing or not YAML, or a name or value in it is wrong.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the configuration ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a configuration is a table of sections, not {type(values).__name__}")
    for override in overrides:
        _apply(values, override)
    return parse_config(values, str(path))


def parse_config(values: Mapping[str, Any], origin: str) -> RunConfig:
    """Validate plain values.

    Raises:
        ConfigError: the first wrong name or value, with the nearest right names.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_explain(error)}") from None


def _apply(values: dict[str, Any], override: str) -> None:
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


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "sections"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        choices = _fields(first["loc"][:-1])
        return f"{where!r} is unknown; did you mean: {nearest_first(str(first['loc'][-1]), choices)}"
    return f"{where!r}: {first['msg'].removeprefix('Value error, ')}"


def _fields(path: Sequence[int | str]) -> list[str]:
    model: Any = RunConfig
    for part in path:
        model = model.model_fields[str(part)].annotation
    return list(getattr(model, "model_fields", None) or getattr(model, "__dataclass_fields__", {}))
