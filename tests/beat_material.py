"""Plain grooves with beats that are known, for tests of the beat tracker."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit, Performance
from drumlane.timing import TempoMap
from drumlane.vocabulary import Drum

# Of each bar: eighths, or triplets in threes, on which a drum is struck.
_BARS: Mapping[str, tuple[int, int, Mapping[Drum, tuple[int, ...]]]] = MappingProxyType(
    {  # beats a bar, strokes a beat
        "rock": (
            4,
            2,
            {Drum.KICK: (0, 4), Drum.SNARE: (2, 6), Drum.HIHAT_CLOSED: tuple(range(8))},
        ),
        "waltz": (3, 2, {Drum.KICK: (0,), Drum.SNARE: (2, 4), Drum.HIHAT_CLOSED: tuple(range(6))}),
        "six": (2, 3, {Drum.KICK: (0,), Drum.SNARE: (3,), Drum.HIHAT_CLOSED: tuple(range(6))}),
        "half": (4, 2, {Drum.KICK: (0, 3), Drum.SNARE: (4,), Drum.HIHAT_CLOSED: tuple(range(8))}),
        "double": (4, 2, {Drum.KICK: (0, 2, 4, 6), Drum.SNARE: (1, 3, 5, 7), Drum.RIDE: (0, 2, 4, 6)}),
        "shuffle": (
            4,
            3,
            {Drum.KICK: (0, 6), Drum.SNARE: (3, 9), Drum.RIDE: (0, 2, 3, 5, 6, 8, 9, 11)},
        ),
    }
)


def groove(
    kind: str,
    bpm: float = 120.0,
    seconds: float = 30.0,
    start: float = 0.0,
    waver: float = 0.0,
    seconds_of: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Performance:
    """Return a groove with a crash every eight bars; ``bpm`` are beats a minute.

    ``seconds_of`` says when beats are that are not even; ``waver`` is how far strokes are from their places.
    """
    meter, steps, bar = _BARS[kind]
    rng = np.random.default_rng(0)
    hits = []
    for step in range(int((seconds - start) * bpm / 60.0 * steps)):
        place = np.array([step / steps])
        click = start + float(seconds_of(place)[0] if seconds_of else place[0] * 60.0 / bpm)
        struck = [drum for drum, places in bar.items() if step % (meter * steps) in places]
        struck += [Drum.CRASH] * (step % (8 * meter * steps) == 0)
        times = click + waver * rng.standard_normal(len(struck))
        hits += [Hit(max(0.0, float(t)), drum, 95) for t, drum in zip(times, struck, strict=True)]
    return Performance.of((hit for hit in hits if hit.time < seconds), seconds)


def usual_bpm(tempo: TempoMap, end: float) -> float:
    """Return the tempo that most of a piece has."""
    starts = np.minimum(tempo.beats_to_seconds([change.beat for change in tempo.changes]), end)
    return tempo.changes[int(np.diff([*starts, end]).argmax())].bpm


def usual_signature(tempo: TempoMap, end: float) -> str:
    """Return the time signature that most of a piece has."""
    last = float(tempo.seconds_to_beats(end))
    starts = np.minimum([signature.beat for signature in tempo.signatures], last)
    signature = tempo.signatures[int(np.diff([*starts, last]).argmax())]
    return f"{signature.numerator}/{signature.denominator}"
