"""Recording: a sound, from a file or an array, as mono blocks at the rate of the features, at one loudness.

Flow: audio.io -> **recording** (audio.level) -> transcription.activations

The loudness of a recording is known only at its end, so it is heard twice: once to measure, once to work.
Songs up to ``KEPT_SECONDS`` are kept in between; longer ones are decoded again, so that memory has a ceiling.
"""

from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drumlane.audio.blocks import mono_blocks_of_array
from drumlane.audio.io import stream_audio
from drumlane.audio.level import LevelMeter

KEPT_SECONDS = 300.0  # 53 MB at 44.1 kHz
BLOCK_SECONDS = 10.0

OnSeconds = Callable[[float], None]
Samples = NDArray[np.float32]
Source = str | PathLike[str] | ArrayLike  # a file, or samples


class Recording:
    """A sound measured and ready to be heard; ``blocks`` starts from the beginning each time it is called."""

    def __init__(
        self,
        source: Source,
        rate: int,
        given_rate: int | None = None,
        on_seconds: OnSeconds | None = None,
        partial: bool = False,
    ) -> None:
        """Hear the whole sound once.

        Args:
            source: a path, or samples of shape (n,) or (n, channels).
            rate: samples a second of the blocks.
            given_rate: samples a second of an array.
            on_seconds: called with the seconds measured so far.
            partial: whether a file that is cut off is used as far as it goes.

        Raises:
            AudioError: the sound cannot be read, is empty or holds non-finite samples.
            ValueError: an array has no rate or a wrong shape.
        """
        self.rate = rate
        self._open = _opener(source, rate, given_rate, partial)
        self._kept: list[Samples] | None = []
        self._meter = LevelMeter(rate)
        self.n_samples = 0
        for block in self._open():
            self._measure(block)
            if on_seconds:
                on_seconds(self.duration)
        self.gain = self._meter.gain()

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.n_samples / self.rate

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self._meter.silent

    def blocks(self) -> Iterator[Samples]:
        """Yield mono blocks (n,) at the common loudness."""
        for block in self._open() if self._kept is None else self._kept:
            yield block * np.float32(self.gain)

    def _measure(self, block: Samples) -> None:
        self._meter.push(block)
        self.n_samples += len(block)
        if self._kept is not None:
            self._kept.append(block)
            if self.duration > KEPT_SECONDS:
                self._kept = None


def _opener(
    source: Source, rate: int, given_rate: int | None, partial: bool
) -> Callable[[], Iterator[Samples]]:
    """Return a function that starts the sound from the beginning."""
    if isinstance(source, str | PathLike):
        path = Path(source)
        return lambda: stream_audio(path, rate, BLOCK_SECONDS, partial)
    if given_rate is None:
        raise ValueError("an array needs its sample_rate, in Hz")
    samples = np.asarray(source)
    return lambda: mono_blocks_of_array(samples, given_rate, rate, BLOCK_SECONDS)
