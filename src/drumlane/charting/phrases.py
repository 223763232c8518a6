"""Phrases: star power, and where it may be set free.

Flow: metre -> **phrases** -> formats of games

Star power covers two to four whole bars at a time, about an eighth of the song, never at its start. Fills
that set it free are the half bar before bars that begin with a stroke, outside of star power.
"""

import numpy as np

from drumlane.charting.metre import TOLERANCE, bar_times
from drumlane.performance import Performance

PHRASE_BARS, EVERY_BARS = 2, 16  # a phrase of so many bars, every so many
FIRST_BAR = 4
FEWEST_HITS = 4
FILL_EVERY_BARS = 8
Span = tuple[float, float]  # seconds


def star_power(performance: Performance) -> tuple[Span, ...]:
    """Return the phrases, in order; none where there is too little to play."""
    bars = bar_times(performance)
    times = np.array([hit.time for hit in performance])
    spans = []
    first = FIRST_BAR
    while first + PHRASE_BARS < len(bars):
        start, end = float(bars[first]), float(bars[first + PHRASE_BARS])
        if np.count_nonzero((times >= start) & (times < end)) >= FEWEST_HITS:
            spans.append((start, end))
            first += EVERY_BARS
        else:
            first += 1
    return tuple(spans)


def activations(performance: Performance) -> tuple[Span, ...]:
    """Return the fills, in order, each ending on a bar line that is struck."""
    phrases = star_power(performance)
    if not phrases:
        return ()
    bars = bar_times(performance)
    times = np.array([hit.time for hit in performance])
    spans: list[Span] = []
    last = -FILL_EVERY_BARS
    for number in range(1, len(bars)):
        start = float(bars[number - 1] + bars[number]) / 2
        end = float(bars[number])
        struck = np.any(np.abs(times - end) <= TOLERANCE)
        free = all(end <= a or start >= b for a, b in phrases)
        if struck and free and end > phrases[0][1] and number - last >= FILL_EVERY_BARS:
            spans.append((start, end))
            last = number
    return tuple(spans)
