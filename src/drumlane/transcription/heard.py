"""Heard: activations of a recording, or of a stretch of it, frame by frame; and packed once they are judged.

Flow: models -> **heard** -> transcription.candidates, judging, activations

An hour of activations as half floats is 16 MB. When strokes have been judged there is something near them
only, and that is kept in a fifth of it or less.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.loading import Activations
from drumlane.vocabulary import ARTICULATIONS, LANES, LANES_OF_ARTICULATIONS

_NEAR = 2  # frames: decoding reads one on either side of a peak, which may lie one beside an onset's frame

Values = NDArray[Any]  # floating


@dataclass(frozen=True, slots=True)
class Heard:
    """Activations of a recording or of a part of it, 0..1."""

    onset: Values  # (frames, 8)
    velocity: Values  # (frames, 8)
    articulation: Values  # (frames, 6)
    presence: Values  # (frames / step, 8), of every ``step``-th frame
    step: int
    fps: float

    @classmethod
    def nothing(cls, n_frames: int, step: int, fps: float) -> "Heard":
        """Return zeros, as half floats."""
        onset, velocity = (np.zeros((n_frames, len(LANES)), np.float16) for _ in range(2))
        articulation = np.zeros((n_frames, len(ARTICULATIONS)), np.float16)
        presence = np.zeros((-(-n_frames // step), len(LANES)), np.float16)
        return cls(onset, velocity, articulation, presence, step, fps)

    @property
    def arrays(self) -> tuple[Values, Values, Values, Values]:
        """Onset, velocity, articulation and presence."""
        return self.onset, self.velocity, self.articulation, self.presence

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.onset)

    def write(self, activations: Activations, frames: NDArray[np.intp]) -> None:
        """Put activations without a batch axis into some frames, in place of what is there."""
        self.onset[frames], self.velocity[frames] = activations.onset, activations.velocity
        self.articulation[frames] = activations.articulation
        slow = frames % self.step == 0
        self.presence[frames[slow] // self.step] = activations.presence[slow]

    def part(self, first: int, stop: int) -> "Heard":
        """Return the frames from ``first``, a multiple of ``step``, to before ``stop``, not copied."""
        if first % self.step:
            raise ValueError(f"first={first} must be a multiple of step={self.step}")
        frames, slow = slice(first, stop), slice(first // self.step, -(-stop // self.step))
        return self._with(
            self.onset[frames], self.velocity[frames], self.articulation[frames], self.presence[slow]
        )

    def longer(self, n_frames: int) -> "Heard":
        """Return a copy with so many frames of zeros behind it."""
        both = Heard.nothing(len(self) + n_frames, self.step, self.fps)
        for values, mine in zip(both.arrays, self.arrays, strict=True):
            values[: len(mine)] = mine
        return both

    def as_singles(self) -> "Heard":
        """Return a copy as float32."""
        onset, velocity, articulation, presence = (values.astype(np.float32) for values in self.arrays)
        return self._with(onset, velocity, articulation, presence)

    def near_onsets(self) -> "Heard":
        """Return this with zeros for velocities and articulations where no decoder reads them."""
        struck = self.onset > 0
        near = struck.copy()
        for shift in range(1, _NEAR + 1):
            near[shift:] |= struck[:-shift]
            near[:-shift] |= struck[shift:]
        of_lanes = near[:, list(LANES_OF_ARTICULATIONS)]
        return self._with(self.onset, self.velocity * near, self.articulation * of_lanes, self.presence)

    def _with(self, onset: Values, velocity: Values, articulation: Values, presence: Values) -> "Heard":
        return Heard(onset, velocity, articulation, presence, self.step, self.fps)


class PackedHeard:
    """Activations that are mostly zeros, part after part, to be unpacked once."""

    def __init__(self, step: int, fps: float) -> None:
        self._step, self._fps = step, fps
        self._parts: deque[tuple[int, tuple[_Packed, ...]]] = deque()

    def append(self, heard: Heard) -> None:
        """Put a part behind the others; all but the last one must have a multiple of ``step`` frames."""
        self._parts.append((len(heard), tuple(_Packed.of(values) for values in heard.arrays)))

    def unpacked(self) -> Heard:
        """Return all as half floats, and forget them: memory does not hold both."""
        heard = Heard.nothing(sum(n_frames for n_frames, _ in self._parts), self._step, self._fps)
        first = 0
        while self._parts:
            n_frames, part = self._parts.popleft()
            for values, packed in zip(heard.part(first, first + n_frames).arrays, part, strict=True):
                packed.write(values)
            first += n_frames
        return heard


@dataclass(frozen=True, slots=True)
class _Packed:
    """An array without its zeros."""

    places: NDArray[np.uint8]  # of what is left, a bit for each value
    left: Values

    @classmethod
    def of(cls, values: Values) -> "_Packed":
        there = values != 0
        return cls(np.packbits(there), values[there])

    def write(self, into: Values) -> None:
        """Write what is left into zeros of the array's shape."""
        there = np.unpackbits(self.places, count=into.size).reshape(into.shape)
        into[there.astype(np.bool_)] = self.left
