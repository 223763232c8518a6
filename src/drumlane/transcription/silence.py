"""Silence: long stretches without any sound are shortened before the network hears them.

Flow: audio.features -> **silence** -> transcription.windows

Training items hold a second of silence at most. After ten seconds of it the recurrence has lost its bearings,
and the first stroke of a song that fades in late is missed. A second on either side is kept.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

KEPT_SECONDS = 1.0  # before a sound and after one
_SILENT = 0.01  # mean feature up to which a frame holds no sound, as for the network

Frames = NDArray[np.float32]
Places = NDArray[np.intp]


class SilenceCutter:
    """Leaves frames out of a stream of features, and says which are left."""

    def __init__(self, fps: float) -> None:
        """Keep ``KEPT_SECONDS`` at ``fps`` frames a second."""
        self._keep = max(1, round(KEPT_SECONDS * fps))
        self._n_seen = 0
        self._n_quiet = 0  # silent frames since the last sound
        self._held: list[tuple[Frames, Places]] = []  # silence that may come right before a sound

    def push(self, features: Frames) -> tuple[Frames, Places]:
        """Return the frames of (frames, bands) that are left, held ones first, and their numbers."""
        places = np.arange(self._n_seen, self._n_seen + len(features))
        self._n_seen += len(features)
        left: list[tuple[Frames, Places]] = []
        for start, stop, sounding in _runs(features.mean(axis=1) > _SILENT):
            run = features[start:stop], places[start:stop]
            left += self._after_sound(run) if sounding else self._after_silence(run)
        if not left:
            return features[:0], places[:0]
        return np.concatenate([f for f, _ in left]), np.concatenate([p for _, p in left])

    def _after_sound(self, run: tuple[Frames, Places]) -> list[tuple[Frames, Places]]:
        held, self._held, self._n_quiet = self._held, [], 0
        return [*held, run]

    def _after_silence(self, run: tuple[Frames, Places]) -> list[tuple[Frames, Places]]:
        features, places = run
        n_tail = min(len(features), max(0, self._keep - self._n_quiet))
        self._n_quiet += len(features)
        self._hold(features[n_tail:], places[n_tail:])
        return [(features[:n_tail], places[:n_tail])] if n_tail else []

    def _hold(self, features: Frames, places: Places) -> None:
        held = [*self._held, (features, places)]
        kept = slice(-self._keep, None)
        self._held = [
            (np.concatenate([f for f, _ in held])[kept].copy(), np.concatenate([p for _, p in held])[kept])
        ]


def _runs(sounding: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Yield start, stop and value of stretches of one value."""
    borders = np.flatnonzero(np.diff(sounding)) + 1
    edges = [0, *borders.tolist(), len(sounding)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield start, stop, bool(sounding[start])
