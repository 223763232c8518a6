"""Trials: one ordinary run with other settings, whose scores a study sees while it trains.

Flow: search_space -> **trials** (run) -> tuning

The score is the best ``val_f`` of the trial's validations. A trial that raises, or whose score is not a
number, has failed, and says why; the study goes on.
"""

import gc
import shlex
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import torch

from drumlane.errors import ConfigError, DrumlaneError
from drumlane.files import whole_file
from drumlane.study.search_space import SearchSpace
from drumlane.training.config import RunConfig, read_config
from drumlane.training.run import train_transcriber

if TYPE_CHECKING:
    from optuna import Trial

SCORE = "val_f"
FAILURE = "failure.txt"


@dataclass(frozen=True, slots=True)
class Plan:
    """What all trials of a study have in common."""

    study: str  # its name
    config_path: Path
    overrides: tuple[str, ...]
    config: RunConfig  # these two, read
    space: SearchSpace

    @property
    def trials(self) -> str:
        """Name of the trials' folder below ``output``."""
        own = "trials" if self.study == self.config.name else self.study
        return f"{self.config.name}/{own}"

    def overrides_of(self, number: int, drawn: tuple[str, ...]) -> tuple[str, ...]:
        """Return all overrides of a trial, with a folder of its own."""
        own = [f"name={self.trials}/{number}"]
        own += ["checkpoint.dirpath=null"] if self.config.checkpoint.dirpath else []
        own += ["logging.save_dir=null"] if self.config.logging.save_dir else []
        return (*self.overrides, *drawn, *own)

    def command(self, overrides: tuple[str, ...]) -> str:
        """Return the command that trains with some overrides."""
        sets = [part for override in overrides for part in ("--set", override)]
        return shlex.join(["drumlane", "train", "transcriber", "--config", str(self.config_path), *sets])


class State(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended, and with what."""

    state: State
    score: float = nan
    reason: str = ""  # of a failure


class ReportScore(lightning.Callback):
    """Reports ``val_f`` after each validation, numbered from 1, and ends a trial that is to be pruned.

    Validations are counted, not steps: trials with other batches validate at other steps.
    """

    def __init__(self, trial: "Trial") -> None:
        """Report to ``trial``."""
        self.best = nan
        self.pruned = False
        self._trial = trial
        self._seen: torch.Tensor | None = None
        self._n_validations = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Leave out what a fine-tuning scored before its first step."""
        self._seen = trainer.callback_metrics.get(SCORE)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Report a new score, if there is one."""
        score = trainer.callback_metrics.get(SCORE)
        if score is None or score is self._seen:  # each validation leaves a new one
            return
        self._seen = score
        self._report(float(score))
        if self._trial.should_prune():
            self.pruned = trainer.should_stop = True

    def _report(self, score: float) -> None:
        self._n_validations += 1
        if isfinite(score):
            self._trial.report(score, self._n_validations)
            self.best = score if not self.best >= score else self.best


def attempt(plan: Plan, overrides: tuple[str, ...], trial: "Trial") -> Outcome:
    """Run a trial, whatever comes of it.

    Raises:
        KeyboardInterrupt: the user stopped it.
    """
    try:
        config = read_config(plan.config_path, overrides)
        with _own_interrupts():
            return _run(config, trial)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a trial is its result
        _keep_traceback(plan, overrides)
        return Outcome(State.FAILED, reason=_in_one_line(error))
    finally:
        gc.collect()  # trainer and network refer to each other; the next trial needs their memory


def _run(config: RunConfig, trial: "Trial") -> Outcome:
    reporter = ReportScore(trial)
    train_transcriber(config, callbacks=[reporter])
    if reporter.pruned:
        return Outcome(State.PRUNED, reporter.best)
    if not isfinite(reporter.best):
        return Outcome(State.FAILED, reason=f"no validation has a {SCORE} that is a number")
    return Outcome(State.COMPLETE, reporter.best)


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Take Ctrl-C back from a run that ended without giving it back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return text if isinstance(error, DrumlaneError) else f"{type(error).__name__}: {text}"


def _keep_traceback(plan: Plan, overrides: tuple[str, ...]) -> None:
    name = next(o.removeprefix("name=") for o in reversed(overrides) if o.startswith("name="))
    folder = plan.config.output / name
    # What stopped the trial may stop this too, a full disk for instance; the study has the reason anyway.
    with suppress(OSError, ConfigError):
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / FAILURE, ConfigError) as partial:
            partial.write_text(traceback.format_exc(), encoding="utf-8")
