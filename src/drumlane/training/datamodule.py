"""Data module: what a run learns from and what it is validated on, rendered, recorded or both.

Flow: items, recorded_items -> **datamodule** (batches) -> run
"""

import signal

import lightning
import torch
from torch.utils.data import DataLoader

from drumlane.training.batches import Batch, Batches, ItemSource, Mixed
from drumlane.training.config import RunConfig
from drumlane.training.items import RenderedItems, encode_item, load_material, validation_items
from drumlane.training.recorded_items import RecordedItems, fixed_excerpts, recorded_items
from drumlane.training.validation import HeldOut


class TrainingData(lightning.LightningDataModule):
    """Batches of a run, from a step on."""

    def __init__(self, config: RunConfig, first_step: int) -> None:
        """Load what the configuration names.

        Raises:
            DatasetError: something of it is missing, or recordings are not prepared.
        """
        super().__init__()
        self.config = config
        self.first_step = first_step
        recordings = recorded_items(config, "train") if config.data.recordings else None
        self.n_recorded_items = recordings.n_items if recordings else 0
        self._source = _source(config, recordings)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return this process's batches."""
        config = self.config
        n_processes = self.trainer.world_size if self.trainer else 1
        rank = self.trainer.global_rank if self.trainer else 0
        n_done = self.first_step * config.training.accumulate_grad_batches * n_processes
        batches = Batches(self._source, config.training.batch_size, n_done + rank, n_processes)
        return DataLoader(
            batches,
            batch_size=None,
            num_workers=config.hardware.num_workers,
            prefetch_factor=4 if config.hardware.num_workers else None,
            pin_memory=config.hardware.pin_memory and torch.cuda.is_available(),
            worker_init_fn=_begin_worker,
        )


def _source(config: RunConfig, recordings: RecordedItems | None) -> ItemSource:
    if not config.data.renders:
        assert recordings is not None  # the configuration has seen to it
        return recordings
    material = load_material(config.data, "train", config.seed)
    rendered = RenderedItems(material, config.scene, config.audio, config.seed)
    if recordings is None:
        return rendered
    return Mixed(recordings, rendered, config.data.rendered_share, config.seed)


def held_out_items(
    config: RunConfig, part: str = "validation", n: int | None = None, seconds: float | None = None
) -> list[HeldOut]:
    """Return the items that a run is validated on: of recordings where it has any, else rendered ones.

    Args:
        config: the run.
        part: of its material.
        n: how many items; the configuration's number if not given.
        seconds: length of each, likewise.
    """
    n_items, seconds = n or config.validation.n_items, seconds or config.validation.seconds
    if config.data.recordings:
        items = recorded_items(config, part, seconds)
        return [HeldOut(features, hits) for features, hits in fixed_excerpts(items, n_items)]
    material = load_material(config.data, part, config.seed)
    rendered = validation_items(material, config.scene, n_items, seconds)
    return [HeldOut(encode_item(item, config.audio)[0], item.hits) for item in rendered]


def steps_of_run(config: RunConfig, n_recorded_items: int, n_processes: int) -> tuple[int, int]:
    """Return all optimiser steps of a run, and those between two validations.

    With ``training.num_epochs`` a validation follows every pass over the recordings.
    """
    training = config.training
    if training.num_epochs is None:
        return training.num_steps, config.validation.every_n_steps
    items_a_step = training.batch_size * training.accumulate_grad_batches * n_processes
    steps_an_epoch = max(1, -(-n_recorded_items // items_a_step))
    return training.num_epochs * steps_an_epoch, steps_an_epoch


def _begin_worker(_worker: int) -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the trainer ends its workers
