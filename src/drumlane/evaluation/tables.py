"""Tables: a report for people, in the terminal and in Markdown.

Flow: report -> **tables** -> cli

Scores are 0..1 with three digits, times milliseconds; what is undefined (the precision of no estimate) is a
dash.
"""

from collections.abc import Iterator, Sequence
from math import isfinite

from rich.table import Table

from drumlane.evaluation.counts import Counts, HatCounts
from drumlane.evaluation.metrics import Scores
from drumlane.evaluation.report import Report
from drumlane.evaluation.velocity import VelocityScore

_SUMMARY = (
    "group",
    "tracks",
    "hits",
    "P",
    "R",
    "F",
    "95 %",
    "macro F",
    "track F",
    "bias",
    "offset",
    "|offset|",
)
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
    n_tolerances = len(report.protocol.tolerances)
    for i in range(len(report.groups[0].scores) if report.groups else 0):
        yield _summary_table([(g.name, g.scores[i]) for g in report.groups])
    for i in range(0, len(report.groups[0].scores) if report.groups else 0, n_tolerances):
        yield _class_table([(g.name, g.scores[i]) for g in report.groups])
    first = [(g.name, g.scores[0]) for g in report.groups]
    yield from (t for t in (_detail_table(first), _false_hit_table(first)) if t.row_count)


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


def _summary_table(rows: Sequence[tuple[str, Scores]]) -> Table:
    table = Table(title=_heading(rows[0][1]), title_justify="left", title_style="bold")
    table.add_column(_SUMMARY[0], overflow="fold")
    for name in _SUMMARY[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for name, scores in rows:
        micro = scores.micro
        table.add_row(
            name,
            str(len(scores.tracks)),
            str(micro.support),
            *(_decimal(value) for value in (micro.precision, micro.recall, micro.f)),
            _interval(scores),
            _decimal(scores.macro_f),
            _decimal(scores.track_mean_f),
            _signed(100 * micro.count_bias, "%"),
            _signed(1000 * scores.timing.median, "ms"),
            _unsigned(1000 * scores.timing.mean_absolute, "ms"),
        )
    return table


def _class_table(rows: Sequence[tuple[str, Scores]]) -> Table:
    table = Table(title=f"by class: {_heading(rows[0][1])}", title_justify="left", title_style="bold")
    table.add_column("group", overflow="fold")
    table.add_column("class", no_wrap=True)
    for name in ("hits", "found", "missed", "invented", "P", "R", "F", "offset"):
        table.add_column(name, justify="right", no_wrap=True)
    for group, scores in rows:
        shown = [c for c in scores.classes if c.counts.support + c.counts.estimated]
        for i, c in enumerate(shown):
            table.add_row(
                group if i == 0 else "",
                c.label,
                *_count_cells(c.counts),
                _signed(1000 * c.timing.median, "ms"),
                end_section=c is shown[-1],
            )
    return table


def _count_cells(counts: Counts) -> tuple[str, ...]:
    numbers = (counts.support, counts.tp, counts.fn, counts.fp)
    return (*map(str, numbers), *map(_decimal, (counts.precision, counts.recall, counts.f)))


def _detail_table(rows: Sequence[tuple[str, Scores]]) -> Table:
    """Return velocity and hat articulation, for the groups whose references tell."""
    title = f"velocity and hats: {_heading(rows[0][1])}" if rows else ""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("group", overflow="fold")
    for name in ("pairs", "velocity error", "correlation", "F with velocity", "hats open/closed", "balanced"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, scores in rows:
        if scores.velocity or scores.hats:
            table.add_row(name, *_velocity_cells(scores.velocity), *_hat_cells(scores.hats))
    return table


def _velocity_cells(velocity: VelocityScore | None) -> tuple[str, ...]:
    if velocity is None:
        return ("-",) * 4
    error = _unsigned(velocity.mean_absolute_error, "")
    return str(velocity.n_pairs), error, _decimal(velocity.correlation), _decimal(velocity.f)


def _hat_cells(hats: HatCounts | None) -> tuple[str, ...]:
    if hats is None:
        return ("-",) * 2
    n_open, n_closed = hats.open_right + hats.open_wrong, hats.closed_right + hats.closed_wrong
    return f"{n_open}/{n_closed}", _decimal(hats.balanced_accuracy)


def _false_hit_table(rows: Sequence[tuple[str, Scores]]) -> Table:
    """Return the false hits a minute, for the groups that hold references without hits."""
    title = f"tracks without reference hits: {_heading(rows[0][1])}" if rows else ""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("group", overflow="fold")
    for name in ("tracks", "minutes", "false hits", "a minute"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, scores in rows:
        silent = [track for track in scores.tracks if track.micro.support == 0]
        if silent:
            minutes = sum(track.duration for track in silent) / 60
            false_hits = sum(track.micro.fp for track in silent)
            per_minute = _unsigned(scores.false_hits_per_minute, "")
            table.add_row(name, str(len(silent)), f"{minutes:.1f}", str(false_hits), per_minute)
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
        by_class or f"{_unsigned(scores.false_hits_per_minute, '')} false hits a minute",
    )


def _decimal(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _signed(value: float, unit: str) -> str:
    return f"{value:+.1f} {unit}" if isfinite(value) else "-"


def _unsigned(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}".rstrip() if isfinite(value) else "-"


def _interval(scores: Scores) -> str:
    if scores.interval is None:
        return "-"
    low, high = scores.interval
    return f"{low:.3f}-{high:.3f}"
