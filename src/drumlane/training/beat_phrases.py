"""Beat phrases: whole bars of drumming whose beats are known, from human grooves and from patterns.

Flow: data.gmd -> **beat_phrases** -> beat_songs

Places are beats from the phrase's first bar line; a beat is what a foot taps, in 6/8 a dotted quarter. The
grooves were played to a click and begin on a bar line: of all kicks of those in 4/4, 28 % fall on the first
of sixteen places and no other place gets half of that; crashes 62 %. Most players are a little early (median
8 ms), which is taken out: the beat is where they play it. Grooves that do not keep to their click are left
out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.data.gmd import Groove
from drumlane.transcription.hit_frames import strokes_of

EARLY = 0.12  # beats; a stroke this much before a bar line belongs to the bar behind it
LEAST_AGREEMENT = 0.3  # of the strokes with some even division of the beat, 0..1
_DIVISIONS = (1, 2, 3, 4, 6)


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """Some whole bars."""

    places: NDArray[np.float64]  # beats from the first bar line, ascending
    lanes: NDArray[np.intp]
    velocities: NDArray[np.float64]  # 1..127
    n_bars: int
    meter: int  # beats a bar
    bpm: float = 100.0  # beats a minute as it was played
    style: str = ""

    def bars(self, first: int, n_bars: int) -> "Phrase":
        """Return some of the bars, from bar ``first`` on."""
        start = first * self.meter
        inside = (self.places >= start - EARLY) & (self.places < start + n_bars * self.meter - EARLY)
        return self.of_strokes(self.places[inside] - start, inside, n_bars)

    def of_strokes(self, places: NDArray[np.float64], chosen: NDArray[np.bool_], n_bars: int) -> "Phrase":
        """Return a phrase of the chosen strokes at other places."""
        return Phrase(
            places, self.lanes[chosen], self.velocities[chosen], n_bars, self.meter, self.bpm, self.style
        )


def phrases_of(grooves: Iterable[Groove]) -> tuple[list[Phrase], list[Phrase]]:
    """Return the beats and the fills among grooves in n/4; those off their click are left out."""
    beats: list[Phrase] = []
    fills: list[Phrase] = []
    for groove in grooves:
        phrase = _phrase(groove)
        if phrase is not None and agreement(phrase.places) >= LEAST_AGREEMENT:
            (fills if groove.beat_type == "fill" else beats).append(phrase)
    return beats, fills


def agreement(places: NDArray[np.float64]) -> float:
    """Return how well strokes keep to even divisions of the beat, 0 (anywhere) to 1 (exactly)."""
    if not len(places):
        return 0.0
    return max(float(np.abs(np.exp(2j * np.pi * n * places).mean())) for n in _DIVISIONS)


def _phrase(groove: Groove) -> Phrase | None:
    signature = groove.performance.tempo.signatures[0]
    times, lanes, velocities = strokes_of(groove.performance)
    if signature.denominator != 4 or not len(times):
        return None
    places = times * groove.bpm / 60.0
    places = places - _earliness(places)
    n_bars = max(1, int((places[-1] + 0.5) // signature.numerator))
    whole = Phrase(places, lanes, velocities, n_bars, signature.numerator, groove.bpm, groove.style)
    return whole.bars(0, n_bars)


def _earliness(places: NDArray[np.float64]) -> float:
    """Return by how many beats strokes lie behind the nearest sixteenth, by the median."""
    return float(np.median(places - np.rint(places * 4) / 4))
