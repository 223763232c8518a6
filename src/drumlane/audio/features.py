"""Features: log-mel frames, the one implementation used in training and in inference.

Flow: audio.io -> audio.level -> **features** -> models

Frame ``i`` is centred on ``i / fps`` seconds (the signal is taken as zero outside the file), so
``n_samples`` samples give ``1 + n_samples // hop_length`` frames. A value is ``log(1 + gain · m)``: ``m`` is
the magnitude spectrum through a Slaney-normalised mel filter bank with HTK's mel scale; equal to
``librosa.feature.melspectrogram(power=1, htk=True, center=True, pad_mode="constant")`` (tested).

After the mel bands come ``n_low`` low bands, because toms of one kit differ by less than a mel band: the
magnitudes of a window four times as long, interpolated at frequencies in equal ratios. They see ``_LOW_STEP``
samples as one (their mean), which costs a twentieth and lets in what lies beyond 2 kHz at less than a fifth.
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
_LOW_STEP = 16  # samples
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
    n_low: int = 24  # low bands; 0: none
    low_n_fft: int = 8192  # samples
    low_fmin: float = 45.0  # Hz, of the first low band
    low_fmax: float = 450.0  # Hz, of the last one

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
        if self.n_low < 0:
            raise ValueError(f"n_low={self.n_low} must be >= 0")
        if self.n_low:
            self._check_low_bands()

    def _check_low_bands(self) -> None:
        if self.low_n_fft < self.n_fft or self.low_n_fft % (2 * _LOW_STEP):
            raise ValueError(
                f"low_n_fft={self.low_n_fft} must be n_fft={self.n_fft} or more, "
                f"a multiple of {2 * _LOW_STEP}"
            )
        highest = self.sample_rate / (2 * _LOW_STEP)
        if not 0 < self.low_fmin < self.low_fmax <= highest:
            raise ValueError(
                f"low_fmin={self.low_fmin}, low_fmax={self.low_fmax} must satisfy "
                f"0 < low_fmin < low_fmax <= {highest:g}"
            )

    @property
    def n_bands(self) -> int:
        """Values of a frame: mel bands, then low bands."""
        return self.n_mels + self.n_low

    @property
    def window(self) -> int:
        """Samples that a frame is made of."""
        return self.low_n_fft if self.n_low else self.n_fft

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
            if self.n_low or "low" not in field.name  # features without low bands are what they were
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


@lru_cache(maxsize=8)
def low_filters(spec: FeatureSpec) -> NDArray[np.float32]:
    """Return weights that interpolate a long window's spectrum, shape (bins, n_low).

    Their scale gives a tone about the value that it has in its mel band.
    """
    n_bins = 1 + spec.low_n_fft // (2 * _LOW_STEP)
    hz = np.geomspace(spec.low_fmin, spec.low_fmax, spec.n_low)
    distance = np.abs(np.arange(n_bins)[:, None] - hz * (spec.low_n_fft / spec.sample_rate))
    return np.asarray(np.maximum(0.0, 1.0 - distance) * (32.0 / spec.low_n_fft), dtype=np.float32)


def _frames_to_features(frames: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return (frames, bands) for windowless frames of shape (frames, spec.window)."""
    out = np.empty((len(frames), spec.n_bands), dtype=np.float32)
    margin = (spec.window - spec.n_fft) // 2
    for start in range(0, len(frames), _FRAMES_PER_CHUNK):
        chunk = frames[start : start + _FRAMES_PER_CHUNK]
        rows = out[start : start + len(chunk)]
        magnitudes = np.abs(np.fft.rfft(chunk[:, margin : margin + spec.n_fft] * _window(spec.n_fft), axis=1))
        rows[:, : spec.n_mels] = magnitudes @ mel_filters(spec)
        if spec.n_low:
            rows[:, spec.n_mels :] = _low_magnitudes(chunk, spec) @ low_filters(spec)
    np.log1p(spec.log_gain * out, out=out)
    return out


def _low_magnitudes(frames: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the spectra of long windows below the first alias, shape (frames, bins)."""
    tapered = (frames * _window(spec.low_n_fft)).reshape(len(frames), -1, _LOW_STEP)
    coarse = tapered @ np.ones(_LOW_STEP, dtype=np.float32)
    return np.asarray(np.abs(np.fft.rfft(coarse, axis=1)))


class FeatureStream:
    """Features of a signal that arrives in blocks of any length; memory holds one window of samples."""

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self._pending = np.zeros(spec.window // 2, dtype=np.float32)  # zeros before the first sample
        self._n_samples = 0
        self._n_frames = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples of shape (n,); return the frames that are complete, shape (frames, bands)."""
        self._n_samples += len(samples)
        return self._advance(np.asarray(samples, dtype=np.float32), limit=None)

    def finish(self) -> NDArray[np.float32]:
        """Return the last frames, whose windows reach past the end."""
        missing = self.spec.n_frames(self._n_samples) - self._n_frames
        return self._advance(np.zeros(self.spec.window, dtype=np.float32), limit=missing)

    def _advance(self, samples: NDArray[np.float32], limit: int | None) -> NDArray[np.float32]:
        self._pending = np.concatenate([self._pending, samples])
        window, hop = self.spec.window, self.spec.hop_length
        available = max(0, (len(self._pending) - window) // hop + 1)
        n_frames = available if limit is None else min(available, limit)
        if n_frames <= 0:
            return np.zeros((0, self.spec.n_bands), dtype=np.float32)
        windows = sliding_window_view(self._pending, window)[::hop][:n_frames]
        features = _frames_to_features(windows, self.spec)
        self._pending = self._pending[n_frames * hop :].copy()
        self._n_frames += n_frames
        return features


def log_mel(samples: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the features of a whole signal, shape (frames, bands), for mono samples of shape (n,).

    Raises:
        ValueError: the samples are not one-dimensional.
    """
    if samples.ndim != 1:
        raise ValueError(f"samples.shape={samples.shape} must be one-dimensional: average the channels first")
    stream = FeatureStream(spec)
    return np.concatenate([stream.push(samples), stream.finish()])
