"""Loggers: where the curves of a run go.

Flow: config -> **loggers** -> run

A metrics.csv is always written; TensorBoard or Weights & Biases get the same numbers, and pictures.
Weights & Biases works offline as its own settings say (``WANDB_MODE=offline``).
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from drumlane.errors import MissingExtraError
from drumlane.training.config import RunConfig

_PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}


def loggers_of(config: RunConfig, first_step: int) -> list[Logger]:
    """Return the loggers of a run that starts, or goes on, at ``first_step``.

    Raises:
        MissingExtraError: the logger's package is not installed.
    """
    chosen = config.logging
    folder = chosen.save_dir or config.folder / "logs"
    version = f"from-step-{first_step}"
    loggers: list[Logger] = [CSVLogger(folder, name="", version=version)]
    if chosen.logger == "csv":
        return loggers
    package = _PACKAGES[chosen.logger]
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"logging.logger: {chosen.logger}", package, "log")
    name = chosen.experiment_name or config.name
    if chosen.logger == "tensorboard":
        return [*loggers, TensorBoardLogger(folder, name="", version=version)]
    folder.mkdir(parents=True, exist_ok=True)
    return [*loggers, WandbLogger(project=chosen.project_name, name=name, save_dir=folder)]


def show_picture(loggers: Sequence[Logger], name: str, path: Path, step: int) -> None:
    """Give a PNG to every logger that takes pictures."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            from matplotlib.image import imread

            experiment: Any = logger.experiment
            experiment.add_image(name, imread(path)[..., :3], global_step=step, dataformats="HWC")
        elif isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)], step=step)
