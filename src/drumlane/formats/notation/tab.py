"""Tablature, written: drums as plain text, one line for each piece of the kit.

Flow: Performance -> strokes -> **tab** -> .tab

    Title: Groove
    Tempo: 100
    Time: 4/4

      |1e+a2e+a3e+a4e+a|
    HH|x-x-x-x-x-x-x-x-|
    SD|----o-------o---|
    BD|o-----o-o-------|

A bar of 4/4 has 16 columns, 12 in triplets, more where thirty-seconds need them. A tempo holds for whole
bars: a new one is written where the bars would be off by more than ``DRIFT_SECONDS`` without it.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.notation.measures import (
    EIGHTH,
    QUARTER,
    THIRTY_SECOND,
    Measure,
    as_written,
    measures_until,
)
from drumlane.formats.notation.strokes import Placement, Stroke, place
from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.tab_signs import ROWS, sign_of
from drumlane.performance import Performance
from drumlane.timing import TempoChange, TempoMap
from drumlane.vocabulary import Drum

DRIFT_SECONDS = 0.005
_BPM_DECIMALS = 3
_WIDTH = 36  # columns of a line, where it has more than one bar
_STEPS = (12, 16, 6, 8, 4, 3, 2, 1)  # units of a column; the first that fits a bar is taken
_COUNTS = {1: "#", 2: "#+", 3: "#+a", 4: "#e+a", 8: "#.e.+.a."}
_ROW_OF_DRUM: dict[Drum, int] = {drum: row for row, (_, drums) in enumerate(ROWS) for drum in drums}
_BASS_DRUM = _ROW_OF_DRUM[Drum.KICK]

_log = logging.getLogger(__name__)


def write_tab(performance: Performance, path: AnyPath) -> None:
    """Write a performance as drum tablature.

    Raises:
        FormatError: the tempo map cannot be written down, or the file cannot be written.
    """
    try:
        placement = place(replace(performance, tempo=_bar_tempos(performance)))
    except ValueError as error:
        raise FormatError(f"{shown(path)}: cannot be written as tablature ({error})") from error
    with (
        whole_file(path, FormatError) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        stream.writelines(line.rstrip() + "\n" for line in _lines(placement, performance))


def _bar_tempos(performance: Performance) -> TempoMap:
    """Return a map whose tempos hold for whole bars, and whose bars begin when the performance's do."""
    tempo = as_written(performance.tempo)
    last = float(tempo.seconds_to_beats(performance.hits[-1].time)) * QUARTER if performance.hits else 0.0
    measures = measures_until(tempo, last)
    ends = tempo.beats_to_seconds([measure.end / QUARTER for measure in measures]).tolist()
    changes: list[TempoChange] = []
    now = 0.0
    for measure, end in zip(measures, ends, strict=True):
        quarters = measure.length / QUARTER
        bpm = changes[-1].bpm if changes else round(tempo.changes[0].bpm, _BPM_DECIMALS)
        if bpm <= 0 or abs(now + quarters * 60 / bpm - end) > DRIFT_SECONDS:
            bpm = round(quarters * 60 / max(end - now, 1e-3), _BPM_DECIMALS)
        if not changes or bpm != changes[-1].bpm:
            changes.append(TempoChange(measure.start / QUARTER, bpm))
        now += quarters * 60 / bpm
    return TempoMap(tuple(changes), tempo.signatures)


# Bars ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _TabBar:
    """A bar with the signs of its lines."""

    measure: Measure
    step: int  # units of a column
    rows: dict[int, dict[int, str]]  # row -> column -> sign

    @property
    def n_columns(self) -> int:
        return self.measure.length // self.step

    def line(self, row: int) -> str:
        signs = self.rows.get(row, {})
        return "".join(signs.get(column, "-") for column in range(self.n_columns))

    def count(self) -> str:
        counted = self.measure.beats
        if self.measure.denominator == 8 and self.measure.length % EIGHTH == 0 and EIGHTH % self.step == 0:
            counted = (EIGHTH,) * (self.measure.length // EIGHTH)  # 6/8 is counted to six
        return "".join(
            _COUNTS.get(beat // self.step, "#".ljust(beat // self.step, ".")).replace("#", str(number % 10))
            for number, beat in enumerate(counted, start=1)
        )


def _lines(placement: Placement, performance: Performance) -> Iterator[str]:
    if performance.song.title:
        yield f"Title: {_one_line(performance.song.title)}"
    if performance.song.artist:
        yield f"Artist: {_one_line(performance.song.artist)}"
    if placement.swing:
        yield _swing_line(placement.swing)
    bpm_at = {round(change.beat * QUARTER): change.bpm for change in placement.tempo.changes}
    meter: tuple[int, int] = (0, 0)
    for system in _systems(list(_bars(placement)), set(bpm_at)):
        first = system[0].measure
        yield ""
        if (bpm := bpm_at.get(first.start)) is not None:
            yield f"Tempo: {bpm:.{_BPM_DECIMALS}f}".rstrip("0").rstrip(".")
        if meter != (meter := _meter(first)):
            yield f"Time: {meter[0]}/{meter[1]}"
        yield from _system_lines(system)


def _one_line(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


def _swing_line(swing: Swing) -> str:
    return f"Swing: {'8ths' if swing.note == EIGHTH else '16ths'} {swing.first}:{swing.second}"


def _meter(measure: Measure) -> tuple[int, int]:
    """Return the time signature that says how long the bar really is."""
    if not measure.is_short:
        return measure.numerator, measure.denominator
    thirty_seconds, denominator = measure.length // THIRTY_SECOND, 32
    while thirty_seconds % 2 == 0 and denominator > 4:
        thirty_seconds, denominator = thirty_seconds // 2, denominator // 2
    return thirty_seconds, denominator


def _bars(placement: Placement) -> Iterator[_TabBar]:
    at, n_hidden = 0, 0
    for measure in placement.measures:
        first = at
        while at < len(placement.strokes) and placement.strokes[at].unit < measure.end:
            at += 1
        bar = _bar(measure, placement.strokes[first:at])
        n_hidden += at - first - sum(1 for stroke in placement.strokes[first:at] if _stands(stroke, bar))
        yield bar
    if n_hidden:
        _log.warning("left out %d strokes whose line already has one at their place", n_hidden)


def _bar(measure: Measure, strokes: Sequence[Stroke]) -> _TabBar:
    places = {unit for stroke in strokes for unit in _places(stroke)}
    step = next(
        s for s in _STEPS if measure.length % s == 0 and all((p - measure.start) % s == 0 for p in places)
    )
    rows: dict[int, dict[int, str]] = {}
    for stroke in strokes:
        sign = sign_of(stroke.drum, stroke.dynamic, len(stroke.graces))
        for unit in _places(stroke):
            rows.setdefault(_ROW_OF_DRUM[stroke.drum], {})[(unit - measure.start) // step] = sign
    return _TabBar(measure, step, rows)


def _places(stroke: Stroke) -> tuple[int, ...]:
    """Return where the signs of a stroke stand: those of a roll fill its thirty-second."""
    return (stroke.unit, stroke.unit + THIRTY_SECOND // 2) if stroke.roll else (stroke.unit,)


def _stands(stroke: Stroke, bar: _TabBar) -> bool:
    column = (stroke.unit - bar.measure.start) // bar.step
    sign = sign_of(stroke.drum, stroke.dynamic, len(stroke.graces))
    return bar.rows[_ROW_OF_DRUM[stroke.drum]][column] == sign


def _systems(bars: Sequence[_TabBar], tempo_changes: set[int]) -> Iterator[list[_TabBar]]:
    """Yield the bars that share a line: as many as fit, up to a change of tempo or time."""
    system: list[_TabBar] = []
    for bar in bars:
        if system and (
            sum(other.n_columns for other in system) + bar.n_columns > _WIDTH
            or bar.measure.start in tempo_changes
            or _meter(bar.measure) != _meter(system[0].measure)
        ):
            yield system
            system = []
        system.append(bar)
    if system:
        yield system


def _system_lines(system: Sequence[_TabBar]) -> Iterator[str]:
    yield f"  |{'|'.join(bar.count() for bar in system)}|"
    used = {row for bar in system for row in bar.rows} | {_BASS_DRUM}
    for row in sorted(used):
        yield f"{ROWS[row][0]}|{'|'.join(bar.line(row) for bar in system)}|"
