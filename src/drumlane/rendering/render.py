"""Render: a performance becomes a recording, on a kit, in a room, with or without a band.

Flow: Performance + kit -> stage -> room -> **render** -> Audio

Each hit's attack lies on sample ``round(time · 44100)`` of the drums; neither room nor level moves it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.blocks import SAMPLE_RATES, resampled
from drumlane.audio.io import Audio
from drumlane.audio.level import level_gain
from drumlane.errors import ConfigError, nearest_first
from drumlane.performance import Performance
from drumlane.rendering.kits import SAMPLE_RATE, Kit, load_kit
from drumlane.rendering.open_kit import KINDS, manifest_kit, open_kit
from drumlane.rendering.procedural import EMBEDDED_NAME, embedded_kit, procedural_kit
from drumlane.rendering.room import Equaliser, Room, in_room
from drumlane.rendering.stage import Voice, play, voices_of
from drumlane.vocabulary import Drum

PEAK_DB = -1.0  # of the loudest sample; lossy codecs go a little beyond it
ROOMS: Mapping[str, Room] = MappingProxyType(
    {
        "none": Room(),
        "booth": Room(wet=0.15, rt60=0.15, damping=0.8),
        "studio": Room(wet=0.3, rt60=0.4, damping=0.6),
        "hall": Room(wet=0.6, rt60=1.3, predelay=0.015, damping=0.5),
    }
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a performance is recorded."""

    room: str = "studio"  # one of ROOMS
    seed: int = 0  # chooses among the samples of a round robin
    sample_rate: int = SAMPLE_RATE  # Hz, of the result
    tail: float = 2.0  # s after the end of the performance
    backing_db: float = 0.0  # of the backing's loud parts beside the drums'

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: no such room, or a number out of range.
        """
        if self.room not in ROOMS:
            raise ConfigError(f"room {self.room!r} is unknown; rooms: {nearest_first(self.room, ROOMS)}")
        if not SAMPLE_RATES[0] <= self.sample_rate <= SAMPLE_RATES[1]:
            raise ConfigError(
                f"sample rate {self.sample_rate} must be in {SAMPLE_RATES[0]}..{SAMPLE_RATES[1]} Hz"
            )
        if not 0 <= self.tail <= 60 or not -60 <= self.backing_db <= 60:
            raise ConfigError(
                f"tail {self.tail} must be 0 to 60 s, backing level {self.backing_db} -60 to 60 dB"
            )


def render(
    performance: Performance,
    kit: Kit,
    options: RenderOptions | None = None,
    backing: NDArray[np.float32] | None = None,
) -> Audio:
    """Return the performance as sound, mono, its peak at ``PEAK_DB``.

    Args:
        performance: what is played; drums that the kit lacks come from the embedded kit, and the log says so.
        kit: what it is played on.
        options: defaults if None.
        backing: music to lay under the drums, (n,) at 44.1 kHz; cut or followed by silence.

    Raises:
        ConfigError: the performance has neither hits nor a length, and there is no tail.
    """
    options = options or RenderOptions()
    n_samples = round((performance.duration + options.tail) * SAMPLE_RATE)
    if not n_samples:
        raise ConfigError("there is nothing to render: no hits, no length and no tail")
    tracks = play(
        performance, complete_voices(kit, performance), n_samples, np.random.default_rng(options.seed)
    )
    mix = in_room(tracks, ROOMS[options.room], Equaliser())
    if backing is not None:
        mix = mix + _under(backing, mix, options.backing_db)
    peak = float(np.abs(mix).max())
    mix = mix * np.float32(10 ** (PEAK_DB / 20) / peak) if peak > 0 else mix
    return Audio(
        np.concatenate(list(resampled([mix], SAMPLE_RATE, options.sample_rate))), options.sample_rate
    )


def named_kit(name: str, manifest: Path | None = None) -> Kit:
    """Return a kit by what a user calls it.

    Args:
        name: ``procedural`` (the embedded kit), ``procedural:SEED``, a path as for ``open_kit``, or a kit of
            ``manifest``.
        manifest: a ``kits.csv``.

    Raises:
        ConfigError: the name is none of these.
        DatasetError: what lies at the path is no kit that can be opened, or the manifest holds no such kit.
        AudioError: a sample cannot be decoded.
    """
    kind, colon, seed = name.partition(":")
    if kind == EMBEDDED_NAME:
        return _seeded_kit(seed) if colon else embedded_kit()
    if manifest is not None:
        return load_kit(manifest, name)
    if Path(name).exists() or manifest_kit(Path(name)) is not None:
        return open_kit(Path(name))
    raise ConfigError(
        f"kit {name!r} is unknown; pass {EMBEDDED_NAME}, {EMBEDDED_NAME}:SEED, {KINDS}, "
        "or a name with --kits-manifest kits.csv"
    )


def complete_voices(kit: Kit, performance: Performance) -> dict[Drum, Voice]:
    """Return a voice for every drum of the performance, from the embedded kit where ``kit`` has none."""
    drums = performance.counts().keys()
    voices = voices_of(kit, drums)
    missing = [drum for drum in drums if drum not in voices]
    if missing:
        names = ", ".join(drum.value for drum in missing)
        _log.warning("kit %s has no %s: played on the embedded kit", kit.name, names)
        voices |= voices_of(embedded_kit(), missing)
    return voices


def _seeded_kit(seed: str) -> Kit:
    if not seed.isdecimal():
        raise ConfigError(
            f"kit {EMBEDDED_NAME}:{seed}: the seed must be a whole number, as in {EMBEDDED_NAME}:7"
        )
    return procedural_kit(np.random.default_rng(int(seed)), name=f"{EMBEDDED_NAME}:{seed}")


def _under(backing: NDArray[np.float32], drums: NDArray[np.float32], level_db: float) -> NDArray[np.float32]:
    """Return the backing at the drums' length, its loud parts ``level_db`` beside theirs."""
    fitted = np.zeros_like(drums)
    fitted[: len(backing)] = backing[: len(drums)]
    ratio = level_gain(fitted, SAMPLE_RATE) / level_gain(drums, SAMPLE_RATE)
    return fitted * np.float32(ratio * 10 ** (level_db / 20))
