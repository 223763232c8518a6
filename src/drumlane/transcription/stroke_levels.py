"""Stroke levels: how much of the sound each stroke brought, told apart from what sounded with it.

Flow: energies, candidates -> **stroke_levels** -> stroke_features

A recording teaches how its own drums sound. Every drum has a template, 80 ms of energies in twenty bands,
and every stroke a gain; the energies are taken for the sum of all strokes and of what sounded on beside them.
Templates and gains are found in turn by the multiplicative rules for the generalised Kullback-Leibler
divergence, with the strokes' times given: non-negative matrix factor deconvolution (Smaragdis, ICA 2004),
informed by a score (Ewert and Müller, ISMIR 2012). Bands count alike, however loud they are.

Drums that mostly fall together would share their sound in any way: so templates are learnt from strokes that
lie alone, and a stroke that is hardly believed explains less. Where two lie together all the same, some bands
tell more than others: hats under a snare are heard at the top. So levels are told for groups of bands, too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FIRST, BEHIND = -2, 6  # frames of a template, around the stroke's; windows of spectra reach back
_ROUNDS = 20
_REACH = 4  # frames on either side whose least energy was there without the stroke
_LEAST = 1e-4  # of the mean energy: a floor under the background
_TINY = 1e-9
_LEAST_WEIGHT = 0.05  # of a stroke that is hardly believed
_DOUBT = 0.2  # how much more sound such a stroke has to explain to be as loud
_TOGETHER, _ALONE = 3, 4  # frames; power of a stroke's share of the belief so near to it
N_GROUPS = 4  # of neighbouring bands

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StrokeLevels:
    """What each stroke brought."""

    level: Floats  # dB, shape (strokes,), on the scale of the energies
    share: Floats  # 0..1, shape (strokes,): of the energy where it lies, how much is its own
    group_levels: Floats  # dB, shape (strokes, ``N_GROUPS``), bands upwards; comparable within a drum
    group_shares: Floats  # 0..1, shape (strokes, ``N_GROUPS``)


def stroke_levels(
    energies: NDArray[np.floating[Any]],
    frames: NDArray[np.intp],
    drums: NDArray[np.intp],
    belief: Floats,
) -> StrokeLevels:
    """Return level and share of each stroke.

    Args:
        energies: in dB, shape (frames, bands).
        frames: where strokes lie, shape (strokes,), ascending.
        drums: which drum each is on, shape (strokes,); any numbers.
        belief: how far each is believed to be one, 0..1, shape (strokes,); templates are learnt accordingly.
    """
    if not len(frames):
        return StrokeLevels(np.zeros(0), np.zeros(0), *np.zeros((2, 0, N_GROUPS)))
    _, drum = np.unique(drums, return_inverse=True)
    scene = _Scene(energies, frames, drum, np.maximum(belief, _LEAST_WEIGHT))
    for _ in range(_ROUNDS):
        scene.improve_gains()
        scene.improve_templates()
    return scene.levels()


class _Scene:
    """Sound as the sum of strokes; arrays are (strokes, frames of a template, bands) unless said."""

    def __init__(
        self,
        energies: NDArray[np.floating[Any]],
        frames: NDArray[np.intp],
        drum: NDArray[np.intp],
        belief: Floats,
    ) -> None:
        linear = 10 ** (energies.astype(np.float32) / 10)
        self._whitening = (1 / (linear.mean(axis=0) + 1e-14)).astype(np.float32)
        sound = linear * self._whitening
        self._mean = float(sound.mean())
        margin = BEHIND - FIRST
        self._sound = np.pad(sound, ((margin, margin), (0, 0)), mode="edge")
        self._background = _quietest(self._sound) + np.float32(_LEAST * self._mean)
        offsets = np.arange(FIRST, BEHIND)
        self._places = (np.clip(frames, 0, len(sound) - 1) + margin)[
            :, None
        ] + offsets  # (strokes, frames of a template)
        # Strokes in one frame are added up once; the first of each frame, and which frames these are.
        self._firsts = np.flatnonzero(np.diff(self._places[:, 0], prepend=-1))
        self._drum = drum
        self._of_drum = (np.arange(int(drum.max()) + 1)[:, None] == drum).astype(np.float32)
        self._belief = belief.astype(np.float32)
        alone = belief / np.maximum(1e-3, self._around(frames, _TOGETHER))
        self._taught = (belief * alone**_ALONE).astype(np.float32)  # weights of strokes in templates
        self._start(frames)

    def _start(self, frames: NDArray[np.intp]) -> None:
        """Begin with what rises above the background, shared with the strokes around."""
        rise = np.maximum(self._sound[self._places] - self._background[self._places], 0)
        around = self._around(frames, BEHIND - FIRST - 1)
        alone = (self._belief / np.maximum(1e-3, around)).astype(np.float32)
        self._gains = rise.sum(axis=(1, 2)) * alone + np.float32(1e-6 * self._mean)
        self._templates = self._by_drum(rise * (alone * self._belief)[:, None, None])
        self._templates += np.float32(1e-7 * self._mean)
        self._normalise()

    def _around(self, frames: NDArray[np.intp], reach: int) -> Floats:
        """Return the belief in all strokes within ``reach`` frames of each, (strokes,)."""
        sums = np.concatenate([[0.0], np.cumsum(self._belief, dtype=np.float64)])
        last = np.searchsorted(frames, frames + reach, side="right")
        return np.asarray(sums[last] - sums[np.searchsorted(frames, frames - reach)])

    def improve_gains(self) -> None:
        """One multiplicative step of all gains."""
        mine = self._templates[self._drum]
        wanted = 1 + _DOUBT * (1 - np.minimum(self._belief, 1))
        self._gains *= (mine * self._misfit()).sum(axis=(1, 2)) / wanted
        self._gains += np.float32(_TINY * self._mean)

    def improve_templates(self) -> None:
        """One multiplicative step of all templates."""
        weights = (self._gains * self._taught)[:, None, None]
        self._templates = self._templates * self._by_drum(self._misfit() * weights)
        self._templates += np.float32(_TINY * self._mean)
        self._normalise()

    def levels(self) -> StrokeLevels:
        """Return what was found."""
        brought = self._brought()
        part = brought / self._model(brought)[self._places]
        own, found = brought * part, self._sound[self._places] * part
        share = own.sum(axis=(1, 2)) / (brought.sum(axis=(1, 2)) + 1e-12)
        true_energy = (self._templates / self._whitening).sum(axis=(1, 2))[self._drum]
        level = 10 * np.log10(self._gains.astype(np.float64) + 1e-12) + 10 * np.log10(true_energy + 1e-20)
        return StrokeLevels(
            level,
            share.astype(np.float64),
            10 * np.log10(_by_group(found) + 1e-12 * self._mean),
            _by_group(own) / (_by_group(brought) + 1e-12),
        )

    def _brought(self) -> NDArray[np.float32]:
        return np.asarray(self._gains[:, None, None] * self._templates[self._drum])

    def _model(self, brought: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the whole sound as it is explained, (frames, bands)."""
        whole = self._background.copy()
        together = np.add.reduceat(brought, self._firsts, axis=0)
        for lag in range(brought.shape[1]):
            whole[self._places[self._firsts, lag]] += together[:, lag]
        return whole

    def _misfit(self) -> NDArray[np.float32]:
        """Return how many times more sound there is than is explained, where strokes lie."""
        return np.asarray((self._sound / self._model(self._brought()))[self._places])

    def _by_drum(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.tensordot(self._of_drum, values, axes=1))

    def _normalise(self) -> None:
        self._templates /= self._templates.sum(axis=(1, 2), keepdims=True)


def _by_group(values: NDArray[np.float32]) -> Floats:
    """Return sums over frames and groups of bands, (strokes, ``N_GROUPS``)."""
    starts = np.linspace(0, values.shape[2], N_GROUPS, endpoint=False).astype(np.intp)
    return np.add.reduceat(values.sum(axis=1, dtype=np.float64), starts, axis=1)


def _quietest(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the least energy around each frame, band by band, same shape."""
    padded = np.pad(sound, ((_REACH, _REACH), (0, 0)), mode="edge")
    return np.asarray(sliding_window_view(padded, 2 * _REACH + 1, axis=0).min(axis=-1))
