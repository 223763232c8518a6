"""Sound files in and out: the door behind which soundfile, PyAV and ffmpeg live.

Flow: file -> **io** -> audio.level, audio.features

wav, flac, ogg, opus, mp3 and aiff go through ``audio.libsndfile``; m4a, aac and video through
``audio.media``. Samples are float32 with full scale at 1; channels are averaged to mono. A damaged file is an
error, unless the caller asks for as much of it as decodes (``partial``).
"""

import logging
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drumlane.audio.blocks import (
    SAMPLE_RATES,
    Block,
    Decoded,
    check_sample_rate,
    cut,
    finite_blocks,
    frames_of_array,
    mono_blocks,
    resampled,
)
from drumlane.audio.libsndfile import (
    ENCODINGS,
    decode_with_libsndfile,
    encode_blocks_with_libsndfile,
    encode_with_libsndfile,
    read_tags_with_libsndfile,
)
from drumlane.audio.media import decode_media
from drumlane.errors import AudioError, DamagedAudioError, nearest_first
from drumlane.files import AnyPath, shown, whole_file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A whole sound in memory."""

    samples: Block  # (n,) or (n, channels), full scale at 1
    sample_rate: int  # Hz

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class AudioFileInfo:
    """What a file's header says."""

    path: Path
    sample_rate: int  # Hz
    channels: int
    duration: float | None  # seconds; None if the header does not say


def probe(path: AnyPath) -> AudioFileInfo:
    """Read a sound file's header.

    Raises:
        AudioError: as ``stream_audio``, as far as the header shows it.
    """
    decoded = _decode(Path(path))
    decoded.close()
    return AudioFileInfo(Path(path), decoded.sample_rate, decoded.channels, decoded.duration)


def stream_audio(
    path: AnyPath, sample_rate: int, block_seconds: float = 10.0, partial: bool = False
) -> Iterator[Block]:
    """Decode a sound file in mono blocks; memory does not depend on the file's length.

    Args:
        path: the file.
        sample_rate: of the blocks, Hz; soxr resamples where the file's differs.
        block_seconds: length of every block but the last.
        partial: whether a file that is cut off or damaged is used as far as it decodes, with a warning.

    Yields:
        Blocks of shape (n,).

    Raises:
        AudioError: the file is missing, empty, not sound, has no samples or samples that are not finite, or
            needs a decoder that is not installed. Raised at the first block, or where the fault is.
        DamagedAudioError: the file breaks off, and ``partial`` is not set.
    """
    check_sample_rate(sample_rate)
    decoded = _decode(Path(path), partial)
    try:
        yield from cut(
            resampled(mono_blocks(decoded.blocks), decoded.sample_rate, sample_rate),
            max(1, round(block_seconds * sample_rate)),
        )
    finally:
        decoded.close()


def read_audio(
    path: AnyPath, sample_rate: int | None = None, mono: bool = True, partial: bool = False
) -> Audio:
    """Decode a whole sound file.

    Args:
        path: the file.
        sample_rate: of the result, Hz; None keeps the file's.
        mono: whether channels are averaged, samples (n,), or kept, samples (n, channels).
        partial: as for ``stream_audio``.

    Raises:
        AudioError: as ``stream_audio``.
    """
    decoded = _decode(Path(path), partial)
    rate = sample_rate or decoded.sample_rate
    check_sample_rate(rate)
    try:
        blocks = mono_blocks(decoded.blocks) if mono else decoded.blocks
        return Audio(np.concatenate(list(resampled(blocks, decoded.sample_rate, rate))), rate)
    finally:
        decoded.close()


def write_audio(path: AnyPath, audio: Audio) -> None:
    """Encode a sound; the suffix picks the format (16-bit wav and flac, Vorbis, Opus, mp3).

    A sound that goes beyond full scale is made quieter as a whole, so that nothing clips or wraps; the log
    says so.

    Raises:
        AudioError: unknown suffix, no samples, samples that are not finite, a rate or number of channels that
            the format does not have, or a place that cannot be written to. Nothing half-written stays behind.
    """
    target = Path(path)
    if target.suffix.lower() not in ENCODINGS:
        suffixes = nearest_first(target.suffix, ENCODINGS)
        raise AudioError(f"{shown(path)}: cannot write {target.suffix!r}; suffixes: {suffixes}")
    frames = _within_full_scale(frames_of_array(audio.samples), target)
    with whole_file(path, AudioError) as partial:
        partial.touch()  # libsndfile hides why a file cannot be made; this does not
        encode_with_libsndfile(partial, frames, audio.sample_rate, target)


def write_blocks(path: AnyPath, blocks: Iterable[Block], sample_rate: int) -> None:
    """Encode a mono sound as it comes, in memory that does not depend on its length; peaks are clipped.

    Args:
        path: its suffix picks the format, as for ``write_audio``.
        blocks: shape (n,), full scale at 1.
        sample_rate: Hz.

    Raises:
        AudioError: as ``write_audio``, or as the blocks raise it. Nothing half-written stays behind.
    """
    target = Path(path)
    if target.suffix.lower() not in ENCODINGS:
        suffixes = nearest_first(target.suffix, ENCODINGS)
        raise AudioError(f"{shown(path)}: cannot write {target.suffix!r}; suffixes: {suffixes}")
    checked = (np.clip(block, -1.0, 1.0) for block in finite_blocks(blocks, shown(path), sample_rate))
    with whole_file(path, AudioError) as partial:
        partial.touch()
        encode_blocks_with_libsndfile(partial, checked, 1, sample_rate, target)


def read_tags(path: AnyPath) -> Mapping[str, str]:
    """Return the names that a sound file carries: ``title``, ``artist``, ``album`` …; none if it has none."""
    return read_tags_with_libsndfile(Path(path))


def _within_full_scale(frames: Block, path: Path) -> Block:
    peak = float(np.abs(frames).max())
    if not np.isfinite(peak):
        raise AudioError(f"{shown(path)}: some samples are not finite; nothing was written")
    if peak <= 1.0:
        return frames
    _log.warning(
        "%s: %.1f dB above full scale; written quieter by that much", shown(path), 20 * np.log10(peak)
    )
    return frames / np.float32(peak)


def _decode(path: Path, partial: bool = False) -> Decoded:
    """Open a file with whatever decodes it; its blocks are checked to be finite and not all missing."""
    _check_is_file(path)
    decoded = decode_with_libsndfile(path) or decode_media(path)
    if not SAMPLE_RATES[0] <= decoded.sample_rate <= SAMPLE_RATES[1]:
        decoded.close()
        raise AudioError(f"{shown(path)}: its header says {decoded.sample_rate} Hz, which no sound has")
    blocks = _as_far_as_it_goes(decoded.blocks) if partial else decoded.blocks
    return replace(decoded, blocks=_some(path, finite_blocks(blocks, shown(path), decoded.sample_rate)))


def _as_far_as_it_goes(blocks: Iterator[Block]) -> Iterator[Block]:
    try:
        yield from blocks
    except DamagedAudioError as error:
        _log.warning("%s", str(error).partition("; ")[0] + "; only that part is used")


def _check_is_file(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{shown(path)}: is a folder; pass a sound file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{shown(path)}: is not a regular file; save the sound to one first")
        path.open("rb").close()
    except FileNotFoundError:
        raise AudioError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{shown(path)}: cannot be read ({reason})") from error
    if status.st_size == 0:
        raise AudioError(f"{shown(path)}: is empty (0 bytes)")


def _some(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    """Pass blocks on.

    Raises:
        AudioError: there was not one sample.
    """
    empty = True
    for block in blocks:
        if len(block):
            empty = False
            yield block
    if empty:
        raise AudioError(f"{shown(path)}: holds no samples")
