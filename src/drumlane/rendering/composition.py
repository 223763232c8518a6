"""Composition: grooves from a seed, for who has no recorded ones.

Flow: a generator -> **composition** -> render, the miniature

A style is a bar of patterns, one for each drum, a character for each step: ``.`` rests, ``1`` to ``9`` are
how hard a stroke is. Every fourth bar ends in a fill over the toms and the next begins with a crash, so that
all lanes are played somewhere. Timing and velocity waver a little, as hands do. It is drumming to test tools
with, not music.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from drumlane.performance import Hit, Performance
from drumlane.timing import tempo_map_from_events
from drumlane.vocabulary import Drum

TIMING_SD = 0.006  # seconds, of a stroke around its place
VELOCITY_SD = 6.0
_LATEST = 0.02  # seconds; a stroke is never further from its place
_BARS_TO_A_FILL = 4
_TOMS = (Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW)


@dataclass(frozen=True, slots=True)
class Style:
    """One bar of a groove."""

    beats: int  # quarter notes a bar
    bpm: tuple[int, int]  # slowest and fastest
    patterns: Mapping[Drum, str]  # all of one length, a multiple of ``beats``

    @property
    def n_steps(self) -> int:
        """Steps a bar."""
        return len(next(iter(self.patterns.values())))

    @property
    def time_signature(self) -> str:
        """As tables write it."""
        return f"{self.beats}-4"


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "rock": Style(
            4,
            (90, 150),
            {
                Drum.KICK: "9.......9.7.....",
                Drum.SNARE: "....9.......9..2",
                Drum.HIHAT_CLOSED: "7.5.7.5.7.5.7...",
                Drum.HIHAT_OPEN: "..............7.",
            },
        ),
        "funk": Style(
            4,
            (85, 115),
            {
                Drum.KICK: "9..6......8..5..",
                Drum.SNARE: "....9..2.2..9..2",
                Drum.HIHAT_CLOSED: "7363736373637363",
                Drum.SNARE_RIM: "..............5.",
            },
        ),
        "jazz": Style(
            4,
            (110, 190),
            {
                Drum.RIDE: "7..7.5...7.5",
                Drum.HIHAT_PEDAL: "...6.....6..",
                Drum.KICK: "4........3..",
                Drum.SNARE: ".....3..4...",
                Drum.RIDE_BELL: "......5.....",
            },
        ),
        "latin": Style(
            4,
            (95, 130),
            {
                Drum.KICK: "8..6....8..6....",
                Drum.SIDE_STICK: "7..7..7...7.7...",
                Drum.RIDE_BELL: "7.7.7.7.7.7.7.7.",
                Drum.TOM_LOW: "............5.6.",
                Drum.HIHAT_PEDAL: "....6.......6...",
            },
        ),
        "hiphop": Style(
            4,
            (75, 100),
            {
                Drum.KICK: "9......5..8.....",
                Drum.SNARE: "....8.......8...",
                Drum.HIHAT_CLOSED: "6.4.6.4.6.4.6.45",
            },
        ),
        "waltz": Style(
            3,
            (90, 160),
            {
                Drum.KICK: "8...........",
                Drum.SNARE: "....5...5...",
                Drum.RIDE: "7...6.4.6...",
                Drum.HIHAT_PEDAL: "....5...5...",
            },
        ),
        "metal": Style(
            4,
            (120, 180),
            {
                Drum.KICK: "9.9.9.9.99999999",
                Drum.SNARE: "....9.......9...",
                Drum.RIDE: "8...8.......8...",
                Drum.CRASH2: "........8.......",
            },
        ),
    }
)


def compose(style: Style, bpm: float, seconds: float, rng: np.random.Generator) -> Performance:
    """Return a groove of at most ``seconds``, in whole steps.

    Args:
        style: what is played.
        bpm: quarter notes a minute.
        seconds: length of the performance; hits lie before its end.
        rng: decides fills, timing and velocities.
    """
    step = 60.0 / bpm * style.beats / style.n_steps
    n_bars = int(np.ceil(seconds / (step * style.n_steps)))
    hits = [
        _played(place * step, drum, loudness, rng)
        for bar in range(n_bars)
        for place, drum, loudness in _bar(style, bar, rng)
    ]
    tempo = tempo_map_from_events([(0.0, bpm)], [(0.0, style.beats, 4)])
    return Performance.of((hit for hit in hits if hit.time < seconds), seconds, tempo)


def compose_fill(style: Style, bpm: float, rng: np.random.Generator) -> Performance:
    """Return one bar that is all fill, and the crash it leads to."""
    step = 60.0 / bpm * style.beats / style.n_steps
    strokes = [*_fill(0, style.n_steps, rng), (style.n_steps, Drum.CRASH, 9), (style.n_steps, Drum.KICK, 9)]
    hits = [_played(place * step, drum, loudness, rng) for place, drum, loudness in strokes]
    tempo = tempo_map_from_events([(0.0, bpm)], [(0.0, style.beats, 4)])
    return Performance.of(hits, (style.n_steps + style.n_steps / style.beats) * step, tempo)


_Stroke = tuple[int, Drum, int]  # step of the piece, drum, loudness 1..9


def _bar(style: Style, bar: int, rng: np.random.Generator) -> Iterator[_Stroke]:
    first, n_steps = bar * style.n_steps, style.n_steps
    filled = bar % _BARS_TO_A_FILL == _BARS_TO_A_FILL - 1
    groove_end = n_steps // 2 if filled else n_steps
    for drum, pattern in style.patterns.items():
        for step, loudness in enumerate(pattern[:groove_end]):
            if loudness != ".":
                yield first + step, drum, int(loudness)
    if filled:
        yield from _fill(first + groove_end, n_steps - groove_end, rng)
    if bar % _BARS_TO_A_FILL == 0:
        yield first, Drum.CRASH, 9


def _fill(first: int, n_steps: int, rng: np.random.Generator) -> Iterator[_Stroke]:
    """Walk from the snare down the toms, each of them at least once."""
    voices = (Drum.SNARE, *_TOMS)
    for step in range(n_steps):
        voice = voices[step * len(voices) // n_steps]
        if step * len(voices) % n_steps < len(voices) or rng.random() < 0.8:
            yield first + step, voice, int(rng.integers(6, 10))


def _played(time: float, drum: Drum, loudness: int, rng: np.random.Generator) -> Hit:
    wavering = float(np.clip(rng.normal(0, TIMING_SD), -_LATEST, _LATEST))
    velocity = np.clip(14 * loudness + rng.normal(0, VELOCITY_SD), 1, 127)
    return Hit(max(0.0, time + wavering), drum, int(velocity))
