"""``drumlane report``: what a run was, how it went and what to do next."""

from pathlib import Path
from typing import Annotated

import typer

from drumlane.cli.train import need_torch


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, with config.yaml and logs.")],
    evaluation: Annotated[
        Path | None, typer.Option("--evaluation", help="JSON of drumlane evaluate, of the test part.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Markdown to write.")] = None,
) -> None:
    """Report on a run: its curves, whether it succeeded, and what to do next."""
    need_torch("the report")
    from drumlane.study.run_report import report_run, write_report

    text = report_run(run, evaluation)
    print(text)
    if output:
        write_report(text, output)
