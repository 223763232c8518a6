"""Run: a training run from its configuration, resumable at any checkpoint.

Flow: config -> datamodule, module, validation -> **run** -> checkpoints -> export

The folder of a run holds ``config.yaml`` as it was run, ``checkpoints/``, and in ``logs/`` a folder with a
``metrics.csv`` for each start, named for the step it began at.
"""

import logging
import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import Logger

from drumlane.errors import ConfigError
from drumlane.files import whole_file
from drumlane.training.checkpoints import (
    Interruptible,
    averaged_weights,
    checkpoint_to_resume,
    keep_best,
    steps_done,
)
from drumlane.training.config import RunConfig
from drumlane.training.datamodule import TrainingData, held_out_items, steps_of_run
from drumlane.training.devices import Devices, choose_devices
from drumlane.training.example_pictures import ExamplePictures
from drumlane.training.loggers import loggers_of
from drumlane.training.module import TranscriberModule
from drumlane.training.torch_files import LAST
from drumlane.training.validation import StopEarly, Validation


def train_transcriber(
    config: RunConfig,
    resume: str | None = None,
    fast_dev_run: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Path:
    """Train and return the best checkpoint.

    Args:
        config: the whole run.
        resume: a checkpoint's path, or ``last`` for the newest of this run.
        fast_dev_run: two tiny steps and a validation, to see that everything fits.
        callbacks: further ones; they see the scores of a validation in ``trainer.callback_metrics``.

    Raises:
        ConfigError: the checkpoint to resume does not exist or has another network, or a new run would mix
            with an earlier one.
        DatasetError: material named in the configuration is missing.
        KeyboardInterrupt: the user stopped it; ``last.ckpt`` holds the last step.
    """
    if fast_dev_run:
        if resume is not None:
            raise ConfigError("--fast-dev-run starts anew: leave out --resume")
        config = _shortened(config)
        shutil.rmtree(config.folder, ignore_errors=True)  # of the trial before
    checkpoint = checkpoint_to_resume(config, resume)
    first = steps_done(checkpoint, config) if checkpoint else 0
    lightning.seed_everything(config.seed, verbose=False)
    if config.hardware.num_threads:
        torch.set_num_threads(config.hardware.num_threads)
    devices = choose_devices(config.hardware, config.training.precision)
    data = TrainingData(config, first)
    config, every = _with_steps(config, data, devices)
    module = TranscriberModule(config.network, config.audio, config.training, config.seed, config.loss)
    if config.training.init_from is not None and checkpoint is None:
        module.start_from(averaged_weights(config.training.init_from, module.network.state_dict()))
    interruptible = Interruptible(config.checkpoints / LAST)
    loggers = loggers_of(config, first)
    trainer = _trainer(
        config, devices, loggers, [interruptible, *_callbacks(config, every, loggers), *callbacks]
    )
    _fit(trainer, module, data, checkpoint)
    if interruptible.interrupted:
        raise KeyboardInterrupt
    return keep_best(trainer, config, every)


def _with_steps(config: RunConfig, data: TrainingData, devices: Devices) -> tuple[RunConfig, int]:
    """Return the configuration with the number of steps that it means, and the steps between validations."""
    n_steps, every = steps_of_run(config, data.n_recorded_items, devices.n_processes)
    training = config.training.model_copy(update={"num_steps": n_steps})
    return config.model_copy(update={"training": training}), every


def _callbacks(config: RunConfig, every: int, loggers: list[Logger]) -> list[Callback]:
    chosen = config.checkpoint
    draw = None
    if config.logging.example_plots:
        folder, n = config.folder / "examples", config.logging.example_plots
        draw = ExamplePictures(folder, n, config.audio.fps, loggers)
    fine_tuning = config.training.init_from is not None
    validation = Validation(held_out_items(config), config.audio, every, fine_tuning, draw)
    saver = ModelCheckpoint(
        dirpath=config.checkpoints,
        filename=chosen.filename,
        monitor=chosen.monitor,
        mode=chosen.mode,
        save_top_k=chosen.save_top_k,
        save_last=chosen.save_last,
        every_n_train_steps=every,
        enable_version_counter=False,  # last.ckpt is always the newest
    )
    stopping = config.early_stopping
    stopper = [StopEarly(stopping.monitor, stopping.mode, stopping.patience, validation)]
    progress = [RichProgressBar()] if _interactive() else []
    # The saver and the stopper read the score.
    return [validation, *(stopper if stopping.enabled else []), saver, *progress]


def _trainer(
    config: RunConfig, devices: Devices, loggers: list[Logger], callbacks: list[Callback]
) -> lightning.Trainer:
    config.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(config.folder / "config.yaml", ConfigError) as partial:
        partial.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return lightning.Trainer(
        accelerator=devices.accelerator,
        devices=devices.devices,
        strategy=devices.strategy,
        precision=devices.precision,  # type: ignore[arg-type]
        sync_batchnorm=devices.n_processes > 1 and devices.accelerator == "gpu",
        max_steps=config.training.num_steps,
        gradient_clip_val=config.training.gradient_clip_val,
        accumulate_grad_batches=config.training.accumulate_grad_batches,
        callbacks=callbacks,
        logger=loggers,
        log_every_n_steps=min(config.logging.log_every_n_steps, config.training.num_steps),
        enable_progress_bar=_interactive(),
        enable_model_summary=False,
        use_distributed_sampler=False,  # batches know their process
    )


def _fit(
    trainer: lightning.Trainer, module: TranscriberModule, data: TrainingData, checkpoint: Path | None
) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # advice and advertisements
    with warnings.catch_warnings():
        # A resumed run has its folder already, or goes on from another's; workers are the user's choice.
        warnings.filterwarnings("ignore", message="The dirpath has changed")
        warnings.filterwarnings("ignore", message=".*exists and is not empty")
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start")  # frozen layers
        trainer.fit(module, datamodule=data, ckpt_path=str(checkpoint) if checkpoint else None)


def _interactive() -> bool:
    return os.isatty(1)


def _shortened(config: RunConfig) -> RunConfig:
    small = {"max_grooves": 8, "procedural_kits": 1, "procedural_clips": 1, "procedural_brushes": 1}
    steps = {"num_steps": 2, "num_epochs": None, "batch_size": 2, "warmup_steps": 1}
    validation = {"every_n_steps": 1, "n_items": 2, "seconds": 3.0}
    return config.model_copy(
        update={
            "name": f"{config.name}-dev",
            "data": config.data.model_copy(update=small),
            "training": config.training.model_copy(update=steps),
            "validation": config.validation.model_copy(update=validation),
        }
    )
