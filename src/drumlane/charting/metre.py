"""Metre: where in its bar a stroke stands, and how much that place weighs.

Flow: timing -> **metre** -> reduction, phrases, sections
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Performance

TOLERANCE = 0.035  # s; human strokes are on a place when they are this near
# Subdivisions of a beat, the heavier first: (parts, weight).
_PLACES = ((1, 3.0), (2, 2.0), (3, 1.2), (4, 1.0))
MOST_BARS = 20_000
BAR, MIDDLE = 5.0, 4.0  # weight of a bar's first beat, and of the beat in its middle

Floats = NDArray[np.float64]


def bar_times(performance: Performance) -> Floats:
    """Return the seconds at which bars begin, up to the performance's end, shape (bars,).

    A song of more bars than ``MOST_BARS`` is none, and has no bars.
    """
    tempo = performance.tempo
    end = float(tempo.seconds_to_beats(performance.duration))
    shortest = min(signature.bar for signature in tempo.signatures)
    if end / shortest > MOST_BARS:
        return np.zeros(0)
    return np.asarray(tempo.beats_to_seconds(tempo.bar_starts(end + 1e-9)))


def beat_lengths(performance: Performance, times: Sequence[float] | Floats) -> Floats:
    """Return the seconds that a quarter note lasts at each time, same shape."""
    at = performance.tempo.seconds_to_beats(times)
    return np.asarray(
        performance.tempo.beats_to_seconds(at + 0.5) - performance.tempo.beats_to_seconds(at - 0.5)
    )


def weights(performance: Performance, times: Sequence[float] | Floats) -> Floats:
    """Return how heavy the place of each time is in its bar: 5 for the first beat, 0 between sixteenths."""
    tempo = performance.tempo
    beats = tempo.seconds_to_beats(times)
    if not len(beats):
        return np.zeros(0)
    loose = TOLERANCE / beat_lengths(performance, times)
    _, starts, lengths = tempo.bars_at(beats + loose)
    inside = beats - starts
    out = np.zeros(len(beats))
    for parts, weight in reversed(_PLACES):
        near = np.abs(inside * parts - np.rint(inside * parts)) / parts <= np.minimum(loose, 0.25 / parts)
        out[near] = np.maximum(out[near], weight)
    half = lengths / 2
    out[(np.abs(inside - half) <= loose) & (np.abs(half - np.rint(half)) < 1e-6)] = MIDDLE
    out[np.abs(inside) <= loose] = BAR
    return out
