"""Beat hearing: what a transcriber would make of a song, without any sound.

Flow: beat_songs -> **beat_hearing** -> beat_batches

It misses strokes, soft ones most, hears some that are not there, takes drums for others, is unsure of
velocities and a few milliseconds off. How bad it is, is drawn for every song: from a clean recording to drums
deep in a mix.
"""

from dataclasses import replace

import numpy as np

from drumlane.training.beat_songs import BeatSong
from drumlane.vocabulary import LANES, Lane

_TIMING_SD = 0.004  # seconds, of a good transcriber's times
_TAKEN_FOR = {
    Lane.HI_TOM: Lane.MID_TOM,
    Lane.MID_TOM: Lane.LOW_TOM,
    Lane.LOW_TOM: Lane.KICK,
    Lane.RIDE: Lane.HIHAT,
    Lane.CRASH: Lane.RIDE,
    Lane.HIHAT: Lane.RIDE,
    Lane.SNARE: Lane.HI_TOM,
    Lane.KICK: Lane.LOW_TOM,
}


def heard(song: BeatSong, seconds: float, rng: np.random.Generator) -> BeatSong:
    """Return the song with a transcriber's errors; its beats stay."""
    badness = rng.choice([0.0, 1.0, 2.0], p=[0.3, 0.5, 0.2]) * rng.random()
    return _shaken(
        _invented(_confused(_missed(song, badness, rng), badness, rng), seconds, badness, rng), rng
    )


def _missed(song: BeatSong, badness: float, rng: np.random.Generator) -> BeatSong:
    missed = np.clip(rng.beta(1, 8, len(LANES)) * badness, 0, 0.9)
    if rng.random() < 0.2:  # a drum that is not heard at all, or was never there
        missed[rng.integers(len(LANES), size=int(rng.integers(1, 3)))] = 1.0
    if rng.random() < 0.06:  # one or two drums alone
        missed[rng.permutation(len(LANES))[: int(rng.integers(4, 7))]] = 1.0
    soft = np.clip((45 - song.velocities) / 45, 0, 1) * rng.uniform(0, 1)
    return _chosen(song, rng.random(len(song.times)) >= np.maximum(missed[song.lanes], soft))


def _confused(song: BeatSong, badness: float, rng: np.random.Generator) -> BeatSong:
    chance = rng.beta(1, 12, len(LANES)) * badness
    if rng.random() < 0.12:
        chance[rng.integers(2, len(LANES))] = 1.0
    others = np.array([_TAKEN_FOR[lane] for lane in LANES])
    wrong = rng.random(len(song.times)) < chance[song.lanes]
    return replace(song, lanes=np.where(wrong, others[song.lanes], song.lanes))


def _invented(song: BeatSong, seconds: float, badness: float, rng: np.random.Generator) -> BeatSong:
    """Add strokes that nobody played, half of them where the other instruments are: on the grid."""
    n = rng.poisson(seconds * badness * rng.exponential(0.4))
    times = rng.uniform(0, seconds, n)
    if len(song.beats) > 1:
        on_grid = rng.random(n) < 0.5
        steps = np.arange(2 * len(song.beats)) / 2
        grid = np.interp(steps, np.arange(len(song.beats)), song.beats)
        times = np.where(on_grid, grid[rng.integers(len(grid), size=n)], times)
    lanes = rng.choice(len(LANES), n, p=[0.2, 0.15, 0.2, 0.08, 0.07, 0.15, 0.1, 0.05])
    return replace(
        song,
        times=np.concatenate([song.times, times]),
        lanes=np.concatenate([song.lanes, lanes]),
        velocities=np.concatenate([song.velocities, rng.uniform(15, 90, n)]),
    )


def _shaken(song: BeatSong, rng: np.random.Generator) -> BeatSong:
    n = len(song.times)
    spread, gain = rng.uniform(0.4, 1.2), rng.uniform(-25, 25)
    velocities = 70 + (song.velocities - 70) * spread + gain + rng.normal(0, rng.uniform(2, 14), n)
    times = song.times + rng.normal(0, _TIMING_SD, n)
    return replace(song, times=times, velocities=np.clip(velocities, 1, 127))


def _chosen(song: BeatSong, kept: np.ndarray) -> BeatSong:
    return replace(song, times=song.times[kept], lanes=song.lanes[kept], velocities=song.velocities[kept])
