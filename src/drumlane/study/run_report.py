"""Run report: what a run was, how it went and what to do next, in Markdown.

Flow: config, history, verdict -> **run_report** -> cli

``val_f`` is note-level at ±50 ms on held-out items, each lane at its best threshold.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any

from drumlane.errors import DatasetError
from drumlane.files import whole_file
from drumlane.study.history import History, Point, read_history
from drumlane.study.verdict import criteria, decide
from drumlane.training.checkpoints import read_checkpoint
from drumlane.training.config import RunConfig, read_config
from drumlane.training.torch_files import BEST
from drumlane.vocabulary import LANE_NAMES

_CURVE_ROWS = 20  # more validations than this are thinned out
_OUTCOMES = {True: "met", False: "not met", None: "not known"}
_SCORES = ("f", "precision", "recall")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is read of an evaluation."""

    subject: str
    group: str
    f: float  # micro, class set ``lanes``, ±50 ms


@dataclass(frozen=True, slots=True)
class Best:
    """The checkpoint that was kept."""

    path: Path
    step: int


def report_run(folder: Path, evaluation: Path | None = None) -> str:
    """Return the report on the run in ``folder``.

    Raises:
        ConfigError: its config.yaml is missing or wrong.
        DatasetError: it has no curves, or the evaluation cannot be read.
        ModelError: its best checkpoint cannot be read.
    """
    config = read_config(folder / "config.yaml")
    history = read_history(config.logging.save_dir or folder / "logs")
    best = _best_checkpoint(config, folder)
    measured = read_evaluation(evaluation) if evaluation else None
    blocks = (
        _head(config, history, best),
        _decision(history),
        _success(history, best, measured),
        _curve(history),
        _lanes(history),
        _before_and_after(history),
    )
    return "\n".join(line for block in blocks for line in block)


def write_report(text: str, path: Path) -> None:
    """Write a report, whole or not at all.

    Raises:
        DatasetError: the file cannot be written.
    """
    with whole_file(path, DatasetError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_evaluation(path: Path) -> Evaluation:
    """Read what ``drumlane evaluate --json`` wrote: its first group with class set ``lanes`` at 50 ms.

    Raises:
        DatasetError: the file cannot be read or has no such score.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        for group in content["groups"]:
            for scores in group["scores"]:
                if scores["class_set"] == "lanes" and round(1000 * scores["tolerance"]) == 50:
                    return Evaluation(content["subject"], group["group"], _number(scores["micro"]["f"]))
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the evaluation ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path}: not written by drumlane evaluate --json ({reason})") from None
    raise DatasetError(f"{path}: has no class set lanes at 50 ms; evaluate with --classes lanes")


def _number(value: float | None) -> float:
    return nan if value is None else float(value)


def _best_checkpoint(config: RunConfig, folder: Path) -> Best | None:
    path = (config.checkpoint.dirpath or folder / "checkpoints") / BEST
    return Best(path, int(read_checkpoint(path)["global_step"])) if path.is_file() else None


def _head(config: RunConfig, history: History, best: Best | None) -> Iterator[str]:
    training = config.training
    length = f"{training.num_epochs} epochs" if training.num_epochs else f"{training.num_steps} steps"
    last = history.points[-1].step if history.points else 0
    yield f"# Run {config.name}"
    yield ""
    yield f"- network: {config.model.name}; batches of {training.batch_size}; {length}"
    yield f"- optimiser: {training.optimizer}, learning rate {training.learning_rate:g}"
    if training.init_from:
        yield f"- started from: {training.init_from.as_posix()}"
    yield f"- logged up to step {last}, {len(history.validations)} validations"
    kept = (
        f"{best.path.as_posix()} (step {best.step})" if best else "none yet: the run has not come to its end"
    )
    yield f"- best checkpoint: {kept}"
    if point := history.best:
        yield f"- best val_f: {point.get('val_f'):.3f} at step {point.step}"


def _decision(history: History) -> Iterator[str]:
    verdict = decide(history)
    yield from ("", "## Decision", "", f"**{verdict.decision}**: {verdict.reason}.")


def _success(history: History, best: Best | None, measured: Evaluation | None) -> Iterator[str]:
    yield from ("", "## Success", "")
    found = criteria(history, best is not None, measured.f if measured else None)
    yield from _table(("condition", "found", ""), [(c.name, c.found, _OUTCOMES[c.met]) for c in found])
    if measured:
        yield from ("", f"Note F: {measured.subject}, group {measured.group!r}.")


def _curve(history: History) -> Iterator[str]:
    rows = [
        (str(p.step), *map(_cell, (p.get("val_f"), p.get("val_loss"), history.latest("train_loss", p.step))))
        for p in thinned(history.validations)
    ]
    yield from ("", "## Curve", "")
    yield from _table(("step", "val_f", "val_loss", "train_loss"), rows)


def thinned(points: Sequence[Point], n: int = _CURVE_ROWS) -> list[Point]:
    """Return at most ``n`` points, evenly spread, the first and the last among them."""
    if len(points) <= n:
        return list(points)
    return [points[round(i * (len(points) - 1) / (n - 1))] for i in range(n)]


def _lanes(history: History) -> Iterator[str]:
    if not history.validations:
        return
    last = history.validations[-1]
    yield from ("", f"## Lanes at step {last.step}", "")
    yield from _table(("lane", "F", "P", "R"), [(lane, *_scores(last, lane)) for lane in LANE_NAMES])


def _before_and_after(history: History) -> Iterator[str]:
    before, best = history.before, history.best
    if before is None or best is None:
        return
    names = ("val_f", "val_loss", *(f"val_f_{lane}" for lane in LANE_NAMES))
    rows = [(n, _cell(before.get(n)), _cell(best.get(n)), _change(before.get(n), best.get(n))) for n in names]
    yield from ("", "## Before and after", "")
    yield from _table(("", "step 0", f"step {best.step}", "change"), rows)


def _scores(point: Point, lane: str) -> tuple[str, ...]:
    return tuple(_cell(point.get(f"val_{score}_{lane}")) for score in _SCORES)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table whose columns also line up as plain text."""
    cells = [header, *rows]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    for number, row in enumerate(cells):
        yield _line(
            [_aligned(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        )
        if not number:
            rules = ("-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths))
            yield _line(list(rules))


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"


def _change(before: float, after: float) -> str:
    change = after - before
    return f"{change:+.3f}" if isfinite(change) else "-"
