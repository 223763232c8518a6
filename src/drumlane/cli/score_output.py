"""Score output: what an evaluation prints and writes, for ``evaluate`` and ``evaluate-kits`` alike.

Flow: evaluation.report, evaluation.error_folder -> **score_output** -> tables, JSON, PNG
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from drumlane.evaluation.error_report import ErrorReport
    from drumlane.evaluation.report import Report

_WIDE = 110  # columns for tables that go into a file or a pipe


@dataclass(frozen=True, slots=True)
class ScoreOutput:
    """What was asked for."""

    json_path: Path | None = None
    errors: Path | None = None  # folder
    plot: Path | None = None
    markdown: bool = False
    skip_missing: bool = False  # for the remark on missing estimates

    def prepare(self) -> None:
        """Refuse a folder that cannot be written into before the long work."""
        if self.errors:
            from drumlane.evaluation.error_folder import prepare

            prepare(self.errors)

    def show(self, report: "Report", subject: str, errors: "ErrorReport | None") -> None:
        """Print and write everything; ``errors`` is needed if a folder for them was given."""
        self._print_report(report, subject)
        if errors:
            self._print_errors(errors)
        if self.json_path:
            from drumlane.evaluation import error_report
            from drumlane.evaluation.report import write_json

            explained = error_report.to_json(errors) if errors else None
            write_json(report, self.json_path, _command(), subject, explained)
        if self.plot:
            from drumlane.evaluation.bars import plot_scores

            plot_scores(report.groups, self.plot)
        if self.errors and errors:
            from drumlane.evaluation.error_folder import write_folder

            write_folder(errors, self.errors, _command(), subject)

    def _print_report(self, report: "Report", subject: str) -> None:
        """Print the tables on stdout and what is worth a remark on stderr."""
        from drumlane.evaluation import tables

        if self.markdown:
            print(tables.markdown(report))
        else:
            console = table_console()
            console.print(subject, markup=False, highlight=False)
            for table in tables.tables(report):
                console.print(table)
        for line in tables.remarks(report, self.skip_missing):
            print(f"drumlane: {line}", file=sys.stderr)

    def _print_errors(self, errors: "ErrorReport") -> None:
        from drumlane.evaluation import error_report

        if self.markdown:
            print(f"\n{error_report.markdown(errors)}")
            return
        console = table_console()
        console.print(error_report.summary(errors), markup=False, highlight=False)
        for table in error_report.text_tables(errors):
            console.print(error_report.rich_table(table))


def table_console() -> "Console":
    """Return a console on stdout, wide enough for tables where it is a file or a pipe."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE)


def _command() -> str:
    return shlex.join(["drumlane", *sys.argv[1:]])
