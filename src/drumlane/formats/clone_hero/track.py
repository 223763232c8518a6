"""Track: a whole chart in ticks, what a notes.mid and a .chart both hold.

Flow: Performance, charting.level -> pads -> **track** <-> notes_midi, chart_text

Expert is what is read back as the performance. A file's own rounding of tempos comes first, and the notes are
laid on the rounded map, so that their seconds stay to half a tick.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor
from operator import attrgetter
from types import MappingProxyType

from drumlane.charting.level import Level
from drumlane.charting.phrases import activations, star_power
from drumlane.charting.reduction import reduce_all
from drumlane.charting.sections import sections_of
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.clone_hero.pads import Pad, PadNote, hits_of, place, with_double_kicks, with_flams
from drumlane.performance import Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoMap

RESOLUTION = 480  # ticks a beat, more where a tempo is so slow that half a tick would be over a millisecond
_LONGEST_TICK = 0.0018  # s
_MOST_TICKS = 2**31 - 1
_MOST_RESOLUTION = 30_000
Span = tuple[int, int]  # first tick, and the tick after the last

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChartTrack:
    """A chart in ticks."""

    resolution: int  # ticks a beat
    tempo: TempoMap  # as the file holds it
    notes: Mapping[Level, tuple[PadNote, ...]]
    end: int  # tick
    star_power: tuple[Span, ...] = ()
    activations: tuple[Span, ...] = ()
    sections: tuple[tuple[int, str], ...] = ()
    song: Song = field(default_factory=Song)


def track_of(
    performance: Performance,
    hold: Callable[[float], float],
    path: AnyPath,
    charts: Mapping[Level, Performance] | None = None,
) -> ChartTrack:
    """Return the chart of a performance.

    Args:
        performance: what Expert plays, with its tempo map, sections and names.
        hold: what the file makes of a tempo in beats a minute.
        path: the file, for messages.
        charts: the performance of each level; made from ``performance`` where not given.

    Raises:
        FormatError: a tempo does not fit into the file, or the song is too long for it.
    """
    slowest = min(change.bpm for change in performance.tempo.changes)
    resolution = RESOLUTION * max(1, ceil(60.0 / slowest / RESOLUTION / _LONGEST_TICK))
    if resolution > _MOST_RESOLUTION:
        raise FormatError(f"{shown(path)}: {slowest:g} bpm is too slow for a chart; 2 bpm is the least")
    tempo = performance.tempo.as_held(resolution, hold)

    def ticks(seconds: Sequence[float]) -> list[int]:
        return [int(t) for t in tempo.seconds_to_ticks(seconds, resolution)]

    def spans(phrases: Sequence[tuple[float, float]]) -> tuple[Span, ...]:
        return tuple((a, max(a + 1, b)) for a, b in (ticks(phrase) for phrase in phrases))

    # Not after the recording's end, nor before the last stroke: games ignore it there.
    last = ticks([hit.time for hit in performance.hits[-1:]])
    end = max([floor(float(tempo.seconds_to_beats(performance.duration)) * resolution), *last])
    if end > _MOST_TICKS:
        raise FormatError(f"{shown(path)}: more than {_MOST_TICKS} ticks long")
    named = performance.song.sections or sections_of(performance)
    return ChartTrack(
        resolution,
        tempo,
        MappingProxyType(_notes(performance, charts or reduce_all(performance), ticks)),
        end,
        spans(star_power(performance)),
        spans(activations(performance)),
        tuple((tick, s.name) for tick, s in zip(ticks([s.time for s in named]), named, strict=True)),
        performance.song,
    )


def _notes(
    performance: Performance,
    charts: Mapping[Level, Performance],
    ticks: Callable[[Sequence[float]], list[int]],
) -> dict[Level, tuple[PadNote, ...]]:
    """Return the notes of each level; what a stroke is on Expert it is on every level."""
    if left_out := sum(hit.drum.lane is None for hit in performance):
        _log.warning("a chart has no pad for claps, cowbells and the like: left out %d strokes", left_out)
    of_hit = ticks([hit.time for hit in performance])
    seconds = dict(zip(of_hit, (hit.time for hit in performance), strict=True))
    placed = with_flams(place(zip(of_hit, performance, strict=True)), seconds)
    out = {Level.EXPERT: _ordered(with_double_kicks(placed, seconds).values())}
    for level, chart in charts.items():
        if level is not Level.EXPERT:
            kept = zip(ticks([hit.time for hit in chart]), (hit.drum.lane for hit in chart), strict=True)
            out[level] = _ordered({placed[key] for key in kept if key in placed})
    return out


def _ordered(notes: Iterable[PadNote]) -> tuple[PadNote, ...]:
    return tuple(
        sorted(notes, key=attrgetter("tick", "pad"))
    )  # comparing whole notes takes ten times as long


def performance_of(track: ChartTrack, level: Level, path: AnyPath) -> Performance:
    """Return what a level of a chart plays.

    Raises:
        FormatError: the chart has no notes on that level.
    """
    notes = track.notes.get(level)
    if notes is None:
        there = ", ".join(found.value for found in track.notes) or "none"
        raise FormatError(f"{shown(path)}: no drums on level {level.value}; levels: {there}")
    ticks = sorted({note.tick for note in notes})
    times = track.tempo.ticks_to_seconds(ticks, track.resolution).tolist()
    end = float(track.tempo.ticks_to_seconds(track.end, track.resolution))
    starts = track.tempo.ticks_to_seconds([tick for tick, _ in track.sections], track.resolution).tolist()
    sections = tuple(Section(time, name) for time, (_, name) in zip(starts, track.sections, strict=True))
    hits = hits_of(notes, dict(zip(ticks, times, strict=True)))
    return Performance(tuple(hits), track.tempo, end, replace(track.song, sections=sections))


def fit(notes: Sequence[PadNote]) -> tuple[PadNote, ...]:
    """Return notes in order with every pad once a tick; a file may hold anything."""
    kept: dict[tuple[int, Pad], PadNote] = {}
    for note in notes:
        before = kept.get((note.tick, note.pad))
        if before is None or before.double_kick:
            kept[note.tick, note.pad] = note
    return tuple(kept[place] for place in sorted(kept))
