"""StepMania: charts for two pads, eight columns; .sm files written and read, .ssc files read.

Flow: Performance <-> **stepmania** <-> .sm, and from .ssc

A column is a lane (``charting.lane_layouts``). The game knows 48 rows a beat and nothing between them, so
hits are moved by up to half a row, ``60 / bpm / 96`` seconds: 5.2 ms at 120 bpm. ``finer`` writes beats and
tempos several times as fast, which divides that and shows the player other tempos and note colours; so it
is not the default. Velocities have no place. Text is in ``stepmania_text``, rows in ``stepmania_rows``,
reading of tempos in ``stepmania_timing``.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.charting.lane_layouts import EIGHT_COLUMNS, column_of_drum, drum_of_column
from drumlane.charting.level import Level
from drumlane.charting.reduction import reduce_all
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.kept_fields import kept, kept_texts
from drumlane.formats.stepmania_rows import LAST_BEAT, ROWS_PER_BEAT, measures_of, notes_of
from drumlane.formats.stepmania_text import tag, tags_of
from drumlane.formats.stepmania_timing import timing_of
from drumlane.formats.tempo_knots import retimed
from drumlane.formats.text_file import read_text
from drumlane.formats.text_lines import number, one_line, write_text
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap
from drumlane.vocabulary import Lane

STEPS_TYPE = "dance-double"
N_COLUMNS = 8
UNKNOWN_VELOCITY = 80
DIFFICULTIES: Mapping[Level, str] = {
    Level.EASY: "Easy",
    Level.MEDIUM: "Medium",
    Level.HARD: "Hard",
    Level.EXPERT: "Challenge",
}
_HARDEST_FIRST = ("challenge", "expert", "hard", "heavy", "medium", "standard", "easy", "light", "beginner")
_TIMING = frozenset({"OFFSET", "BPMS", "STOPS", "FREEZES", "DELAYS", "WARPS", "TIMESIGNATURES"})
_SONG = frozenset(["TITLE", "ARTIST", "GENRE", "CREDIT", "MUSIC", "SAMPLESTART"])
# Said anew by every writer, bound to beats that may move, or of several values.
_NOT_KEPT = (
    _TIMING
    | _SONG
    | frozenset(["VERSION", "LABELS", "TICKCOUNTS", "COMBOS", "SPEEDS", "SCROLLS", "FAKES", "LASTBEATHINT"])
    | frozenset(["DISPLAYBPM", "BGCHANGES", "FGCHANGES", "KEYSOUNDS", "ATTACKS", "INSTRUMENTTRACK"])
)

_log = logging.getLogger(__name__)


def read_stepmania(
    path: AnyPath, level: Level | None = None, columns: Sequence[Lane] = EIGHT_COLUMNS
) -> Performance:
    """Read a chart with eight columns.

    Args:
        path: a .sm or .ssc file.
        level: which chart; None for the hardest.
        columns: the lanes from left to right.

    Raises:
        FormatError: the file is missing, no such file, has no chart of eight columns or none of this level,
            or something in it does not fit.
    """
    song, charts = _song_and_charts(read_text(path), path)
    chart = _chosen(charts, level, path)
    drums = drum_of_column(columns)
    try:
        timing = timing_of(song | chart.timing)
        beats, struck = notes_of(chart.notes, N_COLUMNS)
        seconds = timing.struck_at(beats)
        hits = tuple(
            Hit(max(0.0, round(second, 9)), drums[column], UNKNOWN_VELOCITY)
            for second, column in zip(seconds.tolist(), struck, strict=True)
            if second > -1e-6
        )
        sections = _sections(chart.labels or song.get("LABELS", ""), timing.seconds_at)
        performance = Performance(hits, timing.tempo_map(), 0.0, _song_of(song, sections))
    except (ValueError, ArithmeticError) as error:
        raise FormatError(f"{shown(path)}: {one_line(str(error))[:200]}") from error
    if len(hits) < len(struck):
        _log.warning(
            "%s: left out %d notes before the audio or in warps", shown(path), len(struck) - len(hits)
        )
    return performance


def write_sm(
    performance: Performance,
    path: AnyPath,
    charts: Mapping[Level, Performance] | None = None,
    finer: int = 1,
    columns: Sequence[Lane] = EIGHT_COLUMNS,
) -> None:
    """Write a .sm file; what has no column is left out and counted in one logged warning.

    Args:
        performance: the tempo map and the song.
        path: the file.
        charts: what is played on each level; made from ``performance`` where not given.
        finer: how many times as fast beats are written.
        columns: the lanes from left to right.

    Raises:
        FormatError: the performance is too long for the format, or the file cannot be written.
    """
    levels = dict(reduce_all(performance) if charts is None else charts)
    tempo = _as_the_game_holds_it(_faster(performance.tempo, finer))
    end = max((chart.duration for chart in levels.values()), default=0.0)
    if not tempo.seconds_to_beats(end) < LAST_BEAT:
        raise FormatError(f"{shown(path)}: more than {LAST_BEAT} beats long, which no chart is")
    lines = [*_header(performance.song), *_timing_lines(tempo, finer)]
    for level in sorted(levels, key=list(Level).index):
        lines.append(_chart(levels[level], level, tempo, columns, path))
    write_text("\n".join([*lines, ""]), path)


# Writing ------------------------------------------------------------------------------------------


def _faster(tempo: TempoMap, factor: int) -> TempoMap:
    changes = tuple(TempoChange(change.beat * factor, change.bpm * factor) for change in tempo.changes)
    return TempoMap(changes, tempo.signatures)


def _as_the_game_holds_it(tempo: TempoMap) -> TempoMap:
    """Return the map with knots on rows and tempos of six decimals."""
    beats = np.array([change.beat for change in tempo.changes])
    held = retimed(tempo, beats, np.rint(beats * ROWS_PER_BEAT) / ROWS_PER_BEAT, step=None)
    changes = tuple(TempoChange(change.beat, max(1e-3, round(change.bpm, 6))) for change in held.changes)
    return TempoMap(changes, tempo.signatures)


def _header(song: Song) -> list[str]:
    others = {name: text for name, text in kept_texts(song, "sm").items() if name.isidentifier()}
    fields = {
        "TITLE": song.title,
        "ARTIST": song.artist,
        "GENRE": song.genre,
        "CREDIT": song.charter,
        "MUSIC": song.audio.as_posix() if song.audio else "",
        "OFFSET": "0.000000",
        "SAMPLESTART": "" if song.preview is None else f"{song.preview:.6f}",
    }
    return [tag(name, value) for name, value in (fields | others).items()]


def _timing_lines(tempo: TempoMap, finer: int) -> list[str]:
    bpms = ",\n".join(f"{change.beat:.6f}={change.bpm:.6f}" for change in tempo.changes)
    signatures = ",\n".join(
        f"{signature.beat * finer:.6f}={signature.numerator}={signature.denominator}"
        for signature in tempo.signatures
    )
    return [f"#BPMS:{bpms};", "#STOPS:;", f"#TIMESIGNATURES:{signatures};"]


def _chart(
    performance: Performance, level: Level, tempo: TempoMap, columns: Sequence[Lane], path: AnyPath
) -> str:
    column_of = column_of_drum(columns)
    rows = np.rint(tempo.seconds_to_beats([hit.time for hit in performance]) * ROWS_PER_BEAT).astype(np.int64)
    struck: dict[int, set[int]] = {}
    without: Counter[str] = Counter()
    for hit, row in zip(performance, rows.tolist(), strict=True):
        column = column_of[hit.drum]
        if column is None:
            without[hit.drum.value] += 1
        else:
            struck.setdefault(row, set()).add(column)
    if without:
        counts = ", ".join(f"{n} of {name}" for name, n in sorted(without.items()))
        _log.warning("%s: left out %s, which have no column", shown(path), counts)
    notes = measures_of({row: sorted(columns) for row, columns in struck.items()}, N_COLUMNS)
    head = (STEPS_TYPE, "drums", DIFFICULTIES[level], str(_meter(performance)), "0,0,0,0,0")
    return "#NOTES:\n" + "".join(f"     {value}:\n" for value in head) + f"{notes};"


def _meter(performance: Performance) -> int:
    """Return how hard a chart is said to be: two for each hit a second, 1 to 20."""
    hits = [hit.time for hit in performance]
    length = hits[-1] - hits[0] if len(hits) > 1 else 0.0
    return min(max(1, round(2 * len(hits) / max(length, 1.0))), 20)


# Reading ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chart:
    steps_type: str
    difficulty: str
    notes: str
    timing: dict[str, str] = field(default_factory=dict)  # of its own, in .ssc files
    labels: str = ""


def _song_and_charts(text: str, path: AnyPath) -> tuple[dict[str, str], list[_Chart]]:
    """Return the song's tags by name, and the charts."""
    song: dict[str, str] = {}
    charts: list[_Chart] = []
    chart: dict[str, str] | None = None  # the one that is open, in .ssc files
    for name, values in tags_of(text):
        if name == "NOTEDATA":
            chart = {}
        elif chart is not None and name in ("NOTES", "NOTES2"):
            charts.append(_ssc_chart(chart, values[0]))
        elif chart is not None:
            chart[name] = values[0]
        elif name in ("NOTES", "NOTES2") and len(values) >= 6:
            charts.append(_Chart(values[0].strip(), values[2].strip(), values[5]))
        elif name and name not in ("NOTES", "NOTES2"):
            song[name] = values[0]
    if not song and not charts:
        raise FormatError(f"{shown(path)}: is not a StepMania file (no #TAG:value; in it)")
    return song, charts


def _ssc_chart(tags: Mapping[str, str], notes: str) -> _Chart:
    own = {name: tags.get(name, "") for name in _TIMING} if "BPMS" in tags else {}
    if not own.get("OFFSET"):
        own.pop("OFFSET", None)  # the song's
    return _Chart(
        tags.get("STEPSTYPE", "").strip(),
        tags.get("DIFFICULTY", "").strip(),
        notes,
        own,
        tags.get("LABELS", ""),
    )


def _chosen(charts: Sequence[_Chart], level: Level | None, path: AnyPath) -> _Chart:
    fitting = [chart for chart in charts if chart.steps_type.lower() == STEPS_TYPE]
    if not fitting:
        found = ", ".join(sorted({one_line(chart.steps_type)[:40] for chart in charts})) or "none"
        raise FormatError(f"{shown(path)}: no chart of eight columns ({STEPS_TYPE}); charts: {found}")
    if level is None:
        return min(fitting, key=_easiness)
    wanted = DIFFICULTIES[level].lower()
    for chart in fitting:
        if chart.difficulty.lower() == wanted:
            return chart
    found = ", ".join(one_line(chart.difficulty)[:40] for chart in fitting)
    raise FormatError(f"{shown(path)}: no {STEPS_TYPE} chart {DIFFICULTIES[level]!r}; there are: {found}")


def _easiness(chart: _Chart) -> int:
    name = chart.difficulty.lower()
    return _HARDEST_FIRST.index(name) if name in _HARDEST_FIRST else len(_HARDEST_FIRST)


def _sections(labels: str, seconds_at: Callable[[float], NDArray[np.float64]]) -> tuple[Section, ...]:
    found = []
    for item in labels.split(","):
        beat, equals, name = item.strip().partition("=")
        second = float(seconds_at(number(beat, -1e7, 1e7))) if equals else -1.0
        if second >= 0:
            found.append(Section(second, name))
    return tuple(found)


def _song_of(tags: Mapping[str, str], sections: tuple[Section, ...]) -> Song:
    music = tags.get("MUSIC", "").strip()
    others = {name: text for name, text in tags.items() if text.strip() and name not in _NOT_KEPT}
    return Song(
        title=tags.get("TITLE", "").strip(),
        artist=tags.get("ARTIST", "").strip(),
        genre=tags.get("GENRE", "").strip(),
        charter=tags.get("CREDIT", "").strip(),
        audio=Path(music) if music and "\0" not in music else None,
        preview=_seconds_or_none(tags.get("SAMPLESTART", "")),
        sections=sections,
        foreign=kept("sm", others),
    )


def _seconds_or_none(text: str) -> float | None:
    try:
        return number(text, 0, 1e7)
    except ValueError:
        return None
