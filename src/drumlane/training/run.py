"""Run: a training run from its configuration, resumable at any checkpoint.

Flow: config -> **run** -> checkpoints (``last.ckpt``, ``best.ckpt``) -> export

The folder of a run holds ``config.yaml`` as it was run, ``checkpoints/``, and in ``logs/`` a folder with a
``metrics.csv`` for each start, named for the step it began at.
"""

import logging
import os
import shutil
import signal
import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from drumlane.errors import ConfigError
from drumlane.files import whole_file
from drumlane.training.checkpoints import (
    FOLDER,
    LAST,
    Interruptible,
    averaged_weights,
    checkpoint_to_resume,
    keep_best,
    steps_done,
)
from drumlane.training.config import RunConfig
from drumlane.training.items import Batch, RenderedBatches, load_material, validation_items
from drumlane.training.module import TranscriberModule, UnseenKits


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
    loader = _loader(config, first)
    module = TranscriberModule(config.network, config.audio, config.training, config.seed, config.loss)
    if config.training.init_from is not None and checkpoint is None:
        module.start_from(averaged_weights(config.training.init_from, module.network.state_dict()))
    interruptible = Interruptible(config.folder / FOLDER / LAST)
    trainer = _trainer(config, [interruptible, *_callbacks(config), *callbacks], first)
    _fit(trainer, module, loader, checkpoint)
    if interruptible.interrupted:
        raise KeyboardInterrupt
    return keep_best(trainer, config)


def _loader(config: RunConfig, first: int) -> DataLoader[Batch]:
    material = load_material(config.data, "train", config.seed)
    batches = RenderedBatches(material, config.scene, config.audio, config.training.batch_size, config.seed)
    batches.first = first
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=config.hardware.num_workers,
        prefetch_factor=4 if config.hardware.num_workers else None,
        worker_init_fn=_begin_worker,
    )


def _callbacks(config: RunConfig) -> list[Callback]:
    every = config.validation.every_n_steps
    material = load_material(config.data, "validation", config.seed)
    items = validation_items(material, config.scene, config.validation.n_items, config.validation.seconds)
    saver = ModelCheckpoint(
        dirpath=config.folder / FOLDER,
        filename="{step}-{val_f:.4f}",
        monitor="val_f",
        mode="max",
        save_top_k=3,
        save_last=True,
        every_n_train_steps=every,
        enable_version_counter=False,  # last.ckpt is always the newest
    )
    progress = [RichProgressBar()] if _interactive() else []
    return [UnseenKits(items, config.audio, every), saver, *progress]  # the saver reads the score


def _trainer(config: RunConfig, callbacks: list[Callback], first: int) -> lightning.Trainer:
    config.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(config.folder / "config.yaml", ConfigError) as partial:
        partial.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return lightning.Trainer(
        accelerator=config.hardware.accelerator,
        devices=_devices(config),
        precision=config.training.precision,
        max_steps=config.training.num_steps,
        gradient_clip_val=config.training.gradient_clip_val,
        callbacks=callbacks,
        logger=CSVLogger(config.folder, name="logs", version=f"from-step-{first}"),
        log_every_n_steps=min(25, config.validation.every_n_steps),
        enable_progress_bar=_interactive(),
        enable_model_summary=False,
    )


def _devices(config: RunConfig) -> list[int] | str | int:
    devices = config.hardware.devices
    return list(devices) if isinstance(devices, tuple) else devices


def _fit(
    trainer: lightning.Trainer, module: TranscriberModule, loader: DataLoader[Batch], checkpoint: Path | None
) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # advice and advertisements
    with warnings.catch_warnings():
        # A resumed run has its folder already, or goes on from another's; workers are the user's choice.
        warnings.filterwarnings("ignore", message="The dirpath has changed")
        warnings.filterwarnings("ignore", message=".*exists and is not empty")
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        trainer.fit(module, loader, ckpt_path=str(checkpoint) if checkpoint else None)


def _interactive() -> bool:
    return os.isatty(1)


def _shortened(config: RunConfig) -> RunConfig:
    return config.model_copy(
        update={
            "name": f"{config.name}-dev",
            "data": config.data.model_copy(
                update={
                    "max_grooves": 8,
                    "procedural_kits": 1,
                    "procedural_clips": 1,
                    "procedural_brushes": 1,
                }
            ),
            "training": config.training.model_copy(
                update={"num_steps": 2, "batch_size": 2, "warmup_steps": 1}
            ),
            "validation": config.validation.model_copy(
                update={"every_n_steps": 1, "n_items": 2, "seconds": 3.0}
            ),
        }
    )


def _begin_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the trainer ends its workers
