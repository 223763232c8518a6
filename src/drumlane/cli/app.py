"""The ``drumlane`` command: registers the sub-commands and turns known errors into one line.

Each sub-command lives in a module of its own and imports heavy code inside the function, so that
``drumlane --help`` is quick.
"""

import sys
from typing import Annotated

import typer

from drumlane import __version__
from drumlane.cli.chart import chart
from drumlane.cli.convert import convert
from drumlane.cli.egmd import egmd_app
from drumlane.cli.evaluate import evaluate
from drumlane.cli.evaluate_kits import evaluate_kits
from drumlane.cli.inspect import inspect
from drumlane.cli.preprocess import preprocess
from drumlane.cli.process import process
from drumlane.cli.render import render
from drumlane.cli.report import report
from drumlane.cli.thresholds import thresholds
from drumlane.cli.train import export, train_app
from drumlane.cli.transcribe import transcribe
from drumlane.cli.tune import tune
from drumlane.errors import DrumlaneError

app = typer.Typer(
    name="drumlane",
    help="Audio to drum hits to MIDI: offline, fast, with its own weights.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(transcribe)
app.command()(process)
app.command()(chart)
app.command()(convert)
app.command()(inspect)
app.command()(render)
app.add_typer(egmd_app, name="egmd")
app.command()(preprocess)
app.add_typer(train_app, name="train")
app.command()(tune)
app.command()(thresholds)
app.command()(report)
app.command()(export)
app.command("evaluate-kits")(evaluate_kits)
app.command()(evaluate)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"drumlane {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Audio to drum hits to MIDI: offline, fast, with its own weights."""


def main() -> None:
    """Run the command line; known errors print one line on stderr and exit with 1."""
    try:
        app()
    except DrumlaneError as error:
        line = " ".join(str(error).split("\n"))
        print(f"drumlane: {line}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("drumlane: interrupted", file=sys.stderr)
        sys.exit(130)
