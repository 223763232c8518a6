"""Pulse: the best path of beats through an activation, by dynamic programming over places and intervals.

Flow: models (beats) -> **pulse** -> transcription.bars

A path is a row of beats. Each beat counts the log-odds of its activation and, mildly, how usual its tempo is,
so that of a tempo and its double the one wins that the network means and not the one that covers more. A
change of interval costs more the larger it is. A path may begin late, end early, or stop and begin again;
that costs by the second, as far as there is playing, so that weak beats are kept and only what has no beat is
left out. Beats of a break between two parts are then counted evenly.

It is the bar pointer model without its frames between beats, whose part in the sum does not depend on the
path. After: Krebs, Böck and Widmer, "An efficient state-space model for joint tempo and meter tracking",
ISMIR 2015; Ellis, "Beat tracking by dynamic programming", JNMR 2007.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.hit_frames import FPS

SLOWEST, FASTEST = 50.0, 240.0  # beats a minute
USUAL = 115.0
UNUSUAL = 0.1  # price of a beat whose tempo is an octave from the usual one
BIAS = 0.5  # added to the log-odds: a beat that is nearly half believed is one
CHANGE = 60.0  # price of a change of interval, by the logarithm of its ratio
RESTART = 20.0  # price of stopping and beginning again
LEFT_OUT = 0.5  # price of a second of playing that no beat is found in
_FREE = 1.0  # frames; a change that intervals of whole frames need even in a steady tempo
_WIDEST = 0.16  # largest change of interval from beat to beat, of the interval
_AROUND = 8  # beats
_LOGIT = 5.0

Floats = NDArray[np.float64]
Frames = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pulse:
    """A row of beats, perhaps in several parts."""

    frames: Frames  # (beats,), ascending
    begins_again: NDArray[np.bool_]  # (beats,), whether a part that is not the first begins with the beat


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """Which intervals may follow which; P intervals, K changes."""

    periods: Frames  # (P,), frames, ascending, without gaps
    allowed: NDArray[np.float32]  # (P,), price of each interval for its tempo; inf if it is not wanted
    before: Frames  # (P, K), number of the interval before
    price: NDArray[np.float32]  # (P, K)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Paths that end with a beat in frame t after interval p: how they came there, and which is best in t.

    Scores are kept of the last frames only, in a ring: the table of three hours is 30 MB.
    """

    score: NDArray[np.float32]  # (ring, P); that of frame t is in row t modulo the ring's length
    came: NDArray[np.int8]  # (frames, P), number of the change; -1: the path begins (again) one interval ago
    restart: NDArray[np.int32]  # (frames,), where the path was before it began again here; -1: nowhere
    best: NDArray[np.float32]  # (frames,), score of the best path that ends here
    period: NDArray[np.uint8]  # (frames,), number of its interval


def best_beats(
    activation: NDArray[np.floating],
    rates: tuple[tuple[float, float], ...] = (),
    played: NDArray[np.bool_] | None = None,
) -> Pulse:
    """Return the beats; none where nothing speaks for a beat.

    Args:
        activation: of beats, shape (frames,), 0..1.
        rates: ranges of beats a minute to which tempos are bound; empty for all between the bounds.
        played: whether there is playing in each frame; None where nobody knows.
    """
    moves = _moves(rates)
    reach = int(moves.periods[-1])
    odds = np.clip(activation, 1e-4, 1 - 1e-4).astype(np.float32)
    gain = np.clip(np.log(odds / (1 - odds)), -_LOGIT, _LOGIT) + np.float32(BIAS)
    # Beats may begin with the first frame: the beat before it lies in the padding.
    padded = np.pad(gain, (reach, 0), constant_values=np.float32(-_LOGIT))
    left_out = np.zeros(len(padded), np.float32)
    if played is not None:
        left_out[reach:] = LEFT_OUT / FPS * np.cumsum(played, dtype=np.float32)
    pulse = _trace(_fill(padded, left_out, moves), left_out, moves)
    inside = pulse.frames >= reach
    return Pulse(pulse.frames[inside] - reach, pulse.begins_again[inside])


def evenly_filled(pulse: Pulse) -> Floats:
    """Return the frames of the beats, with those that are missing between two parts put in evenly.

    There are as many of them as the usual interval of the beats around says.
    """
    steps = np.diff(pulse.frames).astype(np.float64)
    breaks = np.flatnonzero(pulse.begins_again[1:])
    counts = np.ones(len(steps))
    for place in breaks.tolist():
        near = slice(max(0, place - _AROUND), place + _AROUND + 1)
        usual = steps[near][~pulse.begins_again[1:][near]]
        counts[place] = max(1.0, np.rint(steps[place] / np.median(usual))) if len(usual) else 1.0
    places = np.concatenate([[0.0], np.cumsum(counts)])
    return np.interp(np.arange(places[-1] + 1), places, pulse.frames)


def _moves(rates: tuple[tuple[float, float], ...]) -> _Moves:
    slowest = min([SLOWEST, *(low for low, _ in rates)])
    fastest = max([FASTEST, *(high for _, high in rates)])
    periods = np.arange(int(FPS * 60 / fastest), int(np.ceil(FPS * 60 / slowest)) + 1)
    widest = int(np.ceil(_WIDEST * periods[-1]))
    before = np.arange(len(periods))[:, None] + np.arange(-widest, widest + 1)
    inside = (before >= 0) & (before < len(periods))
    before = np.clip(before, 0, len(periods) - 1)
    other, own = periods[before], periods[:, None]
    price = CHANGE * np.maximum(0.0, np.abs(np.log(own / other)) - _FREE / other)
    price[~inside | (np.abs(own - other) > np.maximum(1, _WIDEST * own))] = np.inf
    return _Moves(periods, _allowed(periods, rates), before, price.astype(np.float32))


def _allowed(periods: Frames, rates: tuple[tuple[float, float], ...]) -> NDArray[np.float32]:
    """Return the price of each interval for its tempo; where rates are named, only they have one."""
    length = FPS * 60.0
    if not rates:
        return (UNUSUAL * np.log2(length / periods / USUAL) ** 2).astype(np.float32)
    wanted = [(length / high - 0.5 <= periods) & (periods <= length / low + 0.5) for low, high in rates]
    return np.where(np.any(wanted, axis=0), 0.0, np.inf).astype(np.float32)


def _fill(gain: NDArray[np.float32], left_out: NDArray[np.float32], moves: _Moves) -> _Table:
    """Fill the table, as many frames at once as the shortest interval has: they cannot follow each other.

    ``left_out`` is the price of all playing up to each frame.
    """
    n_frames, n_periods = len(gain), len(moves.periods)
    reach, block = int(moves.periods[-1]), int(moves.periods[0])
    table = _Table(
        np.full((reach + 2 * block, n_periods), -np.inf, np.float32),
        np.full((n_frames, n_periods), -1, np.int8),
        np.full(n_frames, -1, np.int32),
        np.full(n_frames, -np.inf, np.float32),
        np.zeros(n_frames, np.uint8),
    )
    begin = np.zeros(n_frames, np.float32)  # what a path is worth that begins (again) in a frame
    best, where = -np.inf, -1  # of the paths so far, without the price of what is behind them
    for first in range(reach, n_frames, block):
        frames = np.arange(first, min(first + block, n_frames))
        begin[frames] = max(0.0, best - RESTART) - left_out[frames]
        table.restart[frames] = where if best > RESTART else -1
        _fill_block(table, frames, gain, begin, moves)
        # Only what is more than an interval away: nearer, a path goes on.
        near = slice(max(0, first - reach - block), max(0, first - reach))
        done = table.best[near] + left_out[near]
        if done.size and (highest := float(done.max())) > best:
            best, where = highest, near.start + int(done.argmax())
    return table


def _fill_block(
    table: _Table, frames: Frames, gain: NDArray[np.float32], begin: NDArray[np.float32], moves: _Moves
) -> None:
    sources = frames[:, None] - moves.periods  # (block, P): the beat before
    ring = len(table.score)
    scores = table.score[(sources % ring)[:, :, None], moves.before] - moves.price
    change = scores.argmax(axis=2)
    followed = np.take_along_axis(scores, change[:, :, None], axis=2)[:, :, 0]
    fresh = begin[sources] + gain[sources]
    table.came[frames] = np.where(fresh >= followed, -1, change)
    found = np.maximum(fresh, followed) + gain[frames, None] - moves.allowed
    table.score[frames % ring], table.best[frames] = found, found.max(axis=1)
    table.period[frames] = found.argmax(axis=1)


def _trace(table: _Table, left_out: NDArray[np.float32], moves: _Moves) -> Pulse:
    """Follow the best path back."""
    final = table.best + left_out
    frame = int(final.argmax()) if len(final) and final.max() > 0 else -1  # no beat at all is not worse
    period = int(table.period[frame]) if frame >= 0 else 0
    beats: list[int] = []
    again: list[bool] = []
    while frame >= 0:
        beats.append(frame)
        again.append(False)
        came, earlier = int(table.came[frame, period]), frame - int(moves.periods[period])
        if came >= 0:
            frame, period = earlier, int(moves.before[period, came])
            continue
        frame = int(table.restart[earlier])
        beats.append(earlier)
        again.append(frame >= 0)
        period = int(table.period[frame])  # of the last frame where there is none: not used
    return Pulse(np.array(beats[::-1], dtype=np.intp), np.array(again[::-1], dtype=bool))
