"""Threshold file: chosen thresholds as a table, as JSON to hand to ``export``, and back.

Flow: strategies -> **threshold_file** -> export, cli

JSON: ``thresholds`` (lane -> threshold) is what ``drumlane export --thresholds`` reads; the rest says where
they come from.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from drumlane.errors import ConfigError, nearest_first
from drumlane.evaluation.counts import Counts, counts_json
from drumlane.evaluation.error_report import TextTable
from drumlane.files import whole_file
from drumlane.study.strategies import Choice
from drumlane.study.sweep import FINE_GRID, LaneSweep
from drumlane.vocabulary import LANE_NAMES

_HEADER = ("lane", "threshold", "hits", "found", "false", "missed", "P", "R", "F")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where thresholds come from."""

    checkpoint: Path
    part: str  # of the material
    n_items: int
    strategy: str


def choice_table(choices: Sequence[Choice], origin: Origin) -> TextTable:
    """Return the chosen threshold of each lane with what it gives, and the sum of all lanes."""
    rows = [(c.lane.label, f"{c.threshold:.2f}", *_cells(c.counts)) for c in choices]
    total = sum((c.counts for c in choices), Counts())
    rows.append(("all", "", *_cells(total)))
    note = f"{origin.n_items} items of the {origin.part} part, note level, ±50 ms"
    return TextTable(f"thresholds by {origin.strategy}", note, _HEADER, tuple(rows))


def remarks(choices: Sequence[Choice]) -> list[str]:
    """Return what could not be had, a line for all lanes that it happened to."""
    lanes: dict[str, list[str]] = defaultdict(list)
    for choice in choices:
        if choice.remark:
            lanes[choice.remark].append(choice.lane.label)
    return [f"{', '.join(names)}: {remark}" for remark, names in lanes.items()]


def write_thresholds(
    choices: Sequence[Choice], swept: Sequence[LaneSweep], origin: Origin, path: Path
) -> None:
    """Write thresholds, what they give, and the whole sweep.

    Raises:
        ConfigError: the file cannot be written.
    """
    content = {
        "thresholds": {c.lane.label: c.threshold for c in choices},
        "strategy": origin.strategy,
        "checkpoint": origin.checkpoint.as_posix(),
        "part": origin.part,
        "n_items": origin.n_items,
        "chosen": {c.lane.label: {**counts_json(c.counts), "remark": c.remark} for c in choices},
        "sweep": {lane.lane.label: _sweep_json(lane) for lane in swept},
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    with whole_file(path, ConfigError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_thresholds(path: Path) -> tuple[float, ...]:
    """Return the threshold of each lane.

    Raises:
        ConfigError: the file cannot be read, or a lane or value in it is wrong.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the thresholds ({error.strerror})") from None
    except ValueError as error:  # JSON, or text that is not UTF-8
        raise ConfigError(f"{path}: not JSON: {error}") from None
    given = content.get("thresholds") if isinstance(content, dict) else None
    if not isinstance(given, dict):
        raise ConfigError(f"{path}: no table `thresholds`; write one with: drumlane thresholds --output")
    _check_lanes(given, path)
    return tuple(_threshold(given[name], name, path) for name in LANE_NAMES)


def _check_lanes(given: dict[str, Any], path: Path) -> None:
    if unknown := [name for name in given if name not in LANE_NAMES]:
        choices = nearest_first(unknown[0], LANE_NAMES)
        raise ConfigError(f"{path}: thresholds: lane {unknown[0]!r} is unknown; lanes: {choices}")
    if missing := [name for name in LANE_NAMES if name not in given]:
        raise ConfigError(f"{path}: thresholds: lane {missing[0]!r} is missing; all lanes are needed")


def _threshold(value: Any, lane: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise ConfigError(f"{path}: thresholds: {lane} is {value!r}; a threshold lies between 0 and 1")
    return float(value)


def _sweep_json(lane: LaneSweep) -> list[dict[str, Any]]:
    rows = zip(FINE_GRID, lane.counts, strict=True)
    return [{"threshold": threshold, **counts_json(counts)} for threshold, counts in rows]


def _cells(counts: Counts) -> tuple[str, ...]:
    numbers = (counts.support, counts.tp, counts.fp, counts.fn)
    ratios = (counts.precision, counts.recall, counts.f)
    return (*map(str, numbers), *(f"{value:.3f}" if isfinite(value) else "-" for value in ratios))
