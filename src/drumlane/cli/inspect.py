"""``drumlane inspect``: what a score holds, and what in it looks wrong.

Flow: cli.app -> **inspect** -> formats, charting
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drumlane.cli.batch import AUDIO_SUFFIXES
from drumlane.errors import DrumlaneError, FormatError
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.performance import Performance

_SHOWN = 5  # problems of a kind


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Scores and song folders.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what scores hold: tempo, bars, strokes, names, and what looks wrong."""
    found, n_failed = {}, 0
    for path in files:
        try:
            found[str(path)] = _summary(_read(path))
        except DrumlaneError as error:
            n_failed += 1
            print(f"drumlane: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print("\n".join(line for name, summary in found.items() for line in _lines(name, summary)))
    raise typer.Exit(1 if n_failed else 0)


def _read(path: Path) -> "Performance":
    from drumlane import formats

    if path.suffix.lower() in AUDIO_SUFFIXES:
        raise FormatError(f"{shown(path)}: is a recording; run drumlane transcribe on it first")
    return formats.read(path)


def _summary(performance: "Performance") -> dict[str, Any]:
    from drumlane.charting.density import difficulty_of
    from drumlane.charting.metre import bar_times
    from drumlane.charting.playability import problems
    from drumlane.charting.reduction import reduce_all
    from drumlane.vocabulary import LANES

    bpms = sorted(change.bpm for change in performance.tempo.changes)
    velocities = sorted(hit.velocity for hit in performance)
    song = performance.song
    return {
        "hits": len(performance),
        "seconds": round(performance.duration, 3),
        "bpm": {
            "lowest": round(bpms[0], 3),
            "first": round(performance.tempo.changes[0].bpm, 3),
            "highest": round(bpms[-1], 3),
            "changes": len(bpms) - 1,
        },
        "time_signatures": [f"{s.numerator}/{s.denominator}" for s in performance.tempo.signatures],
        "bars": len(bar_times(performance)),
        "lanes": {lane.label: n for lane in LANES if (n := len(performance.lane_times(lane)))},
        "drums": {drum.value: n for drum, n in sorted(performance.counts().items())},
        "velocities": velocities and [velocities[0], velocities[len(velocities) // 2], velocities[-1]],
        "levels": {level.value: len(chart) for level, chart in reduce_all(performance).items()},
        "difficulty": round(difficulty_of(performance), 1),
        "names": {
            field: value
            for field in ("title", "artist", "album", "genre", "year", "charter")
            if (value := getattr(song, field))
        },
        "sections": [[round(s.time, 3), s.name] for s in song.sections],
        "problems": [[round(p.time, 3), p.what] for p in problems(performance)],
    }


def _lines(name: str, summary: dict[str, Any]) -> list[str]:
    bpm, rate = summary["bpm"], summary["hits"] / max(summary["seconds"], 1e-9)
    tempo = f"{bpm['first']:g} bpm"
    if bpm["changes"]:
        tempo += f" ({bpm['lowest']:g} to {bpm['highest']:g}, {bpm['changes']} changes)"
    lines = [
        f"{shown(name)}: {summary['hits']} hits in {summary['seconds']:g} s, {rate:.1f} a second",
        f"  tempo       {tempo}, {', '.join(summary['time_signatures'])}, {summary['bars']} bars",
        f"  lanes       {_counted(summary['lanes'])}",
        f"  drums       {_counted(summary['drums'])}",
        f"  velocities  {' / '.join(map(str, summary['velocities'])) or '-'} (least, median, most)",
        f"  levels      {_counted(summary['levels'])}; difficulty {summary['difficulty']:g} of 10",
    ]
    if summary["names"]:
        lines.append("  names       " + ", ".join(f"{k}: {v}" for k, v in summary["names"].items()))
    if summary["sections"]:
        lines.append("  sections    " + ", ".join(f"{t:g} s {n}" for t, n in summary["sections"]))
    return [*lines, *_problem_lines(summary["problems"])]


def _problem_lines(problems: list[tuple[float, str]]) -> list[str]:
    if not problems:
        return ["  problems    none"]
    kinds = Counter(what.partition(":")[0].split(" of ")[0].rstrip("0123456789 ms") for _, what in problems)
    lines = [
        f"  problems    {len(problems)} ({', '.join(f'{kind}: {n}' for kind, n in kinds.most_common(4))})"
    ]
    lines += [f"    {time:.3f} s  {what}" for time, what in problems[:_SHOWN]]
    return lines + (["    …"] if len(problems) > _SHOWN else [])


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in numbers.items()) or "none"
