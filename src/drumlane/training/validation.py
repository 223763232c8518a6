"""Validation: the averaged weights on held-out items, every so many steps.

Flow: items, recorded_items -> **validation** -> run (which keeps the best checkpoint)

Scores are note-level at ±50 ms, each lane at its best threshold of a grid: they compare checkpoints with each
other. ``val_loss`` is the loss of training on the same items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.lr_scheduler import ReduceLROnPlateau

from drumlane.audio.features import FeatureSpec
from drumlane.evaluation.counts import Counts
from drumlane.networks.transcriber import Outputs
from drumlane.performance import Hit
from drumlane.training.batches import Encoded, stacked
from drumlane.training.module import TranscriberModule
from drumlane.training.targets import encode
from drumlane.training.thresholds import MINIMUM_GAPS, best_thresholds, micro_f
from drumlane.vocabulary import LANE_NAMES

Onsets = NDArray[np.float32]  # (frames, 8), 0..1


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """An item that nothing is learnt from."""

    features: NDArray[np.float32]  # (frames, bands)
    hits: tuple[Hit, ...]

    def encoded(self, fps: float) -> Encoded:
        """Return what its loss is taken of."""
        return self.features, encode(self.hits, len(self.features), fps)


# Is given the step, the items, what was heard in them and the threshold of each lane.
Draw = Callable[[int, Sequence[HeldOut], Sequence[Onsets], Sequence[float]], None]


class Validation(lightning.Callback):
    """Scores the averaged weights and logs ``val_f``, ``val_loss`` and each lane's precision, recall and F.

    A scheduler that waits for plateaus is stepped here, before a checkpoint is saved: resumed runs equal
    uninterrupted ones.
    """

    def __init__(
        self,
        items: Sequence[HeldOut],
        features: FeatureSpec,
        every_n_steps: int,
        at_start: bool = False,
        draw: Draw | None = None,
    ) -> None:
        """Validate every ``every_n_steps`` steps; ``at_start`` before the first one, too."""
        self.every_n_steps = every_n_steps
        self._items = tuple(items)
        self._fps = features.fps
        self._at_start = at_start
        self._draw = draw
        self.last_step = 0  # that was scored; several batches may make one step

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Score the weights that a fine-tuning starts from."""
        if self._at_start and trainer.global_step == 0:
            self._validate(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Score, where it is time."""
        step = trainer.global_step
        if step == self.last_step or (step % self.every_n_steps and step != trainer.max_steps):
            return
        self._validate(trainer, pl_module)
        for config in trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, ReduceLROnPlateau):
                config.scheduler.step(float(trainer.callback_metrics["val_loss"]))

    def _validate(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, TranscriberModule)
        step = self.last_step = trainer.global_step
        onsets, loss = self._hear(pl_module)
        references = [item.hits for item in self._items]
        thresholds, counts = best_thresholds(onsets, references, self._fps, MINIMUM_GAPS)
        scores = {"val_loss": loss, **_scores(counts)}
        if trainer.logger is not None:
            for logger in trainer.loggers:
                logger.log_metrics(scores, step=step)
        trainer.callback_metrics.update({k: torch.tensor(v) for k, v in scores.items()})
        line = " ".join(
            f"{name} {c.f:.3f}@{t:.2f}" for name, c, t in zip(LANE_NAMES, counts, thresholds, strict=True)
        )
        trainer.print(f"step {step}: F {scores['val_f']:.4f}  loss {loss:.4f}  {line}")
        if self._draw is not None and trainer.is_global_zero:
            self._draw(step, self._items, onsets, thresholds)

    def _hear(self, module: TranscriberModule) -> tuple[list[Onsets], float]:
        """Return onset activations of every item, and the mean loss."""
        network = module.averaged.module
        training = network.training
        network.eval()
        onsets, losses = [], []
        with torch.inference_mode():
            for item in self._items:
                batch = stacked([item.encoded(self._fps)]).to(module.device)
                out: Outputs = network(batch.features)
                onsets.append(torch.sigmoid(out.onset)[0].float().cpu().numpy())
                losses.append(float(module.total_loss(out, batch)))
        network.train(training)
        return onsets, float(np.mean(losses))


def _scores(counts: Sequence[Counts]) -> dict[str, float]:
    scores = {"val_f": micro_f(counts)}
    for name, c in zip(LANE_NAMES, counts, strict=True):
        scores |= {f"val_f_{name}": c.f, f"val_precision_{name}": c.precision, f"val_recall_{name}": c.recall}
    return scores


class StopEarly(lightning.Callback):
    """Ends a run whose monitored score gets no better for ``patience`` validations."""

    def __init__(self, monitor: str, mode: str, patience: int, validation: Validation) -> None:
        """Watch ``monitor``, a score that ``validation`` logs; "min" or "max" is better."""
        self.monitor = monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.patience = patience
        self._validation = validation
        self._best = -np.inf
        self._waited = 0
        self._seen = 0

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Look at a new score, if there is one."""
        step = self._validation.last_step
        if step == self._seen:
            return
        self._seen = step
        score = self.sign * float(trainer.callback_metrics[self.monitor])
        better = score > self._best
        self._best = score if better else self._best
        self._waited = 0 if better else self._waited + 1
        if self._waited >= self.patience:
            trainer.should_stop = True
            trainer.print(f"{self.monitor} got no better for {self.patience} validations: stopped")

    def state_dict(self) -> dict[str, float]:
        """Return what a resumed run must know."""
        return {"best": self._best, "waited": self._waited, "seen": self._seen}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on from there."""
        self._best = state_dict["best"]
        self._waited, self._seen = int(state_dict["waited"]), int(state_dict["seen"])
