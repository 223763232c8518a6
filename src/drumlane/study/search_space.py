"""Search space: which settings a study tries, and in which bounds.

Flow: YAML -> **search_space** -> trials

In YAML a key of a run's configuration has a range, ``{low: 1e-4, high: 1e-2, log: true}``, or a list of
choices. Bounds that are both whole numbers give whole numbers. What is drawn becomes ``--set`` overrides,
with four digits, so that a trial can be repeated by hand.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from drumlane.errors import ConfigError
from drumlane.training.config import RunConfig, read_config, read_yaml

if TYPE_CHECKING:
    from optuna import Trial

OWN = ("name", "output", "checkpoint.dirpath", "logging.save_dir")  # every trial has its own


class Range(BaseModel):
    """Numbers from ``low`` to ``high``, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: int | float
    high: int | float
    log: bool = False  # drawn evenly in their logarithm

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low={self.low} must be below high={self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low={self.low} has no logarithm")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The bounds as overrides."""
        return (as_text(self.low), as_text(self.high))

    def draw(self, trial: "Trial", key: str) -> str:
        """Let a trial choose; return the value as an override."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return as_text(trial.suggest_int(key, self.low, self.high, log=self.log))
        return as_text(trial.suggest_float(key, self.low, self.high, log=self.log))


class Choices(BaseModel):
    """Some values, without an order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    texts: tuple[str, ...]  # as overrides

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.texts:
            raise ValueError("a list of choices must not be empty")
        return self

    def draw(self, trial: "Trial", key: str) -> str:
        """Let a trial choose; return the value as an override."""
        return str(trial.suggest_categorical(key, self.texts))


class SearchSpace(BaseModel):
    """Settings by their key in a run's configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: dict[str, Range | Choices]

    def draw(self, trial: "Trial") -> tuple[str, ...]:
        """Let a trial choose; return overrides ``key=value``."""
        return tuple(f"{key}={setting.draw(trial, key)}" for key, setting in self.parameters.items())


def default_space(config: RunConfig) -> SearchSpace:
    """Return the documented ranges: those of the keys that the network has."""
    names = set(config.model_dump()["model"])
    recurrent = getattr(config.model, "context", "gru") == "gru"
    dropouts = [name for name in ("dropout_cnn", "dropout_gru", "dropout_context") if name in names]
    space: dict[str, Range | Choices] = {
        "training.learning_rate": Range(low=1e-4, high=1e-2, log=True),
        "training.weight_decay": Range(low=1e-6, high=1e-1, log=True),
        "training.batch_size": Choices(texts=("4", "8", "16")),
    }
    space |= {f"model.{name}": Range(low=0.1, high=0.5) for name in dropouts}
    if recurrent:
        space["model.num_gru_layers"] = Choices(texts=("2", "3", "4"))
        space["model.hidden_size"] = Choices(texts=("64", "128", "256"))
    return SearchSpace(parameters=space)


def read_space(path: Path) -> SearchSpace:
    """Read a space from YAML: all of it, the documented one is not added.

    Raises:
        ConfigError: the file cannot be read, or a range in it is wrong.
    """
    values = read_yaml(path, "the search space")
    if not isinstance(values, dict) or not values:
        raise ConfigError(f"{path}: a search space is a table of settings, each a range or a list of choices")
    return SearchSpace(parameters={str(key): _setting(str(key), v, path) for key, v in values.items()})


def check_space(space: SearchSpace, origin: str, config: Path, overrides: Sequence[str]) -> None:
    """Refuse a space with a key or a value that the run's configuration does not take.

    Raises:
        ConfigError: the first such, with the nearest right names.
    """
    for key, setting in space.parameters.items():
        if key in OWN:
            raise ConfigError(f"{origin}: {key!r} cannot be searched: every trial has its own")
        for text in setting.texts:
            try:
                read_config(config, [*overrides, f"{key}={text}"])
            except ConfigError as error:
                raise ConfigError(f"{origin}: {str(error).removeprefix(f'{config}: ')}") from None


def as_text(value: Any) -> str:
    """Return a value as the right side of an override.

    >>> as_text(0.000123456), as_text(3), as_text("adam"), as_text("3"), as_text([2, 4]), as_text(None)
    ('0.0001235', '3', 'adam', '"3"', '[2, 4]', 'null')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    plain = isinstance(value, str) and yaml.safe_load(value) == value
    return value if plain else json.dumps(value)


def _setting(key: str, value: Any, path: Path) -> Range | Choices:
    try:
        if isinstance(value, list):
            return Choices(texts=tuple(map(as_text, value)))
        if isinstance(value, Mapping):
            return Range.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *(str(part) for part in first["loc"][:1])])
        raise ConfigError(f"{path}: {where!r}: {first['msg'].removeprefix('Value error, ')}") from None
    raise ConfigError(f"{path}: {key!r} is neither a range {{low, high, log}} nor a list of choices")
