"""``drumlane preprocess``: features and labels of recordings with MIDI, once for every training run.

Flow: cli.app -> **preprocess** -> training.config, data.preprocessing
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drumlane.cli.progress import watched_at_rate
from drumlane.cli.train import Config, Overrides, need_torch
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.data.prepare_take import Outcome
    from drumlane.data.preprocessing import Engine, Report
    from drumlane.data.preprocessing_plan import Selection
    from drumlane.training.sections import DataConfig

_SHOWN_PROBLEMS = 10


def preprocess(
    config: Config,
    overrides: Overrides = None,
    num_workers: Annotated[int, typer.Option("--num-workers", min=1, help="Processes.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Do again what is there.")] = False,
    max_files: Annotated[
        int | None, typer.Option("--max-files", min=1, help="Only so many, spread over kits and drummers.")
    ] = None,
    storage: Annotated[
        Literal["hdf5", "npy"] | None, typer.Option("--storage", help="Instead of the configuration's.")
    ] = None,
    engine: Annotated[Literal["local", "ray"], typer.Option("--engine", help="What runs it.")] = "local",
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="Of a Ray cluster; none: one on this machine.")
    ] = None,
) -> None:
    """Compute features and labels of a configuration's recordings, once; an interrupted run goes on."""
    need_torch("preprocessing")
    from drumlane.data.prepare_take import Preparation
    from drumlane.data.preprocessing import finish, run_plan
    from drumlane.data.preprocessing_plan import plan_preprocessing
    from drumlane.training.config import read_config

    run = read_config(config, overrides or ())
    data = run.data.model_copy(
        update={"max_files": max_files or run.data.max_files, "storage": storage or run.data.storage}
    )
    selection = _selection(data)
    preparation = Preparation(data.processed_root, data.storage, run.audio, run.note_map, force)
    plan = plan_preprocessing(selection)
    if plan.warning:
        _complain(plan.warning)
    began = time.monotonic()
    outcomes = run_plan(plan, preparation, _engine(engine, num_workers, ray_address))
    try:
        done = list(watched_at_rate(outcomes, "Preprocessing", len(plan.jobs), _new_seconds))
    except KeyboardInterrupt:
        _complain("interrupted; what is stored is whole, the same command goes on from there")
        raise typer.Exit(130) from None
    report = finish(plan, preparation, done, selection, data.splits)
    _show(report, data.processed_root, time.monotonic() - began)


def _selection(data: "DataConfig") -> "Selection":
    from drumlane.data.preprocessing_plan import Selection
    from drumlane.errors import ConfigError

    if data.recordings is None:
        raise ConfigError("data.egmd_root, data.folder: name one of them; there are no recordings to prepare")
    return Selection(
        root=data.recordings,
        material="egmd" if data.egmd_root else "folder",
        split=data.split,
        shares=(data.train_split, data.val_split, data.test_split),
        seed=data.random_seed,
        max_files=data.max_files,
    )


def _engine(name: str, num_workers: int, ray_address: str | None) -> "Engine":
    from drumlane.data.preprocess_ray import ray_engine
    from drumlane.data.preprocessing import local_engine

    return ray_engine(ray_address, num_workers) if name == "ray" else local_engine(num_workers)


def _new_seconds(outcome: "Outcome") -> float:
    return 0.0 if outcome.was_there or outcome.problem else outcome.seconds


def _show(report: "Report", processed_root: Path, elapsed: float) -> None:
    """Print the problems and one line of what there is now."""
    from drumlane.data.preprocessing import ERRORS

    for one in report.problems[:_SHOWN_PROBLEMS]:
        _complain(f"{one.name}: {one.problem}")
    if report.problems:
        where = shown(processed_root / ERRORS)
        _complain(
            f"{len(report.problems)} of {len(report.outcomes)} takes cannot be used; all are in {where}"
        )
    hours = sum(one.seconds for one in report.prepared) / 3600
    n_there = sum(one.was_there for one in report.prepared)
    seconds = sum(map(_new_seconds, report.outcomes))
    rate = f", {seconds / elapsed:,.0f} times real time" if seconds else ""
    parts = ", ".join(f"{part} {n}" for part, n in report.n_of_part.items())
    kept = f" ({n_there} were there)" if n_there else ""
    print(f"{shown(processed_root)}: {len(report.prepared)} takes{kept}, {hours:.2f} h{rate}; {parts}")


def _complain(line: str) -> None:
    print(f"drumlane: {line}", file=sys.stderr)
