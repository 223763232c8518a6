"""Demucs stem: the drums that Demucs separates, if it is installed.

Flow: song -> **demucs_stem** -> stems

Demucs (Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021; MIT) is no part of drumlane: it
brings torch and loads its weights from the network. The sound is given to it in stereo at the model's own
rate, and of what it returns the drums are taken by their name, whatever their place.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import Audio, read_audio
from drumlane.errors import DrumlaneError
from drumlane.files import shown

DEFAULT_MODEL = "htdemucs"
DRUMS = "drums"


class DemucsSeparator(Protocol):
    """What is used of ``demucs.api.Separator``."""

    @property
    def samplerate(self) -> int:
        """Hz, of the model."""

    @property
    def audio_channels(self) -> int:
        """Channels of the model."""

    def separate_tensor(self, wav: Any, sr: int | None = None) -> tuple[Any, Mapping[str, Any]]:
        """Return the sound and its sources by name, torch tensors of shape (channels, n)."""


def load_demucs(model: str = DEFAULT_MODEL) -> DemucsSeparator:
    """Load a model of Demucs.

    Raises:
        DrumlaneError: Demucs is not installed, or cannot load the model.
    """
    if find_spec("demucs") is None or find_spec("torch") is None:
        raise DrumlaneError(
            "separation with Demucs needs demucs, which is not installed and no part of drumlane; run: "
            "pip install demucs, or choose hpss or none"
        )
    from demucs.api import Separator

    try:
        separator: DemucsSeparator = Separator(model=model)
    except (Exception, SystemExit) as error:  # its own ways of failing: no network, no such model
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DrumlaneError(
            f"Demucs cannot load its model {model!r} ({reason}); it is fetched from the network once"
        ) from error
    return separator


def demucs_drums(path: Path, separator: DemucsSeparator, partial: bool = False) -> Audio:
    """Return the drums of a song, samples (n, channels) at the model's rate.

    Args:
        path: the song.
        separator: a loaded model.
        partial: as for ``read_audio``.

    Raises:
        AudioError: the song cannot be read.
        DrumlaneError: the model has no drums among its sources.
    """
    import torch

    rate = separator.samplerate
    sound = _with_channels(
        read_audio(path, rate, mono=False, partial=partial).samples, separator.audio_channels
    )
    _, sources = separator.separate_tensor(torch.from_numpy(np.ascontiguousarray(sound.T)), rate)
    if DRUMS not in sources:
        names = ", ".join(map(str, sources))
        raise DrumlaneError(f"{shown(path)}: this model of Demucs has no source {DRUMS!r} (it has {names})")
    return Audio(np.ascontiguousarray(sources[DRUMS].cpu().numpy().T, dtype=np.float32), rate)


def _with_channels(frames: NDArray[np.float32], n_channels: int) -> NDArray[np.float32]:
    """Return frames (n, channels) with the wanted number of channels; others than two or one are averaged."""
    frames = frames.reshape(len(frames), -1)
    if frames.shape[1] == n_channels:
        return frames
    return np.repeat(frames.mean(axis=1, keepdims=True, dtype=np.float32), n_channels, axis=1)
