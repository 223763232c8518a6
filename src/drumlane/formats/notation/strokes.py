"""Strokes: a performance laid on bars and grid, before it is told how long its notes are.

Flow: Performance -> measures, ornaments, grid -> **strokes** -> layout (MusicXML, pages), tab
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from drumlane.formats.notation.dynamics import Dynamic, Loudness
from drumlane.formats.notation.grid import Timed, fit
from drumlane.formats.notation.measures import QUARTER, Measure, as_written, measures_until
from drumlane.formats.notation.ornaments import MAX_GRACES, main_strokes, rolled
from drumlane.formats.notation.swing import Swing
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoMap
from drumlane.vocabulary import Drum

_TRUST_IN_PEDAL = 0.3  # a foot that closes the hi-hat sounds when it arrives: later, and less evenly
_NUMBER_OF_DRUM = {drum: number for number, drum in enumerate(Drum)}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Stroke:
    """One drum at one place of the grid."""

    unit: int  # from beat 0
    drum: Drum
    velocity: int  # MIDI, 1..127
    dynamic: Dynamic
    graces: tuple[int, ...] = ()  # velocities of the strokes that lead to it: one is a flam, two a drag
    roll: bool = False  # part of a roll: it stands for two strokes within its thirty-second


@dataclass(frozen=True, slots=True)
class Placement:
    """A performance on the bars of a page."""

    measures: tuple[Measure, ...]
    strokes: tuple[Stroke, ...]  # by place
    tempo: TempoMap  # as written
    swing: Swing | None


def place(performance: Performance) -> Placement:
    """Lay a performance on bars: from beat 0 to the bar of the last stroke.

    Raises:
        ValueError: the tempo map cannot be written: too slow, too many bars, or a time signature too fine.
    """
    tempo = as_written(performance.tempo)
    hits = performance.hits
    last = float(tempo.seconds_to_beats(hits[-1].time)) * QUARTER if hits else 0.0
    if not np.isfinite(last):
        raise ValueError("its length is no number")
    measures = measures_until(tempo, last + 2 * QUARTER)
    mains = main_strokes(hits)
    own = [i for i, main in enumerate(mains) if main == i]
    laid = fit(_timed([hits[i] for i in own]), tempo, measures)
    unit_of = dict(zip(own, laid.units.tolist(), strict=True))
    strokes = sorted(_strokes(hits, mains, unit_of))
    end = strokes[-1].unit if strokes else 0
    kept = tuple(measure for measure in measures if measure.start <= end)
    return Placement(kept, tuple(strokes), _until(tempo, kept[-1].end), laid.swing)


def _timed(hits: Sequence[Hit]) -> Timed:
    return Timed(
        np.array([hit.time for hit in hits], dtype=np.float64),
        np.array([_NUMBER_OF_DRUM[hit.drum] for hit in hits], dtype=np.int64),
        np.array([_TRUST_IN_PEDAL if hit.drum is Drum.HIHAT_PEDAL else 1.0 for hit in hits]),
    )


def _until(tempo: TempoMap, end: int) -> TempoMap:
    """Return the map without what comes after the last bar."""
    changes = tuple(change for change in tempo.changes if change.beat * QUARTER < end)
    signatures = tuple(s for s in tempo.signatures if s.beat == 0 or s.beat * QUARTER < end)
    return TempoMap(changes, signatures)


def _strokes(hits: Sequence[Hit], mains: list[int], unit_of: dict[int, int]) -> Iterable[Stroke]:
    """Gather the hits of each drum and place: the loudest stands, what is beside it leads to it."""
    loudness = Loudness(hits)
    cells: dict[Drum, dict[int, list[Hit]]] = {}
    for i, hit in enumerate(hits):
        cells.setdefault(hit.drum, {}).setdefault(unit_of[mains[i]], []).append(hit)
    n_left_out = 0
    for drum, of_unit in cells.items():
        in_roll = rolled({unit: len(here) for unit, here in of_unit.items()})
        for unit, here in of_unit.items():
            loudest = max(here, key=lambda hit: (hit.velocity, hit.time))
            dynamic = loudness.of(drum, loudest.velocity)
            if unit in in_roll:
                yield Stroke(unit, drum, loudest.velocity, dynamic, roll=True)
                continue
            graces = [hit.velocity for hit in here if hit is not loudest][-MAX_GRACES:]
            n_left_out += len(here) - 1 - len(graces)
            yield Stroke(unit, drum, loudest.velocity, dynamic, tuple(graces))
    if n_left_out:
        _log.warning("left out %d strokes that fall together with others of their drum", n_left_out)
