"""Error folder: the error report on disk: errors.json, errors.md and a picture of each of the worst seconds.

Flow: error_report, error_pictures -> **error_folder** -> cli
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drumlane import __version__
from drumlane.errors import DatasetError
from drumlane.evaluation.corpus import Group
from drumlane.evaluation.error_pictures import draw_second
from drumlane.evaluation.error_report import ErrorReport, markdown, to_json
from drumlane.evaluation.error_table import error_table, judge_tracks
from drumlane.evaluation.evidence import Evidence
from drumlane.evaluation.figures import new_figure
from drumlane.evaluation.oracle import oracle
from drumlane.evaluation.references import LoadedTrack
from drumlane.evaluation.worst_seconds import worst_seconds
from drumlane.files import shown, whole_file

_PICTURE = re.compile(r"worst-\d\d\.png")


def prepare(folder: Path) -> None:
    """Make the folder, and see to it before the long work that everything can be written into it.

    Raises:
        DatasetError: it is a file, cannot be made, or cannot be written to.
        MissingExtraError: matplotlib is not installed.
    """
    new_figure(1, 1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise DatasetError(f"{shown(folder)}: is a file; give a folder for the errors") from None
    except OSError as error:
        reason = error.strerror
        raise DatasetError(f"{shown(folder)}: the folder cannot be made ({reason}); give another") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DatasetError(f"{shown(folder)}: cannot be written into; give another folder")


def explain(
    loaded: Sequence[LoadedTrack],
    evidence: Mapping[str, Evidence],
    tolerance: float,
    groups: Sequence[Group] = (),
    columns: Sequence[str] = (),
) -> ErrorReport:
    """Find out about the errors.

    Args:
        loaded: the tracks.
        evidence: what was heard in them, by name; without it a picture shows a track's hits only.
        tolerance: the largest distance of a matched pair, seconds.
        groups: of tracks, one row each, if there are several.
        columns: of the tracks, one breakdown each.
    """
    judged = judge_tracks(loaded, tolerance)
    heard = [(t.reference, evidence[t.track.name]) for t in loaded if t.track.name in evidence]
    table = error_table(judged, tolerance, groups, columns)
    return ErrorReport(table, worst_seconds(judged), oracle(heard, tolerance), evidence)


def write_folder(report: ErrorReport, folder: Path, command: str, subject: str) -> None:
    """Write the tables, then the pictures; pictures of an earlier run are removed.

    Args:
        report: what was found.
        folder: that ``prepare`` has accepted.
        command: that repeats the evaluation.
        subject: what was evaluated.

    Raises:
        DatasetError: a file cannot be written.
        AudioError: a recording cannot be read any more.
    """
    for old in folder.iterdir():
        if _PICTURE.fullmatch(old.name):
            old.unlink()
    names = [f"worst-{number:02}.png" for number in range(1, len(report.worst) + 1)]
    content = {
        "drumlane": __version__,
        "command": command,
        "subject": subject,
        **_with_pictures(report, names),
    }
    _write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False), folder / "errors.json")
    _write(f"# Errors of {subject}\n\n`{command}`\n\n{markdown(report, names)}", folder / "errors.md")
    for name, second in zip(names, report.worst, strict=True):
        draw_second(second, report.evidence.get(second.track.track.name), folder / name)


def _with_pictures(report: ErrorReport, names: Sequence[str]) -> dict[str, Any]:
    content = to_json(report)
    worst = zip(content["worst_seconds"], names, strict=True)
    return content | {"worst_seconds": [second | {"picture": name} for second, name in worst]}


def _write(text: str, path: Path) -> None:
    with whole_file(path, DatasetError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
