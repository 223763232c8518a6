"""Judging: a rescorer follows the network through a recording, two or three minutes at a time.

Flow: transcription.activations -> **judging** -> rescoring

Energies and all activations are held for one part and what lies around it only; of what is judged, what is
near strokes is kept, packed, so that memory hardly grows with the recording.
"""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.models.loading import Activations
from drumlane.models.rescorer_model import RescorerModel
from drumlane.transcription.energies import N_ENERGIES
from drumlane.transcription.heard import Heard, PackedHeard
from drumlane.transcription.rescoring import rescored
from drumlane.transcription.toms import TomSounds

CORE_SECONDS = 120.0  # judged at once at most, and as much more as there is no context
CONTEXT_SECONDS = 45.0  # heard on either side: what comes back is looked for within half a minute

Floats = NDArray[np.floating[Any]]


class Judging:
    """Judges strokes as soon as enough behind them is known, and keeps what is left of the activations."""

    def __init__(self, n_frames: int, step: int, fps: float, rescorer: RescorerModel) -> None:
        """Begin a recording.

        Args:
            n_frames: of the recording.
            step: frames from one presence that is kept to the next.
            fps: frames a second.
            rescorer: that judges.
        """
        self._rescorer = rescorer
        # Presence is kept of every step-th frame, so parts begin on one.
        core, self._context = (
            round(seconds * fps / step) * step for seconds in (CORE_SECONDS, CONTEXT_SECONDS)
        )
        self._stops = deque(stops_of_parts(n_frames, core, self._context, step))  # of the parts to come
        self._first = 0  # frame of the first one that is held
        self._judged = 0  # frames
        self._heard = Heard.nothing(0, step, fps)  # by the network, from the first frame that is held
        self._energies = np.zeros((0, N_ENERGIES), np.float16)  # of the same frames
        self._found = PackedHeard(step, fps)
        self._sounds: list[TomSounds] = []

    @property
    def n_held(self) -> int:
        """The number of frames that are held as they were heard."""
        return len(self._heard)

    def push(self, energies: Floats) -> None:
        """Take the energies of the next frames, shape (frames, bands); nothing is heard in them yet."""
        self._heard = self._heard.longer(len(energies))
        self._energies = np.concatenate([self._energies, energies.astype(np.float16)])

    def write(self, activations: Activations, frames: NDArray[np.intp]) -> None:
        """Take what is heard in some frames, by their numbers: not before those that are judged."""
        self._heard.write(activations, frames - self._first)

    def advance(self, n_heard: int) -> None:
        """Judge what can be judged when the first ``n_heard`` frames are filled in for good."""
        while self._stops and self._stops[0] + self._context <= n_heard:
            self._judge(self._stops.popleft())

    def finish(self) -> tuple[Heard, TomSounds]:
        """Judge the rest; return all activations with their verdicts, and how the strokes on toms sound."""
        while self._stops:
            self._judge(self._stops.popleft())
        return self._found.unpacked(), TomSounds.joined(self._sounds)

    def _judge(self, stop: int) -> None:
        """Judge up to a frame, with as much around as there is, and let go what is not needed any more."""
        first, start = self._first, self._judged
        part = self._heard.part(0, stop + self._context - first)
        found = rescored(part.as_singles(), self._energies[: len(part)], self._rescorer)
        judged = replace(part, onset=_halves(found.onset), velocity=_halves(found.velocity))
        self._found.append(judged.part(start - first, stop - first).near_onsets())
        sounds = found.tom_sounds.later(first / part.fps)
        self._sounds.append(sounds.between(start / part.fps, stop / part.fps))
        # The last stop of all may lie between two steps. Copies: a slice would keep alive what is let go.
        self._judged, self._first = stop, max(0, stop // part.step * part.step - self._context)
        self._heard = self._heard.part(self._first - first, len(self._heard)).longer(0)
        self._energies = self._energies[self._first - first :].copy()


def stops_of_parts(n_frames: int, core: int, context: int, step: int) -> list[int]:
    """Return where parts end, on multiples of ``step`` but the last one.

    No part needs more than ``core + 2 * context`` frames: the first and the last one have context on one side
    only and are longer, and what fits is one part.
    """
    if n_frames <= core + 2 * context:
        return [n_frames]
    n_inner = max(0, -(-(n_frames - 2 * (core + context)) // core))
    most = np.array([core + context, *[core] * n_inner, core + context])
    ends = np.cumsum(most)[:-1] * (n_frames / most.sum())
    return [*(np.ceil(ends / step).astype(int) * step).tolist(), n_frames]


def _halves(values: Floats) -> NDArray[np.float16]:
    return values.astype(np.float16)
