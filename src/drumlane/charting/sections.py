"""Sections: the parts of a song, told by what the drums play.

Flow: metre -> **sections** -> formats of games

A bar is what is struck in it, lane by lane and sixteenth by sixteenth. A part ends where the four bars after
a bar line are least like the four before. Parts that play alike get the same letter.
"""

import numpy as np
from numpy.typing import NDArray

from drumlane.charting.metre import bar_times
from drumlane.performance import Performance
from drumlane.song import Section
from drumlane.vocabulary import LANES

SHORTEST_BARS = 8
_AROUND = 4  # bars compared before and after a bar line
_LIKE = 0.88  # cosine of parts that play alike
_UNLIKE = 0.8  # cosine across a bar line below which a part may end
_PLACES = 16  # of a bar

Floats = NDArray[np.float64]


def sections_of(performance: Performance) -> tuple[Section, ...]:
    """Return the parts of a song, in order; the first begins at its start."""
    bars = bar_times(performance)
    if len(bars) < 2 or not performance.hits:
        return (Section(0.0, "Start"),)
    played = _played(performance, bars)
    starts = [0, *_borders(played)]
    ends = [*starts[1:], len(played)]
    prints: list[Floats] = []
    sections: list[Section] = []
    for first, last in zip(starts, ends, strict=True):
        mean = played[first:last].mean(axis=0)
        if not mean.any():
            sections.append(Section(float(bars[first]), "Break" if sections else "Intro"))
            continue
        like = [_cosine(mean, other) for other in prints]
        letter = int(np.argmax(like)) if like and max(like) >= _LIKE else len(prints)
        if letter == len(prints):
            prints.append(mean)
        sections.append(Section(float(bars[first]), f"Part {_letters(letter)}"))
    return tuple(sections)


def _played(performance: Performance, bars: Floats) -> Floats:
    """Return what each bar holds, shape (bars, lanes · places)."""
    out = np.zeros((len(bars), len(LANES), _PLACES))
    ends = np.append(bars[1:], bars[-1] + (bars[-1] - bars[-2]))
    hits = [(hit.time, hit.drum.lane) for hit in performance if hit.drum.lane is not None]
    if hits:
        times = np.array([time for time, _ in hits])
        bar = np.clip(np.searchsorted(bars, times, side="right") - 1, 0, None)
        inside = (times - bars[bar]) / (ends[bar] - bars[bar])
        place = np.clip((inside * _PLACES + 0.5).astype(np.intp), 0, _PLACES - 1)
        out[bar, [int(lane) for _, lane in hits], place] = 1.0
    return out.reshape(len(bars), -1)


def _borders(played: Floats) -> list[int]:
    """Return the bars at which parts begin, but for the first."""
    n = len(played)
    likeness = {
        bar: _cosine(
            played[max(0, bar - _AROUND) : bar].mean(axis=0), played[bar : bar + _AROUND].mean(axis=0)
        )
        for bar in range(SHORTEST_BARS, n - _AROUND + 1)
    }
    chosen: list[int] = []
    for bar in sorted(likeness, key=lambda b: (likeness[b], b)):
        if likeness[bar] < _UNLIKE and all(abs(bar - other) >= SHORTEST_BARS for other in chosen):
            chosen.append(bar)
    return sorted(chosen)


def _cosine(a: Floats, b: Floats) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    if size == 0:
        return 1.0 if not a.any() and not b.any() else 0.0
    return float(a @ b) / size


def _letters(number: int) -> str:
    """Return A … Z, AA, AB …."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
