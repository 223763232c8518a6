"""Batches: items stacked, each a function of the seed and its number.

Flow: items, recorded_items -> **batches** -> module

Batch ``b`` is the same whatever the number of worker processes and wherever a run was resumed. Of several
training processes each takes the batches of its own stride.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from drumlane.training.targets import Targets


class Batch(NamedTuple):
    """Items of one length."""

    features: Tensor  # (batch, frames, bands)
    onset: Tensor  # (batch, frames, 8)
    velocity: Tensor  # (batch, frames, 8)
    articulation: Tensor  # (batch, frames, 6)

    def to(self, device: torch.device) -> "Batch":
        """Return it on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


Encoded = tuple[NDArray[np.float32], Targets]  # features (frames, bands)


class ItemSource(Protocol):
    """Gives items by their numbers."""

    def item(self, number: int) -> Encoded:
        """Return the features and targets of item ``number``."""


class Mixed:
    """Items of two sources, each item of one of them by chance."""

    def __init__(self, source: ItemSource, other: ItemSource, share: float, seed: int) -> None:
        """Take ``share`` of the items from ``other``."""
        self.source = source
        self.other = other
        self.share = share
        self.seed = seed

    def item(self, number: int) -> Encoded:
        """Return item ``number`` of one of the sources."""
        chance = np.random.default_rng((self.seed, number, _MIXED)).random()
        return (self.other if chance < self.share else self.source).item(number)


_MIXED = 77  # apart from what the sources draw


class Batches(IterableDataset[Batch]):
    """Every ``stride``-th batch from ``first`` on, without end.

    Of ``n`` worker processes each makes every n-th of them.
    """

    def __init__(self, source: ItemSource, batch_size: int, first: int = 0, stride: int = 1) -> None:
        self.source = source
        self.batch_size = batch_size
        self.first = first
        self.stride = stride

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        worker_id, n_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        number = self.first + self.stride * worker_id
        while True:
            yield self.batch(number)
            number += self.stride * n_workers

    def batch(self, number: int) -> Batch:
        """Make batch ``number``."""
        numbers = range(number * self.batch_size, (number + 1) * self.batch_size)
        return stacked([self.source.item(n) for n in numbers])


def stacked(items: list[Encoded]) -> Batch:
    """Return items of one length as a batch."""
    return Batch(
        torch.from_numpy(np.stack([features for features, _ in items])),
        torch.from_numpy(np.stack([targets.onset for _, targets in items])),
        torch.from_numpy(np.stack([targets.velocity for _, targets in items])),
        torch.from_numpy(np.stack([targets.articulation for _, targets in items])),
    )
