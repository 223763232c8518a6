"""Features: log-mel frames, the one implementation used in training and in inference.

Flow: audio.io -> audio.level -> **features** -> models

Frame ``i`` is centred on ``i / fps`` seconds (the signal is taken as zero outside the file), so
``n_samples`` samples give ``1 + n_samples // hop_length`` frames. A value is ``log(1 + gain · m)``: ``m`` is
the magnitude spectrum through a Slaney-normalised mel filter bank with HTK's mel scale; equal to
``librosa.feature.melspectrogram(power=1, htk=True, center=True, pad_mode="constant")`` (tested).
Memory does not grow with the length of the file when ``FeatureStream`` is used.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FEATURE_VERSION = 1  # part of the digest: raise it when the computation changes
_FRAMES_PER_CHUNK = 64  # spectra of half a megabyte stay in the processor's cache: a third faster than 512


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Every number of the features; a model's card carries it and its digest."""

    sample_rate: int = 44100  # Hz
    n_fft: int = 2048  # samples
    hop_length: int = 441  # samples
    n_mels: int = 80
    fmin: float = 30.0  # Hz
    fmax: float = 16000.0  # Hz; above it lossy codecs keep nothing
    log_gain: float = 1000.0  # the knee of log(1 + gain · m)

    def __post_init__(self) -> None:
        if not 0 <= self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError(
                f"fmin={self.fmin}, fmax={self.fmax} must satisfy 0 <= fmin < fmax <= {self.sample_rate / 2}"
            )
        if not 0 < self.hop_length <= self.n_fft or self.n_fft % 2:
            raise ValueError(
                f"hop_length={self.hop_length}, n_fft={self.n_fft}: 0 < hop <= n_fft, n_fft even"
            )
        if self.n_mels < 1:
            raise ValueError(f"n_mels={self.n_mels} must be >= 1")

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length

    @property
    def digest(self) -> str:
        """A short hash of every number and of the feature version."""
        numbers = {
            # A config's 30 and the default's 30.0 are the same number.
            field.name: float(value) if field.type is float else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }
        text = json.dumps([FEATURE_VERSION, numbers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def n_frames(self, n_samples: int) -> int:
        """Return the number of frames of a signal of ``n_samples`` samples."""
        return 1 + n_samples // self.hop_length


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return HTK mels."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Hz for HTK mels."""
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))


@lru_cache(maxsize=8)
def mel_filters(spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the filter bank, shape (1 + n_fft // 2, n_mels): triangles of unit area in Hz."""
    bins = np.fft.rfftfreq(spec.n_fft, 1.0 / spec.sample_rate)
    edges = mel_to_hz(np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.n_mels + 2))
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2])), dtype=np.float32)


@lru_cache(maxsize=8)
def _window(n_fft: int) -> NDArray[np.float32]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft), dtype=np.float32)


def _frames_to_features(frames: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return (frames, mels) for windowless frames of shape (frames, n_fft)."""
    filters, window = mel_filters(spec), _window(spec.n_fft)
    out = np.empty((len(frames), spec.n_mels), dtype=np.float32)
    for start in range(0, len(frames), _FRAMES_PER_CHUNK):
        chunk = frames[start : start + _FRAMES_PER_CHUNK] * window
        magnitudes = np.abs(np.fft.rfft(chunk, axis=1))
        np.log1p(spec.log_gain * (magnitudes @ filters), out=out[start : start + len(chunk)])
    return out


class FeatureStream:
    """Features of a signal that arrives in blocks of any length; memory holds one window of samples."""

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self._pending = np.zeros(spec.n_fft // 2, dtype=np.float32)  # zeros before the first sample
        self._n_samples = 0
        self._n_frames = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples of shape (n,); return the frames that are complete, shape (frames, mels)."""
        self._n_samples += len(samples)
        return self._advance(np.asarray(samples, dtype=np.float32), limit=None)

    def finish(self) -> NDArray[np.float32]:
        """Return the last frames, whose windows reach past the end."""
        missing = self.spec.n_frames(self._n_samples) - self._n_frames
        return self._advance(np.zeros(self.spec.n_fft, dtype=np.float32), limit=missing)

    def _advance(self, samples: NDArray[np.float32], limit: int | None) -> NDArray[np.float32]:
        self._pending = np.concatenate([self._pending, samples])
        n_fft, hop = self.spec.n_fft, self.spec.hop_length
        available = max(0, (len(self._pending) - n_fft) // hop + 1)
        n_frames = available if limit is None else min(available, limit)
        if n_frames <= 0:
            return np.zeros((0, self.spec.n_mels), dtype=np.float32)
        windows = sliding_window_view(self._pending, n_fft)[::hop][:n_frames]
        features = _frames_to_features(windows, self.spec)
        self._pending = self._pending[n_frames * hop :].copy()
        self._n_frames += n_frames
        return features


def log_mel(samples: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the features of a whole signal, shape (frames, mels), for mono samples of shape (n,).

    Raises:
        ValueError: the samples are not one-dimensional.
    """
    if samples.ndim != 1:
        raise ValueError(f"samples.shape={samples.shape} must be one-dimensional: average the channels first")
    stream = FeatureStream(spec)
    return np.concatenate([stream.push(samples), stream.finish()])
