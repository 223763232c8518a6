"""Study table: the trials of a study, its best one, and the command that trains with it.

Flow: tuning -> **study_table** -> cli
"""

from collections.abc import Iterator
from math import isfinite, nan
from typing import TYPE_CHECKING

from drumlane.errors import ConfigError
from drumlane.evaluation.error_report import TextTable
from drumlane.study.trials import Plan, State
from drumlane.study.tuning import REASON, SET
from drumlane.training.torch_files import BEST

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

_STATES = {"FAIL": State.FAILED.value}


def study_table(study: "Study") -> TextTable:
    """Return a row for each trial."""
    rows = [_row(trial) for trial in study.get_trials(deepcopy=False)]
    header = ("trial", "state", "val_f", "validations", "s")
    return TextTable(f"study {study.study_name}", "val_f: the best of its validations", header, tuple(rows))


def failures(study: "Study") -> Iterator[str]:
    """Yield a line for each trial that failed."""
    for trial in study.get_trials(deepcopy=False):
        if REASON in trial.user_attrs:
            yield f"trial {trial.number} failed: {trial.user_attrs[REASON]}"


def best_lines(study: "Study", plan: Plan) -> list[str]:
    """Return the best trial, its settings, and the command that trains with them.

    Raises:
        ConfigError: no trial is complete.
    """
    complete = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if not complete:
        reasons = [*failures(study)] or ["there is none yet"]
        raise ConfigError(f"no trial of study {study.study_name!r} came to its end; {reasons[-1]}")
    best = study.best_trial
    drawn = tuple(best.user_attrs[SET])
    checkpoint = plan.config.output / plan.trials / str(best.number) / "checkpoints" / BEST
    return [
        f"best: trial {best.number}, val_f {best.value:.4f}, {checkpoint.as_posix()}",
        *(f"  {override.replace('=', ' = ', 1)}" for override in drawn),
        "to train with it:",
        f"  {plan.command((*plan.overrides, *drawn, f'name={plan.config.name}-best'))}",
    ]


def _row(trial: "FrozenTrial") -> tuple[str, ...]:
    scores = [score for score in trial.intermediate_values.values() if isfinite(score)]
    settings = " ".join(_short(override) for override in trial.user_attrs.get(SET, ()))
    state = _STATES.get(trial.state.name, trial.state.name.lower())
    best = max(scores, default=nan)
    seconds = f"{trial.duration.total_seconds():.0f}" if trial.duration else "-"
    score = f"{best:.4f}" if isfinite(best) else "-"
    return (f"{trial.number}: {settings}", state, score, str(len(scores)), seconds)


def _short(override: str) -> str:
    """Return an override without its sections.

    >>> _short("training.learning_rate=0.001")
    'learning_rate=0.001'
    """
    key, _, value = override.partition("=")
    return f"{key.rpartition('.')[2]}={value}"
