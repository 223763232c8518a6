"""Splits: which takes train, which choose and which measure; and which takes stand for all.

Flow: egmd -> **splits** -> miniature_plan, preprocessing_plan, cli

A performance is recorded on many kits. A split that tears it apart lets a model be measured on what it has
learnt by heart, so the table's own split, by performance, is the one to use.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from drumlane.data.egmd import Take
from drumlane.data.gmd import SPLITS
from drumlane.errors import DatasetError, nearest_first

RANDOM_SHARES = (0.70, 0.15, 0.15)  # of the files, in the order of SPLITS


@dataclass(frozen=True, slots=True)
class Split:
    """Takes by part, and what is wrong with that division."""

    parts: Mapping[str, tuple[Take, ...]]  # one entry for each of SPLITS
    warning: str | None = None  # for the user, before any score is believed


def official_split(takes: Iterable[Take]) -> Split:
    """Return the split of the table.

    Raises:
        DatasetError: the table has another word for a part, or tears a performance apart.
    """
    parts: dict[str, list[Take]] = {name: [] for name in SPLITS}
    for take in takes:
        if take.split not in parts:
            raise DatasetError(
                f"{take.name}: split {take.split!r} is unknown; splits: {nearest_first(take.split, SPLITS)}"
            )
        parts[take.split].append(take)
    split = _split(parts)
    if torn := torn_performances(split):
        raise DatasetError(
            f"performance {torn[0]} and {len(torn) - 1} more are in two parts of the table's split; "
            "download the table again"
        )
    return split


def random_split(
    takes: Sequence[Take], seed: int = 0, shares: tuple[float, float, float] = RANDOM_SHARES
) -> Split:
    """Return 70, 15 and 15 % of the files by chance, as some published scores used; it leaks, and says so.

    The order of ``takes`` does not matter. The parts' sizes are rounded; what is left over trains.
    """
    split = Split(parts_by_chance(takes, shares, seed))
    n_torn, n_all = len(torn_performances(split)), len({take.id for take in takes})
    return Split(
        split.parts,
        f"a random split by file leaks: {n_torn} of {n_all} performances are in more than one part, so "
        "scores on it are too good; use the official split",
    )


def parts_by_chance(
    takes: Sequence[Take], shares: tuple[float, float, float], seed: int
) -> Mapping[str, tuple[Take, ...]]:
    """Return every take in a part, by chance; of two or more, at least one trains and one validates.

    Args:
        takes: in any order.
        shares: of the files, in the order of SPLITS; sizes are rounded, and what is left over trains.
        seed: decides who goes where.
    """
    ordered = sorted(takes, key=lambda t: (t.midi_filename, t.audio_filename, t.id, t.split, t.kit_name))
    shuffled = [ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))]
    n_validation, n_test = (round(share * len(ordered)) for share in shares[1:])
    n_validation = min(max(n_validation, 1), len(ordered) - 1) if len(ordered) >= 2 else 0
    n_test = min(n_test, max(0, len(ordered) - n_validation - 1))
    n_train = len(ordered) - n_validation - n_test
    ends = (0, n_train, n_train + n_validation, len(ordered))
    return _split({name: shuffled[a:b] for name, (a, b) in zip(SPLITS, pairwise(ends), strict=True)}).parts


def torn_performances(split: Split) -> tuple[str, ...]:
    """Return the performances that are in more than one part, sorted."""
    return in_several_parts((take.id, name) for name, takes in split.parts.items() for take in takes)


def in_several_parts(places: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the performances that stand with more than one part, sorted; ``places`` are (id, part)."""
    parts_of = Counter(id_ for id_, _ in set(places))
    return tuple(sorted(id_ for id_, n_parts in parts_of.items() if n_parts > 1))


def spread_takes(takes: Sequence[Take], n: int, seed: int = 0) -> tuple[Take, ...]:
    """Choose ``n`` takes by chance that are spread over performances, kits and drummers.

    The first of a sorted list are all one drummer's. Here every next take is one whose kit, drummer and
    performance have been chosen least often so far.
    """
    order = np.random.default_rng(seed).permutation(len(takes)).tolist()
    seen: Counter[tuple[str, str]] = Counter()
    waiting = [(0, place, index) for place, index in enumerate(order)]  # a heap: ascending already
    chosen: list[Take] = []
    while waiting and len(chosen) < n:
        known, place, index = heappop(waiting)
        n_seen = sum(seen[trait] for trait in _traits(takes[index]))
        if n_seen > known:  # chosen traits since it was laid on the heap: back to its place
            heappush(waiting, (n_seen, place, index))
            continue
        chosen.append(takes[index])
        seen.update(_traits(takes[index]))
    return tuple(chosen)


def spread_over_parts(takes: Sequence[Take], n: int, seed: int = 0) -> tuple[Take, ...]:
    """Choose ``n`` takes as ``spread_takes`` does, from each part of the table's split by its share.

    Every part that has takes gives one before the shares count, so that three takes are one of each.
    """
    parts = {name: [take for take in takes if take.split == name] for name in SPLITS}
    filled = {name: part for name, part in parts.items() if part}
    n = min(n, sum(map(len, filled.values())))
    n_of = dict.fromkeys(filled, 0)
    for _ in range(n):  # the part furthest behind its share; an empty one is furthest
        behind = max((p for p in filled if n_of[p] < len(filled[p])), key=lambda p: _want(n_of[p], filled[p]))
        n_of[behind] += 1
    return tuple(take for name, part in filled.items() for take in spread_takes(part, n_of[name], seed))


def _want(n_chosen: int, part: Sequence[Take]) -> float:
    return len(part) / n_chosen if n_chosen else float("inf")


def _traits(take: Take) -> tuple[tuple[str, str], ...]:
    return ("performance", take.id), ("kit", take.kit_name), ("drummer", take.drummer)


def _split(parts: Mapping[str, Sequence[Take]]) -> Split:
    return Split(MappingProxyType({name: tuple(takes) for name, takes in parts.items()}))
