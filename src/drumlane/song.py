"""Song: what is known of a recording beside its drums: names for players, and where its parts begin.

Travels inside a ``Performance`` from format to format. A format that has no place for a field leaves it out
and says so in docs/formats.md. What a file holds that nothing here has a name for is kept, as JSON text under
the format's name, so that reading and writing a file loses nothing that another program put there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True, order=True)
class Section:
    """A part of a song, up to the next one."""

    time: float  # seconds from the start of the audio, >= 0
    name: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.time) and self.time >= 0):
            raise ValueError(f"time={self.time} must be a number >= 0")


@dataclass(frozen=True, slots=True)
class Song:
    """Names and parts of a song; empty texts are unknown."""

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    year: str = ""
    charter: str = ""  # who made the chart; BeatSight's and osu!'s creator
    audio: Path | None = None  # the recording; as a file names it, or as the user gave it
    preview: float | None = None  # seconds from the start of the audio
    sections: tuple[Section, ...] = ()
    foreign: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # format name -> JSON text of its fields that have no place above

    def __post_init__(self) -> None:
        object.__setattr__(self, "sections", tuple(sorted(self.sections)))
        if self.preview is not None and not (np.isfinite(self.preview) and self.preview >= 0):
            raise ValueError(f"preview={self.preview} must be a number >= 0")
