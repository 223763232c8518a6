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
from drumlane.errors import ConfigError, ModelError
from drumlane.files import whole_file
from drumlane.networks.beats import BeatNetwork, BeatNetworkSpec
from drumlane.training.beat_batches import beat_batch
from drumlane.training.beat_config import BeatRunConfig
from drumlane.training.beat_phrases import phrases_of
from drumlane.training.beat_songs import Phrases
from drumlane.training.torch_files import check_run_folder, read_torch_file

LAST, BEST = "last.ckpt", "best.ckpt"
_VALIDATION_SEED = 10**9
_WARM_UP = 0.15  # of the steps
_CLIP = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """What a checkpoint holds."""

    network: BeatNetwork
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    step: int = 0
    best: float = float("inf")


def train_beats(config: BeatRunConfig, resume: bool = False) -> Path:
    """Train and return the best checkpoint.

    Raises:
        ConfigError: the run's folder holds an earlier run that is not resumed, or there is none to resume.
        DatasetError: the grooves are missing.
    """
    check_run_folder(config.folder, LAST, resume)
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    state = _new_state(config)
    if resume:
        _load(state, config.folder / LAST, config)
    phrases = phrases_of_split(config, "train")
    held_out = list(_validation_batches(config))
    while state.step < config.num_steps:
        loss = _step(state, phrases, config)
        if state.step % config.every_n_steps == 0 or state.step == config.num_steps:
            _validate(state, loss, held_out, config)
    return config.folder / BEST


def load_beat_network(checkpoint: Path) -> BeatNetwork:
    """Return the averaged network of a checkpoint, ready for inference.

    Raises:
        ModelError: the file is missing or is not a checkpoint of a beat network.
    """
    saved = _read(checkpoint)
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
    return _State(
        network, AveragedModel(network, multi_avg_fn=average, use_buffers=True), optimizer, schedule
    )


def _step(state: _State, phrases: Phrases, config: BeatRunConfig) -> float:
    torch.manual_seed(config.seed + state.step)  # dropout
    strokes, targets = beat_batch(phrases, config.batch_size, config.seconds, (config.seed, state.step))
    state.network.train()
    loss = F.binary_cross_entropy_with_logits(state.network(strokes), targets)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), _CLIP)
    state.optimizer.step()
    state.schedule.step()
    state.averaged.update_parameters(state.network)
    state.step += 1
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
    _log.info("step %d: loss %.4f, validation %.4f", state.step, train_loss, loss)
    better = loss < state.best
    state.best = min(loss, state.best)
    for name in [LAST, BEST] if better else [LAST]:
        _save(state, config.folder / name, config)


def _save(state: _State, path: Path, config: BeatRunConfig) -> None:
    saved = {
        "model": asdict(config.model),
        "network": state.network.state_dict(),
        "averaged": state.averaged.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "schedule": state.schedule.state_dict(),
        "step": state.step,
        "best": state.best,
    }
    with whole_file(path, ModelError) as partial:
        torch.save(saved, partial)


def _load(state: _State, path: Path, config: BeatRunConfig) -> None:
    saved = _read(path)
    if saved["model"] != asdict(config.model):
        raise ConfigError(f"{path}: trained with model {saved['model']}, the configuration has another")
    state.network.load_state_dict(saved["network"])
    state.averaged.load_state_dict(saved["averaged"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.schedule.load_state_dict(saved["schedule"])
    state.step, state.best = saved["step"], saved["best"]


def _read(path: Path) -> dict[str, Any]:
    return read_torch_file(path, {"model", "averaged"}, "a checkpoint of a beat network")
