"""Stems: the drums of a song as a file, by one of several methods.

Flow: song -> **stems** (hpss, demucs_stem) -> a wav file -> transcription, BeatSight's ``drumStem``
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from drumlane.audio.io import probe, stream_audio, write_audio, write_blocks
from drumlane.errors import ConfigError, nearest_first
from drumlane.separation.demucs_stem import DEFAULT_MODEL, demucs_drums, load_demucs
from drumlane.separation.hpss import percussive_blocks

NONE, HPSS, DEMUCS = "none", "hpss", "demucs"
METHODS = (NONE, HPSS, DEMUCS)
STEM_SUFFIX = ".drums.wav"  # without loss, and the same bytes each time: maps carry its hash


def check_method(method: str) -> str:
    """Return the name of a method; Demucs may be followed by a model: ``demucs:htdemucs_ft``.

    Raises:
        ConfigError: there is none of that name; the message lists them, nearest first.
    """
    name, colon, model = method.partition(":")
    if name not in METHODS or (colon and (name != DEMUCS or not model)):
        raise ConfigError(f"separation {method!r} is unknown; methods: {nearest_first(name, METHODS)}")
    return method


def write_stem(song: Path, stem: Path, method: str, partial: bool = False) -> None:
    """Write the drums of a song.

    Args:
        song: a sound file.
        stem: the file to write; its suffix picks the format.
        method: of ``METHODS``, but not ``none``.
        partial: whether a song that is cut off or damaged is used as far as it goes.

    Raises:
        AudioError: the song cannot be read, or the stem cannot be written.
        ConfigError: there is no such method.
        DrumlaneError: Demucs is not installed, or its model cannot be loaded.
    """
    name, _, model = check_method(method).partition(":")
    if name == NONE:
        raise ValueError("method='none' has no stem")
    _WRITERS[name](song, stem, model, partial)


def _write_hpss(song: Path, stem: Path, _model: str, partial: bool) -> None:
    rate = probe(song).sample_rate
    write_blocks(stem, percussive_blocks(stream_audio(song, rate, partial=partial)), rate)


def _write_demucs(song: Path, stem: Path, model: str, partial: bool) -> None:
    write_audio(stem, demucs_drums(song, load_demucs(model or DEFAULT_MODEL), partial))


_WRITERS: Mapping[str, Callable[[Path, Path, str, bool], None]] = MappingProxyType(
    {HPSS: _write_hpss, DEMUCS: _write_demucs}
)
