"""``drumlane train`` and ``drumlane export``: from a configuration to a model file."""

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from drumlane.errors import MissingExtraError

train_app = typer.Typer(help="Train a model.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", "-c", help="YAML file of the run.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Change one setting; repeatable.")
]


@train_app.callback()
def train() -> None:
    """Train a model."""


@train_app.command("transcriber")
def train_transcriber(
    config: Config,
    overrides: Overrides = None,
    experiment_name: Annotated[
        str | None, typer.Option(help="Name of the run: its folder, and in the logs.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Checkpoint to go on from, or 'last' for the newest of this run.")
    ] = None,
    fast_dev_run: Annotated[
        bool, typer.Option("--fast-dev-run", help="Two tiny steps, to see that all fits.")
    ] = False,
) -> None:
    """Train the transcriber on audio rendered on the fly."""
    need_torch("training")
    from drumlane.training import run
    from drumlane.training.config import read_config

    named = [f"name={experiment_name}"] if experiment_name else []
    best = run.train_transcriber(read_config(config, [*(overrides or ()), *named]), resume, fast_dev_run)
    print(f"best checkpoint: {best}")


@train_app.command("beats")
def train_beats(
    config: Config,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
) -> None:
    """Train the beat network on symbolic music; its model lies in the run's folder as beats.onnx."""
    need_torch("training")
    from drumlane.training import beat_run
    from drumlane.training.beat_config import read_beat_config
    from drumlane.training.beat_export import export_beats

    run = read_beat_config(config, overrides or ())
    with progress_in_log():
        best = beat_run.train_beats(run, resume)
    changes = "".join(f" --set {override}" for override in overrides or ())
    command = f"drumlane train beats --config {config.as_posix()}{changes}"
    card = export_beats(best, run, run.folder / "beats.onnx", command)
    print(f"{run.folder / 'beats.onnx'}: {card.parameters:,} parameters")


@train_app.command("rescorer")
def train_rescorer(
    config: Config,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
) -> None:
    """Train the rescorer of a transcriber; its model lies in the run's folder as rescorer.onnx."""
    need_torch("training")
    from drumlane.training import rescorer_run
    from drumlane.training.rescorer_config import read_rescorer_config
    from drumlane.training.rescorer_export import export_rescorer

    run = read_rescorer_config(config, overrides or ())
    with progress_in_log():
        best = rescorer_run.train_rescorer(run, resume)
    changes = "".join(f" --set {override}" for override in overrides or ())
    command = f"drumlane train rescorer --config {config.as_posix()}{changes}"
    card = export_rescorer(best, run, run.folder / "rescorer.onnx", command)
    print(f"{run.folder / 'rescorer.onnx'}: {card.parameters:,} parameters")


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of a run (best.ckpt).")],
    output: Annotated[Path, typer.Argument(help="Model to write (.onnx); its card goes beside it.")],
    config: Config,
    overrides: Overrides = None,
    others: Annotated[
        list[Path] | None,
        typer.Option("--with", help="Checkpoint of another run that answers too, by the mean; repeatable."),
    ] = None,
    thresholds: Annotated[
        Path | None,
        typer.Option("--thresholds", help="Onset thresholds to take, as `drumlane thresholds` writes them."),
    ] = None,
    rescorer: Annotated[
        Path | None, typer.Option("--rescorer", help="Rescorer that was trained for this network (.onnx).")
    ] = None,
) -> None:
    """Turn a checkpoint into a model file, calibrated on held-out kits."""
    need_torch("export")
    from drumlane.study.threshold_file import read_thresholds
    from drumlane.training.config import read_config
    from drumlane.training.export import Calibrating, export_transcriber

    command = " ".join(
        ["drumlane train transcriber --config", config.as_posix(), *(f"--set {o}" for o in overrides or ())]
    )
    run = read_config(config, overrides or ())
    calibrating = Calibrating(
        thresholds=read_thresholds(thresholds) if thresholds else None, rescorer=rescorer
    )
    card = export_transcriber([checkpoint, *(others or ())], run, output, command, calibrating)
    print(f"{output}: {card.parameters:,} parameters, thresholds {card.thresholds}")


@contextmanager
def progress_in_log() -> Iterator[None]:
    """Show what training says of its progress, on stderr."""
    log, handler = logging.getLogger("drumlane.training"), logging.StreamHandler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def need_torch(feature: str) -> None:
    """Refuse with one line where something of the train extra is missing."""
    for package in ("torch", "lightning", "onnx", "yaml"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(feature, package, "train")
