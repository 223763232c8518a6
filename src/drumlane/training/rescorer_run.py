"""Rescorer run: the rescorer trained on judged items, resumable at any checkpoint.

Flow: rescorer_config -> rescorer_items, rescorer_batches, networks.rescorer -> **rescorer_run** ->
rescorer_export

A plain loop, as for beats. Step n draws the same items and shifts whenever it is run, so that a resumed run
ends as one that was not interrupted. ``last.ckpt`` is the newest state, ``best.ckpt`` the one with the least
loss on kits, grooves and music of the validation part.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drumlane.errors import ModelError
from drumlane.networks.rescorer import Rescorer, RescorerSpec
from drumlane.training.plain_run import Progress, check_run_folder, read_plain_checkpoint
from drumlane.training.rescorer_batches import RescorerBatch, collate
from drumlane.training.rescorer_config import RescorerRunConfig
from drumlane.training.rescorer_items import JudgedItem, make_items, read_items
from drumlane.training.rescorer_networks import WHAT
from drumlane.training.torch_files import BEST, LAST, weights_that_fit
from drumlane.transcription.stroke_balance import N_INPUTS

_INPUTS = ("inputs.weight", "straight.weight", "sound.0.weight")  # which may be told of more than before
_WARM_UP = 200  # steps
_CLIP = 1.0
_ABSOLUTE = 0.3  # weight of a velocity error that all strokes of an item share
_MIDI = 127.0
_CLOSE = 0.1  # of the range of an item's velocities
_LEAST_SPAN = 12.0  # MIDI steps
_FEWEST_TOMS, _MOST_TOMS = 3, 64  # strokes of an item that are compared

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """What a run changes."""

    network: Rescorer
    averaged: Rescorer
    optimizer: torch.optim.Optimizer
    progress: Progress


def train_rescorer(config: RescorerRunConfig, resume: bool = False) -> Path:
    """Train and return the best checkpoint.

    Raises:
        ConfigError: the run's folder holds an earlier run that is not resumed, or there is none to resume.
        DatasetError: material is missing.
        ModelError: the transcriber cannot be loaded.
    """
    check_run_folder(config.folder, resume)
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed + config.draw_seed)
    state = _new_state(config)
    if resume:
        state.progress.resume(config.folder / LAST, WHAT)
    for part in ("train", "validation"):
        for done in make_items(config, part):
            _log.info("items for %s: %.0f %%", part, 100 * done)
    items = read_items(config, "train")
    held_out = read_items(config, "validation")
    while state.progress.step < config.num_steps:
        losses = _step(state, items, config)
        if state.progress.step % config.every_n_steps == 0 or state.progress.step == config.num_steps:
            _validate(state, losses, held_out, config)
    return config.folder / BEST


def losses_of(network: Rescorer, batch: RescorerBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return four losses: strokes, velocities, velocities far off, and which strokes are on one tom.

    Velocities are scored against each other within an item first: how loud a recording is as a whole says
    little of how hard it was played.
    """
    found = network(batch.features, batch.times, batch.there)
    strokes = F.binary_cross_entropy_with_logits(found[..., 0], batch.real, reduction="none")[batch.there]
    struck = ~batch.velocities.isnan()
    none = torch.zeros(())
    off = torch.where(struck, (found[..., 1] - batch.velocities) / _MIDI, none)
    shared = off.sum(dim=1, keepdim=True) / struck.sum(dim=1, keepdim=True).clamp(min=1)
    own = torch.where(struck, off - shared, none)
    n_struck = struck.sum().clamp(min=1)
    velocity = (own.abs().sum() + _ABSOLUTE * off.abs().sum()) / n_struck
    return (
        strokes.mean(),
        velocity,
        _far_off(found[..., 1], batch.velocities, struck),
        _unlikeness(network, found[..., 2:], batch.toms),
    )


def _far_off(found: Tensor, true: Tensor, struck: Tensor) -> Tensor:
    """Return how many velocities are farther off than ``_CLOSE`` after the best line, as a smooth share.

    As mir_eval has it (Raffel et al., ISMIR 2014): true velocities by their range, found ones by the line
    that fits best, of each item. Beyond the limit an error costs the same, however large: so the likeliest
    velocity is looked for, not the mean of two.
    """
    number = struck.sum(dim=1, keepdim=True).clamp(min=1)

    def centred(values: Tensor) -> Tensor:
        kept = torch.where(struck, values, torch.zeros(()))
        return torch.where(struck, kept - kept.sum(dim=1, keepdim=True) / number, torch.zeros(()))

    infinite = torch.full((), math.inf)
    lowest = torch.where(struck, true, infinite).amin(dim=1, keepdim=True)
    highest = torch.where(struck, true, -infinite).amax(dim=1, keepdim=True)
    span = (highest - lowest).clamp(min=_LEAST_SPAN)
    span = torch.where(span.isfinite(), span, _MIDI * torch.ones(()))
    heard, wanted = centred(found), centred(true)
    slope = (heard * wanted).sum(dim=1, keepdim=True) / (heard.square().sum(dim=1, keepdim=True) + number)
    off = ((slope * heard - wanted) / span).square()
    return torch.where(struck, off / (off + _CLOSE**2), torch.zeros(())).sum() / struck.sum().clamp(min=1)


def _unlikeness(network: Rescorer, sounds: Tensor, toms: Tensor) -> Tensor:
    """Return the cross entropy of whether two tom strokes of an item are on one drum."""
    losses = []
    for places, drums in zip(sounds, toms, strict=True):
        struck = torch.nonzero(drums >= 0)[:_MOST_TOMS, 0]
        if len(struck) < _FEWEST_TOMS:
            continue
        alike = (drums[struck, None] == drums[struck]).to(places.dtype)
        logits = network.logits_of_likeness(places[struck])
        pairs = ~torch.eye(len(struck), dtype=torch.bool)
        losses.append(F.binary_cross_entropy_with_logits(logits[pairs], alike[pairs]))
    return torch.stack(losses).mean() if losses else torch.zeros(())


def _new_state(config: RescorerRunConfig) -> _State:
    spec = RescorerSpec(N_INPUTS, **config.model.model_dump())
    network, averaged = Rescorer(spec), Rescorer(spec)
    if config.init_from:
        _begin_with(network, config.init_from)
    averaged.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    parts = {"network": network, "averaged": averaged, "optimizer": optimizer}
    return _State(network, averaged.eval(), optimizer, Progress(asdict(spec), parts))


def _begin_with(network: Rescorer, checkpoint: Path) -> None:
    """Take the averaged weights of a checkpoint; what it has none for begins anew.

    Raises:
        ModelError: it cannot be read, is not a checkpoint of a rescorer, or nothing in it fits.
    """
    saved, own = read_plain_checkpoint(checkpoint, WHAT)["averaged"], network.state_dict()
    fitting = weights_that_fit(saved, own, _INPUTS)
    if not fitting:
        raise ModelError(f"{checkpoint}: no layer of this checkpoint fits the network of the configuration")
    network.load_state_dict(own | fitting)


def _step(state: _State, items: Sequence[JudgedItem], config: RescorerRunConfig) -> tuple[float, ...]:
    rng = np.random.default_rng((config.seed, config.draw_seed, state.progress.step))
    torch.manual_seed(int(rng.integers(2**31)))  # of dropout
    drawn = [items[i] for i in rng.integers(len(items), size=config.batch_size)]
    batch = collate(drawn, config, rng)
    rate = _rate(state.progress.step, config)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    losses = losses_of(state.network, batch)
    state.optimizer.zero_grad()
    _total(losses, config).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), _CLIP)
    state.optimizer.step()
    with torch.no_grad():
        for mean, new in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
            mean.lerp_(new, 1 - config.average)
    state.progress.step += 1
    return tuple(float(loss.detach()) for loss in losses)


def _rate(step: int, config: RescorerRunConfig) -> float:
    """Return the learning rate: up, then down along a cosine."""
    falling = 0.5 + 0.5 * math.cos(math.pi * step / config.num_steps)
    return config.learning_rate * min(1.0, (step + 1) / _WARM_UP) * falling


def _total(losses: tuple[Tensor, ...], config: RescorerRunConfig) -> Tensor:
    strokes, velocity, far_off, unlikeness = losses
    return (
        strokes
        + config.velocity_weight * velocity
        + config.closeness_weight * far_off
        + config.likeness_weight * unlikeness
    )


def _validate(
    state: _State, losses: tuple[float, ...], items: Sequence[JudgedItem], config: RescorerRunConfig
) -> None:
    total, weights = np.zeros(4), 0
    for first in range(0, len(items), config.batch_size):
        batch = collate(items[first : first + config.batch_size], config, None)
        with torch.inference_mode():
            found = losses_of(state.averaged, batch)
        n_strokes = int(batch.there.sum())
        total += n_strokes * np.array([float(loss) for loss in found])
        weights += n_strokes
    means = [torch.tensor(value / weights) for value in total.tolist()]
    score = float(_total(tuple(means), config))
    _log.info(
        "step %d: strokes %.4f, velocity %.4f, far off %.4f, unlikeness %.4f; "
        "validation %.4f, %.4f, %.4f, %.4f: %.4f",
        *(state.progress.step, *losses, *(float(mean) for mean in means), score),
    )
    state.progress.validated(score, config.folder)
