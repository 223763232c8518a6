"""Tuning: a study of trials, one after the other, that can be stopped and gone on with.

Flow: search_space, trials -> **tuning** -> study_table, cli

Settings are drawn by Optuna's TPE (Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS
2011): the first ten trials at random. The sampler of trial n is seeded with the run's seed + n, so that a
study that was stopped draws what it would have drawn. A trial is pruned when its best ``val_f`` so far is
below the median of the complete trials at the same validation; the first trials, and the first validation,
never are.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drumlane.errors import ConfigError, MissingExtraError
from drumlane.study.trials import Outcome, Plan, State, attempt

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

Say = Callable[[str], None]
LEFT_BEHIND, INTERRUPTED = "left behind by a process that ended", "interrupted"
REASON, SET = "reason", "set"  # what a study keeps of each trial
_PROCESS, _SETTINGS = "process", "settings"
_FREE = ("name", "version", "output", "hardware", "logging")  # may differ between two starts of a study


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a study goes on."""

    n_trials: int = 20  # in all; those that were interrupted or killed are not counted
    timeout: float | None = None  # seconds after which no trial begins
    n_unpruned: int = 5  # trials that come to their end before any is pruned


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that is to be run."""

    trial: "Trial"
    overrides: tuple[str, ...]


def storage_url(plan: Plan, storage: str | None) -> str:
    """Return where a study is kept: ``study.db`` in the run's folder if nothing else is said."""
    return storage or f"sqlite:///{(plan.config.folder / 'study.db').resolve()}"


def open_study(plan: Plan, storage: str, limits: Limits) -> "Study":
    """Begin a study or go on with it; trials that a killed process left behind are marked as failed.

    Raises:
        MissingExtraError: optuna is not installed.
        ConfigError: the storage cannot be opened, the study has other settings, or its folder is taken.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("tune", "optuna", "tune") from error
    from sqlalchemy.exc import SQLAlchemyError  # optuna's own dependency

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage.startswith("sqlite:///"):
        Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    try:
        study = optuna.create_study(
            study_name=plan.study,
            storage=storage,
            direction="maximize",
            pruner=pruner(limits),
            load_if_exists=True,
        )
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"--storage {storage}: cannot be opened ({reason})") from None
    _check_settings(study, plan)
    for trial in study.get_trials(deepcopy=False):
        if _is_left_behind(trial):
            tell(study, optuna.trial.Trial(study, trial._trial_id), Outcome(State.FAILED, reason=LEFT_BEHIND))
    return study


def pruner(limits: Limits) -> "BasePruner":
    """Return the median pruner; a trial's first validation prunes nothing."""
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=limits.n_unpruned, n_warmup_steps=2)


def run_study(study: "Study", plan: Plan, limits: Limits, say: Say) -> None:
    """Run trials until there are enough or time is up.

    Raises:
        KeyboardInterrupt: the user stopped it; the trial of the moment is marked as failed.
    """
    end = deadline(limits)
    while n_ended(study) < limits.n_trials and time.monotonic() < end:
        asked = ask(study, plan, say)
        try:
            outcome = attempt(plan, asked.overrides, asked.trial)
        except BaseException:  # Ctrl-C, or Lightning's exit on a second one
            tell(study, asked.trial, Outcome(State.FAILED, reason=INTERRUPTED))
            raise
        tell(study, asked.trial, outcome)
        say(f"trial {asked.trial.number}: {described(outcome)}")


def deadline(limits: Limits) -> float:
    """Return the moment, of ``time.monotonic``, after which no trial begins."""
    return time.monotonic() + (float("inf") if limits.timeout is None else limits.timeout)


def ask(study: "Study", plan: Plan, say: Say) -> Asked:
    """Draw a trial and say how to repeat it."""
    from optuna.samplers import TPESampler

    study.sampler = TPESampler(seed=plan.config.seed + len(study.get_trials(deepcopy=False)))
    trial = study.ask()
    trial.set_user_attr(_PROCESS, f"{socket.gethostname()}:{os.getpid()}")
    drawn = plan.space.draw(trial)
    trial.set_user_attr(SET, list(drawn))
    overrides = plan.overrides_of(trial.number, drawn)
    say(f"trial {trial.number}: {plan.command(overrides)}")
    return Asked(trial, overrides)


def tell(study: "Study", trial: "Trial", outcome: Outcome) -> None:
    """Write down how a trial ended."""
    from optuna.trial import TrialState

    if outcome.state is State.COMPLETE:
        study.tell(trial, outcome.score)
    elif outcome.state is State.PRUNED:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        trial.set_user_attr(REASON, outcome.reason)
        study.tell(trial, state=TrialState.FAIL)


def described(outcome: Outcome) -> str:
    """Return an outcome as text."""
    if outcome.state is State.FAILED:
        return f"failed: {outcome.reason}"
    return f"{outcome.state}, best val_f {outcome.score:.4f}"


def n_ended(study: "Study") -> int:
    """Return how many trials came to an end of their own."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    return sum(trial.user_attrs.get(REASON) not in (LEFT_BEHIND, INTERRUPTED) for trial in ended)


def _is_left_behind(trial: "FrozenTrial") -> bool:
    from optuna.trial import TrialState

    if trial.state is not TrialState.RUNNING:
        return False
    host, _, pid = str(trial.user_attrs.get(_PROCESS, "")).rpartition(":")
    return not pid or (host == socket.gethostname() and not _is_alive(int(pid)))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _check_settings(study: "Study", plan: Plan) -> None:
    """Refuse to go on with a study whose trials could not be compared with the new ones."""
    dumped = plan.config.model_dump(mode="json")
    settings = {"config": {k: v for k, v in dumped.items() if k not in _FREE}, **plan.space.model_dump()}
    settings = json.loads(json.dumps(settings))  # as they come back from the storage
    before = study.user_attrs.get(_SETTINGS)
    if before is None:
        folder = plan.config.output / plan.trials
        if folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: holds trials of another study; choose another --study-name or name")
        study.set_user_attr(_SETTINGS, settings)
        return
    then, now = dict(_leaves(before)), dict(_leaves(settings))
    for key in (*then, *now):
        if then.get(key) != now.get(key):
            raise ConfigError(
                f"study {plan.study!r} was begun with {key}={then.get(key)} and now it is {now.get(key)}: "
                "its trials could not be compared; choose another --study-name"
            )


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in values.items():
        inner = _leaves(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
        found += inner
    return found
