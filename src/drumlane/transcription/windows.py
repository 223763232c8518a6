"""Windows: a network run over a recording of any length, in pieces of one size.

Flow: audio.features -> **windows** (models) -> transcription.activations

The recording is cut on a grid that starts at frame 0: window ``k`` answers for ``layout.core`` frames and
sees ``layout.context`` frames more on either side, so that the network never hears a hard cut near a frame it
answers for. The grid does not depend on how the features arrive, and memory holds one window.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.models.loading import Activations

Run = Callable[[NDArray[np.float32]], Activations]  # (1, frames, bands) -> (1, frames, …)


@dataclass(frozen=True, slots=True)
class WindowLayout:
    """Sizes in frames."""

    core: int = 1800  # frames a window answers for; 18 s at 100 fps
    context: int = 300  # frames it sees on either side: presence is asked of several seconds
    minimum: int = 100  # shorter recordings are filled up with silence

    def __post_init__(self) -> None:
        if self.core < 1 or self.context < 0 or self.minimum < 1:
            raise ValueError(f"{self}: core and minimum must be >= 1, context >= 0")


class WindowStream:
    """Activations of features that arrive in blocks of any length."""

    def __init__(self, run: Run, layout: WindowLayout | None = None) -> None:
        self._run = run
        self._layout = layout or WindowLayout()
        self._blocks: list[NDArray[np.float32]] = []  # features from frame `_start` on
        self._start = 0
        self._end = 0  # frames received
        self._answered = 0  # frames given out

    @property
    def n_held(self) -> int:
        """The number of feature frames in memory."""
        return self._end - self._start

    def push(self, features: NDArray[np.float32]) -> Iterator[Activations]:
        """Take features of shape (frames, bands); yield what is finished, each (frames, …)."""
        self._blocks.append(features)
        self._end += len(features)
        while self._end >= self._answered + self._layout.core + self._layout.context:
            yield self._answer(self._answered + self._layout.core)

    def finish(self) -> Iterator[Activations]:
        """Yield the activations of the last frames."""
        while self._answered < self._end:
            yield self._answer(min(self._answered + self._layout.core, self._end))

    def _answer(self, stop: int) -> Activations:
        """Run the window that ends its answer at frame ``stop``, and forget what no later one needs."""
        layout, start = self._layout, self._start
        held = np.concatenate(self._blocks)
        window = held[: min(stop + layout.context, self._end) - start]
        out = self._run(_at_least(window, layout.minimum)[None])
        answer = slice(self._answered - start, stop - start)
        self._answered = stop
        self._start = max(0, stop - layout.context)
        self._blocks = [held[self._start - start :].copy()]
        outputs = (out.onset, out.velocity, out.articulation, out.presence)
        # Copies: a slice would keep the whole window's outputs alive.
        return Activations(*(output[0, answer].copy() for output in outputs))


def _at_least(features: NDArray[np.float32], minimum: int) -> NDArray[np.float32]:
    """Append silence (features of zeros sound like nothing) up to ``minimum`` frames."""
    missing = minimum - len(features)
    return np.pad(features, ((0, missing), (0, 0))) if missing > 0 else features
