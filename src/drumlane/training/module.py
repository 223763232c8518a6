"""Module: Lightning around the plain network: loss, optimiser, averaged weights.

Flow: batches -> **module** -> validation, run -> export

The kept weights are an exponential moving average. Every step seeds torch from the run's seed and the step's
number, so that a resumed run draws the same dropout as an uninterrupted one.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import NamedTuple

import lightning
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import LRSchedulerConfigType, OptimizerLRScheduler
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from drumlane.audio.features import FeatureSpec
from drumlane.errors import ConfigError, nearest_first
from drumlane.networks.catalog import Spec, build
from drumlane.networks.crnn import Crnn
from drumlane.networks.transcriber import Outputs
from drumlane.training.batches import Batch
from drumlane.training.sections import LossConfig, TrainingConfig
from drumlane.vocabulary import LANES, LANES_OF_ARTICULATIONS

_MOMENTUM = 0.9  # of SGD
_NEAR = 0.05  # of the range of velocities: below it errors count by their square
_AT_ONSET = 0.3  # onset target from which velocity and articulation are learnt


class Losses(NamedTuple):
    """Mean losses of one batch, scalars."""

    onset: Tensor
    velocity: Tensor
    articulation: Tensor
    presence: Tensor


def batch_losses(out: Outputs, batch: Batch, positive_weight: Tensor, focal_gamma: float = 0.0) -> Losses:
    """Return the losses of logits; velocity and articulation count where something was struck.

    A lane is present when it is struck anywhere in the item. With ``focal_gamma`` the onset loss of what is
    nearly right is lowered (Lin et al., "Focal loss for dense object detection", ICCV 2017).
    """
    _, onset, velocity, articulation = batch
    onset_loss = _onset_loss(out.onset.float(), onset, positive_weight, focal_gamma)
    struck = onset * (onset > _AT_ONSET)
    # Of what cannot be known the median is asked for, not the mean: most velocities should be nearly right.
    wrong = F.smooth_l1_loss(torch.sigmoid(out.velocity.float()), velocity, reduction="none", beta=_NEAR)
    articulation_loss = F.binary_cross_entropy_with_logits(
        out.articulation.float(), articulation, reduction="none"
    )
    of_lane = struck[..., list(LANES_OF_ARTICULATIONS)]
    present = (onset.amax(dim=1, keepdim=True) > _AT_ONSET).float().expand_as(out.presence)
    return Losses(
        onset_loss,
        _weighted_mean(wrong, struck),
        _weighted_mean(articulation_loss, of_lane),
        F.binary_cross_entropy_with_logits(out.presence.float(), present),
    )


def _onset_loss(logits: Tensor, onset: Tensor, positive_weight: Tensor, gamma: float) -> Tensor:
    if not gamma:
        return F.binary_cross_entropy_with_logits(logits, onset, pos_weight=positive_weight)
    losses = F.binary_cross_entropy_with_logits(logits, onset, pos_weight=positive_weight, reduction="none")
    off = (torch.sigmoid(logits) - onset).abs()
    return (off**gamma * losses).mean()


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


class TranscriberModule(lightning.LightningModule):
    """Trains a ``TranscriberNetwork``; ``averaged`` holds the weights that are validated and exported."""

    def __init__(
        self,
        model: Spec,
        features: FeatureSpec,
        training: TrainingConfig,
        seed: int,
        loss: LossConfig | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(
            {
                "model": asdict(model),
                "features": asdict(features),
                "training": training.model_dump(mode="json"),
            }
        )
        loss = loss or LossConfig()
        self.features = features
        self.training_config = training
        self.seed = seed
        self.network = build(model)
        self.network.convs.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = AveragedModel(
            self.network, multi_avg_fn=_averaging(training.ema_decay), use_buffers=True
        )
        self.averaged.requires_grad_(False)  # nothing is learnt in it; several processes would wait for it
        self.positive_weight: Tensor
        self.register_buffer("positive_weight", torch.tensor(loss.class_weights or (1.0,) * len(LANES)))
        self._freeze()
        self._focal_gamma = loss.focal_gamma if loss.type == "FocalLoss" else 0.0

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take over some weights, in the network and in its average."""
        self.network.load_state_dict(weights, strict=False)
        self.averaged.module.load_state_dict(weights, strict=False)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Make dropout a function of the seed and the step."""
        torch.manual_seed(self.seed * 1_000_003 + self.global_step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        heard = without_some_bands(batch.features, self.features.n_mels, self.training_config.masked_bands)
        losses = self._losses(self.network(heard), batch)
        loss = self._weighted(losses)
        self.log_dict(
            {
                "train_loss": loss,
                "onset_loss": losses.onset,
                "velocity_loss": losses.velocity,
                "articulation_loss": losses.articulation,
                "presence_loss": losses.presence,
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            },
            prog_bar=True,
        )
        return loss

    def total_loss(self, out: Outputs, batch: Batch) -> Tensor:
        """Return the weighted sum of the losses."""
        return self._weighted(self._losses(out, batch))

    def _losses(self, out: Outputs, batch: Batch) -> Losses:
        return batch_losses(out, batch, self.positive_weight, self._focal_gamma)

    def _weighted(self, losses: Losses) -> Tensor:
        config = self.training_config
        if isinstance(self.network, Crnn):
            return losses.onset  # its other outputs are constants
        return (
            losses.onset
            + config.velocity_weight * losses.velocity
            + config.articulation_weight * losses.articulation
            + config.presence_weight * losses.presence
        )

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the norm of the gradients, before they are clipped."""
        norms = [p.grad.norm() for p in self.network.parameters() if p.grad is not None]
        self.log("grad_norm", torch.stack(norms).norm())

    def train(self, mode: bool = True) -> "TranscriberModule":
        """Train, or not; frozen layers never do, nor do their batch norms."""
        super().train(mode)
        for name in self.training_config.freeze:
            self.network.get_submodule(name).eval()
        return self

    def _freeze(self) -> None:
        layers = [name for name, _ in self.network.named_children()]
        for name in self.training_config.freeze:
            if name not in layers:
                raise ConfigError(
                    f"training.freeze: {name!r} is no layer of this network; "
                    f"layers: {nearest_first(name, layers)}"
                )
            self.network.get_submodule(name).requires_grad_(False).eval()

    def optimizer_step(self, *args: object, **kwargs: object) -> None:
        """Step, then average; the average starts short so that early weights are forgotten."""
        super().optimizer_step(*args, **kwargs)  # type: ignore[arg-type]
        step = self.global_step
        decay = min(self.training_config.ema_decay, (1 + step) / (10 + step))
        self.averaged.multi_avg_fn = _averaging(decay)
        self.averaged.update_parameters(self.network)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimiser and the schedule of the learning rate, by name."""
        config = self.training_config
        optimizer = _optimizer(config, [p for p in self.network.parameters() if p.requires_grad])
        if config.scheduler == "plateau":  # stepped by Validation
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=config.scheduler_factor, patience=config.scheduler_patience
            )
            waiting: LRSchedulerConfigType = {"scheduler": plateau, "monitor": "val_loss", "strict": False}
            return {"optimizer": optimizer, "lr_scheduler": waiting}
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _rate_factor(self, step: int) -> float:
        config = self.training_config
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        if config.scheduler == "none":
            return 1.0
        done = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def without_some_bands(features: Tensor, n_mels: int, most: int) -> Tensor:
    """Return features (batch, frames, bands) with up to ``most`` neighbouring mels of each item silent.

    After: Park et al., "SpecAugment", Interspeech 2019; time is left whole, a stroke is too short for it.
    """
    if not most:
        return features
    n_items = len(features)
    width = torch.randint(0, most + 1, (n_items, 1), device=features.device)
    first = torch.randint(0, n_mels - most + 1, (n_items, 1), device=features.device)
    band = torch.arange(features.shape[2], device=features.device)
    hidden = (band >= first) & (band < first + width)
    return features.masked_fill(hidden.unsqueeze(1), 0.0)


def _optimizer(config: TrainingConfig, weights: list[Tensor]) -> torch.optim.Optimizer:
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=_MOMENTUM, weight_decay=decay)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, lr=rate, weight_decay=decay)


def _averaging(decay: float) -> Callable[..., None]:
    average: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return average
