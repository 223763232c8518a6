"""Strategies: which of all thresholds is the one to use, by what matters to whom.

Flow: sweep -> **strategies** -> threshold_file

- ``max_f1``: the highest F.
- ``max_recall``: the highest recall of the thresholds whose precision is at least .5: misses cost more.
- ``balanced``: precision nearest to recall: as many hits written as were played.
- ``rhythm_game``: the highest F that counts recall twice (F2), of the thresholds whose precision is at least
  .8: a player forgives a note that is missing sooner than one that nobody hears.

Only thresholds at which something right is found are looked at. Of equally good ones the middle one is taken,
as far from what is too low as from what is too high. Whatever could not be had is said in the remark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from drumlane.errors import ConfigError, nearest_first
from drumlane.evaluation.counts import Counts, ratio
from drumlane.study.sweep import FINE_GRID, LaneSweep
from drumlane.vocabulary import Lane

LEAST_PRECISION = {"max_recall": 0.5, "rhythm_game": 0.8}  # where none is given
_RECALL_WEIGHT = 2.0  # beta of F
_Score = Callable[[Counts], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold of one lane."""

    lane: Lane
    threshold: float
    counts: Counts  # that it gives
    remark: str = ""  # why it is not what the strategy wanted


def choose(
    swept: Sequence[LaneSweep],
    strategy: str,
    default: Sequence[float],
    least_precision: float | None = None,
) -> tuple[Choice, ...]:
    """Return a threshold for each lane.

    Args:
        swept: every lane at every threshold.
        strategy: a name of ``STRATEGIES``.
        default: threshold of each lane where nothing can be chosen.
        least_precision: 0..1, for the strategies that have such a floor; None takes theirs.

    Raises:
        ConfigError: the strategy is unknown, or has no floor of precision.
    """
    check_strategy(strategy, least_precision)
    floor = LEAST_PRECISION.get(strategy, 0.0) if least_precision is None else least_precision
    return tuple(_choose_lane(lane, STRATEGIES[strategy], floor, default[lane.lane]) for lane in swept)


def check_strategy(strategy: str, least_precision: float | None = None) -> None:
    """Refuse a strategy before the long work.

    Raises:
        ConfigError: the strategy is unknown, or has no floor of precision.
    """
    if strategy not in STRATEGIES:
        choices = nearest_first(strategy, STRATEGIES)
        raise ConfigError(f"strategy {strategy!r} is unknown; strategies: {choices}")
    if least_precision is not None and strategy not in LEAST_PRECISION:
        raise ConfigError(f"--min-precision is for {' and '.join(LEAST_PRECISION)}, not for {strategy}")


def _choose_lane(swept: LaneSweep, score: _Score, floor: float, default: float) -> Choice:
    if not swept.support:
        return _default(swept, default, "no hits in the reference: the default")
    useful = [i for i, counts in enumerate(swept.counts) if counts.tp]
    if not useful:
        return _default(swept, default, "nothing right at any threshold: the default")
    precise = [i for i in useful if swept.counts[i].precision >= floor]
    if precise:
        return _chosen(swept, _middle_of_best(swept, precise, score))
    best = _middle_of_best(swept, useful, _by_precision)
    return _chosen(swept, best, f"no threshold reaches a precision of {floor:g}: the highest there is")


def _chosen(swept: LaneSweep, index: int, remark: str = "") -> Choice:
    return Choice(swept.lane, FINE_GRID[index], swept.counts[index], remark)


def _default(swept: LaneSweep, threshold: float, remark: str) -> Choice:
    nearest = min(range(len(FINE_GRID)), key=lambda i: abs(FINE_GRID[i] - threshold))
    return Choice(swept.lane, threshold, swept.counts[nearest], remark)


def _middle_of_best(swept: LaneSweep, candidates: Sequence[int], score: _Score) -> int:
    best = max(score(swept.counts[i]) for i in candidates)
    equal = [i for i in candidates if score(swept.counts[i]) == best]
    return equal[len(equal) // 2]


def _by_f(counts: Counts) -> tuple[float, ...]:
    return (counts.f,)


def _by_recall(counts: Counts) -> tuple[float, ...]:
    return (counts.recall, counts.f)


def _by_balance(counts: Counts) -> tuple[float, ...]:
    return (-abs(counts.precision - counts.recall), counts.f)


def _by_precision(counts: Counts) -> tuple[float, ...]:
    return (counts.precision, counts.recall)


def recall_weighted_f(counts: Counts, beta: float = _RECALL_WEIGHT) -> float:
    """Return F with recall weighted ``beta`` times as much as precision, nan where nothing was or is.

    >>> round(recall_weighted_f(Counts(tp=8, fp=0, fn=2)), 3), round(recall_weighted_f(Counts(tp=8, fp=2)), 3)
    (0.833, 0.952)
    """
    weight = beta * beta
    return ratio((1 + weight) * counts.tp, (1 + weight) * counts.tp + weight * counts.fn + counts.fp)


def _by_weighted_f(counts: Counts) -> tuple[float, ...]:
    weighted = recall_weighted_f(counts)
    return (weighted if isfinite(weighted) else 0.0, counts.f)


STRATEGIES: dict[str, _Score] = {
    "max_f1": _by_f,
    "max_recall": _by_recall,
    "balanced": _by_balance,
    "rhythm_game": _by_weighted_f,
}
