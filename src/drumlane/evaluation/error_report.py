"""Error report: the error table as tables for people and as JSON.

Flow: error_table, worst_seconds, oracle -> **error_report** -> error_folder, cli
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from drumlane.evaluation.counts import Counts, counts_json, ratio
from drumlane.evaluation.error_table import Breakdown, ErrorTable, FalseHits
from drumlane.evaluation.evidence import Evidence
from drumlane.evaluation.oracle import OracleLane
from drumlane.evaluation.worst_seconds import WorstSecond
from drumlane.vocabulary import LANE_NAMES

_COUNT_COLUMNS = ("hits", "found", "missed", "false", "R", "P", "F", "% of errors")


@dataclass(frozen=True, slots=True, eq=False)
class ErrorReport:
    """Everything that is known about the errors."""

    table: ErrorTable
    worst: tuple[WorstSecond, ...]
    oracle: tuple[OracleLane, ...] = ()  # empty without activations
    evidence: Mapping[str, Evidence] = field(default_factory=dict)  # by track name, for pictures


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table ready to be shown."""

    title: str
    note: str
    header: tuple[str, ...]  # first the label of the rows
    rows: tuple[tuple[str, ...], ...]


def text_tables(report: ErrorReport) -> Iterator[TextTable]:
    """Yield all tables as text."""
    table = report.table
    first, *others = table.breakdowns
    yield _breakdown_table(first, table.counts)
    if report.oracle:
        yield _oracle_table(report.oracle)
    yield _confusion_table(table.confusions)
    yield _false_table(table.false_hits)
    yield from (_breakdown_table(breakdown, table.counts) for breakdown in others)
    yield _worst_table(report.worst)


def summary(report: ErrorReport) -> str:
    """Return the totals in one line."""
    table, false = report.table, report.table.false_hits
    counts, in_wrong_lane = table.counts, false.instead.sum()
    return (
        f"errors by lane, ±{1000 * table.tolerance:g} ms: {table.n_tracks} tracks, {counts.support} hits, "
        f"{counts.fn} missed ({in_wrong_lane} of them written in a wrong lane), "
        f"{counts.fp} false ({in_wrong_lane} of them in a wrong lane, {false.beside.sum()} beside "
        f"other hits, {false.alone.sum()} where nothing was struck)"
    )


def rich_table(table: TextTable) -> Table:
    """Return a table for the terminal."""
    note = (f"\n{table.note}", "dim") if table.note else ""
    shown = Table(
        title=Text.assemble((table.title, "bold"), note),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, name in enumerate(table.header):
        shown.add_column(name, justify="right" if i else "left", no_wrap=i > 0, overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def markdown(report: ErrorReport, pictures: Sequence[str] = ()) -> str:
    """Return all tables in Markdown, and the pictures of the worst seconds by their file names."""
    lines = [f"{summary(report)}."]
    for table in text_tables(report):
        lines += ["", f"## {table.title}", ""]
        lines += [f"{table.note}.", ""] if table.note else []
        lines += [_line(table.header), _line(("---", *("---:" for _ in table.header[1:])))]
        lines += [_line(row) for row in table.rows]
    lines += [line for picture in pictures for line in ("", f"![{picture}]({picture})")]
    return "\n".join(lines)


def to_json(report: ErrorReport) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    table = report.table
    return {
        "tolerance": table.tolerance,
        "n_tracks": table.n_tracks,
        **counts_json(table.counts),
        "breakdowns": [
            {
                "by": breakdown.name,
                "note": breakdown.note,
                "rows": [{"value": label, **counts_json(counts)} for label, counts in breakdown.rows.items()],
            }
            for breakdown in table.breakdowns
        ],
        "missed": _matrix_json(table.confusions, (*LANE_NAMES, "nothing")),
        "false": _false_json(table.false_hits),
        "oracle": [_oracle_json(lane) for lane in report.oracle],
        "worst_seconds": [_worst_json(second) for second in report.worst],
    }


def _breakdown_table(breakdown: Breakdown, total: Counts) -> TextTable:
    rows = [(label, *_count_cells(counts, total)) for label, counts in breakdown.rows.items()]
    return TextTable(f"by {breakdown.name}", breakdown.note, (breakdown.name, *_COUNT_COLUMNS), tuple(rows))


def _count_cells(counts: Counts, total: Counts) -> tuple[str, ...]:
    share = 100 * ratio(counts.fn + counts.fp, total.fn + total.fp)
    numbers = (counts.support, counts.tp, counts.fn, counts.fp)
    ratios = (counts.recall, counts.precision, counts.f)
    return (*map(str, numbers), *map(_decimal, ratios), f"{share:.1f}" if isfinite(share) else "-")


def _oracle_table(lanes: Sequence[OracleLane]) -> TextTable:
    rows = [
        (
            lane.lane.label,
            f"{lane.threshold:.2f}",
            _decimal(lane.now.f),
            f"{lane.best_threshold:.2f}",
            *map(_decimal, (lane.best.recall, lane.best.precision, lane.best.f)),
            _decimal(lane.best_by_track.f),
        )
        for lane in lanes
    ]
    note = "the best thresholds in hindsight, for all tracks and for each: what is left is the network's"
    header = (
        "lane",
        "threshold",
        "F",
        "best",
        "R with it",
        "P with it",
        "F with it",
        "F, best for each track",
    )
    return TextTable("oracle thresholds", note, header, tuple(rows))


def _confusion_table(matrix: NDArray[np.int64]) -> TextTable:
    rows = [
        (name, str(row.sum()), *map(_count, row))
        for name, row in zip(LANE_NAMES, matrix, strict=True)
        if row.any()
    ]
    note = "rows: the missed lane; columns: the false hit that stands there instead"
    return TextTable(
        "missed hits, and what was written", note, ("missed", "all", *LANE_NAMES, "nothing"), tuple(rows)
    )


def _false_table(false: FalseHits) -> TextTable:
    parts = np.column_stack([false.instead, false.alone, false.beside])
    rows = [
        (name, str(row.sum()), *map(_count, row), *map(_count, struck))
        for name, row, struck in zip(LANE_NAMES, parts, false.struck, strict=True)
        if row.any()
    ]
    note = (
        "instead: of a missed hit of another lane; alone: nothing was struck; beside: something was, "
        "namely these lanes (several at once count in each)"
    )
    header = ("false", "all", "instead", "alone", "beside", *LANE_NAMES)
    return TextTable("false hits, and what was struck", note, header, tuple(rows))


def _worst_table(worst: Sequence[WorstSecond]) -> TextTable:
    rows = [
        (
            second.track.track.name,
            f"{second.start:.2f}",
            *map(str, (second.counts.support, second.counts.fn, second.counts.fp)),
        )
        for second in worst
    ]
    return TextTable("worst seconds", "", ("track", "from s", "hits", "missed", "false"), tuple(rows))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _matrix_json(matrix: NDArray[np.int64], columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return nested values, rows by lane."""
    return {
        name: dict(zip(columns, row.tolist(), strict=True))
        for name, row in zip(LANE_NAMES, matrix, strict=True)
    }


def _false_json(false: FalseHits) -> dict[str, dict[str, Any]]:
    struck = _matrix_json(false.struck, LANE_NAMES)
    return {
        name: {
            "instead": int(false.instead[i]),
            "beside": int(false.beside[i]),
            "alone": int(false.alone[i]),
            "struck": struck[name],
        }
        for i, name in enumerate(LANE_NAMES)
    }


def _oracle_json(lane: OracleLane) -> dict[str, Any]:
    return {
        "lane": lane.lane.label,
        "threshold": lane.threshold,
        "now": counts_json(lane.now),
        "best_threshold": lane.best_threshold,
        "best": counts_json(lane.best),
        "best_by_track": counts_json(lane.best_by_track),
    }


def _worst_json(second: WorstSecond) -> dict[str, Any]:
    return {"track": second.track.track.name, "start": second.start, **counts_json(second.counts)}


def _decimal(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _count(number: int) -> str:
    return str(number) if number else "·"
