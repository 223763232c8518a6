"""Beat songs: phrases joined to a song, laid on a tempo that lives, with the times of its beats.

Flow: beat_phrases, beat_patterns -> **beat_songs** -> beat_hearing -> beat_batches
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.training.beat_patterns import compose_phrase, silent_phrase
from drumlane.training.beat_phrases import EARLY, Phrase

SLOWEST, FASTEST = 48.0, 240.0  # beats a minute
COMPOSED = 0.35  # of the songs
_TIMING_SD = (0.0, 0.002, 0.005, 0.01)  # seconds; choices
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BeatSong:
    """Strokes and beats in seconds; what lies before 0 or behind the end may be there too."""

    times: Floats  # (strokes,)
    lanes: NDArray[np.intp]
    velocities: Floats
    beats: Floats
    downbeats: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """What songs are made of."""

    beats: Sequence[Phrase]
    fills: Sequence[Phrase]


def draw_song(phrases: Phrases, seconds: float, rng: np.random.Generator) -> BeatSong:
    """Return a song that fills ``seconds``; some begin late, and one in thirty has no beat."""
    if rng.random() < 0.03:
        return _without_a_beat(seconds, rng)
    first = _first_phrase(phrases, rng)
    bpm = _rate(first, rng)
    joined = _joined(first, phrases, seconds * bpm * 1.5 / 60.0 + 16.0, rng)
    start = rng.uniform(0, joined.n_bars * joined.meter / 4) if rng.random() < 0.6 else 0.0
    late = rng.uniform(0.0, 15.0) if start == 0 and rng.random() < 0.6 else rng.uniform(-0.3, 0.3)
    lived = _lived(joined.n_bars * joined.meter, bpm, rng)
    zero = float(_seconds_at(np.array([start]), lived)[0]) - late
    sigma = float(rng.choice(_TIMING_SD))
    kept = joined.places >= start - EARLY
    places = joined.places[kept]
    times = _seconds_at(places, lived) - zero + rng.normal(0, 1, len(places)) * sigma
    beats = np.arange(np.ceil(start - EARLY), _last(places) + 1)
    downs = beats[beats % joined.meter == 0]
    return BeatSong(
        times,
        joined.lanes[kept],
        joined.velocities[kept],
        _seconds_at(beats, lived) - zero,
        _seconds_at(downs, lived) - zero,
    )


def _last(places: Floats) -> float:
    return float(places[-1]) if len(places) else 0.0


def _first_phrase(phrases: Phrases, rng: np.random.Generator) -> Phrase:
    if rng.random() < COMPOSED or not phrases.beats:
        return compose_phrase(rng)
    # Long grooves are few and hold the most; short ones must not be all that is heard.
    sizes = np.sqrt([phrase.n_bars for phrase in phrases.beats])
    phrase = phrases.beats[int(rng.choice(len(phrases.beats), p=sizes / sizes.sum()))]
    return _rebarred(phrase, rng) if phrase.meter == 4 and rng.random() < 0.12 else phrase


def _rate(phrase: Phrase, rng: np.random.Generator) -> float:
    """Return beats a minute: mostly near the phrase's own, sometimes anything from half to double.

    How a groove is counted depends on its tempo; too much stretching would unlearn that.
    """
    dice = rng.random()
    spread = 0.12 if dice < 0.6 or phrase.style == "composed" else 0.3
    factor = 2.0 ** rng.uniform(-0.9, 0.9) if dice > 0.87 else np.exp(rng.normal(0, spread))
    return float(np.clip(phrase.bpm * factor, SLOWEST, FASTEST))


def _rebarred(phrase: Phrase, rng: np.random.Generator) -> Phrase:
    """Make bars of 3, 5 or 7 beats of bars of 4: without the last, or with some of the next again."""
    meter = int(rng.choice([3, 3, 5, 7]))
    places, chosen = [], []
    for bar in range(phrase.n_bars):
        for beat in range(meter):
            wanted = 4 * bar + beat % 4
            inside = (phrase.places >= wanted - EARLY) & (phrase.places < wanted + 1 - EARLY)
            places.append(phrase.places[inside] - wanted + bar * meter + beat)
            chosen.append(np.flatnonzero(inside))
    taken = np.concatenate(chosen)
    return Phrase(
        np.concatenate(places),
        phrase.lanes[taken],
        phrase.velocities[taken],
        phrase.n_bars,
        meter,
        phrase.bpm,
        phrase.style,
    )


def _joined(first: Phrase, phrases: Phrases, n_beats: float, rng: np.random.Generator) -> Phrase:
    """Return a phrase of at least ``n_beats``: the first one over and over, with others, fills and breaks."""
    parts = [first.bars(_some_bar(first, rng), first.n_bars)]
    length = 0
    others = [p for p in phrases.beats if p.meter == first.meter and p.style == first.style] or [first]
    while length < n_beats:
        length += parts[-1].n_bars * first.meter
        parts.append(_next_part(first, others, phrases, rng))
    return _in_a_row(parts[:-1], first)


def _some_bar(phrase: Phrase, rng: np.random.Generator) -> int:
    return int(rng.integers(phrase.n_bars)) if phrase.n_bars > 8 and rng.random() < 0.7 else 0


def _next_part(first: Phrase, others: list[Phrase], phrases: Phrases, rng: np.random.Generator) -> Phrase:
    dice = rng.random()
    if dice < 0.05:
        return silent_phrase(int(rng.choice([1, 1, 2, 4, 8])), first)
    if dice < 0.2 and first.meter == 4 and phrases.fills:
        fill = phrases.fills[int(rng.integers(len(phrases.fills)))]
        return fill.bars(0, fill.n_bars)
    chosen = others[int(rng.integers(len(others)))] if dice < 0.4 else first
    begin = _some_bar(chosen, rng)
    return chosen.bars(begin, min(chosen.n_bars - begin, int(rng.choice([2, 4, 8, 16]))))


def _in_a_row(parts: Sequence[Phrase], like: Phrase) -> Phrase:
    starts = np.cumsum([0, *(part.n_bars for part in parts)]) * like.meter
    places = np.concatenate([part.places + start for part, start in zip(parts, starts, strict=False)])
    order = np.argsort(places, kind="stable")
    return Phrase(
        places[order],
        np.concatenate([part.lanes for part in parts])[order],
        np.concatenate([part.velocities for part in parts])[order],
        int(starts[-1]) // like.meter,
        like.meter,
        like.bpm,
        like.style,
    )


def _lived(n_beats: int, bpm: float, rng: np.random.Generator) -> Floats:
    """Return the seconds of beats in a tempo that is steady, drifts, sways, jumps or slows down."""
    n = n_beats + 2
    kind = rng.choice(5, p=[0.5, 0.27, 0.09, 0.07, 0.07])
    slower: Floats = np.zeros(n)  # logarithm of the length of each beat against the first
    if kind == 1:
        slower = np.cumsum(rng.normal(0, float(rng.choice([0.001, 0.003, 0.008])), n))
    elif kind == 2:
        sway = float(rng.uniform(0.03, 0.15))
        slower = np.asarray(sway * np.sin(np.arange(n) * 2 * np.pi / rng.uniform(6, 40)))
    elif kind == 3:
        jump = float(rng.normal(0, 0.12))
        slower = np.where(np.arange(n) >= 4 * rng.integers(2, max(3, n // 4)), jump, 0.0)
    elif kind == 4:
        slower = np.linspace(0.0, float(rng.normal(0, 0.25)), n)
    lengths = 60.0 / bpm * np.exp(np.clip(slower, -0.4, 0.4))
    return np.concatenate([[0.0], np.cumsum(lengths)])


def _seconds_at(places: Floats, seconds: Floats) -> Floats:
    """Return the seconds of places in beats, also of those a little before the first."""
    early = np.minimum(places, 0.0) * (seconds[1] - seconds[0])
    return np.asarray(np.interp(places, np.arange(len(seconds)), seconds) + early)


def _without_a_beat(seconds: float, rng: np.random.Generator) -> BeatSong:
    n = rng.poisson(seconds * rng.uniform(0.5, 6.0))
    nothing = np.zeros(0)
    lanes = rng.choice(rng.integers(0, 8, 3), n)
    return BeatSong(np.sort(rng.uniform(0, seconds, n)), lanes, rng.uniform(20, 127, n), nothing, nothing)
