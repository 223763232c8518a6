"""Beats: the hits of a piece become its tempo map; the hits stay where they are.

Flow: decoding -> **beats** (hit_frames, pulse, tempo_fit, levels, meters, bars, tempo_layout) -> TempoMap

What the user knows (tempo, first bar line, time signature) is believed, the rest is heard. Without a beat the
map is 120 bpm in 4/4, and the log says so.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ConfigError
from drumlane.files import shown
from drumlane.models.beat_model import BeatModel, load_beat_model
from drumlane.performance import Performance
from drumlane.timing import DEFAULT_BPM, TempoMap
from drumlane.transcription.bars import Bars, best_bars
from drumlane.transcription.hit_frames import FPS, hit_frames, strokes_of
from drumlane.transcription.levels import slower_step
from drumlane.transcription.meters import (
    COMPOUND,
    COMPOUND_FASTEST,
    EIGHTHS_FROM,
    SIMPLE,
    Meter,
    in_threes,
)
from drumlane.transcription.pulse import best_beats, evenly_filled
from drumlane.transcription.tempo_fit import (
    Steady,
    Struck,
    fixed_interval,
    snapped,
    steady_stretches,
    struck_beats,
)
from drumlane.transcription.tempo_layout import constant_map, tempo_map
from drumlane.transcription.trackers import AUDIO_TRACKERS, NONE, OWN, check_tracker

SLOWEST_BPM, FASTEST_BPM = 20.0, 480.0  # of quarter notes, that a user may name
LATEST_OFFSET = 86400.0  # seconds
_LEAST_BEATS = 4
_ENOUGH_HITS = 16  # that no beat is in so many is worth a warning; in a few strokes nobody looks for one
_NEAR_SECONDS = 1.0  # there is playing so near to a stroke
_LEAST_BELIEF = 0.15  # mean activation of the beats, 0..1
_CANDIDATE = 0.04  # a tempo may be this far from a named one, of it
_NAMED = 0.012  # and from the one that is named
_SILENT = 10.0  # beats; the map is not counted back further than to the first stroke, and never more

Floats = NDArray[np.float64]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BeatOptions:
    """What is known of a piece's beats; None is heard."""

    tracker: str = OWN  # of ``trackers.TRACKERS``; "none" writes 120 bpm
    bpm: float | None = None  # quarter notes a minute, for the whole piece
    offset: float | None = None  # seconds of the first bar line
    time_signature: Meter | None = None
    tempo_candidates: tuple[float, ...] = ()  # quarter notes a minute; the tempo is near one of them

    def __post_init__(self) -> None:
        check_tracker(self.tracker)
        check_bpm(*(() if self.bpm is None else (self.bpm,)), *self.tempo_candidates)
        check_offset(self.offset)
        if self.bpm is not None and self.tempo_candidates:
            raise ConfigError("a tempo and candidates for it contradict each other; pass one of them")


def check_bpm(*tempos: float) -> None:
    """Refuse tempos that no piece has.

    Raises:
        ConfigError: one of them is outside the bounds.
    """
    for bpm in tempos:
        if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
            raise ConfigError(f"{bpm:g} bpm is outside {SLOWEST_BPM:g} to {FASTEST_BPM:g}")


def check_offset(offset: float | None) -> None:
    """Refuse what is no time in a recording.

    Raises:
        ConfigError: it is negative or no number.
    """
    if offset is not None and not (isfinite(offset) and 0 <= offset <= LATEST_OFFSET):
        raise ConfigError(f"{offset:g} must be seconds, 0 to {LATEST_OFFSET:g}")


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """Beats of a piece, as they were found."""

    beats: Floats  # seconds, ascending, at least ``_LEAST_BEATS``
    downbeat: Callable[[Floats], Floats]  # activation at given seconds, 0..1


class BeatTracker:
    """The beat network, loaded when it is first needed, for many pieces."""

    def __init__(self, options: BeatOptions | None = None, threads: int | None = None) -> None:
        self.options = options or BeatOptions()
        self._threads = threads
        self._model: BeatModel | None = None

    def tempo(self, performance: Performance, source: Path | None = None) -> TempoMap:
        """Return the tempo map of a piece.

        Args:
            performance: its hits.
            source: its sound; trackers other than our own hear it.

        Raises:
            ConfigError: a tracker that hears sound was asked for, but there is no file.
            DrumlaneError: that tracker is not installed.
        """
        known, meter = self.options, self.options.time_signature or Meter(4, 4)
        if known.tracker == NONE or (known.bpm is not None and known.offset is not None):
            return constant_map(known.bpm or DEFAULT_BPM, known.offset or 0.0, meter)
        heard = self._heard(performance, source)
        if heard is None:
            return self._without_beats(performance, meter, source)
        return _laid_out(heard, performance, known)

    def _without_beats(self, performance: Performance, meter: Meter, source: Path | None) -> TempoMap:
        bpm, n_hits = self.options.bpm or DEFAULT_BPM, len(performance)
        say = _log.warning if n_hits >= _ENOUGH_HITS else _log.info
        where = f"{shown(source)}: " if source else ""
        say("%sno beat found in %d hits; the tempo is written as %g bpm", where, n_hits, bpm)
        return constant_map(bpm, self.options.offset or 0.0, meter)

    def _heard(self, performance: Performance, source: Path | None) -> _Heard | None:
        if self.options.tracker in AUDIO_TRACKERS:
            if source is None:
                raise ConfigError(f"tracker {self.options.tracker} hears sound files only; pass a path")
            return _of_times(*AUDIO_TRACKERS[self.options.tracker](source))
        if len(performance) < _LEAST_BEATS:
            return None
        activations, played = self._activations(performance)
        return _of_activations(activations, played, _rates(self.options))

    def _activations(self, performance: Performance) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what the network hears, and where there is playing."""
        self._model = self._model or load_beat_model(threads=self._threads)
        strokes = hit_frames(*strokes_of(performance), int(performance.duration * FPS) + 1)
        return self._model.run(strokes), _played(strokes)


def _rates(options: BeatOptions) -> tuple[tuple[float, float], ...]:
    """Return the ranges of beats a minute that a user's tempos leave."""
    quarters = options.time_signature.quarters if options.time_signature else 1.0
    named = options.tempo_candidates if options.bpm is None else (options.bpm,)
    width = _CANDIDATE if options.bpm is None else _NAMED
    return tuple((bpm / quarters * (1 - width), bpm / quarters * (1 + width)) for bpm in named)


def _played(strokes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether there is a stroke within a second of each frame."""
    struck = np.concatenate([[0], np.cumsum(strokes.any(axis=1))]).astype(np.int32)
    frames, near = np.arange(len(strokes), dtype=np.int32), round(_NEAR_SECONDS * FPS)
    behind = struck[np.minimum(frames + near + 1, len(strokes))]
    return np.asarray(behind > struck[np.maximum(frames - near, 0)])


def _of_activations(
    activations: NDArray[np.float32], played: NDArray[np.bool_], rates: tuple[tuple[float, float], ...]
) -> _Heard | None:
    beat, downbeat = activations.T
    pulse = best_beats(beat, rates, played)
    if len(pulse.frames) < _LEAST_BEATS or beat[pulse.frames].mean() < _LEAST_BELIEF:
        return None
    return _Heard(evenly_filled(pulse) / FPS, lambda seconds: _near(downbeat, seconds))


def _near(activation: NDArray[np.float32], seconds: Floats) -> Floats:
    """Return the most there is within a frame of each time."""
    frames = np.rint(seconds * FPS).astype(np.intp)[:, None] + np.array([-1, 0, 1])
    near = activation[np.clip(frames, 0, len(activation) - 1)].max(axis=1)
    return np.asarray(near, dtype=np.float64)


def _of_times(beats: Floats, downbeats: Floats) -> _Heard | None:
    if len(beats) < _LEAST_BEATS:
        return None

    def near_a_downbeat(seconds: Floats) -> Floats:
        if not len(downbeats):
            return np.full(len(seconds), 0.5)
        distance = np.abs(seconds[:, None] - downbeats[np.newaxis]).min(axis=1)
        return np.where(distance < 0.07, 0.95, 0.05)

    return _Heard(beats, near_a_downbeat)


def _laid_out(heard: _Heard, performance: Performance, known: BeatOptions) -> TempoMap:
    strokes, lanes, forces = strokes_of(performance)
    struck = struck_beats(heard.beats, strokes, forces)
    if known.bpm is None and not known.tempo_candidates and known.tracker == OWN:
        step = slower_step(struck.times, strokes, lanes)
        struck = Struck(struck.times[step.first :: step.size], struck.weights[step.first :: step.size])
    rate = 60.0 / float(np.median(np.diff(struck.times)))
    meters, quarters = _meters(struck, strokes, rate, known.time_signature)
    bars = best_bars(heard.downbeat(struck.times), meters)
    if known.time_signature is None and bars.meters[0] in (5, 7) and rate >= EIGHTHS_FROM:
        quarters = 0.5
    if known.offset is not None:
        bars = _from(bars, int(np.abs(struck.times - known.offset).argmin()), len(struck.times))
    steady = _steady(struck, quarters, known.bpm)
    early = _beats_before(steady, strokes)
    return tempo_map(_earlier(steady, early), Bars(bars.first_beats + early, bars.meters), quarters)


def _meters(
    struck: Struck, strokes: Floats, rate: float, meter: Meter | None
) -> tuple[Mapping[int, float], float]:
    """Return the metres, in beats a bar, that come into question, and the quarter notes of a beat."""
    if meter is not None:
        return {meter.beats: 0.0}, meter.quarters
    if rate <= COMPOUND_FASTEST and in_threes(struck.times, strokes):
        return COMPOUND, 1.5
    return SIMPLE, 1.0


def _steady(struck: Struck, quarters: float, bpm: float | None) -> Steady:
    if bpm is not None:
        return fixed_interval(struck, 60.0 * quarters / bpm)
    return snapped(steady_stretches(struck), struck, 60.0 * quarters)


def _from(bars: Bars, first: int, n_beats: int) -> Bars:
    """Return bars that begin at a given beat, in the metre that there is most of."""
    meters, counts = np.unique(bars.meters, return_counts=True)
    lines = np.arange(first, n_beats, int(meters[counts.argmax()]))
    return Bars(lines, np.full(len(lines), meters[counts.argmax()]))


def _beats_before(steady: Steady, strokes: Floats) -> int:
    """Return how many beats there are to count back to the first stroke."""
    if not len(strokes):
        return 0
    late = float(steady.seconds[0] - strokes[0]) / float(steady.intervals[0])
    return int(np.clip(np.floor(late + 0.1), 0, _SILENT))


def _earlier(steady: Steady, n_beats: int) -> Steady:
    """Return the stretches with some beats before them, at the first tempo."""
    knots, seconds = steady.knots + n_beats, steady.seconds.copy()
    knots[0], seconds[0] = 0, seconds[0] - n_beats * float(steady.intervals[0])
    return Steady(knots, seconds)
