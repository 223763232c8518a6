"""Beat patterns: bars composed from a seed, for metres and plain grooves that human material has few of.

Flow: a generator -> **beat_patterns** -> beat_songs

A pattern is what a drummer keeps up: where the kick and the snare fall, what the other hand counts, how the
beat is divided. Every few bars it ends in a fill and begins again with a crash. Rates are beats a minute; the
slowest and fastest at which a feel is still counted that way. A shuffle that plays only the outer two of
three is in 4/4; all three, slowly, are two beats of 6/8.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.training.beat_phrases import Phrase
from drumlane.vocabulary import Lane

_Stroke = tuple[float, int, float]  # place in beats, lane, velocity


@dataclass(frozen=True, slots=True)
class Feel:
    """How a metre is counted and struck."""

    meter: int  # beats a bar
    chance: float  # share among the feels
    rates: tuple[float, float]  # beats a minute
    snares: tuple[tuple[float, ...], ...]  # choices of places in the bar
    divisions: tuple[int, ...]  # choices of strokes a beat of the counting hand
    kicks: tuple[tuple[float, ...], ...] = ((0.0,),)  # choices; more are strewn in


FEELS = (
    Feel(4, 0.26, (55, 210), ((1, 3),), (1, 2, 2, 2, 4), ((0, 2), (0,), (0, 2.5), (0, 1.5, 2), (0, 0.5, 2))),
    Feel(4, 0.07, (90, 180), ((1, 3), ()), (1, 2), ((0, 1, 2, 3),)),
    # Slow beats and half-time: eighths between backbeats are the slow beat's, sixteenths may be either's.
    Feel(4, 0.07, (48, 85), ((1, 3),), (2, 2, 4), ((0, 2), (0,), (0, 2.5), (0, 1.5, 2))),
    Feel(4, 0.04, (120, 175), ((2,),), (2,), ((0,), (0, 0.5), (0, 1.5), (0, 3.5))),
    Feel(4, 0.08, (75, 170), ((1, 3),), (-3,), ((0, 2), (0,), (0, 1 + 2 / 3, 2))),
    Feel(4, 0.04, (92, 140), ((1, 3), (2,)), (3,), ((0, 2), (0,))),
    Feel(4, 0.06, (85, 240), ((), (3.0,), (1, 3)), (-4,), ((0,), ())),
    Feel(3, 0.17, (65, 215), ((1, 2), (2,), (1,), ()), (1, 2, 2, 4, -3), ((0,), (0, 2.5), (0, 1.5))),
    Feel(2, 0.17, (42, 100), ((1,),), (3, 3, 3, 6), ((0,), (0, 2 / 3), (0, 1 + 2 / 3), (0, 1 / 3))),
    Feel(5, 0.06, (75, 200), ((1, 3), (3,), (1, 4), (2, 4)), (1, 2), ((0,), (0, 3), (0, 2.5))),
    Feel(7, 0.06, (90, 240), ((2, 4), (2, 4, 6), (1, 3, 5), (4,)), (1, 2), ((0,), (0, 4), (0, 3))),
)
_HANDS = (Lane.HIHAT, Lane.RIDE, Lane.CRASH, Lane.LOW_TOM)
_FILL_VOICES = (Lane.SNARE, Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)


def compose_phrase(rng: np.random.Generator) -> Phrase:
    """Return 4 to 16 bars in one feel, at a rate that suits it."""
    chances = np.array([feel.chance for feel in FEELS])
    feel = FEELS[int(rng.choice(len(FEELS), p=chances / chances.sum()))]
    bpm = float(np.exp(rng.uniform(*np.log(feel.rates))))
    n_bars = int(rng.choice([4, 8, 8, 16]))
    pattern = _pattern(feel, bpm, rng)
    fill_every = int(rng.choice([2, 4, 4, 8, 99]))
    crashes = rng.random() < 0.7
    strokes: list[_Stroke] = []
    for bar in range(n_bars):
        strokes += [(bar * feel.meter + place, lane, v) for place, lane, v in _varied(pattern, feel, rng)]
        if crashes and bar % min(fill_every, 8) == 0:
            strokes.append((bar * feel.meter, Lane.CRASH, 112.0))
        if bar % fill_every == fill_every - 1:
            strokes = _with_fill(strokes, (bar + 1) * feel.meter, feel, rng)
    return _phrase(strokes, feel, n_bars, bpm)


def _phrase(strokes: list[_Stroke], feel: Feel, n_bars: int, bpm: float) -> Phrase:
    table = np.array(sorted(strokes), dtype=np.float64).reshape(-1, 3)
    velocities = np.clip(table[:, 2], 1, 127)
    return Phrase(table[:, 0], table[:, 1].astype(np.intp), velocities, n_bars, feel.meter, bpm, "composed")


def _pattern(feel: Feel, bpm: float, rng: np.random.Generator) -> list[_Stroke]:
    """Return the strokes of one bar."""
    division = int(rng.choice(feel.divisions))
    if division > 1 and bpm * division > 560:  # no hand is that fast
        division = 1
    kicks = set(feel.kicks[int(rng.integers(len(feel.kicks)))]) | _strewn(feel, division, rng)
    snares = feel.snares[int(rng.integers(len(feel.snares)))]
    strokes: list[_Stroke] = [(place, Lane.KICK, rng.uniform(85, 115)) for place in kicks - set(snares)]
    strokes += [(place, Lane.SNARE, rng.uniform(90, 120)) for place in snares]
    strokes += [(p, _HANDS[hand], v) for hand in [_hand(rng)] for p, v in _counting(feel, division, rng)]
    if rng.random() < 0.15:  # the foot keeps the off-beats
        strokes += [(place, Lane.HIHAT, 60.0) for place in range(1, feel.meter, 2)]
    return strokes


def _hand(rng: np.random.Generator) -> int:
    return int(rng.choice(len(_HANDS), p=[0.6, 0.27, 0.08, 0.05]))


def _strewn(feel: Feel, division: int, rng: np.random.Generator) -> set[float]:
    """Return places of further kicks, on the grid that the hand counts."""
    steps = {-3: 3, -4: 3, 1: 2}.get(division, division)
    n = int(rng.choice([0, 0, 1, 2]))
    return {float(place) / steps for place in rng.integers(1, feel.meter * steps, n)}


def _counting(feel: Feel, division: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return places and velocities of the hand that counts; -3 is a shuffle, -4 a jazz ride."""
    loud, accent = rng.uniform(55, 100), rng.uniform(0, 30)
    beats = np.arange(feel.meter, dtype=np.float64)
    if division == -3:
        places = np.sort(np.concatenate([beats, beats + rng.uniform(0.62, 0.69)]))
    elif division == -4:
        places = np.sort(np.concatenate([beats, beats[1::2] + rng.uniform(0.6, 0.69)]))
    else:
        places = np.arange(feel.meter * division) / division
    strong = np.isclose(places, np.rint(places))
    return list(zip(places.tolist(), (loud + accent * strong).tolist(), strict=True))


def _varied(pattern: list[_Stroke], feel: Feel, rng: np.random.Generator) -> list[_Stroke]:
    """Return the bar with some strokes left out and some ghosts or kicks put in."""
    kept = [stroke for stroke in pattern if rng.random() > 0.03]
    if rng.random() < 0.2:
        place = float(rng.integers(1, 4 * feel.meter)) / 4
        kept.append((place, Lane.SNARE, rng.uniform(15, 45)))
    if rng.random() < 0.12:
        kept.append((float(rng.integers(1, 2 * feel.meter)) / 2, Lane.KICK, rng.uniform(70, 110)))
    return kept


def _with_fill(strokes: list[_Stroke], end: float, feel: Feel, rng: np.random.Generator) -> list[_Stroke]:
    """Replace the last beats before ``end`` by a run over snare and toms."""
    n_beats = int(rng.integers(1, feel.meter + 1))
    steps = 3 if feel.meter == 2 else int(rng.choice([2, 3, 4, 4]))
    kept = [s for s in strokes if s[0] < end - n_beats or (s[1] == Lane.KICK and rng.random() < 0.5)]
    n = n_beats * steps
    for i in range(n):
        if rng.random() < 0.85:
            voice = _FILL_VOICES[min(i * len(_FILL_VOICES) // n, 3)]
            kept.append((end - n_beats + i / steps, voice, rng.uniform(70, 120)))
    return kept


def silent_phrase(n_bars: int, like: Phrase) -> Phrase:
    """Return bars without a stroke, in the metre of another phrase."""
    nothing: NDArray[np.bool_] = np.zeros(len(like.places), dtype=bool)
    return like.of_strokes(like.places[nothing], nothing, n_bars)
