"""HPSS: what is struck, apart from what sounds on.

Flow: audio blocks -> **hpss** -> audio blocks

In a spectrogram tones are lines along time, strokes lines across frequency. A median along time leaves the
tones, a median across frequency the strokes; a soft mask of the two takes the strokes out of the sound
(Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010; masks with a margin after
Driedger, Müller and Disch, ISMIR 2014). Equal to ``librosa.effects.percussive`` but for rounding; works on
blocks, so that memory does not depend on the length of the sound.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.blocks import Block

Spectra = NDArray[np.complex64]  # (frames, bins)
Magnitudes = NDArray[np.float32]  # (frames, bins)
_FRAMES = 128  # worked on at a time: 1.5 s, 30 MB with the windows of the medians
_TINY = np.float32(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class HpssOptions:
    """How finely is looked, and how surely something must be a stroke."""

    n_fft: int = 2048  # samples
    hop_length: int = 512  # samples
    kernel: int = 31  # frames, and bins; odd
    margin: float = 1.0  # a stroke must be so many times stronger than the tones; above 1 leaves some out
    power: float = 2.0  # of the mask: 1 soft, 2 Wiener's

    def __post_init__(self) -> None:
        if self.n_fft % self.hop_length or self.kernel % 2 == 0 or self.margin < 1 or self.power <= 0:
            raise ValueError(f"{self}: hops must divide n_fft, kernel be odd, margin >= 1, power > 0")


def percussive_blocks(blocks: Iterable[Block], options: HpssOptions | None = None) -> Iterator[Block]:
    """Yield the strokes of a sound, as many samples as there were.

    Args:
        blocks: shape (n,), of any lengths.
        options: of the analysis.
    """
    chosen = options or HpssOptions()
    n_left = _Counter()
    spectra = _with_strokes_alone(_spectra(n_left.counted(blocks), chosen), chosen)
    n_done = 0
    for block in _overlapped(spectra, chosen):
        # The end of the last frames lies behind the sound; how long that is, is known when it is read.
        kept = block[: max(0, n_left.n_samples - n_done)]
        n_done += len(kept)
        if len(kept):
            yield kept


class _Counter:
    """Counts samples that pass."""

    def __init__(self) -> None:
        self.n_samples = 0

    def counted(self, blocks: Iterable[Block]) -> Iterator[Block]:
        for block in blocks:
            self.n_samples += len(block)
            yield block


# Frames -------------------------------------------------------------------------------------------


def _window(options: HpssOptions) -> NDArray[np.float32]:
    """Return Hann's window, periodic."""
    n = options.n_fft
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def _spectra(blocks: Iterable[Block], options: HpssOptions) -> Iterator[Spectra]:
    """Yield spectra, ``1 + n // hop_length`` frames for n samples, the first centred on the first sample."""
    n_fft, hop, window = options.n_fft, options.hop_length, _window(options)
    pending = np.zeros(n_fft // 2, np.float32)
    for block in _and_half_a_frame(blocks, n_fft // 2):
        pending = np.concatenate([pending, block])
        while (n_frames := min(_FRAMES, 1 + (len(pending) - n_fft) // hop)) > 0:
            frames = np.lib.stride_tricks.sliding_window_view(pending, n_fft)[: n_frames * hop : hop]
            yield np.fft.rfft(frames * window, axis=1).astype(np.complex64)
            pending = pending[n_frames * hop :]


def _and_half_a_frame(blocks: Iterable[Block], n_samples: int) -> Iterator[Block]:
    yield from blocks
    yield np.zeros(n_samples, np.float32)


def _overlapped(spectra: Iterable[Spectra], options: HpssOptions) -> Iterator[Block]:
    """Yield the sound of spectra, from the middle of the first frame to the end of the last."""
    n_fft, hop, window = options.n_fft, options.hop_length, _window(options)
    sound, weight = (np.zeros(n_fft - hop, np.float32) for _ in range(2))
    n_skip = n_fft // 2
    for chunk in spectra:
        frames = np.fft.irfft(chunk, n_fft, axis=1).astype(np.float32) * window
        sound = _added(sound, frames, hop)
        weight = _added(weight, np.broadcast_to(window**2, frames.shape), hop)
        n_ready = len(chunk) * hop
        block = _divided(sound[:n_ready], weight[:n_ready])
        sound, weight = sound[n_ready:], weight[n_ready:]
        yield block[n_skip:]
        n_skip = max(0, n_skip - len(block))
    yield _divided(sound, weight)[n_skip:]


def _added(tail: Block, frames: NDArray[np.float32], hop: int) -> Block:
    """Return the tail of what was before with frames laid over it, hop by hop."""
    n_frames, n_fft = frames.shape
    n_hops = n_fft // hop
    out = np.zeros((n_frames + n_hops - 1, hop), np.float32)
    out.reshape(-1)[: len(tail)] = tail
    parts = frames.reshape(n_frames, n_hops, hop)
    for k in range(n_hops):
        out[k : k + n_frames] += parts[:, k]
    return out.reshape(-1)


def _divided(sound: Block, weight: Block) -> Block:
    return np.asarray(sound / np.where(weight > _TINY, weight, 1.0), dtype=np.float32)


# Strokes ------------------------------------------------------------------------------------------


def _with_strokes_alone(spectra: Iterable[Spectra], options: HpssOptions) -> Iterator[Spectra]:
    """Yield the same frames without their tones; half a kernel is looked ahead and back."""
    near = options.kernel // 2
    seen: list[Magnitudes] = []  # at most ``near`` frames that are done, then those that wait
    waiting: list[Spectra] = []
    n_back = 0
    for chunk in spectra:
        seen.append(np.abs(chunk))
        waiting.append(chunk)
        n_ready = sum(map(len, waiting)) - near
        if n_ready < _FRAMES:
            continue
        frames, magnitudes = np.concatenate(waiting), np.concatenate(seen)
        around = _mirrored(magnitudes[: n_back + n_ready + near], near - n_back, 0)
        yield frames[:n_ready] * _mask(around, options)
        first = max(0, n_back + n_ready - near)
        n_back = n_back + n_ready - first
        seen, waiting = [magnitudes[first:]], [frames[n_ready:]]
    if waiting and sum(map(len, waiting)):
        around = _mirrored(np.concatenate(seen), near - n_back, near)
        yield np.concatenate(waiting) * _mask(around, options)


def _mirrored(magnitudes: Magnitudes, before: int, after: int) -> Magnitudes:
    return np.pad(magnitudes, ((before, after), (0, 0)), mode="symmetric")


def _mask(around: Magnitudes, options: HpssOptions) -> Magnitudes:
    """Return the share of strokes, 0..1, for all frames but half a kernel at both ends."""
    near = options.kernel // 2
    tones = _medians(around, options.kernel)
    here = around[near : len(around) - near]
    across = np.pad(here, ((0, 0), (near, near)), mode="symmetric")
    strokes = _medians(np.ascontiguousarray(across.T), options.kernel).T
    return _soft_mask(strokes, tones * np.float32(options.margin), options)


def _medians(values: Magnitudes, kernel: int) -> Magnitudes:
    """Return the running medians along the first axis, ``kernel - 1`` fewer than there are values."""
    windows = np.lib.stride_tricks.sliding_window_view(values, kernel, axis=0)
    # numpy sorts short runs of float32 several times faster than it selects from them.
    return np.sort(windows, axis=-1)[..., kernel // 2]


def _soft_mask(strokes: Magnitudes, tones: Magnitudes, options: HpssOptions) -> Magnitudes:
    loudest = np.maximum(strokes, tones)
    silent = loudest < _TINY
    loudest[silent] = 1.0
    wanted, unwanted = (strokes / loudest) ** options.power, (tones / loudest) ** options.power
    wanted[silent] = 0.5 if options.margin == 1 else 0.0
    unwanted[silent] = 0.5
    return np.asarray(wanted / (wanted + unwanted), dtype=np.float32)
