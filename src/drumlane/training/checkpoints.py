"""Checkpoints: reading them without running code from them, choosing the best, stopping without losing one.

Flow: run -> **checkpoints** -> export

A run keeps ``last.ckpt``, the best ones by the monitored score, and ``best.ckpt``, a copy of the best one
under a name that does not depend on its score. Checkpoints are read as plain tensors and values only.
"""

import shutil
import signal
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from drumlane.errors import ConfigError, ModelError
from drumlane.files import whole_file
from drumlane.training.config import RunConfig
from drumlane.training.torch_files import BEST, LAST, read_torch_file, weights_that_fit

_INPUTS = ("convs.0.conv.weight", "bottleneck.weight")  # where a second view and the low bands come in


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Return a checkpoint of a transcriber, its tensors on the CPU.

    Raises:
        ModelError: the file is missing or is not a checkpoint of a transcriber.
    """
    what = "a checkpoint of a transcriber"
    saved = read_torch_file(path, {"hyper_parameters", "state_dict"}, what)
    hyper = saved["hyper_parameters"]
    if not isinstance(hyper, dict) or not {"model", "features"} <= hyper.keys():
        raise ModelError(f"{path}: not {what} (it says nothing of a network)")
    return saved


def averaged_weights(path: Path, wanted: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the averaged weights of a checkpoint that fit ``wanted`` in name and shape.

    Raises:
        ModelError: the file is not a checkpoint of a transcriber, or nothing in it fits.
    """
    fitting = fitting_weights(read_checkpoint(path)["state_dict"], wanted)
    if not fitting:
        raise ModelError(f"{path}: no layer of this checkpoint fits the network of the configuration")
    return fitting


def fitting_weights(
    saved: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return those averaged weights of a checkpoint's state that fit; inputs may be wider than they were."""
    prefix = "averaged.module."
    theirs = {name: saved[prefix + name] for name in wanted if prefix + name in saved}
    return weights_that_fit(theirs, wanted, _INPUTS)


def checkpoint_to_resume(config: RunConfig, resume: str | None) -> Path | None:
    """Return the checkpoint that a run goes on from, or None for a run from the start.

    Args:
        config: the run.
        resume: a checkpoint's path, or ``last`` for the newest of this run.

    Raises:
        ConfigError: there is no such checkpoint, or a new run would mix with an earlier one.
    """
    folder = config.checkpoints
    if resume is None:
        if any(folder.glob("*.ckpt")):
            raise ConfigError(
                f"{folder}: holds checkpoints of an earlier run; pass --resume last to go on with it, or "
                "--set name=NAME for another folder"
            )
        return None
    path = folder / LAST if resume == "last" else Path(resume)
    if not path.is_file():
        raise ConfigError(f"--resume {resume}: no checkpoint at {path}; leave --resume out to start anew")
    return path


def steps_done(checkpoint: Path, config: RunConfig) -> int:
    """Return the optimiser steps behind a checkpoint.

    Raises:
        ModelError: the file is not a checkpoint of a transcriber.
        ConfigError: its network or features are not those of the configuration.
    """
    saved = read_checkpoint(checkpoint)
    sections = (("model", "model", asdict(config.network)), ("features", "audio", asdict(config.audio)))
    for kept_as, section, ours in sections:
        theirs = {"name": "drumlane", **saved["hyper_parameters"][kept_as]}
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise ConfigError(
                    f"{checkpoint}: trained with {section}.{name}={theirs.get(name)}, but the configuration "
                    f"says {value}; change it back or start a new run"
                )
    return int(saved["global_step"])


def keep_best(trainer: lightning.Trainer, config: RunConfig, every_n_steps: int) -> Path:
    """Keep the end of a finished run and copy the best checkpoint to ``best.ckpt``; return its path.

    ``every_n_steps`` lie between two saves.
    """
    folder, monitor = config.checkpoints, config.checkpoint.monitor
    best, saver = folder / BEST, trainer.checkpoint_callback
    assert isinstance(saver, ModelCheckpoint)
    source, score = saver.best_model_path, trainer.callback_metrics.get(monitor)
    if score is None and best.exists():
        return best  # nothing was left to do
    if trainer.global_step % every_n_steps:  # the last steps lie behind the last save
        trainer.save_checkpoint(folder / LAST)
        kept = saver.best_model_score
        better = torch.gt if config.checkpoint.mode == "max" else torch.lt
        if score is not None and (kept is None or better(score, kept)):
            source = str(folder / LAST)
    if not Path(source).is_file():  # nothing was scored, or the best is of a run that is gone
        source = str(folder / LAST)
    with whole_file(best, ModelError) as partial:
        shutil.copyfile(source, partial)
    return best


class Interruptible(lightning.Callback):
    """Lets the first Ctrl-C finish the step and save ``last.ckpt``; the second one stops at once."""

    def __init__(self, last: Path) -> None:
        self.interrupted = False
        self._last = last
        self._before: Any = None

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Listen, where Python allows it."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Save and stop, if asked."""
        if self.interrupted:
            trainer.save_checkpoint(self._last)
            trainer.should_stop = True
            trainer.print(f"interrupted after step {trainer.global_step}; go on with --resume last")

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Listen no more."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
