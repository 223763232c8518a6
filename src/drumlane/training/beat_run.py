"""Beat run: the beat network trained on drawn songs, resumable at any checkpoint.

Flow: beat_config -> beat_batches, networks.beats -> **beat_run** -> beat_export

A plain loop: minutes on a CPU need no trainer. Step n draws the same songs and the same dropout whenever it
is run, so that a resumed run ends as one that was not interrupted. ``last.ckpt`` is the newest state,
``best.ckpt`` the one with the least loss on songs from the validation grooves.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from drumlane.data.gmd import load_grooves
from drumlane.networks.beats import BeatNetwork, BeatNetworkSpec
from drumlane.training.beat_batches import beat_batch
from drumlane.training.beat_config import BeatRunConfig
from drumlane.training.beat_phrases import phrases_of
from drumlane.training.beat_songs import Phrases
from drumlane.training.plain_run import Progress, check_run_folder, read_plain_checkpoint
from drumlane.training.torch_files import BEST, LAST

_WHAT = "a checkpoint of a beat network"
_VALIDATION_SEED = 10**9
_WARM_UP = 0.15  # of the steps
_CLIP = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """What a run changes."""

    network: BeatNetwork
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    progress: Progress


def train_beats(config: BeatRunConfig, resume: bool = False) -> Path:
    """Train and return the best checkpoint.

    Raises:
        ConfigError: the run's folder holds an earlier run that is not resumed, or there is none to resume.
        DatasetError: the grooves are missing.
    """
    check_run_folder(config.folder, resume)
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    state = _new_state(config)
    if resume:
        state.progress.resume(config.folder / LAST, _WHAT)
    phrases = phrases_of_split(config, "train")
    held_out = list(_validation_batches(config))
    while state.progress.step < config.num_steps:
        loss = _step(state, phrases, config)
        if state.progress.step % config.every_n_steps == 0 or state.progress.step == config.num_steps:
            _validate(state, loss, held_out, config)
    return config.folder / BEST


def load_beat_network(checkpoint: Path) -> BeatNetwork:
    """Return the averaged network of a checkpoint, ready for inference.

    Raises:
        ModelError: the file is missing or is not a checkpoint of a beat network.
    """
    saved = read_plain_checkpoint(checkpoint, _WHAT)
    network = BeatNetwork(BeatNetworkSpec(**saved["model"]))
    network.load_state_dict({name: saved["averaged"][f"module.{name}"] for name in network.state_dict()})
    return network.eval()


def phrases_of_split(config: BeatRunConfig, split: str) -> Phrases:
    """Return the phrases of one split of the grooves."""
    return Phrases(*phrases_of(load_grooves(config.grooves, split, config.max_grooves)))


def _new_state(config: BeatRunConfig) -> _State:
    network = BeatNetwork(config.model)

    def average(mean: Any, new: Any, n_averaged: Any) -> None:
        step = int(n_averaged)
        decay = min(config.average, (1 + step) / (10 + step))  # the first steps are soon forgotten
        get_ema_multi_avg_fn(decay)(mean, new, n_averaged)  # type: ignore[no-untyped-call]

    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.num_steps + 1, pct_start=_WARM_UP
    )
    averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
    parts = {"network": network, "averaged": averaged, "optimizer": optimizer, "schedule": schedule}
    return _State(network, averaged, optimizer, schedule, Progress(asdict(config.model), parts))


def _step(state: _State, phrases: Phrases, config: BeatRunConfig) -> float:
    step = state.progress.step
    torch.manual_seed(config.seed + step)  # dropout
    strokes, targets = beat_batch(phrases, config.batch_size, config.seconds, (config.seed, step))
    state.network.train()
    loss = F.binary_cross_entropy_with_logits(state.network(strokes), targets)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), _CLIP)
    state.optimizer.step()
    state.schedule.step()
    state.averaged.update_parameters(state.network)
    state.progress.step += 1
    return float(loss.detach())


def _validation_batches(config: BeatRunConfig) -> Iterator[tuple[Tensor, Tensor]]:
    phrases = phrases_of_split(config, "validation")
    for first in range(0, config.validation_items, config.batch_size):
        n_items = min(config.batch_size, config.validation_items - first)
        yield beat_batch(phrases, n_items, config.seconds, (_VALIDATION_SEED, first))


def _validate(
    state: _State, train_loss: float, batches: list[tuple[Tensor, Tensor]], config: BeatRunConfig
) -> None:
    state.averaged.eval()
    with torch.inference_mode():
        losses = [
            float(F.binary_cross_entropy_with_logits(state.averaged(x), y)) * len(x) for x, y in batches
        ]
    loss = sum(losses) / config.validation_items
    _log.info("step %d: loss %.4f, validation %.4f", state.progress.step, train_loss, loss)
    state.progress.validated(loss, config.folder)
