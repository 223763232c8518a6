"""Debug: what was heard and what was made of it, as JSON for people who want to know why.

Flow: process -> **debug** -> a file

The fields are BeatSight's, as far as there is something to say: there is no onset envelope, but an activation
for every hit. docs/beatsight.md lists them.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from drumlane.errors import FormatError
from drumlane.files import whole_file
from drumlane.formats.beatsight.lanes import lane_table
from drumlane.performance import Hit, Performance
from drumlane.pipeline.snapping import USUAL, GridFit, even_grid, grid_fit
from drumlane.transcription.activations import PieceActivations
from drumlane.transcription.toms import TOM_LANES

SECTION_BEATS = 16
_FACTORS = (0.5, 1.0, 2.0)

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Everything that a debug file tells."""

    source: Path
    moment: datetime
    settings: Fields
    activations: PieceActivations
    heard: Performance  # all hits, where they were played, with their tempo map
    made: Performance  # what the map holds
    fit: GridFit


def write_debug(trace: Trace, path: Path) -> None:
    """Write the file.

    Raises:
        FormatError: it cannot be written.
    """
    fields = {
        "input": str(trace.source),
        "generated_at": trace.moment.timestamp(),
        "settings": trace.settings,
        "detection": _detection(trace),
        "generation": _generation(trace),
    }
    with whole_file(path, FormatError) as partial:
        partial.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8", errors="replace")


def _detection(trace: Trace) -> Fields:
    tempo = trace.heard.tempo
    return {
        "fps": trace.activations.fps,
        "duration": trace.activations.duration,
        "tempo": _main_tempo(trace),
        "tempo_candidates": [candidate["bpm"] for candidate in _candidates(trace)],
        "tempo_changes": [{"beat": c.beat, "bpm": c.bpm} for c in tempo.changes],
        "time_signatures": [f"{s.numerator}/{s.denominator}" for s in tempo.signatures],
        "counts": {drum.value: n for drum, n in sorted(trace.heard.counts().items())},
        "peaks": [_peak(hit, trace.activations) for hit in trace.heard],
    }


def _peak(hit: Hit, activations: PieceActivations) -> Fields:
    lane = hit.drum.lane
    assert lane is not None  # nothing else is heard
    n_frames = len(activations.onset)
    frame = min(max(round(hit.time * activations.fps), 0), n_frames - 1)
    heard_in = TOM_LANES if lane in TOM_LANES else (lane,)  # which tom it was is told by all strokes
    around = activations.onset[max(0, frame - 2) : frame + 3, list(heard_in)]
    return {
        "time": round(hit.time, 6),
        "confidence": round(hit.confidence, 4),
        "lane": lane.label,
        "drum": hit.drum.value,
        "velocity": int(hit.velocity),
        "activation": round(float(around.max()), 4),
        "frame": frame,
    }


def _generation(trace: Trace) -> Fields:
    times = np.array([hit.time for hit in trace.made])
    return {
        "used_fallback": False,
        "hits": len(trace.made),
        "left_out": len(trace.heard) - len(trace.made),
        "quantization": _quantization(trace),
        "lane_stats": _lane_stats(trace),
        "sections": _sections(trace.made, times),
    }


def _quantization(trace: Trace) -> Fields:
    fit = trace.fit
    return {
        "grid": fit.grid,
        "moved": fit.n_moved,
        "coverage": round(fit.coverage, 4),
        "mean_error_ms": round(1000 * fit.mean_error, 3),
        "median_error_ms": round(1000 * fit.median_error, 3),
        "max_error_ms": round(1000 * fit.max_error, 3),
        "offset": round(fit.offset, 6),
        "step": round(fit.step, 6),
        "candidates": _candidates(trace),
    }


def _candidates(trace: Trace) -> list[Fields]:
    """Return the tempo, its half and double and what was named, each with how sixteenths of it fit."""
    hinted = trace.settings["tempo_candidates_hint"]
    bpms = [*hinted, *(_main_tempo(trace) * factor for factor in _FACTORS)]
    found = []
    for bpm in dict.fromkeys(round(bpm, 3) for bpm in bpms):
        grid = even_grid(60.0 / bpm, trace.fit.offset)
        fit = grid_fit(trace.heard, grid, USUAL, trace.settings["max_snap_error_ms"] / 1000)
        errors = {"coverage": round(fit.coverage, 4), "mean_error_ms": round(1000 * fit.mean_error, 3)}
        found.append({"bpm": bpm, "hint": bpm in hinted, **errors})
    return found


def _main_tempo(trace: Trace) -> float:
    """Return the tempo at the first bar line."""
    tempo, offset = trace.heard.tempo, trace.fit.offset
    at = float(tempo.seconds_to_beats(offset)) + 1e-6
    return [change.bpm for change in tempo.changes if change.beat <= at][-1]


def _lane_stats(trace: Trace) -> Fields:
    table = lane_table(trace.settings["lanes"])
    lanes = Counter(table.lanes[hit.drum] for hit in trace.made)
    return {"table": table.name, "counts": {str(lane): n for lane, n in sorted(lanes.items())}}


def _sections(made: Performance, times: Any) -> list[Fields]:
    """Return how many strokes there are in every sixteen beats."""
    end = float(made.tempo.seconds_to_beats(made.duration))
    beats = [*np.arange(0, end, SECTION_BEATS), end]
    edges = made.tempo.beats_to_seconds(beats)
    sections = []
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        count = int(np.sum((times >= start) & ((times < stop) | (stop == edges[-1]))))
        density = round(count / max(stop - start, 1e-3), 3)
        sections.append({"start": round(start, 3), "end": round(stop, 3), "count": count, "density": density})
    return sections
