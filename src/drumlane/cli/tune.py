"""``drumlane tune``: trials with other settings, each an ordinary run, and the best of them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.train import Config, Overrides, need_torch

if TYPE_CHECKING:
    from optuna import Study

    from drumlane.study.trials import Plan


class Engine(StrEnum):
    """What runs the trials."""

    LOCAL = "local"
    RAY = "ray"


def tune(
    config: Config,
    overrides: Overrides = None,
    n_trials: Annotated[
        int, typer.Option("--n-trials", min=1, help="Trials in all, those of earlier starts included.")
    ] = 20,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds after which no trial begins.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option("--space", help="YAML of what to search, instead of the documented ranges.")
    ] = None,
    study_name: Annotated[
        str | None, typer.Option("--study-name", help="The run's name if not given.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", help="sqlite:///FILE …; study.db in the run's folder if not given."),
    ] = None,
    n_unpruned: Annotated[
        int, typer.Option("--n-unpruned", min=1, help="Trials that end before any is pruned.")
    ] = 5,
    engine: Annotated[Engine, typer.Option("--engine", help="What runs the trials.")] = Engine.LOCAL,
) -> None:
    """Search the settings of a run by trials; a study that was stopped goes on where it was."""
    need_torch("tune")
    from drumlane.study.tuning import Limits, open_study, run_study, storage_url

    plan = _plan(config, tuple(overrides or ()), space, study_name)
    limits, where = Limits(n_trials, timeout, n_unpruned), storage_url(plan, storage)
    study = open_study(plan, where, limits)
    try:
        if engine is Engine.RAY:
            from drumlane.study.ray_trials import run_on_ray

            run_on_ray(study, where, plan, limits, _say)
        else:
            run_study(study, plan, limits, _say)
    finally:
        _show(study)
    _show_best(study, plan)


def _plan(config: Path, overrides: tuple[str, ...], space: Path | None, study_name: str | None) -> "Plan":
    from drumlane.study.search_space import check_space, default_space, read_space
    from drumlane.study.trials import Plan
    from drumlane.training.config import read_config

    run = read_config(config, overrides)
    searched = read_space(space) if space else default_space(run)
    check_space(searched, str(space) if space else "the documented ranges", config, overrides)
    return Plan(_checked_name(study_name or run.name), config, overrides, run, searched)


def _checked_name(name: str) -> str:
    if name != Path(name).name:
        raise typer.BadParameter(f"--study-name {name!r} names a folder too: no / in it")
    return name


def _show(study: "Study") -> None:
    from drumlane.cli.score_output import table_console
    from drumlane.evaluation.error_report import rich_table
    from drumlane.study.study_table import failures, study_table

    table_console().print(rich_table(study_table(study)))
    for line in failures(study):
        print(line)


def _show_best(study: "Study", plan: "Plan") -> None:
    from drumlane.study.study_table import best_lines

    print("\n".join(best_lines(study, plan)))


def _say(line: str) -> None:
    print(line, flush=True)  # a study runs for hours, and its output may be a file
