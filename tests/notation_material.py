"""Material for the tests of notation: music on a grid, as drummers play it, and files of other programs."""

import numpy as np
from hypothesis import strategies as st

from drumlane.performance import Hit, Performance
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

METERS = ((4, 4), (3, 4), (6, 8), (12, 8), (5, 4), (7, 8), (2, 4))
EXACT = 0.0
HUMAN = 0.008  # seconds a stroke is off, at most
# Drums that say where they are meant: a hi-hat's pedal is followed with less trust.
PLAYED = tuple(drum for drum in Drum if drum is not Drum.HIHAT_PEDAL)
# The places of a quarter that strokes are put on, in units of 1/48; a beat takes one row.
_ROWS = ((0, 12, 24, 36), (0, 24), (0, 16, 32), (0,))


@st.composite
def music(draw: st.DrawFn, off: float = HUMAN, drums: tuple[Drum, ...] = PLAYED) -> Performance:
    """Draw bars of one meter with strokes on eighths, sixteenths and triplets, at most ``off`` seconds away.

    Nearly every beat has a stroke, so that the grid can be told; strokes of one drum are never nearer than a
    sixteenth triplet.
    """
    numerator, denominator = draw(st.sampled_from(METERS))
    n_quarters = draw(st.integers(1, 16))
    bpm = draw(st.integers(60, 120))
    tempo = TempoMap((TempoChange(0.0, float(bpm)),), (TimeSignature(0.0, numerator, denominator),))
    rows = ((0, 12, 24, 36), (0, 24)) if denominator == 8 else _ROWS
    hits: list[Hit] = []
    for quarter in range(n_quarters):
        for place in draw(st.sampled_from(rows)):
            struck = draw(st.sets(st.sampled_from(drums), min_size=1, max_size=3))
            for drum in sorted(struck):
                time = (quarter + place / 48) * 60 / bpm + draw(st.floats(-off, off))
                hits.append(Hit(max(0.0, time), drum, draw(st.integers(1, 127))))
    return Performance(tuple(hits), tempo)


def drummer(seed: int, off: float) -> tuple[Performance, list[tuple[int, Drum]]]:
    """Return sixteen quarters as a drummer plays them, and what is meant: (unit of 1/48 quarter, drum).

    Binary beats with a triplet now and then; ``off`` is the standard deviation of a stroke, in seconds.
    """
    rng = np.random.default_rng(seed)
    bpm = float(rng.integers(70, 150))
    hits, meant = [], []
    for quarter in range(16):
        row = _ROWS[2] if rng.random() < 0.1 else _ROWS[rng.integers(2)]
        for place in row:
            for drum in rng.choice(np.array(PLAYED, dtype=object), rng.integers(1, 4), replace=False):
                time = (quarter + place / 48) * 60 / bpm + rng.normal(0, off)
                hits.append(Hit(max(0.0, time), drum, int(rng.integers(60, 128))))
                meant.append((quarter * 48 + place, drum))
    return Performance.of(hits, tempo=TempoMap.constant(bpm)), meant


def page(body: str, part_list: str = "", attributes: str = "", encoding: str = "") -> str:
    """Return a MusicXML document with one part, whose first bar begins with ``attributes``."""
    listed = part_list or '<score-part id="P1"><part-name>Drumset</part-name></score-part>'
    attributes = attributes or (
        "<attributes><divisions>4</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
        "<clef><sign>percussion</sign></clef></attributes>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="4.0">{encoding}'
        f'<part-list>{listed}</part-list><part id="P1">'
        f"{body.replace('<first/>', attributes)}</part></score-partwise>"
    )


def stroke(place: str, duration: int | None = 4, more: str = "", instrument: str = "") -> str:
    """Return a note at a place like C5; ``more`` goes before its end; no duration for a grace note."""
    lasts = "<grace/>" if duration is None else f"<duration>{duration}</duration>"
    named = f'<instrument id="{instrument}"/>' if instrument else ""
    position = f"<display-step>{place[0]}</display-step><display-octave>{place[1]}</display-octave>"
    if duration is None:
        return f"<note>{lasts}<unpitched>{position}</unpitched>{named}<voice>1</voice>{more}</note>"
    return f"<note><unpitched>{position}</unpitched>{lasts}{named}<voice>1</voice>{more}</note>"
