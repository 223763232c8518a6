"""``drumlane thresholds``: what every threshold finds on the validation part, and which one to take."""

from pathlib import Path
from typing import Annotated

import typer

from drumlane.cli.train import Config, Overrides, need_torch

PART = "validation"  # never the test part: what is chosen there can no longer be measured there


def thresholds(
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="Checkpoint of a run (best.ckpt).")],
    config: Config,
    overrides: Overrides = None,
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="max_f1, max_recall, balanced or rhythm_game.")
    ] = "max_f1",
    min_precision: Annotated[
        float | None,
        typer.Option("--min-precision", min=0, max=1, help="Floor of max_recall (.5) and rhythm_game (.8)."),
    ] = None,
    items: Annotated[int | None, typer.Option("--items", min=1, help="Hear so many items at most.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON to write, for export --thresholds.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Curves to draw (.png).")] = None,
) -> None:
    """Score every threshold of every lane on the validation part and choose one by a strategy."""
    need_torch("thresholds")
    from drumlane.cli.score_output import table_console
    from drumlane.evaluation.error_report import rich_table
    from drumlane.study import threshold_file
    from drumlane.study.hearing import hear_part
    from drumlane.study.strategies import check_strategy, choose
    from drumlane.study.sweep import sweep
    from drumlane.training.config import read_config
    from drumlane.training.thresholds import MINIMUM_GAPS

    check_strategy(strategy, min_precision)
    run = read_config(config, overrides or ())
    heard = hear_part(checkpoint, run, PART, items)
    swept = sweep([a.onset for a in heard.activations], heard.references, heard.fps, MINIMUM_GAPS)
    choices = choose(swept, strategy, run.postprocessing.thresholds(), min_precision)
    origin = threshold_file.Origin(checkpoint, PART, len(heard.names), strategy)
    table_console().print(rich_table(threshold_file.choice_table(choices, origin)))
    for remark in threshold_file.remarks(choices):
        print(remark)
    if output:
        threshold_file.write_thresholds(choices, swept, origin, output)
    if plot:
        from drumlane.study.sweep_curves import plot_sweep

        plot_sweep(swept, choices, f"{checkpoint}: {strategy}", plot)
