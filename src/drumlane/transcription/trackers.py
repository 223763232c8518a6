"""Trackers: who finds beats; our own, none, or another program's that is installed.

Flow: recording -> **trackers** -> transcription.beats

Another tracker is a function from a sound file to beat times and downbeat times; the rest (metres, steady
stretches, lead-in) is ours.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.errors import ConfigError, DrumlaneError, nearest_first

Floats = NDArray[np.float64]
BeatTimes = tuple[Floats, Floats]  # beats and downbeats in seconds, ascending
AudioTracker = Callable[[Path], BeatTimes]

OWN, NONE = "drumlane", "none"


def beat_this(path: Path) -> BeatTimes:
    """Return what Beat This hears (Foscarin, Schlüter and Widmer, ISMIR 2024).

    Raises:
        DrumlaneError: the package is not installed, or it fails.
    """
    if find_spec("beat_this") is None:
        raise DrumlaneError(
            "--beats beat_this needs beat_this, which is not installed and no part of drumlane; run: "
            "pip install beat_this, or leave --beats out"
        )
    from beat_this.inference import File2Beats

    beats, downbeats = File2Beats(checkpoint_path="final0", device="cpu", dbn=False)(str(path))
    return np.asarray(beats, dtype=np.float64), np.asarray(downbeats, dtype=np.float64)


AUDIO_TRACKERS: Mapping[str, AudioTracker] = MappingProxyType({"beat_this": beat_this})
TRACKERS = (OWN, NONE, *AUDIO_TRACKERS)


def check_tracker(name: str) -> str:
    """Return the name of a tracker.

    Raises:
        ConfigError: there is none of that name; the message lists them, nearest first.
    """
    if name not in TRACKERS:
        raise ConfigError(f"tracker {name!r} is unknown; trackers: {nearest_first(name, TRACKERS)}")
    return name
