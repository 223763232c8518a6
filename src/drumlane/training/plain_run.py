"""Plain run: what the runs of the small networks share: a folder, and checkpoints of everything that changes.

Flow: torch_files -> **plain_run** -> beat_run, rescorer_run
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from drumlane.errors import ConfigError, ModelError
from drumlane.files import whole_file
from drumlane.training.torch_files import BEST, LAST, read_torch_file


@dataclass(slots=True)
class Progress:
    """How far a run is, and all that changes with it."""

    spec: Mapping[str, Any]  # the numbers that rebuild the network
    parts: Mapping[str, Any]  # by name in a checkpoint: whatever has a ``state_dict``
    step: int = 0
    best: float = math.inf  # least score of a validation

    def validated(self, score: float, folder: Path) -> None:
        """Save the state after a validation: as the newest, and as the best if no score was as low."""
        better = score < self.best
        self.best = min(score, self.best)
        for name in [LAST, BEST] if better else [LAST]:
            self.save(folder / name)

    def save(self, path: Path) -> None:
        """Write a checkpoint.

        Raises:
            ModelError: it cannot be written.
        """
        states = {name: part.state_dict() for name, part in self.parts.items()}
        with whole_file(path, ModelError) as partial:
            torch.save({"model": dict(self.spec), **states, "step": self.step, "best": self.best}, partial)

    def resume(self, path: Path, what: str) -> None:
        """Go on from a checkpoint.

        Args:
            path: of the checkpoint.
            what: it should be: "a checkpoint of a beat network".

        Raises:
            ConfigError: it is of another network than the configuration's.
            ModelError: it cannot be read.
        """
        saved = read_plain_checkpoint(path, what)
        if saved["model"] != dict(self.spec):
            raise ConfigError(f"{path}: trained with model {saved['model']}, the configuration has another")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.step, self.best = saved["step"], saved["best"]


def read_plain_checkpoint(path: Path, what: str) -> dict[str, Any]:
    """Return a checkpoint: ``model`` (the spec), ``averaged`` (weights), and the rest of the state.

    Raises:
        ModelError: it cannot be read, or is not ``what``.
    """
    return read_torch_file(path, {"model", "averaged"}, what)


def check_run_folder(folder: Path, resume: bool) -> None:
    """Make a run's folder, unless it holds an earlier run that is not resumed, or none that could be.

    Raises:
        ConfigError: it does.
    """
    there = (folder / LAST).exists()
    if there and not resume:
        raise ConfigError(
            f"{folder}: holds an earlier run; pass --resume to go on with it, or --set name=NAME for another"
        )
    if resume and not there:
        raise ConfigError(f"{folder}: no {LAST} to go on from; leave --resume out to start anew")
    folder.mkdir(parents=True, exist_ok=True)
