"""Timing: seconds, beats and ticks.

A ``TempoMap`` says where the beats are; it is laid beside raw times and never changes them. Beats are
quarter notes, beat 0 is at second 0, ticks are beats × ticks per beat, rounded to the nearest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEFAULT_BPM = 120.0
TICKS_PER_BEAT = 960  # 0.52 ms a tick at 120 bpm: half a tick is a quarter of the promised millisecond


@dataclass(frozen=True, slots=True, order=True)
class TempoChange:
    """From ``beat`` on, ``bpm`` quarter notes a minute."""

    beat: float  # quarter notes from the start, >= 0
    bpm: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.bpm) and self.bpm > 0):
            raise ValueError(f"bpm={self.bpm} must be a positive number")
        if not (np.isfinite(self.beat) and self.beat >= 0):
            raise ValueError(f"beat={self.beat} must be a number >= 0")


@dataclass(frozen=True, slots=True, order=True)
class TimeSignature:
    """From ``beat`` on, bars of ``numerator`` notes of 1/``denominator``."""

    beat: float  # quarter notes from the start, >= 0
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.numerator < 1 or self.denominator < 1 or self.denominator & (self.denominator - 1):
            raise ValueError(
                f"time signature {self.numerator}/{self.denominator}: the numerator must be >= 1 "
                "and the denominator a power of two"
            )

    @property
    def bar(self) -> float:
        """Quarter notes in a bar."""
        return self.numerator * 4.0 / self.denominator


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Tempo and time signatures of a piece; the first change is at beat 0."""

    changes: tuple[TempoChange, ...] = (TempoChange(0.0, DEFAULT_BPM),)
    signatures: tuple[TimeSignature, ...] = (TimeSignature(0.0, 4, 4),)

    def __post_init__(self) -> None:
        if not self.changes or self.changes[0].beat != 0:
            raise ValueError("a tempo map needs a tempo at beat 0")
        beats = [c.beat for c in self.changes]
        if any(b <= a for a, b in pairwise(beats)):
            raise ValueError(f"tempo changes must be at increasing beats, not {beats}")

    @classmethod
    def constant(cls, bpm: float) -> "TempoMap":
        """Return a map with one tempo."""
        return cls((TempoChange(0.0, bpm),))

    def delayed(self, beats: float) -> "TempoMap":
        """Return the map after ``beats`` of lead-in at its first tempo and time signature."""
        first, *changes = self.changes
        moved = tuple(TempoChange(c.beat + beats, c.bpm) for c in changes)
        signatures = tuple(
            TimeSignature(s.beat + beats if s.beat else 0.0, s.numerator, s.denominator)
            for s in self.signatures
        )
        return TempoMap((first, *moved), signatures)

    def as_held(self, ticks_per_beat: int, hold: Callable[[float], float]) -> "TempoMap":
        """Return the map as a file keeps it: beats on ticks, and of every tempo what ``hold`` makes of it."""

        def on_tick(beat: float) -> float:
            return round(beat * ticks_per_beat) / ticks_per_beat

        tempos = [(on_tick(change.beat), hold(change.bpm)) for change in self.changes]
        signatures = [(on_tick(s.beat), s.numerator, s.denominator) for s in self.signatures]
        return tempo_map_from_events(tempos, signatures)

    def bar_starts(self, until: float) -> NDArray[np.float64]:
        """Return the beats at which bars begin, below ``until`` (quarter notes), shape (bars,)."""
        starts: list[NDArray[np.float64]] = []
        for signature, following in pairwise([*self.signatures, None]):
            assert signature is not None
            end = until if following is None else min(until, following.beat)
            n = max(0, int(np.ceil((end - signature.beat) / signature.bar - 1e-9)))
            starts.append(np.asarray(signature.beat + signature.bar * np.arange(n)))
        return np.concatenate(starts)

    def bars_at(self, beats: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return for each beat the number of its bar, from 0, and that bar's first beat and length."""
        wanted = np.asarray(beats, dtype=np.float64)
        firsts = np.array([s.beat for s in self.signatures])
        lengths = np.array([s.bar for s in self.signatures])
        bars_before = np.concatenate([[0.0], np.cumsum(np.ceil(np.diff(firsts) / lengths[:-1] - 1e-9))])
        at = np.clip(np.searchsorted(firsts, wanted, side="right") - 1, 0, None)
        inside = np.maximum(0.0, np.floor((wanted - firsts[at]) / lengths[at]))
        numbers = np.asarray(bars_before[at] + inside, dtype=np.intp)
        return numbers, firsts[at] + inside * lengths[at], lengths[at]

    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        beats = np.array([c.beat for c in self.changes])
        seconds_per_beat = np.array([60.0 / c.bpm for c in self.changes])
        seconds = np.concatenate([[0.0], np.cumsum(np.diff(beats) * seconds_per_beat[:-1])])
        return beats, seconds, seconds_per_beat

    def beats_to_seconds(self, beats: ArrayLike) -> NDArray[np.float64]:
        """Return the times of ``beats`` in seconds, same shape."""
        knots, seconds, seconds_per_beat = self._knots()
        wanted = np.asarray(beats, dtype=np.float64)
        i = np.clip(np.searchsorted(knots, wanted, side="right") - 1, 0, None)
        return np.asarray(seconds[i] + (wanted - knots[i]) * seconds_per_beat[i])

    def seconds_to_beats(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """Return the beats at ``seconds``, same shape; the inverse of ``beats_to_seconds``."""
        knots, starts, seconds_per_beat = self._knots()
        wanted = np.asarray(seconds, dtype=np.float64)
        i = np.clip(np.searchsorted(starts, wanted, side="right") - 1, 0, None)
        return np.asarray(knots[i] + (wanted - starts[i]) / seconds_per_beat[i])

    def seconds_to_ticks(self, seconds: ArrayLike, ticks_per_beat: int = TICKS_PER_BEAT) -> NDArray[np.int64]:
        """Return the nearest ticks to ``seconds``."""
        return np.rint(self.seconds_to_beats(seconds) * ticks_per_beat).astype(np.int64)

    def ticks_to_seconds(self, ticks: ArrayLike, ticks_per_beat: int = TICKS_PER_BEAT) -> NDArray[np.float64]:
        """Return the times of ``ticks`` in seconds."""
        return self.beats_to_seconds(np.asarray(ticks, dtype=np.float64) / ticks_per_beat)


def tempo_map_from_events(
    tempos: Sequence[tuple[float, float]], signatures: Sequence[tuple[float, int, int]] = ()
) -> TempoMap:
    """Build a map from (beat, bpm) and (beat, numerator, denominator) events as files hold them.

    Of several events on one beat the last one counts; a missing start is filled with 120 bpm and 4/4.
    """
    by_beat = {0.0: DEFAULT_BPM} | dict(sorted(tempos, key=lambda e: e[0]))
    meters = {0.0: (4, 4)} | {b: (n, d) for b, n, d in sorted(signatures, key=lambda e: e[0])}
    return TempoMap(
        tuple(TempoChange(beat, bpm) for beat, bpm in sorted(by_beat.items())),
        tuple(TimeSignature(beat, n, d) for beat, (n, d) in sorted(meters.items())),
    )
