"""Blocks: sound on its way in, checked, averaged to mono, resampled and cut to length.

Flow: audio.io or an array -> **blocks** -> audio.level, audio.features

A decoder hands over blocks of shape (frames, channels), float32 with full scale at 1, as long as it likes.
Every stage is a generator, so memory does not depend on the length of the sound.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drumlane.errors import AudioError

Block = NDArray[np.float32]

FRAMES_PER_READ = 16384  # what a decoder is asked for at a time: 0.4 s at 44.1 kHz
SAMPLE_RATES = (1_000, 1_600_000)  # Hz; outside it a header is broken, and resampling would fill the memory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A sound being decoded: ``blocks`` can be read once, ``close`` must be called in the end."""

    sample_rate: int  # Hz
    channels: int
    duration: float | None  # seconds, from the header; None if it does not say
    blocks: Iterator[Block]  # (frames, channels)
    close: Callable[[], object]


def mono_blocks_of_array(
    samples: ArrayLike, sample_rate: int, target_rate: int, block_seconds: float = 10.0
) -> Iterator[Block]:
    """Yield an array as mono blocks at ``target_rate``, as ``stream_audio`` yields a file.

    Args:
        samples: (n,) or (n, channels); floats with full scale at 1, or 8- to 32-bit integers (scaled).
        sample_rate: of ``samples``, Hz.
        target_rate: of the blocks, Hz.
        block_seconds: length of every block but the last.

    Raises:
        ValueError: the shape or the rate makes no sense.
        TypeError: the numbers are of a kind that has no full scale.
        AudioError: there are no samples, or some are not finite.
    """
    frames = frames_of_array(samples)
    check_sample_rate(sample_rate)
    reads = (frames[i : i + FRAMES_PER_READ] for i in range(0, len(frames), FRAMES_PER_READ))
    mono = mono_blocks(finite_blocks(reads, "samples", sample_rate))
    return cut(resampled(mono, sample_rate, target_rate), max(1, round(block_seconds * target_rate)))


def frames_of_array(samples: ArrayLike) -> Block:
    """Return an array as float32 of shape (n, channels), full scale at 1.

    Raises:
        ValueError: the shape is not (n,) or (n, channels).
        TypeError: the numbers are neither floats nor 8- to 32-bit integers.
        AudioError: there are no samples.
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise ValueError(f"samples.shape={array.shape} must be (n,) or (n, channels)")
    if array.size == 0:
        raise AudioError("samples: there are none; pass at least one sample")
    if array.ndim == 2 and array.shape[1] > array.shape[0]:
        raise ValueError(
            f"samples.shape={array.shape} looks like (channels, n); pass (n, channels), that is samples.T"
        )
    return _full_scale_at_one(array if array.ndim == 2 else array[:, None])


def check_sample_rate(sample_rate: int) -> None:
    """Raise ``ValueError`` for a sample rate that no sound has."""
    if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1]:
        raise ValueError(f"sample_rate={sample_rate} must be in {SAMPLE_RATES[0]}..{SAMPLE_RATES[1]} Hz")


def finite_blocks(blocks: Iterable[Block], name: str, sample_rate: int) -> Iterator[Block]:
    """Pass blocks on; refuse the first sample that is not a finite number.

    Raises:
        AudioError: names the time in seconds.
    """
    n_before = 0
    for block in blocks:
        bad = ~np.isfinite(block)
        if bad.any():
            frame, channel = np.argwhere(bad)[0] if block.ndim == 2 else (np.flatnonzero(bad)[0], 0)
            seconds = (n_before + int(frame)) / sample_rate
            value = block.reshape(len(block), -1)[frame, channel]
            raise AudioError(
                f"{name}: the sample at {seconds:.3f} s is {value}; repair or export the sound again"
            )
        n_before += len(block)
        yield block


def mono_blocks(blocks: Iterable[Block]) -> Iterator[Block]:
    """Average the channels: (frames, channels) to (frames,)."""
    for block in blocks:
        n_channels = block.shape[1]
        # A product, because numpy's mean over a short last axis takes longer than decoding an mp3.
        yield block[:, 0] if n_channels == 1 else block @ np.full(n_channels, 1 / n_channels, np.float32)


def resampled(blocks: Iterable[Block], source_rate: int, target_rate: int) -> Iterator[Block]:
    """Resample blocks of one shape, (frames,) or (frames, channels), with soxr's HQ filter.

    The filter's delay is taken out, so that times stay where they are, and ``n`` samples become
    ``round(n * target_rate / source_rate)``, but at least one.
    """
    if source_rate == target_rate:
        yield from blocks
        return
    import soxr

    _log.debug("resampling from %d to %d Hz", source_rate, target_rate)
    stream, n_in, n_out, block = None, 0, 0, None
    for block in blocks:
        if stream is None:
            n_channels = 1 if block.ndim == 1 else block.shape[1]
            stream = soxr.ResampleStream(source_rate, target_rate, n_channels, dtype="float32", quality="HQ")
        resampled_block = stream.resample_chunk(np.ascontiguousarray(block))
        n_in, n_out = n_in + len(block), n_out + len(resampled_block)
        yield resampled_block
    if stream is not None and block is not None:
        wanted = max(1, round(n_in * target_rate / source_rate)) - n_out
        yield _fitted(stream.resample_chunk(block[:0], last=True), wanted)


def cut(blocks: Iterable[Block], length: int) -> Iterator[Block]:
    """Yield the same samples in blocks of ``length``; the last one may be shorter, none is empty."""
    pending: list[Block] = []
    n_pending = 0
    for block in blocks:
        pending.append(block)
        n_pending += len(block)
        if n_pending >= length:
            joined = np.concatenate(pending)
            n_whole = n_pending // length * length
            yield from joined[:n_whole].reshape(-1, length, *joined.shape[1:])
            pending, n_pending = [joined[n_whole:].copy()], n_pending - n_whole
    if n_pending:
        yield np.concatenate(pending)


def _full_scale_at_one(array: NDArray[np.generic]) -> Block:
    if np.issubdtype(array.dtype, np.floating):
        return np.asarray(array, dtype=np.float32)
    if np.issubdtype(array.dtype, np.integer) and array.dtype.itemsize <= 4:
        half_range = float(2 ** (8 * array.dtype.itemsize - 1))
        middle = half_range if np.issubdtype(array.dtype, np.unsignedinteger) else 0.0
        return np.asarray((array.astype(np.float64) - middle) / half_range, dtype=np.float32)
    raise TypeError(
        f"samples.dtype={array.dtype} has no full scale; pass floats within -1..1 or 8- to 32-bit integers"
    )


def _fitted(block: Block, length: int) -> Block:
    """Return the block cut or filled with zeros to ``length`` frames."""
    missing = max(0, length - len(block))
    return np.pad(block[: max(0, length)], [(0, missing)] + [(0, 0)] * (block.ndim - 1))
