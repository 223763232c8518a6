"""Media: what libsndfile does not know (m4a, aac, the sound of a video), through PyAV or an ffmpeg program.

Flow: audio.io -> **media** -> audio.blocks

PyAV (the ``media`` extra) comes first, then ``ffmpeg`` on PATH. Both may open local files only: a playlist
cannot reach the network.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from drumlane.audio.blocks import FRAMES_PER_READ, Block, Decoded
from drumlane.errors import AudioError, DamagedAudioError
from drumlane.files import shown

MEDIA_SUFFIXES = frozenset(
    {
        ".3gp",
        ".aac",
        ".ac3",
        ".amr",
        ".ape",
        ".avi",
        ".dts",
        ".flv",
        ".m4a",
        ".m4b",
        ".m4v",
        ".mka",
        ".mkv",
        ".mov",
    }
    | {".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".vob", ".webm", ".wma", ".wmv", ".wv"}
)


def media_available() -> bool:
    """Whether PyAV is installed or ffmpeg is on PATH."""
    return _av_installed() or shutil.which("ffmpeg") is not None


def decode_media(path: Path) -> Decoded:
    """Open the first sound track of a file.

    Raises:
        AudioError: neither PyAV nor ffmpeg is here (the message names both), or they find no sound in it.
    """
    if _av_installed():
        return _decode_with_av(path)
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is not None:
        return _decode_with_ffmpeg(path, ffmpeg)
    raise AudioError(
        f"{shown(path)}: {path.suffix or 'this kind of file'} needs PyAV or ffmpeg; "
        "run: pip install 'drumlane[media]', or put an ffmpeg program on PATH"
    )


def _av_installed() -> bool:
    try:
        return find_spec("av") is not None
    except ValueError:  # sys.modules["av"] is None: import is blocked
        return False


def _decode_with_av(path: Path) -> Decoded:
    import av

    try:
        # Absolute: a relative name such as "live:take 1.m4a" would be read as a protocol.
        container = av.open(str(path.absolute()), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _not_audio(path, error) from error
    if not container.streams.audio:
        container.close()
        raise AudioError(f"{shown(path)}: it has no sound track; pass a file with sound")
    track = container.streams.audio[0]
    seconds = float(track.duration * track.time_base) if track.duration and track.time_base else None
    return Decoded(track.rate, track.channels, seconds, _av_blocks(path, container), container.close)


def _av_blocks(path: Path, container: Any) -> Iterator[Block]:
    import av

    n_frames = 0
    track = container.streams.audio[0]
    to_floats = av.AudioResampler(format="flt", layout=track.layout, rate=track.rate)
    try:
        for packed in container.decode(track):
            for frame in to_floats.resample(packed):
                n_frames += frame.samples
                yield frame.to_ndarray().reshape(-1, track.channels)
    except (av.FFmpegError, ValueError) as error:
        if n_frames == 0:
            raise _not_audio(path, error) from error
        raise broken_off(path, n_frames / track.rate) from error


def _decode_with_ffmpeg(path: Path, ffmpeg: str) -> Decoded:
    """Let ffmpeg write a Sun .au stream: float32 behind a header that carries the rate and the channels."""
    source = ["-protocol_whitelist", "file,pipe", "-i", str(path.absolute()), "-map", "0:a:0"]
    program = _Program(
        [ffmpeg, "-nostdin", "-v", "error", *source, "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    )
    header = program.pcm.read(24)
    if len(header) < 24 or header[:4] != b".snd":
        raise _not_audio(path, program.close() or "no sound track")
    data_start, _, _, sample_rate, channels = struct.unpack(">5I", header[4:])
    program.pcm.read(data_start - len(header))
    blocks = _au_blocks(path, program, sample_rate, channels)
    return Decoded(sample_rate, channels, None, blocks, program.close)


def _au_blocks(path: Path, program: "_Program", sample_rate: int, channels: int) -> Iterator[Block]:
    n_frames, frame_bytes = 0, 4 * channels
    while read := program.pcm.read(frame_bytes * FRAMES_PER_READ):
        whole_frames = read[: len(read) // frame_bytes * frame_bytes]
        block = np.frombuffer(whole_frames, dtype=">f4").astype(np.float32).reshape(-1, channels)
        n_frames += len(block)
        yield block
    if program.process.wait() != 0:
        raise broken_off(path, n_frames / sample_rate)


class _Program:
    """A running ffmpeg: its output, and its last words."""

    def __init__(self, command: list[str]) -> None:
        # A file and not a pipe: on a damaged input the messages may fill a pipe that nobody empties.
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._messages)
        self.pcm = cast(IO[bytes], self.process.stdout)

    def close(self) -> str:
        """Stop the program if it still runs; return the last line it wrote to stderr."""
        self.pcm.close()
        self.process.terminate()
        self.process.wait()
        with self._messages as messages:
            messages.seek(0)
            lines = messages.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def broken_off(path: Path, seconds: float) -> DamagedAudioError:
    """Return the error for a file of which only the first ``seconds`` could be decoded."""
    return DamagedAudioError(
        f"{shown(path)}: damaged or cut off after {seconds:.2f} s; "
        "get it again, or use that part with --partial"
    )


def _not_audio(path: Path, reason: object) -> AudioError:
    text = getattr(reason, "strerror", None) or reason
    return AudioError(f"{shown(path)}: not a sound that can be decoded ({text}); check the file")
