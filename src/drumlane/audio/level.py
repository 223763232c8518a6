"""Level: how loud the loud parts of a recording are, and the gain that makes recordings comparable.

The network hears every recording at the same level: the 95th percentile of the RMS of 50 ms blocks, of those
in which there is sound at all, is brought to ``TARGET_RMS``. A percentile ignores quiet passages more than a
mean does, and single clicks more than a peak; digital silence around the music changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK_SECONDS = 0.05
PERCENTILE = 95.0
TARGET_RMS = 0.1  # -20 dB below full scale
SILENCE_RMS = 1e-5  # -100 dB: below it there is nothing to make louder
SOUND_RANGE_DB = 60.0  # blocks further below the loudest one are pauses
MAX_GAIN = 1000.0  # 60 dB


class LevelMeter:
    """Measures the level of a recording that arrives in blocks of any length."""

    def __init__(self, sample_rate: int) -> None:
        self._block = max(1, round(sample_rate * BLOCK_SECONDS))
        self._rest = np.zeros(0, dtype=np.float32)
        self._powers: list[NDArray[np.float32]] = []

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, shape (n,)."""
        joined = np.concatenate([self._rest, samples])
        n_blocks = len(joined) // self._block
        blocks = joined[: n_blocks * self._block].reshape(n_blocks, self._block)
        self._powers.append(np.mean(blocks * blocks, axis=1, dtype=np.float32))
        self._rest = joined[n_blocks * self._block :]

    def rms(self) -> float:
        """Return the level of the loud parts so far, 0 for no sound at all."""
        rest = np.array([np.sum(self._rest**2) / self._block], dtype=np.float32)
        powers = np.concatenate([*self._powers, rest])
        floor = max(SILENCE_RMS**2, float(powers.max()) * 10 ** (-SOUND_RANGE_DB / 10))
        heard = np.sort(powers[powers > floor])
        if not len(heard):
            return 0.0
        # np.percentile's own formula; calling it loads numpy.ma, a tenth of the whole start.
        place = (len(heard) - 1) * PERCENTILE / 100
        return float(np.sqrt(np.interp(place, np.arange(len(heard)), heard)))

    def gain(self) -> float:
        """Return the factor that brings the loud parts to ``TARGET_RMS``; 1 for silence."""
        rms = self.rms()
        return min(TARGET_RMS / rms, MAX_GAIN) if rms > SILENCE_RMS else 1.0

    @property
    def silent(self) -> bool:
        """Whether nothing louder than -100 dB has come so far."""
        return self.rms() <= SILENCE_RMS


def level_gain(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Return the gain for a whole recording, samples of shape (n,)."""
    meter = LevelMeter(sample_rate)
    meter.push(samples)
    return meter.gain()
