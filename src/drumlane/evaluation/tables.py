"""Tables: a report for people, in the terminal and in Markdown.

Flow: report -> **tables** -> cli

Scores are 0..1 with three digits, times milliseconds; what is undefined (the precision of no estimate) is a
dash.
"""

from collections.abc import Iterator, Sequence
from math import isfinite

from rich.box import SIMPLE_HEAD
from rich.table import Table

from drumlane.evaluation.counts import Counts
from drumlane.evaluation.metrics import Scores
from drumlane.evaluation.report import Report

_Rows = Sequence[tuple[str, Scores]]
_MARKDOWN = (
    "group",
    "classes",
    "± ms",
    "tracks",
    "hits",
    "micro F",
    "95 %",
    "P",
    "R",
    "macro F",
    "F by class",
)


def tables(report: Report) -> Iterator[Table]:
    """Yield the summary of every class set and tolerance, then each class set by class, then the rest."""
    settings = [
        [(group.name, group.scores[i]) for group in report.groups] for i in range(_n_settings(report))
    ]
    yield from map(_summary_table, settings)
    yield from map(_class_table, settings[:: len(report.protocol.tolerances)])
    yield _timing_table(settings[0])
    more = (_velocity_table, _hat_table, _false_hit_table, _reliability_table)
    details = (table(settings[0]) for table in more)
    yield from (table for table in details if table.row_count)


def markdown(report: Report) -> str:
    """Return one Markdown table with a row per group, class set and tolerance."""
    lines = ["| " + " | ".join(_MARKDOWN) + " |", "|" + " --- |" * len(_MARKDOWN)]
    for group in report.groups:
        lines += [f"| {' | '.join(_markdown_cells(group.name, scores))} |" for scores in group.scores]
    return "\n".join(lines)


def remarks(report: Report, skip_missing: bool) -> Iterator[str]:
    """Yield what a reader of the scores must know: missing, superfluous and failed estimates."""
    if report.missing:
        fate = "left out" if skip_missing else "counted as all missed; --skip-missing leaves them out"
        yield f"{_some(report.missing)} without estimate: {fate}"
    if report.left_over:
        yield f"{_some(report.left_over)} without reference: not scored"
    for track, reason in report.failures:
        yield f"{track}: counted as all missed: {reason}"


def milliseconds(seconds: float) -> str:
    """Return a tolerance for people: ``50``, ``12.5``."""
    return f"{1000 * seconds:g}"


def _some(names: Sequence[str], most: int = 3) -> str:
    """Return ``4 (a, b, c …)``."""
    more = " …" if len(names) > most else ""
    return f"{len(names)} ({', '.join(names[:most])}{more})"


def _heading(scores: Scores) -> str:
    classes = scores.class_set
    return f"{classes.name} ({len(classes.labels)} classes), ±{milliseconds(scores.tolerance)} ms"


def _n_settings(report: Report) -> int:
    return len(report.protocol.class_sets) * len(report.protocol.tolerances)


def _table(title: str, columns: Sequence[str]) -> Table:
    """Return an empty table whose first column is the group; all others are numbers."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("group", overflow="fold", min_width=13)
    for name in columns:
        table.add_column(name, justify="left" if name == "class" else "right", no_wrap=True)
    return table


def _summary_table(rows: _Rows) -> Table:
    columns = ("n", "hits", "P", "R", "F", "95 %", "macro", "mean", "bias %")
    table = _table(_heading(rows[0][1]), columns)
    for name, scores in rows:
        micro = scores.micro
        table.add_row(
            name,
            str(len(scores.tracks)),
            str(micro.support),
            *map(_decimal, (micro.precision, micro.recall, micro.f)),
            _interval(scores),
            *map(_decimal, (scores.macro_f, scores.track_mean_f)),
            _signed(100 * micro.count_bias),
        )
    return table


def _class_table(rows: _Rows) -> Table:
    columns = ("class", "hits", "found", "missed", "extra", "P", "R", "F", "ms")
    table = _table(f"by class: {_heading(rows[0][1])}", columns)
    for group, scores in rows:
        shown = [c for c in scores.classes if c.counts.support + c.counts.estimated]
        for i, c in enumerate(shown):
            table.add_row(
                group if i == 0 else "",
                c.label,
                *_count_cells(c.counts),
                _signed(1000 * c.timing.median),
                end_section=c is shown[-1],
            )
    return table


def _count_cells(counts: Counts) -> tuple[str, ...]:
    numbers = (counts.support, counts.tp, counts.fn, counts.fp)
    return (*map(str, numbers), *map(_decimal, (counts.precision, counts.recall, counts.f)))


def _timing_table(rows: _Rows) -> Table:
    columns = ("pairs", "median offset ms", "mean |offset| ms")
    table = _table(f"timing, estimate - reference: {_heading(rows[0][1])}", columns)
    for name, scores in rows:
        timing = scores.timing
        offsets = _signed(1000 * timing.median), _unsigned(1000 * timing.mean_absolute)
        table.add_row(name, str(timing.n_pairs), *offsets)
    return table


def _velocity_table(rows: _Rows) -> Table:
    """Return velocities, for the groups whose references tell."""
    columns = ("tracks", "pairs", "mean error", "correlation", "F with velocity")
    table = _table(f"velocity: {_heading(rows[0][1])}", columns)
    for name, scores in rows:
        if velocity := scores.velocity:
            error = _unsigned(velocity.mean_absolute_error)
            rest = _decimal(velocity.correlation), _decimal(velocity.f)
            table.add_row(name, str(velocity.n_tracks), str(velocity.n_pairs), error, *rest)
    return table


def _hat_table(rows: _Rows) -> Table:
    """Return open and closed hats, for the groups whose references tell them apart."""
    columns = ("open", "told open", "closed", "told closed", "balanced accuracy")
    table = _table(f"matched hats, ±{milliseconds(rows[0][1].tolerance)} ms", columns)
    for name, scores in rows:
        if hats := scores.hats:
            n_open, n_closed = hats.open_right + hats.open_wrong, hats.closed_right + hats.closed_wrong
            counts = (n_open, hats.open_right, n_closed, hats.closed_right)
            table.add_row(name, *map(str, counts), _decimal(hats.balanced_accuracy))
    return table


def _false_hit_table(rows: _Rows) -> Table:
    """Return the false hits a minute, for the groups that hold references without hits."""
    columns = ("tracks", "minutes", "false hits", "a minute")
    table = _table(f"tracks without reference hits: {_heading(rows[0][1])}", columns)
    for name, scores in rows:
        silent = [track for track in scores.tracks if track.micro.support == 0]
        if silent:
            minutes = sum(track.duration for track in silent) / 60
            false_hits = sum(track.micro.fp for track in silent)
            per_minute = _unsigned(scores.false_hits_per_minute)
            table.add_row(name, str(len(silent)), f"{minutes:.1f}", str(false_hits), per_minute)
    return table


def _reliability_table(rows: _Rows) -> Table:
    """Return how often hits are right that are said to be, for the groups whose estimates say so."""
    columns = ("hits", "mean confidence", "share right", "calibration error")
    table = _table(f"confidence: {_heading(rows[0][1])}", columns)
    for name, scores in rows:
        if found := scores.reliability:
            numbers = (found.mean_confidence, found.share_right, found.expected_error)
            table.add_row(name, str(found.n_hits), *map(_decimal, numbers))
    return table


def _markdown_cells(name: str, scores: Scores) -> tuple[str, ...]:
    micro = scores.micro
    by_class = ", ".join(f"{c.label} {_decimal(c.counts.f)}" for c in scores.classes if c.counts.support)
    return (
        name,
        scores.class_set.name,
        milliseconds(scores.tolerance),
        str(len(scores.tracks)),
        str(micro.support),
        _decimal(micro.f),
        _interval(scores),
        _decimal(micro.precision),
        _decimal(micro.recall),
        _decimal(scores.macro_f),
        by_class or f"{_unsigned(scores.false_hits_per_minute)} false hits a minute",
    )


def _decimal(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _signed(value: float) -> str:
    return f"{value:+.1f}" if isfinite(value) else "-"


def _unsigned(value: float) -> str:
    return f"{value:.1f}" if isfinite(value) else "-"


def _interval(scores: Scores) -> str:
    if scores.interval is None:
        return "-"
    low, high = scores.interval
    return f"{low:.3f}-{high:.3f}"
