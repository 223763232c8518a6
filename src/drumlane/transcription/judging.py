"""Judging: a rescorer follows the network through a recording, two minutes at a time.

Flow: transcription.activations -> **judging** -> rescoring

Energies and full copies of the activations are held for one part and what lies around it only, so that memory
does not grow with the recording.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.rescorer_model import RescorerModel
from drumlane.transcription.candidates import Heard
from drumlane.transcription.energies import N_ENERGIES
from drumlane.transcription.rescoring import rescored
from drumlane.transcription.toms import TomSounds

CORE_SECONDS = 120.0  # judged at once
CONTEXT_SECONDS = 45.0  # heard on either side: what comes back is looked for within half a minute

Halves = NDArray[np.float16]


class Judging:
    """Writes verdicts over onset and velocity activations as soon as enough behind them is known."""

    def __init__(self, heard: Heard, rescorer: RescorerModel) -> None:
        """Follow activations that are still being filled in; ``onset`` and ``velocity`` are overwritten."""
        self._heard = heard
        self._rescorer = rescorer
        self._core = round(CORE_SECONDS * heard.fps)
        # Presence is kept of every step-th frame, so parts begin on one.
        self._context = round(CONTEXT_SECONDS * heard.fps / heard.step) * heard.step
        self._energies = np.zeros((0, N_ENERGIES), np.float16)
        self._blocks: list[Halves] = []
        self._first = 0  # frame of the first energy that is held
        self._judged = 0  # frames
        self._sounds: list[TomSounds] = []
        self._before: tuple[Halves, Halves] = (heard.onset[:0], heard.velocity[:0])  # as they were heard

    @property
    def n_held(self) -> int:
        """The number of frames whose energies are held."""
        return len(self._energies) + sum(map(len, self._blocks))

    def push(self, energies: NDArray[np.floating[Any]]) -> None:
        """Take the energies of the next frames, shape (frames, bands)."""
        self._blocks.append(energies.astype(np.float16))

    def advance(self, n_heard: int) -> None:
        """Judge what can be judged when the first ``n_heard`` frames are filled in for good."""
        while self._judged + self._core + self._context <= n_heard:
            self._judge(self._judged + self._core)

    def finish(self) -> TomSounds:
        """Judge the rest; return how the strokes on toms sound."""
        n_frames = len(self._heard.onset)
        while self._judged < n_frames:
            self._judge(min(self._judged + self._core, n_frames))
        return TomSounds.joined(self._sounds)

    def _judge(self, stop: int) -> None:
        start, heard = self._judged, self._heard
        first = max(0, start - self._context)
        last = min(stop + self._context, len(heard.onset))
        self._energies = np.concatenate([self._energies, *self._blocks])[first - self._first :]
        self._blocks = []
        onset, velocity = (
            np.concatenate([before[len(before) - (start - first) :], values[start:last]])
            for before, values in zip(self._before, (heard.onset, heard.velocity), strict=True)
        )
        part = Heard(
            onset.astype(np.float32),
            velocity.astype(np.float32),
            heard.articulation[first:last].astype(np.float32),
            heard.presence[first // heard.step : -(-last // heard.step)].astype(np.float32),
            heard.step,
            heard.fps,
        )
        found = rescored(part, self._energies[: last - first], self._rescorer)
        inside = slice(max(0, stop - first - self._context), stop - first)
        self._before = (onset[inside].copy(), velocity[inside].copy())
        for values, judged in zip((heard.onset, heard.velocity), (found.onset, found.velocity), strict=True):
            values[start:stop] = judged[start - first : stop - first]
        sounds = found.tom_sounds.later(first / heard.fps)
        self._sounds.append(sounds.between(start / heard.fps, stop / heard.fps))
        self._judged, self._first = stop, max(0, stop - self._context)
        self._energies = self._energies[self._first - first :].copy()
