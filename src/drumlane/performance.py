"""Performance: the hits of a piece, its tempo map and its names, what every room hands to the next.

Times are seconds from the start of the audio and are never snapped; the tempo map lies beside them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.song import Song
from drumlane.timing import TempoMap
from drumlane.vocabulary import DRUM_OF_LANE, Drum, Lane


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """One stroke on one drum.

    >>> Hit(1.5, Drum.SNARE, 0)
    Traceback (most recent call last):
    ValueError: velocity=0 is outside 1..127 (0 is MIDI's note-off)
    """

    time: float  # seconds from the start of the audio, >= 0
    drum: Drum
    velocity: int  # MIDI, 1..127
    confidence: float = 1.0  # 0..1; 1 for annotations

    def __post_init__(self) -> None:
        if not (np.isfinite(self.time) and self.time >= 0):
            raise ValueError(f"time={self.time} must be a number >= 0")
        if not 1 <= self.velocity <= 127:
            raise ValueError(f"velocity={self.velocity} is outside 1..127 (0 is MIDI's note-off)")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence={self.confidence} is outside 0..1")


@dataclass(frozen=True, slots=True)
class Performance:
    """Hits in order of time, with the tempo map, the length and the names of the audio they belong to."""

    hits: tuple[Hit, ...] = ()
    tempo: TempoMap = field(default_factory=TempoMap)
    duration: float = 0.0  # seconds; at least the last hit's time
    song: Song = field(default_factory=Song)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hits", tuple(sorted(self.hits)))
        last = self.hits[-1].time if self.hits else 0.0
        object.__setattr__(self, "duration", max(float(self.duration), last))

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def counts(self) -> Counter[Drum]:
        """Return the number of hits per drum."""
        return Counter(hit.drum for hit in self.hits)

    def filter(self, keep: Callable[[Hit], bool]) -> "Performance":
        """Return the performance with only the hits that ``keep`` accepts."""
        return replace(self, hits=tuple(hit for hit in self.hits if keep(hit)))

    def lanes_only(self) -> "Performance":
        """Return the performance with every drum as its lane's plain stroke; auxiliaries are left out."""
        return replace(
            self,
            hits=tuple(
                replace(hit, drum=DRUM_OF_LANE[hit.drum.lane])
                for hit in self.hits
                if hit.drum.lane is not None
            ),
        )

    def lane_times(self, lane: Lane) -> NDArray[np.float64]:
        """Return the sorted onset times of one lane in seconds, shape (hits,)."""
        return np.array([hit.time for hit in self.hits if hit.drum.lane is lane], dtype=np.float64)

    @classmethod
    def of(cls, hits: Iterable[Hit], duration: float = 0.0, tempo: TempoMap | None = None) -> "Performance":
        """Build a performance from hits in any order."""
        return cls(tuple(hits), tempo or TempoMap(), duration)
