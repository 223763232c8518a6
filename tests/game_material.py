"""What the tests of the games' formats share: performances that games play, and files that are broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import FormatError
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

GOLDEN = Path(__file__).parent / "golden"
MILLISECOND = 0.001
Reader = Callable[[Path], Performance]


def groove() -> Performance:
    """Two bars of 4/4 at 120 and at 90 bpm, one of 3/4: every drum, on sixteenths; what golden files hold."""
    tempo = TempoMap(
        (TempoChange(0.0, 120.0), TempoChange(4.0, 90.0)),
        (TimeSignature(0.0, 4, 4), TimeSignature(8.0, 3, 4)),
    )
    strokes = [(0.5 * i, drum, 20 + 5 * i) for i, drum in enumerate(Drum)] + [(0.0, Drum.KICK, 127)]
    beats = [beat for beat, _, _ in strokes]
    hits = [
        Hit(time, drum, velocity)
        for time, (_, drum, velocity) in zip(tempo.beats_to_seconds(beats).tolist(), strokes, strict=True)
    ]
    song = Song(
        title="Golden: groove",
        artist="Drümmer",
        genre="Rock",
        charter="drumlane",
        audio=Path("song.ogg"),
        preview=1.5,
        sections=(Section(2.0, "verse"),),
    )
    return Performance(tuple(hits), tempo, 0.0, song)


def random_performance(rng: np.random.Generator, longest: float = 600.0) -> Performance:
    """Draw a song whose tempo moves and whose meter changes on bar lines, unquantised."""
    n_bars = int(rng.integers(2, 8))
    meters = [[(4, 4), (3, 4), (6, 8), (7, 8), (2, 4)][int(rng.integers(5))] for _ in range(n_bars)]
    beats = np.concatenate([[0.0], np.cumsum([8 * 4 * n / d for n, d in meters[:-1]])]).tolist()
    signatures = [TimeSignature(beat, n, d) for beat, (n, d) in zip(beats, meters, strict=True)]
    knots = sorted({0.0, *rng.integers(1, 400, int(rng.integers(0, 40))).astype(float).tolist()})
    base = float(rng.uniform(50, 240))
    changes = [TempoChange(knot, base * float(rng.uniform(0.9, 1.1))) for knot in knots]
    length = float(rng.uniform(1, longest))
    drums = list(Drum)
    hits = [
        Hit(float(time), drums[int(rng.integers(len(drums)))], int(rng.integers(1, 128)))
        for time in rng.uniform(0, length, int(rng.integers(1, 80)))
    ]
    return Performance(tuple(hits), TempoMap(tuple(changes), tuple(signatures)))


def long_performance(n_hits: int = 40_000) -> Performance:
    """An hour with a tempo of its own in every bar."""
    rng = np.random.default_rng(7)
    changes = [TempoChange(4.0 * i, float(rng.normal(120, 2))) for i in range(1790)]
    times = np.sort(rng.uniform(0, 3600, n_hits)).tolist()
    drums = list(Drum)
    chosen = rng.integers(0, len(drums), n_hits).tolist()
    velocities = rng.integers(1, 128, n_hits).tolist()
    hits = tuple(
        Hit(time, drums[drum], velocity)
        for time, drum, velocity in zip(times, chosen, velocities, strict=True)
    )
    return Performance(hits, TempoMap(tuple(changes)), 3600.0, Song(title="An hour", audio=Path("hour.ogg")))


def times_of(performance: Performance, drum: Drum) -> NDArray[np.float64]:
    return np.array([hit.time for hit in performance if hit.drum is drum])


def farthest(written: NDArray[np.float64], read: NDArray[np.float64]) -> float:
    """Return how far the times of one drum have moved at most, either way; hits may have become one."""
    assert (len(written) > 0) == (len(read) > 0)
    if not len(written):
        return 0.0
    apart = np.abs(written[:, None] - read[None, :])
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def without_song(performance: Performance) -> Performance:
    return replace(performance, song=Song())


def read_or_refused(read: Reader, path: Path, content: bytes) -> str:
    """Return the error's text, or nothing; whatever else is raised is a defect."""
    path.write_bytes(content)
    try:
        read(path)
    except FormatError as error:
        message = str(error)
        assert message.startswith(str(path))
        assert "\n" not in message
        return message
    return ""


def nested(depth: int) -> str:
    return json.dumps([]).replace("[]", "[" * depth + "]" * depth)
