"""Repetition: what was played before and after in the same place of the same pattern.

Flow: transcription.activations -> **repetition** -> transcription.decoding

Drummers repeat themselves. What music covers in one bar is heard in another, and what a plucked string
feigns stands where nothing was struck the other times. For every moment the others within half a minute are
sought whose surroundings (about a second on either side, itself left out) look most alike; the mean of what
was heard there is what to expect here, and it moves the logit of each lane as far as the surroundings do look
alike.

Only lanes that keep time are moved: fills and crashes are where the pattern is not repeated.

After: Buades, Coll and Morel, "A non-local algorithm for image denoising", CVPR 2005; Foote, "Visualizing
music and audio using self-similarity", ACM Multimedia 1999.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.dynamics import logit
from drumlane.vocabulary import LANES, Lane

REACH_SECONDS = 30.0  # as far away a pattern is sought
_STEPS_A_SECOND = 50.0  # two strokes of a roll fall into one step, its times stay those of the frames
_SMOOTH_SECONDS = 0.02  # two drummers' sixteenths, and one drummer's two, are not closer than this
_HALF_SECONDS = 1.2  # of the surroundings, before and after
_TAP_SECONDS = 0.04  # apart
_HOLE_SECONDS = 0.04  # around the moment itself: it shall not bear witness for itself
_GAP_SECONDS = 0.2  # nearer moments are the same one
_SHARPNESS = 40.0  # of the softmax over likenesses, which lie in 0..1
_LIKE = (0.3, 0.7)  # likeness of the most alike: below the first nothing is believed, above the second all
_NEUTRAL = 1.5  # logits: an expectation of .18 moves nothing
_SURE = (
    0.02,
    0.45,
)  # expectations beyond count as these: where hats give way to a ride, few hats are written
_LEAST = 0.02  # an activation below it does not become a hit
_BLOCK_SECONDS = 10.0
_FRAMES_AT_ONCE = 1 << 16
_FAR = -9.0  # a likeness that none has

_TIMEKEEPERS = tuple(float(lane in (Lane.KICK, Lane.SNARE, Lane.HIHAT, Lane.RIDE)) for lane in LANES)
# Of the likeness: there are more strokes on cymbals than on anything else, and they tell less.
_WEIGHTS = tuple(0.7 if lane in (Lane.HIHAT, Lane.RIDE) else 1.0 for lane in LANES)

Floats = NDArray[np.float32]
Value = TypeVar("Value", bound=np.floating[Any])


def reinforced(onset: NDArray[Value], fps: float, strength: float) -> NDArray[Value]:
    """Return onset activations that believe what comes back more than what does not, same shape and type.

    Args:
        onset: shape (frames, 8), 0..1.
        fps: frames a second.
        strength: how far what is expected moves what is heard, in logits for each logit; 0 changes nothing.
    """
    if strength < 0:
        raise ValueError(f"strength={strength} must be >= 0")
    if not strength or not onset.any():
        return onset
    frames = max(1, round(fps / _STEPS_A_SECOND))  # of one step
    shifts = strength * _shifts(_in_steps(onset, frames), fps / frames)
    centres = np.arange(len(shifts)) * frames + (frames - 1) / 2
    moved = onset.copy()
    for start in range(0, len(onset), _FRAMES_AT_ONCE):
        here = slice(start, start + _FRAMES_AT_ONCE)
        for lane in np.flatnonzero(_TIMEKEEPERS).tolist():
            # All frames of a stroke are moved alike: its peak stays where it is.
            by_frame = np.interp(_strongest_near(onset[:, lane], here), centres, shifts[:, lane])
            logits = logit(onset[here, lane], 1e-4) + by_frame
            moved[here, lane] = np.where(by_frame == 0.0, onset[here, lane], 1.0 / (1.0 + np.exp(-logits)))
    return moved


def _shifts(heard: NDArray[np.floating[Any]], fps: float) -> NDArray[np.float16]:
    """Return by how much what was heard in like places moves the logits of every step, (steps, 8)."""
    n_steps, reach, gap = len(heard), round(REACH_SECONDS * fps), round(_GAP_SECONDS * fps)
    shifts = np.zeros((n_steps, len(LANES)), np.float16)
    surroundings = _Surroundings(heard, fps)
    block = max(1, round(_BLOCK_SECONDS * fps))
    for start in range(0, n_steps, block):
        told = heard[start : start + block] * np.array(_TIMEKEEPERS, heard.dtype)
        queries = start + np.flatnonzero(told.max(axis=1) >= _LEAST)
        if not len(queries):
            continue
        first, behind = max(0, start - reach), min(n_steps, start + block + reach)
        described = surroundings.of(first, behind)
        alike = described[queries - first] @ described.T
        apart = np.abs(queries[:, None] - np.arange(first, behind))
        alike[(apart < gap) | (apart > reach)] = _FAR
        best = alike.max(axis=1, keepdims=True)
        weights = np.exp(_SHARPNESS * (alike - best))
        weights /= weights.sum(axis=1, keepdims=True)
        expected = weights @ heard[first:behind].astype(np.float32)
        believed = np.clip((best - _LIKE[0]) / (_LIKE[1] - _LIKE[0]), 0.0, 1.0)
        shifts[queries] = (
            believed * (logit(np.clip(expected, *_SURE)) + _NEUTRAL) * np.array(_TIMEKEEPERS, np.float32)
        )
    return shifts


class _Surroundings:
    """What stands around steps, as vectors of length 1 or, where there is hardly anything, less."""

    def __init__(self, heard: NDArray[np.floating[Any]], fps: float) -> None:
        self._heard = heard
        self._half = round(_HALF_SECONDS * fps)
        taps = np.arange(-self._half, self._half + 1, max(1, round(_TAP_SECONDS * fps)))
        self._taps = taps[np.abs(taps) > round(_HOLE_SECONDS * fps)]
        window = 0.5 + 0.5 * np.cos(np.pi * self._taps / (self._half + 1))
        self._amplitudes = np.sqrt(window).astype(np.float32)
        self._nothing = np.float32(1e-3 * window.sum())
        sigma = _SMOOTH_SECONDS * fps
        reach = max(1, round(3 * sigma))
        self._kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 0.3)) ** 2).tolist()

    def of(self, first: int, behind: int) -> Floats:
        """Return the vectors of the steps from ``first`` to before ``behind``, (steps, taps · 8)."""
        smooth = self._smoothed(first - self._half, behind + self._half)
        smooth *= np.sqrt(np.array(_WEIGHTS, np.float32))
        around = smooth[np.arange(behind - first)[:, None] + (self._half + self._taps)]
        vectors = (around * self._amplitudes[:, None]).reshape(behind - first, -1)
        lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True) + self._nothing)
        return np.asarray(vectors / lengths, dtype=np.float32)

    def _smoothed(self, first: int, behind: int) -> Floats:
        """Return bumps instead of strokes, still about 1 high; zeros before and after the recording."""
        reach = len(self._kernel) // 2
        start, end = max(0, first - reach), min(len(self._heard), behind + reach)
        padding = (start - (first - reach), behind + reach - end)
        padded = np.pad(self._heard[start:end].astype(np.float32), (padding, (0, 0)))
        total = np.zeros((behind - first, padded.shape[1]), np.float32)
        for i, weight in enumerate(self._kernel):
            total += np.float32(weight) * padded[i : i + len(total)]
        return np.minimum(total, 1.0)


def _in_steps(onset: NDArray[Value], frames: int) -> NDArray[Value]:
    """Return the greatest of every so many frames, (steps, 8)."""
    return np.asarray(np.maximum.reduceat(onset, np.arange(0, len(onset), frames), axis=0))


def _strongest_near(activation: NDArray[np.floating[Any]], frames: slice) -> NDArray[np.intp]:
    """Return for some frames of a lane the strongest of each and the two on either side."""
    numbers = np.arange(len(activation))[frames]
    near = np.clip(numbers[:, None] + np.arange(-2, 3), 0, len(activation) - 1)
    return np.asarray(near[np.arange(len(near)), activation[near].argmax(axis=1)])
