"""Toms: which drum of the kit a tom stroke was on, told by the recording's other tom strokes.

Flow: transcription.rivals, rescoring -> **toms** -> transcription.decoding

High, middle and low are places in an order, not pitches: one kit's low tom is another's middle one. What
the network says of a stroke places it on an axis, ``logit(high) - logit(low)``, on which strokes of one drum
lie close together and those of a higher drum farther up; where on the axis a kit lies differs from kit to
kit. How strokes sound may be known beside (``TomSounds``): vectors of strokes on one drum lie close
together, whatever the drum is called. So all strokes of a recording are parted into one to three heaps, and
of all ways to part them and to name the heaps a likely one is taken:

- a kit as a whole lies off the mean by a normal deviate ``shared``, each drum by another one ``own``, each
  stroke by another one ``stroke``;
- the sound of a drum lies off the origin by a normal deviate ``sound_own`` in every direction, each stroke's
  off its drum's by another one ``sound_stroke``: probabilistic linear discriminant analysis, as utterances of
  one voice are found in speech (Ioffe, ECCV 2006; Kenny, Odyssey 2010);
- how often kits are used in which way is counted in human grooves.

The numbers are this project's own; a card has those of its network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumlane.transcription.dynamics import logit
from drumlane.transcription.peaks import nearest_frames
from drumlane.vocabulary import Lane

TOM_LANES = (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)
NEAR_SECONDS = 0.03  # around a stroke: the three activations need not peak in one frame

# Of 750 grooves of the Groove MIDI Dataset's training split with toms, rounded.
_USED = {(0, 1, 2): 0.45, (0, 2): 0.3, (2,): 0.09, (0,): 0.07, (0, 1): 0.05, (1, 2): 0.03, (1,): 0.01}
_INDEPENDENT = 0.8  # of a stroke's evidence: strokes of one fill are played and heard alike
_MOST_CUTS = 80  # places to part many strokes at
_STARTS = 6  # strokes around which heaps of like sounds are begun
_ROUNDS = 20

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TomPositions:
    """Where kits lie on the axis: means of high, middle and low, and standard deviations."""

    means: tuple[float, float, float]
    shared: float  # of a kit as a whole
    own: float  # of each drum
    stroke: float  # of each stroke
    sound_own: float = 1.0  # of the sound of each drum, in every direction
    sound_stroke: float = 1.0  # of each stroke's

    def __post_init__(self) -> None:
        if min(self.shared, self.own, self.stroke, self.sound_own, self.sound_stroke) <= 0:
            raise ValueError(f"{self}: standard deviations must be above 0")


@dataclass(frozen=True, slots=True)
class TomSounds:
    """How possible strokes on toms sound."""

    times: Floats  # (n,) seconds, ascending
    vectors: Floats  # (n, N_SOUND)

    @classmethod
    def joined(cls, parts: Sequence["TomSounds"]) -> "TomSounds":
        """Return parts, in order of time, as one."""
        if not parts:
            return cls(np.zeros(0), np.zeros((0, 0)))
        return cls(
            np.concatenate([part.times for part in parts]), np.concatenate([part.vectors for part in parts])
        )

    def later(self, seconds: float) -> "TomSounds":
        """Return the same, so many seconds later."""
        return TomSounds(self.times + seconds, self.vectors)

    def between(self, first: float, last: float) -> "TomSounds":
        """Return those from ``first`` (inclusive) to ``last`` (exclusive), seconds."""
        within = slice(*np.searchsorted(self.times, [first, last]).tolist())
        return TomSounds(self.times[within], self.vectors[within])

    def at(self, times: Floats) -> Floats | None:
        """Return the sound nearest in time of each stroke, (strokes, N_SOUND); None: none is known."""
        if not len(self.times):
            return None
        behind = np.clip(np.searchsorted(self.times, times), 1, max(1, len(self.times) - 1))
        pairs = np.clip(np.stack([behind - 1, behind], axis=-1), 0, len(self.times) - 1)
        nearest = np.abs(self.times[pairs] - times[:, None]).argmin(axis=-1)
        return np.asarray(self.vectors[np.take_along_axis(pairs, nearest[:, None], axis=-1)[:, 0]])


def positions(heights: Floats) -> Floats:
    """Return where strokes lie on the axis, (strokes,), from activations of the tom lanes, (strokes, 3)."""
    return np.asarray(logit(heights[:, 0]) - logit(heights[:, 2]))


def heights_near(onset: NDArray[np.floating[Any]], times: Floats, fps: float) -> Floats:
    """Return the greatest activations of the tom lanes around strokes, (strokes, 3).

    Args:
        onset: activations of all lanes, shape (frames, 8), 0..1.
        times: of the strokes, seconds, shape (strokes,).
        fps: frames a second.
    """
    reach = max(1, round(NEAR_SECONDS * fps))
    around = nearest_frames(times, fps, len(onset))[:, None] + np.arange(-reach, reach + 1)
    lanes = onset[:, list(TOM_LANES)]
    return np.asarray(lanes[np.clip(around, 0, len(onset) - 1)].max(axis=1), dtype=np.float64)


def toms_of(where: Floats, model: TomPositions, sounds: Floats | None = None) -> Labels:
    """Return which tom each stroke of a recording was on: 0 high, 1 middle, 2 low.

    Args:
        where: positions of all its tom strokes, shape (strokes,).
        model: how kits lie.
        sounds: of the strokes, shape (strokes, N_SOUND); None: only the positions are known.
    """
    if not len(where):
        return np.zeros(0, dtype=np.intp)
    strokes = _Strokes(where, np.zeros((len(where), 0)) if sounds is None else sounds, model)
    ways = (way for labels in _ways_to_part(strokes) for way in strokes.named(labels))
    return max(ways, key=lambda way: way[0])[1]


class _Strokes:
    """All tom strokes of a recording."""

    def __init__(self, where: Floats, sounds: Floats, model: TomPositions) -> None:
        self.where = where
        self.model = model
        # All directions count alike, and strokes scatter by one.
        self.sounds = sounds / model.sound_stroke
        self.together = np.concatenate([(where / model.stroke)[:, None], self.sounds], axis=1)

    def refined(self, labels: Labels) -> Labels:
        """Move strokes to the nearest heap until none wants to; no heap is given up."""
        n_heaps = int(labels.max()) + 1
        for _ in range(_ROUNDS):
            centres = np.stack([self.together[labels == heap].mean(axis=0) for heap in range(n_heaps)])
            nearest = _squares(self.together, centres).argmin(axis=1)
            if np.array_equal(nearest, labels) or len(np.unique(nearest)) < n_heaps:
                return labels
            labels = nearest
        return labels

    def named(self, labels: Labels) -> Iterator[tuple[float, Labels]]:
        """Yield for every set of as many toms the log likelihood and which tom each stroke was on."""
        n_heaps = int(labels.max()) + 1
        members = [labels == heap for heap in range(n_heaps)]
        sizes = np.array([mine.sum() for mine in members])
        means = np.array([self.where[mine].mean() for mine in members])
        falling = np.argsort(-means, kind="stable")
        heaps_alike = self._within(members, sizes) + self._sounds_of_drums(members)
        for used, share in _USED.items():
            if len(used) != n_heaps:
                continue
            off = means[falling] - np.array([self.model.means[tom] for tom in used])
            likely = heaps_alike + _of_means(off, sizes[falling], self.model) + np.log(share)
            tom_of_heap = np.empty(n_heaps, np.intp)
            tom_of_heap[falling] = used
            yield float(likely), tom_of_heap[labels]

    def _within(self, members: Sequence[NDArray[np.bool_]], sizes: Labels) -> float:
        """Return the log likelihood of strokes about their heaps' means."""
        scatter = sum(float(self.together[mine].var(axis=0).sum() * mine.sum()) for mine in members)
        of_scale = (len(self.where) - len(members)) * float(np.log(self.model.stroke))
        return _INDEPENDENT * (-0.5 * scatter - of_scale) - self._parting(sizes)

    def _parting(self, sizes: Labels) -> float:
        """Return what it costs to part strokes into more heaps.

        By position alone heaps lie side by side, and all ways to cut are alike likely; with sounds it is the
        rest of the likelihood of normal deviates.
        """
        if self.sounds.shape[1]:
            return 0.5 * float(np.log(sizes).sum())
        return float(np.log(len(_all_bounds(len(self.where), len(sizes)))))

    def _sounds_of_drums(self, members: Sequence[NDArray[np.bool_]]) -> float:
        """Return the log likelihood of the mean sounds of heaps."""
        total = 0.0
        for mine in members:
            variance = (self.model.sound_own / self.model.sound_stroke) ** 2 + 1 / mine.sum()
            mean = self.sounds[mine].mean(axis=0)
            total -= 0.5 * float((mean**2).sum() / variance + len(mean) * np.log(variance))
        return total


def _ways_to_part(strokes: _Strokes) -> Iterator[Labels]:
    """Yield likely ways to part strokes into one, two and three heaps, as labels from 0."""
    n = len(strokes.where)
    order = np.argsort(-strokes.where, kind="stable")
    for n_heaps in range(1, min(n, len(TOM_LANES)) + 1):
        labels = np.empty(n, np.intp)
        labels[order] = np.repeat(np.arange(n_heaps), np.diff(_best_bounds(strokes.together[order], n_heaps)))
        yield labels
        yield strokes.refined(labels)
        if n_heaps == 1 or not strokes.sounds.shape[1]:
            continue
        for first in np.unique(np.linspace(0, n - 1, _STARTS).astype(np.intp)):
            labels = _around_far_ones(strokes.together, int(order[first]), n_heaps)
            if len(np.unique(labels)) == n_heaps:
                yield strokes.refined(labels)


def _best_bounds(falling: Floats, n_heaps: int) -> Labels:
    """Return the bounds (heaps + 1,) between which strokes in order, (strokes, values), scatter least."""
    bounds = _all_bounds(len(falling), n_heaps)
    sums, squares = (
        np.concatenate([np.zeros((1, falling.shape[1])), np.cumsum(falling**power, axis=0)])
        for power in (1, 2)
    )
    sizes = np.diff(bounds, axis=1)[:, :, None]
    scatter = np.diff(squares[bounds], axis=1) - np.diff(sums[bounds], axis=1) ** 2 / sizes
    return np.asarray(bounds[scatter.sum(axis=(1, 2)).argmin()])


def _around_far_ones(points: Floats, first: int, n_heaps: int) -> Labels:
    """Return heaps around a stroke, the one farthest from it, and the one farthest from both."""
    chosen = [first]
    while len(chosen) < n_heaps:
        chosen.append(int(_squares(points, points[chosen]).min(axis=1).argmax()))
    return np.asarray(_squares(points, points[chosen]).argmin(axis=1))


def _squares(points: Floats, others: Floats) -> Floats:
    """Return the squared distances, (points, others)."""
    return np.asarray(((points[:, None] - others[None]) ** 2).sum(axis=-1))


def _of_means(off: Floats, sizes: Labels, model: TomPositions) -> float:
    """Return the log likelihood of heaps' means that lie ``off`` theirs, the kit's own offset integrated."""
    variances = model.own**2 + model.stroke**2 / sizes
    precision = float((1 / variances).sum() + model.shared**-2)
    misfit = float((off**2 / variances).sum() - (off / variances).sum() ** 2 / precision)
    return -0.5 * (misfit + float(np.log(variances).sum() + np.log(precision * model.shared**2)))


def _all_bounds(n: int, n_heaps: int) -> Labels:
    """Return all bounds of so many heaps of n strokes, (ways, heaps + 1); of many strokes some."""
    cuts = np.unique(np.linspace(1, n - 1, min(n - 1, _MOST_CUTS)).astype(np.intp))
    if n_heaps == 1:
        inner = np.zeros((1, 0), dtype=np.intp)
    elif n_heaps == 2:
        inner = cuts[:, None]
    else:
        first, second = np.triu_indices(len(cuts), k=1)
        inner = np.stack([cuts[first], cuts[second]], axis=1)
    ends = np.ones((len(inner), 1), dtype=np.intp)
    return np.concatenate([0 * ends, inner, n * ends], axis=1)
