"""Toms: which drum of the kit a tom stroke was on, told by the recording's other tom strokes.

Flow: transcription.rivals -> **toms** -> transcription.decoding

High, middle and low are places in an order, not pitches: one kit's low tom is another's middle one. What
the network says of a stroke places it on an axis, ``logit(high) - logit(low)``, on which strokes of one drum
lie close together and those of a higher drum farther up; where on the axis a kit lies differs from kit to
kit. So all strokes of a recording are parted into one to three heaps, in order, and of all ways to part them
and to name the heaps the likeliest is taken:

- a kit as a whole lies off the mean by a normal deviate ``shared``, each drum by another one ``own``, each
  stroke by another one ``stroke``;
- how often kits are used in which way is counted in human grooves.

Model and numbers are this project's own; a card has those of its network.
"""

from collections.abc import Iterator
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
_INDEPENDENT = 0.5  # of a stroke's evidence: strokes of one fill are played and heard alike
_MOST_CUTS = 80  # places to part many strokes at

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TomPositions:
    """Where kits lie on the axis: means of high, middle and low, and standard deviations."""

    means: tuple[float, float, float]
    shared: float  # of a kit as a whole
    own: float  # of each drum
    stroke: float  # of each stroke

    def __post_init__(self) -> None:
        if min(self.shared, self.own, self.stroke) <= 0:
            raise ValueError(f"{self}: standard deviations must be above 0")


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


def toms_of(where: Floats, model: TomPositions) -> NDArray[np.intp]:
    """Return which tom each stroke of a recording was on: 0 high, 1 middle, 2 low.

    Args:
        where: positions of all its tom strokes, shape (strokes,).
        model: how kits lie.
    """
    toms = np.zeros(len(where), dtype=np.intp)
    if not len(where):
        return toms
    order = np.argsort(-where, kind="stable")
    likeliest = max(_ways_to_part(where[order], model), key=lambda way: way[0])
    _, used, bounds = likeliest
    for tom, first, behind in zip(used, bounds[:-1], bounds[1:], strict=True):
        toms[order[first:behind]] = tom
    return toms


def _ways_to_part(falling: Floats, model: TomPositions) -> Iterator[tuple[float, tuple[int, ...], list[int]]]:
    """Yield for every set of toms its likeliest way: log likelihood, toms, and bounds of their heaps."""
    n = len(falling)
    sums, squares = (np.concatenate([[0.0], np.cumsum(falling**power)]) for power in (1, 2))
    for used, share in _USED.items():
        bounds = _all_bounds(n, len(used))
        if not len(bounds):
            continue
        sizes = np.diff(bounds, axis=1)
        means = np.diff(sums[bounds], axis=1) / sizes
        scatter = np.maximum(0.0, np.diff(squares[bounds], axis=1) - sizes * means**2)
        inside = -0.5 * scatter / model.stroke**2 - (sizes - 1) * np.log(model.stroke)
        between = _of_means(means - np.array([model.means[tom] for tom in used]), sizes, model)
        total = _INDEPENDENT * inside.sum(axis=1) + between + np.log(share / len(bounds))
        best = int(total.argmax())
        yield float(total[best]), used, bounds[best].tolist()


def _of_means(off: Floats, sizes: NDArray[np.intp], model: TomPositions) -> Floats:
    """Return the log likelihood of heaps' means that lie ``off`` theirs, the kit's own offset integrated."""
    variances = model.own**2 + model.stroke**2 / sizes
    precision = (1 / variances).sum(axis=1) + model.shared**-2
    pull = (off / variances).sum(axis=1)
    misfit = (off**2 / variances).sum(axis=1) - pull**2 / precision
    return np.asarray(-0.5 * (misfit + np.log(variances).sum(axis=1) + np.log(precision * model.shared**2)))


def _all_bounds(n: int, n_heaps: int) -> NDArray[np.intp]:
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
