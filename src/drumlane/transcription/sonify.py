"""Sonify: the original with a sound on every hit, to judge a transcription by ear.

Flow: file + Performance -> **sonify** -> wav

Each lane has a click of its own: tones for drums, from low to high, short noise for hats and cymbals. Harder
hits click louder. A kit can be played in place of the clicks. The whole sound is held in memory, about
20 MB a minute of stereo.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.audio.level import level_gain
from drumlane.performance import Performance
from drumlane.vocabulary import Drum, Lane

SAMPLE_RATE = 44100  # of every sonified sound
CLICK_SECONDS = 0.06
CLICK_PEAK = 0.5  # of full scale, for velocity 127
# Tones in Hz; lanes without one click in noise. Toms descend, as they do on a kit.
TONE_OF_LANE: Mapping[Lane | None, float] = MappingProxyType(
    {
        Lane.KICK: 110.0,
        Lane.LOW_TOM: 165.0,
        Lane.MID_TOM: 247.0,
        Lane.HI_TOM: 330.0,
        Lane.SNARE: 440.0,
        Lane.RIDE: 1760.0,
    }
)
# Seconds for a click to fall to a third: an open hat and a crash ring longer than a closed hat.
_DECAYS: Mapping[Drum, float] = MappingProxyType({Drum.HIHAT_OPEN: 0.02, Drum.CRASH: 0.03})
_DECAY = 0.008

Player = Callable[[Performance, int], NDArray[np.float32]]  # hits and n -> samples (n,) at SAMPLE_RATE


def clicks(performance: Performance, n_samples: int) -> NDArray[np.float32]:
    """Return a click for each hit, shape (n_samples,); clicks after the end are cut."""
    track = np.zeros(n_samples, dtype=np.float32)
    for hit in performance:
        place = track[round(hit.time * SAMPLE_RATE) :][: round(CLICK_SECONDS * SAMPLE_RATE)]
        place += _click(hit.drum)[: len(place)] * np.float32(CLICK_PEAK * hit.velocity / 127)
    return track


def sonify(source: Path, performance: Performance, path: Path, player: Player = clicks) -> None:
    """Write the recording, all its channels, with its hits played over it.

    Args:
        source: the recording.
        performance: its hits.
        path: the sound to write; its suffix picks the format.
        player: makes the sound of the hits.

    Raises:
        AudioError: the recording cannot be read or the result cannot be written.
    """
    # The hits are there, so a cut-off recording was wanted as far as it goes.
    samples = read_audio(source, SAMPLE_RATE, mono=False, partial=True).samples
    mixed = samples.reshape(len(samples), -1)
    # The loud parts of the music come to -20 dB, so that the hits stand out of any recording alike.
    mixed = mixed * np.float32(level_gain(mixed.mean(axis=1), SAMPLE_RATE))
    mixed += player(performance, len(mixed))[:, None]
    mixed /= max(1.0, float(np.abs(mixed).max()))
    write_audio(path, Audio(mixed, SAMPLE_RATE))


@lru_cache(maxsize=len(Drum))
def _click(drum: Drum) -> NDArray[np.float32]:
    """Return a click of peak 1 at most, shape (n,)."""
    t = np.arange(round(CLICK_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tone = TONE_OF_LANE.get(drum.lane)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, len(t))
    body = noise if tone is None else np.cos(2 * np.pi * tone * t)
    return np.asarray(body * np.exp(-t / _DECAYS.get(drum, _DECAY)), dtype=np.float32)
