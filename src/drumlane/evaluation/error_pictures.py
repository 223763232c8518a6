"""Error pictures: three seconds around errors, with what the network saw and heard and every hit's verdict.

Flow: worst_seconds, evidence -> **error_pictures** -> error_folder

Above, the log-mel spectrogram; below, a row per lane: on its line the onset activations and the threshold,
estimated hits standing on it and reference hits hanging from it, as long as they are loud. Verdicts differ in
colour and in shape. Without a recording only the hits are drawn. Needs the ``plot`` extra.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.evidence import Evidence
from drumlane.evaluation.figures import new_figure, save
from drumlane.evaluation.verdicts import JudgedHit, Verdict
from drumlane.evaluation.worst_seconds import LENGTH, WorstSecond
from drumlane.performance import Hit
from drumlane.vocabulary import LANE_NAMES, LANES, Lane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SHOWN = 3.2  # seconds
_WIDTH, _SPECTROGRAM_HEIGHT, _LANES_HEIGHT, _REST_HEIGHT = 14.0, 2.2, 6.4, 1.0  # inches
_UP, _DOWN = 0.56, 0.3  # of the distance between lanes: the loudest estimate, the loudest reference
_FOUND, _MISSED, _FALSE = "#0072b2", "#e69f00", "#d55e00"  # Okabe and Ito: told apart by everybody
_STYLE = {  # colour, marker, size, filled
    "found, written": (_FOUND, "o", 6.0, True),
    "found, reference": (_FOUND, "^", 6.0, True),
    "missed, reference": (_MISSED, "D", 8.0, False),
    "false, written": (_FALSE, "X", 9.0, True),
}


def draw_second(second: WorstSecond, evidence: Evidence | None, path: Path) -> None:
    """Draw one of the worst seconds and what surrounds it.

    Args:
        second: what to draw.
        evidence: what the network heard in the track; None draws the hits only.
        path: the PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: the file cannot be written.
        AudioError: the recording cannot be read any more.
    """
    start = max(0.0, second.start + LENGTH / 2 - SHOWN / 2)
    span = (start, start + SHOWN)
    heights = [_SPECTROGRAM_HEIGHT, _LANES_HEIGHT] if evidence else [_LANES_HEIGHT]
    figure = new_figure(_WIDTH, sum(heights) + _REST_HEIGHT)
    rows = np.atleast_1d(figure.subplots(len(heights), 1, height_ratios=heights))
    lanes = rows[-1]
    if evidence:
        _draw_spectrogram(rows[0], evidence, span)
        _draw_activations(lanes, evidence, span)
    _draw_hits(lanes, [hit for hit in second.track.hits if _is_shown(hit, span)])
    for axes in rows:
        axes.set_xlim(*span)
        for edge in (second.start, second.start + LENGTH):
            axes.axvline(edge, color="white" if axes is not lanes else "0.35", linestyle="--", linewidth=1.2)
    lanes.axvspan(second.start, second.start + LENGTH, color="#eef3f8", linewidth=0, zorder=0)
    _finish(lanes)
    rows[0].set_title(_title(second), loc="left", fontsize=11)
    figure.legend(handles=_legend(evidence), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    save(figure, path)


def _title(second: WorstSecond) -> str:
    counts, start = second.counts, second.start
    minutes, seconds = divmod(start, 60)
    at = f"{int(minutes)}:{seconds:05.2f}"
    return (
        f"{second.track.track.name}, {LENGTH:g} s from {at} ({start:.2f} s): "
        f"{counts.support} hits, {counts.fn} missed, {counts.fp} false"
    )


def _is_shown(hit: JudgedHit, span: tuple[float, float]) -> bool:
    return span[0] <= hit.hit.time < span[1]


def _draw_spectrogram(axes: "Axes", evidence: Evidence, span: tuple[float, float]) -> None:
    features = evidence.features()
    first = max(0, round(span[0] * evidence.fps))
    frames: NDArray[Any] = features[first : round(span[1] * evidence.fps) + 1].astype(np.float32)
    if len(frames):
        edges = (first - 0.5) / evidence.fps, (first + len(frames) - 0.5) / evidence.fps
        extent = (*edges, -0.5, frames.shape[1] - 0.5)
        axes.imshow(frames.T, aspect="auto", origin="lower", extent=extent, cmap="magma", vmin=0.0)
    axes.tick_params(labelbottom=False, bottom=False)
    axes.set_yticks([])
    axes.set_ylabel("mel", fontsize=9)


def _draw_activations(axes: "Axes", evidence: Evidence, span: tuple[float, float]) -> None:
    """Fill each lane's activation and mark the threshold it had to reach."""
    if evidence.activations is None:
        return
    first = max(0, round(span[0] * evidence.fps) - 1)
    onset = evidence.activations.onset[first : round(span[1] * evidence.fps) + 2].astype(np.float64)
    times = (first + np.arange(len(onset))) / evidence.fps
    for lane in LANES:
        axes.fill_between(times, lane, lane + _UP * onset[:, lane], color="0.72", linewidth=0, zorder=1)
        if evidence.decoder:
            level = lane + _UP * evidence.decoder.thresholds[lane]
            axes.hlines(level, *span, color="0.45", linewidth=0.7, linestyle=":", zorder=1)


def _draw_hits(axes: "Axes", hits: Sequence[JudgedHit]) -> None:
    for style in _STYLE:
        stems = [(hit, judged.lane) for judged in hits for hit in _in_style(judged, style)]
        _draw_stems(axes, stems, style)
    for judged in hits:
        if judged.verdict is Verdict.MISSED and judged.partner is not None:
            _draw_link(axes, judged)


def _in_style(judged: JudgedHit, style: str) -> Iterator[Hit]:
    """Yield the hit, or a found hit's estimate, if this is its style."""
    written = judged.verdict is Verdict.FALSE
    if style == f"{judged.verdict}, {'written' if written else 'reference'}":
        yield judged.hit
    elif style == "found, written" and judged.verdict is Verdict.FOUND and judged.partner is not None:
        yield judged.partner


def _draw_stems(axes: "Axes", stems: Sequence[tuple[Hit, Lane]], style: str) -> None:
    colour, marker, size, filled = _STYLE[style]
    times = [hit.time for hit, _ in stems]
    tips = [_tip(hit, lane, written=style.endswith("written")) for hit, lane in stems]
    axes.vlines(times, [lane for _, lane in stems], tips, color=colour, linewidth=1.6, zorder=3)
    face = colour if filled else "white"
    axes.plot(
        times,
        tips,
        marker,
        markersize=size,
        color=colour,
        markerfacecolor=face,
        markeredgewidth=1.8,
        zorder=4,
    )


def _draw_link(axes: "Axes", missed: JudgedHit) -> None:
    """Join a missed hit with the false one in another lane that stands for it."""
    assert missed.partner is not None
    assert missed.confused_with is not None
    ends = (missed.hit.time, missed.partner.time)
    tips = (_tip(missed.hit, missed.lane, False), _tip(missed.partner, missed.confused_with, True))
    axes.plot(ends, tips, color="0.3", linewidth=1.0, linestyle=(0, (2, 2)), zorder=2)


def _tip(hit: Hit, lane: Lane, written: bool) -> float:
    """Return how high a stem reaches: estimates stand on their lane's line, references hang from it."""
    loudness = 0.25 + 0.75 * hit.velocity / 127  # a ghost note must be seen, too
    return lane + _UP * loudness if written else lane - _DOWN * loudness


def _finish(axes: "Axes") -> None:
    from matplotlib.ticker import MultipleLocator

    axes.hlines(np.arange(len(LANES)), *axes.get_xlim(), color="0.6", linewidth=0.8, zorder=1)
    axes.set_ylim(-0.45, len(LANES) - 1 + 0.75)
    axes.set_yticks(np.arange(len(LANES)), LANE_NAMES, fontsize=10)
    axes.tick_params(left=False)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.set_xlabel("seconds")
    axes.spines[["top", "right", "left"]].set_visible(False)


def _legend(evidence: Evidence | None) -> "list[Line2D]":
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            markersize=size,
            label=label,
            linestyle="none",
            markerfacecolor=colour if filled else "white",
            markeredgewidth=1.8,
        )
        for label, (colour, marker, size, filled) in _STYLE.items()
    ]
    handles.append(Line2D([], [], color="0.3", linewidth=1.0, linestyle=(0, (2, 2)), label="in a wrong lane"))
    if evidence and evidence.activations is not None:
        handles.append(Line2D([], [], color="0.72", linewidth=6, label="onset activation, dotted: threshold"))
    return handles
