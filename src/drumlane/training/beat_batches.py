"""Beat batches: drawn songs as frames and targets; item n is the same whoever draws it.

Flow: beat_songs, beat_hearing -> **beat_batches** -> beat_run
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drumlane.training.beat_hearing import heard
from drumlane.training.beat_songs import Phrases, draw_song
from drumlane.transcription.hit_frames import FPS, hit_frames

SPREAD = 1.0  # frames: a beat between two frames is shared by them
_REACH = 2  # frames


def beat_batch(
    phrases: Phrases, n_items: int, seconds: float, seeds: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Return strokes (batch, frames, 8) and targets (batch, frames, 2)."""
    items = [beat_item(phrases, seconds, (*seeds, number)) for number in range(n_items)]
    strokes, targets = zip(*items, strict=True)
    return torch.from_numpy(np.stack(strokes)), torch.from_numpy(np.stack(targets))


def beat_item(
    phrases: Phrases, seconds: float, seeds: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return strokes (frames, 8) and targets (frames, 2) of one drawn song."""
    rng = np.random.default_rng(seeds)
    song = heard(draw_song(phrases, seconds, rng), seconds, rng)
    n_frames = round(seconds * FPS)
    strokes = hit_frames(song.times, song.lanes, song.velocities, n_frames)
    targets = np.stack([_bumps(times, n_frames) for times in (song.beats, song.downbeats)], axis=1)
    return strokes, targets


def _bumps(times: NDArray[np.float64], n_frames: int) -> NDArray[np.float32]:
    """Return a Gaussian bump around each time, shape (n_frames,)."""
    bumps = np.zeros(n_frames, np.float32)
    nearest = np.rint(times * FPS).astype(np.intp)
    for shift in range(-_REACH, _REACH + 1):
        frames = nearest + shift
        inside = (frames >= 0) & (frames < n_frames)
        distance = (frames - times * FPS) / SPREAD
        np.maximum.at(bumps, frames[inside], np.exp(-0.5 * distance**2)[inside].astype(np.float32))
    return bumps
