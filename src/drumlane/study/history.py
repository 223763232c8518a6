"""History: the curves of a run, from the metrics.csv of every start.

Flow: run (logs) -> **history** -> verdict, run_report

A start that goes on from step N stands for what an earlier start logged after N. Rows of one step are one
point, as loggers may write a step in several rows.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan, nan
from pathlib import Path

from drumlane.errors import DatasetError

_START = re.compile(r"from-step-(\d+)")
_LOSSES = ("train_loss", "val_loss")


@dataclass(frozen=True, slots=True)
class Point:
    """What was logged at one step."""

    step: int  # as logged
    values: Mapping[str, float]  # by column; nan and inf as they were logged

    def get(self, name: str) -> float:
        """Return a value, nan where none was logged."""
        return self.values.get(name, nan)


@dataclass(frozen=True, slots=True)
class History:
    """All points of a run in order of their steps."""

    points: tuple[Point, ...]

    @property
    def validations(self) -> tuple[Point, ...]:
        """Points at which held-out items were scored, without the one before the first step."""
        return tuple(p for p in self._scored() if p.step > 0)

    @property
    def before(self) -> Point | None:
        """The validation before the first step, of a fine-tuning."""
        return next((p for p in self._scored() if p.step == 0), None)

    @property
    def best(self) -> Point | None:
        """The validation with the highest ``val_f``."""
        scored = [p for p in self.validations if isfinite(p.get("val_f"))]
        return max(scored, key=lambda p: p.get("val_f"), default=None)

    @property
    def n_broken(self) -> int:
        """Points with a loss that is not a number."""
        losses = [[p.values[name] for name in _LOSSES if name in p.values] for p in self.points]
        return sum(not all(map(isfinite, of_point)) for of_point in losses)

    def curve(self, name: str) -> tuple[float, ...]:
        """Return a column at the validations, without those that lack it."""
        values = (p.get(name) for p in self.validations)
        return tuple(value for value in values if not isnan(value))

    def latest(self, name: str, step: int) -> float:
        """Return the newest value of a column up to a step: losses of training have steps of their own."""
        values = (p.values[name] for p in reversed(self.points) if p.step <= step and name in p.values)
        return next(values, nan)

    def _scored(self) -> tuple[Point, ...]:
        return tuple(p for p in self.points if "val_f" in p.values or "val_loss" in p.values)


def read_history(logs: Path) -> History:
    """Read ``logs``, the folder with a folder ``from-step-N`` for each start.

    Raises:
        DatasetError: there is no metrics.csv, or one of them cannot be read.
    """
    starts = sorted(
        (int(match[1]), path)
        for path in logs.glob("*/metrics.csv")
        if (match := _START.fullmatch(path.parent.name))
    )
    if not starts:
        raise DatasetError(f"{logs}: no from-step-N/metrics.csv; is this the folder of a run that has begun?")
    merged: dict[int, dict[str, float]] = {}
    for first, path in starts:
        merged = {step: values for step, values in merged.items() if step <= first}
        for step, values in _rows(path):
            merged.setdefault(step, {}).update(values)
    return History(tuple(Point(step, merged[step]) for step in sorted(merged)))


def _rows(path: Path) -> list[tuple[int, dict[str, float]]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        return [(int(row["step"]), _numbers(row)) for row in rows]
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the curves ({error.strerror})") from None
    except (KeyError, TypeError, ValueError) as error:  # no column, a short row, text for a number
        raise DatasetError(f"{path}: not the metrics of a run: {error}") from None


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    return {name: float(cell) for name, cell in row.items() if name != "step" and cell}
