"""Libsndfile: wav, flac, ogg, opus, mp3 and aiff, decoded and encoded.

Flow: audio.io -> **libsndfile** -> audio.blocks

A damaged file is used as far as it decodes, with a warning in the log.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from drumlane.audio.blocks import FRAMES_PER_READ, Block, Decoded
from drumlane.audio.media import MEDIA_SUFFIXES, broken_off, media_available
from drumlane.errors import AudioError
from drumlane.files import shown

if TYPE_CHECKING:
    import soundfile

# Suffix -> libsndfile's format and subtype for writing.
ENCODINGS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}

_UNKNOWN_LENGTH = 2**62  # libsndfile's frame count for streams without one is near 2**63
_SHORTFALL_SECONDS = 0.1  # less missing than this is a matter of codec padding, not of a damaged file
_HEADER_PROMISES_MORE = re.compile(
    r"^ *(?:data|SSND) *: (\d+) \(should be \d+\)|lacks an end-of-stream", re.M
)


def decode_with_libsndfile(path: Path) -> Decoded | None:
    """Open a file with libsndfile; None if something else may know it.

    Raises:
        AudioError: libsndfile does not know it and there is nothing else to try.
    """
    import soundfile

    try:
        if _cannot_be_mp3(path):
            raise soundfile.SoundFileRuntimeError("no mp3 frame in it")
        sound = _open_forward_only(path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: .raw, which has no header
        if path.suffix.lower() in MEDIA_SUFFIXES or media_available():
            return None
        raise _not_audio(path, error) from error
    n_frames = sound.frames if 0 < sound.frames < _UNKNOWN_LENGTH else None
    seconds = n_frames / sound.samplerate if n_frames is not None else None
    return Decoded(sound.samplerate, sound.channels, seconds, _libsndfile_blocks(path, sound), sound.close)


def _open_forward_only(path: Path) -> "soundfile.SoundFile":
    """Open a file that is read from its beginning to its end.

    soundfile seeks to where it already is after every read. In an mp3 that loses the bits a frame borrows
    from the ones before: silence and wrong samples at the start of every block.
    """
    import soundfile

    class ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
        def seekable(self) -> bool:
            return False

    return ForwardOnly(_name(path))


def _name(path: Path) -> Path | bytes:
    """Return a name that soundfile can encode, even if it is no text; Windows has no such names."""
    return path if sys.platform == "win32" else os.fsencode(path)


def _cannot_be_mp3(path: Path) -> bool:
    """Whether a .mp3 file holds no byte that starts a frame: libmpg123 would chat about it on stderr."""
    if path.suffix.lower() != ".mp3":
        return False
    with path.open("rb") as file:
        return b"\xff" not in file.read(1 << 20)


def _libsndfile_blocks(path: Path, sound: "soundfile.SoundFile") -> Iterator[Block]:
    import soundfile

    n_read = 0
    try:
        while len(block := sound.read(FRAMES_PER_READ, dtype="float32", always_2d=True)):
            n_read += len(block)
            yield block
    except soundfile.SoundFileError as error:
        if n_read == 0:
            raise _not_audio(path, error) from error
        raise broken_off(path, n_read / sound.samplerate) from error
    if n_read and _is_cut_off(sound, n_read):
        raise broken_off(path, n_read / sound.samplerate)


def _is_cut_off(sound: "soundfile.SoundFile", n_read: int) -> bool:
    """Whether the header promised more sound than came."""
    promise = _HEADER_PROMISES_MORE.search(sound.extra_info)
    # A wav from a pipe promises "as much as possible", near 2**32 bytes: nothing is missing there.
    broken_promise = promise is not None and int(promise[1] or 0) < 0x7FFF0000
    shortfall = (sound.frames - n_read) / sound.samplerate if sound.frames < _UNKNOWN_LENGTH else 0.0
    return broken_promise or shortfall > _SHORTFALL_SECONDS


def encode_with_libsndfile(file: Path, frames: Block, sample_rate: int, target: Path) -> None:
    """Encode frames of shape (n, channels) to ``file``, in the format of ``target``, the name in messages.

    Raises:
        AudioError: the format has no such rate or number of channels, or the file cannot be written.
    """
    # In pieces: libvorbis takes a whole song at once on the stack.
    pieces = (frames[start : start + FRAMES_PER_READ] for start in range(0, len(frames), FRAMES_PER_READ))
    encode_blocks_with_libsndfile(file, pieces, frames.shape[1], sample_rate, target)


def encode_blocks_with_libsndfile(
    file: Path, blocks: Iterable[Block], n_channels: int, sample_rate: int, target: Path
) -> None:
    """Encode blocks of shape (n,) or (n, channels) as they come; as ``encode_with_libsndfile``."""
    import soundfile

    container, subtype = ENCODINGS[target.suffix.lower()]
    try:
        with soundfile.SoundFile(
            _name(file), "w", sample_rate, n_channels, subtype, format=container
        ) as sound:
            for block in blocks:
                sound.write(block)
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"{shown(target)}: {sample_rate} Hz with {n_channels} channels cannot be written as "
            f"{target.suffix} ({_reason(error)}); use .wav or .flac"
        ) from error


def read_tags_with_libsndfile(path: Path) -> dict[str, str]:
    """Return what a file says of itself, by ``title``, ``artist``, ``album``, ``genre``, ``date``."""
    import soundfile

    try:
        with soundfile.SoundFile(_name(path)) as sound:
            return {name: text.strip() for name, text in sound.copy_metadata().items() if text.strip()}
    except (soundfile.SoundFileError, TypeError, UnicodeDecodeError):
        return {}


def _not_audio(path: Path, error: Exception) -> AudioError:
    return AudioError(f"{shown(path)}: not a sound that can be decoded ({_reason(error)}); check the file")


def _reason(error: Exception) -> str:
    """Return libsndfile's words without the path and the prefixes."""
    text = getattr(error, "error_string", None) or str(error)
    return text.removeprefix("Error : ").rstrip(".") or "damaged"
