"""Report: everything one evaluation has to say, and its JSON form.

Flow: protocol -> **report** -> tables, cli

JSON holds every number, seconds throughout; what is undefined (the precision of no estimate) is null.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drumlane import __version__
from drumlane.errors import DatasetError
from drumlane.evaluation.bootstrap import LEVEL
from drumlane.evaluation.corpus import Group
from drumlane.evaluation.counts import Counts, HatCounts, counts_json, finite
from drumlane.evaluation.metrics import Scores, Timing, TrackScore
from drumlane.evaluation.protocol import GroupScores, Protocol, evaluate
from drumlane.evaluation.references import LoadedTrack, Pairing
from drumlane.evaluation.reliability import Reliability
from drumlane.evaluation.velocity import VELOCITY_TOLERANCE, VelocityScore
from drumlane.files import whole_file


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything one evaluation has to say."""

    protocol: Protocol
    groups: tuple[GroupScores, ...]
    missing: tuple[str, ...] = ()  # references without an estimate
    left_over: tuple[str, ...] = ()  # estimates without a reference
    failures: tuple[tuple[str, str], ...] = ()  # track, reason


def report_on(
    loaded: Sequence[LoadedTrack], pairing: Pairing, groups: Sequence[Group], protocol: Protocol
) -> Report:
    """Score tracks and put the result together with what did not go as it should.

    Raises:
        DatasetError: there is no track to score.
    """
    return Report(
        protocol=protocol,
        groups=evaluate(loaded, groups, protocol),
        missing=pairing.missing,
        left_over=tuple(str(path) for path in pairing.left_over),
        failures=tuple((track.track.name, track.failure) for track in loaded if track.failure),
    )


def write_json(
    report: Report, path: Path, command: str, subject: str, errors: Mapping[str, Any] | None = None
) -> None:
    """Write all numbers, track by track too, with what is needed to repeat them.

    Args:
        report: what was found.
        path: the file.
        command: that repeats the evaluation.
        subject: what was evaluated: a model's name and version, or the path of the predictions.
        errors: the error table as plain JSON values, if there is one.

    Raises:
        DatasetError: the file cannot be written.
    """
    content = {"drumlane": __version__, "command": command, "subject": subject, **to_json(report)}
    if errors is not None:
        content["errors"] = errors
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path, DatasetError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {
        "bootstrap": {
            "resamples": report.protocol.resamples,
            "seed": report.protocol.seed,
            "level": LEVEL,
            "unit": "track",
        },
        "velocity_tolerance": VELOCITY_TOLERANCE,
        "missing": list(report.missing),
        "left_over": list(report.left_over),
        "failures": [{"track": track, "reason": reason} for track, reason in report.failures],
        "groups": [
            {"group": group.name, "scores": [_scores_json(scores) for scores in group.scores]}
            for group in report.groups
        ],
    }


def _scores_json(scores: Scores) -> dict[str, Any]:
    return {
        "class_set": scores.class_set.name,
        "vocabulary": list(scores.class_set.labels),
        "tolerance": scores.tolerance,
        "n_tracks": len(scores.tracks),
        "micro": _counts_json(scores.micro),
        "micro_f_interval": list(scores.interval) if scores.interval else None,
        "macro_f": finite(scores.macro_f),
        "track_mean_f": finite(scores.track_mean_f),
        "timing": _timing_json(scores.timing),
        "velocity": _velocity_json(scores.velocity),
        "hats": _hats_json(scores.hats),
        "reliability": _reliability_json(scores.reliability),
        "false_hits_per_minute": finite(scores.false_hits_per_minute),
        "classes": [
            {"class": c.label, **_counts_json(c.counts), "timing": _timing_json(c.timing)}
            for c in scores.classes
        ],
        "tracks": [_track_json(track) for track in scores.tracks],
    }


def _track_json(track: TrackScore) -> dict[str, Any]:
    return {"track": track.name, "duration": track.duration, **_counts_json(track.micro)}


def _counts_json(counts: Counts) -> dict[str, float | None]:
    return {**counts_json(counts), "count_bias": finite(counts.count_bias)}


def _timing_json(timing: Timing) -> dict[str, Any]:
    return {
        "n_pairs": timing.n_pairs,
        "median": finite(timing.median),
        "mean_absolute": finite(timing.mean_absolute),
    }


def _velocity_json(velocity: VelocityScore | None) -> dict[str, Any] | None:
    if velocity is None:
        return None
    names = ("mean_absolute_error", "correlation", "precision", "recall", "f")
    numbers = {name: finite(getattr(velocity, name)) for name in names}
    return {"n_tracks": velocity.n_tracks, "n_pairs": velocity.n_pairs, **numbers}


def _hats_json(hats: HatCounts | None) -> dict[str, Any] | None:
    if hats is None:
        return None
    names = ("open_right", "open_wrong", "closed_right", "closed_wrong")
    return {
        **{name: getattr(hats, name) for name in names},
        "balanced_accuracy": finite(hats.balanced_accuracy),
    }


def _reliability_json(reliability: Reliability | None) -> dict[str, Any] | None:
    return None if reliability is None else asdict(reliability)
