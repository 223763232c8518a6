"""Run: a training run from its configuration, resumable at any checkpoint.

Flow: config -> **run** -> checkpoints (``last.ckpt``, ``best.ckpt``) -> export

The folder of a run holds ``config.yaml`` as it was run, ``metrics.csv`` and ``checkpoints/``.
"""

import os
import shutil
from pathlib import Path

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from drumlane.errors import ConfigError
from drumlane.training.config import RunConfig
from drumlane.training.items import RenderedBatches, load_material, validation_items
from drumlane.training.module import TranscriberModule, UnseenKits


def train_transcriber(config: RunConfig, resume: str | None = None, fast_dev_run: bool = False) -> Path:
    """Train and return the best checkpoint.

    Args:
        config: the whole run.
        resume: a checkpoint's path, or ``last`` for the newest of this run.
        fast_dev_run: two tiny steps and a validation, to see that everything fits.

    Raises:
        ConfigError: the checkpoint to resume does not exist.
        DatasetError: material named in the configuration is missing.
    """
    if fast_dev_run:
        config = _shortened(config)
    checkpoint = _checkpoint(config, resume)
    lightning.seed_everything(config.seed, verbose=False)
    if config.hardware.num_threads:
        torch.set_num_threads(config.hardware.num_threads)
    batches = _batches(config)
    if checkpoint:
        batches.first = _steps_done(checkpoint)
    module = TranscriberModule(config.model, config.features, config.training, config.seed)
    trainer = _trainer(config)
    loader = DataLoader(
        batches,
        batch_size=None,
        num_workers=config.hardware.num_workers,
        prefetch_factor=4 if config.hardware.num_workers else None,
        worker_init_fn=_one_thread,
    )
    trainer.fit(module, loader, ckpt_path=str(checkpoint) if checkpoint else None, weights_only=False)
    return _keep_best(trainer, config)


def _batches(config: RunConfig) -> RenderedBatches:
    material = load_material(config.data, "train", config.seed)
    return RenderedBatches(material, config.scene, config.features, config.training.batch_size, config.seed)


def _trainer(config: RunConfig) -> lightning.Trainer:
    config.folder.mkdir(parents=True, exist_ok=True)
    (config.folder / "config.yaml").write_text(
        yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
    )
    every = config.validation.every_n_steps
    material = load_material(config.data, "validation", config.seed)
    items = validation_items(material, config.scene, config.validation.n_items, config.validation.seconds)
    callbacks: list[Callback] = [
        UnseenKits(items, config.features, every),  # before the checkpoint, which reads its score
        ModelCheckpoint(
            dirpath=config.folder / "checkpoints",
            filename="{step}-{val_f:.4f}",
            monitor="val_f",
            mode="max",
            save_top_k=3,
            save_last=True,
            every_n_train_steps=every,
        ),
    ]
    interactive = os.isatty(1)
    if interactive:
        callbacks.append(RichProgressBar())
    return lightning.Trainer(
        accelerator=config.hardware.accelerator,
        devices=config.hardware.devices,
        precision=config.training.precision,
        max_steps=config.training.num_steps,
        gradient_clip_val=config.training.gradient_clip_val,
        callbacks=callbacks,
        logger=CSVLogger(config.output, name=config.name, version=""),
        log_every_n_steps=min(25, every),
        enable_progress_bar=interactive,
        enable_model_summary=False,
    )


def _checkpoint(config: RunConfig, resume: str | None) -> Path | None:
    if resume is None:
        return None
    path = config.folder / "checkpoints" / "last.ckpt" if resume == "last" else Path(resume)
    if not path.is_file():
        raise ConfigError(f"--resume {resume}: no checkpoint at {path}; leave --resume out to start anew")
    return path


def _steps_done(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, map_location="cpu", weights_only=False)["global_step"])


def _keep_best(trainer: lightning.Trainer, config: RunConfig) -> Path:
    """Copy the best checkpoint to a name that does not depend on its score."""
    saver = trainer.checkpoint_callback
    assert isinstance(saver, ModelCheckpoint)
    source = saver.best_model_path or saver.last_model_path
    best = config.folder / "checkpoints" / "best.ckpt"
    partial = best.with_suffix(".part")
    shutil.copyfile(source, partial)
    partial.replace(best)
    return best


def _shortened(config: RunConfig) -> RunConfig:
    return config.model_copy(
        update={
            "name": f"{config.name}-dev",
            "data": config.data.model_copy(update={"max_grooves": 8, "procedural_kits": 1}),
            "training": config.training.model_copy(
                update={"num_steps": 2, "batch_size": 2, "warmup_steps": 1}
            ),
            "validation": config.validation.model_copy(
                update={"every_n_steps": 1, "n_items": 2, "seconds": 3.0}
            ),
        }
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
