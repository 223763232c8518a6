"""Recorded items: excerpts of prepared recordings, drawn by length or around a lane, and augmented.

Flow: data.prepared + data.feature_store -> **recorded_items** (augmentation, targets) -> batches

Item ``n`` is a function of the seed and its number. A recording of five minutes is drawn as often as it is
long, so that no second counts more than another; ``class_balance`` draws some excerpts around a stroke of a
lane instead, all lanes alike, because mid toms and crashes are rare.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec
from drumlane.data.feature_store import FeatureStore
from drumlane.data.prepared import PreparedTake, check_spec, load_prepared
from drumlane.errors import DatasetError
from drumlane.performance import Hit
from drumlane.training.augmentation import Augmentation, augment, draw_augmentation, frames_needed
from drumlane.training.batches import Encoded
from drumlane.training.config import RunConfig
from drumlane.training.sections import AugmentationConfig
from drumlane.training.targets import encode
from drumlane.vocabulary import LANES, Drum, Lane


@dataclass(frozen=True, slots=True)
class ExcerptOptions:
    """What an excerpt is."""

    n_frames: int
    class_balance: float
    augmentation: AugmentationConfig
    with_pedal: bool  # strokes of the hat's pedal alone are hits


class RecordedItems:
    """Training items of prepared recordings."""

    def __init__(
        self,
        store: FeatureStore,
        takes: Sequence[PreparedTake],
        spec: FeatureSpec,
        options: ExcerptOptions,
        seed: int,
    ) -> None:
        """Draw excerpts of ``takes``."""
        self.store = store
        self.takes = tuple(takes)
        self.spec = spec
        self.options = options
        self.seed = seed
        self._ends = np.cumsum([take.n_frames for take in takes])
        counts = np.array([take.lane_counts for take in takes], dtype=np.int64).reshape(-1, len(LANES))
        self._lane_ends = np.cumsum(
            counts, axis=0
        )  # (takes, lanes): where each take's share of the hits ends

    @property
    def n_items(self) -> int:
        """How many items are as long as all recordings together."""
        return int(np.ceil(self._ends[-1] / self.options.n_frames))

    def item(self, number: int) -> Encoded:
        """Return the features and targets of item ``number``."""
        rng = np.random.default_rng((self.seed, number))
        take, near = self._draw_take(rng)
        augmentation = draw_augmentation(self.options.augmentation, rng)
        n_read = frames_needed(self.options.n_frames, augmentation)
        first = _draw_start(take.n_frames, n_read, near, rng)
        return self._encoded(take, first, augmentation)

    def plain(self, take: PreparedTake, first: int) -> tuple[NDArray[np.float32], tuple[Hit, ...]]:
        """Return features and hits of an excerpt as it was recorded, from frame ``first``."""
        return self._excerpt(take, first, Augmentation())

    def _encoded(self, take: PreparedTake, first: int, augmentation: Augmentation) -> Encoded:
        features, hits = self._excerpt(take, first, augmentation)
        return features, encode(hits, len(features), self.spec.fps)

    def _excerpt(
        self, take: PreparedTake, first: int, augmentation: Augmentation
    ) -> tuple[NDArray[np.float32], tuple[Hit, ...]]:
        n_frames = self.options.n_frames
        n_read = frames_needed(n_frames, augmentation)
        fps, hits = self.spec.fps, self._hits_of(take)
        start, end = first / fps, (first + n_read) / fps
        played = hits[bisect_left(hits, start, key=_time) : bisect_left(hits, end, key=_time)]
        return augment(
            self.store.read(take.name, first, n_read),
            [replace(hit, time=hit.time - start) for hit in played],
            augmentation,
            self.spec,
            n_frames,
        )

    def _draw_take(self, rng: np.random.Generator) -> tuple[PreparedTake, float | None]:
        """Return a take, and the time of a stroke that its excerpt must hold."""
        struck = np.flatnonzero(self._lane_ends[-1])
        if rng.random() >= self.options.class_balance or not len(struck):
            share = rng.random() * self._ends[-1]
            return self.takes[int(np.searchsorted(self._ends, share, side="right"))], None
        lane = int(rng.choice(struck))
        stroke = int(rng.integers(self._lane_ends[-1, lane]))
        take = self.takes[int(np.searchsorted(self._lane_ends[:, lane], stroke, side="right"))]
        times = [hit.time for hit in self._hits_of(take) if hit.drum.lane is Lane(lane)]
        return take, float(rng.choice(times)) * self.spec.fps if times else None

    def _hits_of(self, take: PreparedTake) -> tuple[Hit, ...]:
        end = take.n_frames / self.spec.fps  # a MIDI file may go on for longer than its recording
        left_out = () if self.options.with_pedal else (Drum.HIHAT_PEDAL,)
        hits = self.store.describe(take.name).hits
        return tuple(hit for hit in hits if hit.time < end and hit.drum not in left_out)


def _time(hit: Hit) -> float:
    return hit.time


def _draw_start(n_frames: int, n_read: int, near: float | None, rng: np.random.Generator) -> int:
    last = max(0, n_frames - n_read)
    if near is None:
        return int(rng.integers(last + 1))
    return int(np.clip(near - rng.uniform(0.05, 0.95) * n_read, 0, last))


def recorded_items(config: RunConfig, part: str, seconds: float | None = None) -> RecordedItems:
    """Return the items of one part ("train", "validation" or "test") of the prepared recordings.

    Args:
        config: the run.
        part: of the split.
        seconds: length of an item; the configuration's if not given.

    Raises:
        DatasetError: nothing is prepared, or with other features or another note map.
    """
    data = config.data
    made = check_spec(data.processed_root, config.audio.digest)
    if dict(made.note_map) != config.note_map:
        raise DatasetError(
            f"{data.processed_root}: prepared with another egmd_midi_mapping than the configuration's; "
            "run drumlane preprocess --config … again"
        )
    takes = load_prepared(data.processed_root, data.splits, part)
    options = ExcerptOptions(
        n_frames=config.audio.n_frames(round((seconds or data.excerpt_seconds) * config.audio.sample_rate)),
        class_balance=data.class_balance if part == "train" else 0.0,
        augmentation=config.augmentation if part == "train" else AugmentationConfig(enabled=False),
        with_pedal=data.pedal_hihat == "include",
    )
    store = FeatureStore(data.processed_root, made.storage)
    return RecordedItems(store, takes, config.audio, options, config.seed)


def fixed_excerpts(items: RecordedItems, n: int) -> list[tuple[NDArray[np.float32], tuple[Hit, ...]]]:
    """Return ``n`` excerpts that lie evenly over all recordings, one after the other; always the same."""
    total = sum(take.n_frames for take in items.takes)
    length = items.options.n_frames
    ends = np.cumsum([take.n_frames for take in items.takes])
    excerpts = []
    for place in np.linspace(0, max(0, total - 1), min(n, items.n_items), endpoint=False):
        index = int(np.searchsorted(ends, place, side="right"))
        take = items.takes[index]
        first = int(place - (ends[index] - take.n_frames))
        excerpts.append(items.plain(take, min(first, max(0, take.n_frames - length))))
    return excerpts
