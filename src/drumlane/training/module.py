"""Module: Lightning around the plain network: loss, averaged weights, validation by note-level F.

Flow: items -> **module** -> run -> export

The kept weights are an exponential moving average. Every step seeds torch from the run's seed and the step's
number, so that a resumed run draws the same dropout as an uninterrupted one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

import lightning
import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from drumlane.audio.features import FeatureSpec
from drumlane.networks.catalog import Spec, build
from drumlane.networks.transcriber import Outputs, Probabilities
from drumlane.rendering.scene import Item
from drumlane.training.items import Batch, encode_item
from drumlane.training.sections import LossConfig, TrainingConfig
from drumlane.training.thresholds import MINIMUM_GAPS, best_thresholds, micro_f
from drumlane.vocabulary import LANE_NAMES, LANES, LANES_OF_ARTICULATIONS

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
    wrong = (torch.sigmoid(out.velocity.float()) - velocity) ** 2
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
        self.positive_weight: Tensor
        self.register_buffer("positive_weight", torch.tensor(loss.class_weights or (1.0,) * len(LANES)))
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
        losses = batch_losses(self.network(batch[0]), batch, self.positive_weight, self._focal_gamma)
        config = self.training_config
        loss = (
            losses.onset
            + config.velocity_weight * losses.velocity
            + config.articulation_weight * losses.articulation
            + config.presence_weight * losses.presence
        )
        self.log_dict(
            {
                "train_loss": loss,
                "onset_loss": losses.onset,
                "velocity_loss": losses.velocity,
                "articulation_loss": losses.articulation,
                "presence_loss": losses.presence,
            },
            prog_bar=True,
        )
        return loss

    def optimizer_step(self, *args: object, **kwargs: object) -> None:
        """Step, then average; the average starts short so that early weights are forgotten."""
        super().optimizer_step(*args, **kwargs)  # type: ignore[arg-type]
        step = self.global_step
        decay = min(self.training_config.ema_decay, (1 + step) / (10 + step))
        self.averaged.multi_avg_fn = _averaging(decay)
        self.averaged.update_parameters(self.network)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a warm-up and a cosine down to 1 %."""
        config = self.training_config
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

        def factor(step: int) -> float:
            if step < config.warmup_steps:
                return (step + 1) / config.warmup_steps
            done = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
            return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _averaging(decay: float) -> Callable[..., None]:
    average: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return average


class UnseenKits(lightning.Callback):
    """Validates every so many steps: micro F at ±50 ms over rendered items of unseen kit families."""

    def __init__(self, items: Sequence[Item], features: FeatureSpec, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps
        self._fps = features.fps
        self._features = [encode_item(item, features)[0] for item in items]
        self._references = [item.hits for item in items]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Score the averaged weights and log ``val_f``."""
        step = trainer.global_step
        if step % self.every_n_steps and step != trainer.max_steps:
            return
        assert isinstance(pl_module, TranscriberModule)
        onsets = self._activations(pl_module)
        thresholds, counts = best_thresholds(onsets, self._references, self._fps, MINIMUM_GAPS)
        scores = {f"val_f_{name}": c.f for name, c in zip(LANE_NAMES, counts, strict=True)}
        scores["val_f"] = micro_f(counts)
        pl_module.log_dict(scores)
        trainer.callback_metrics.update({k: torch.tensor(v) for k, v in scores.items()})
        line = " ".join(
            f"{name} {c.f:.3f}@{t:.2f}" for name, c, t in zip(LANE_NAMES, counts, thresholds, strict=True)
        )
        trainer.print(f"step {step}: F {scores['val_f']:.4f}  {line}")

    def _activations(
        self, module: TranscriberModule
    ) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        probabilities = Probabilities(module.averaged.module).eval()
        with torch.inference_mode():
            out = [
                probabilities(torch.from_numpy(f[None]).to(module.device))[0][0].float().cpu().numpy()
                for f in self._features
            ]
        probabilities.train()
        return out
