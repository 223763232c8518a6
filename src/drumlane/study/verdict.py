"""Verdict: what a run's curves say about going on, by rules that anyone can check.

Flow: history -> **verdict** -> run_report

The rules are those of the medium training test (document D), made precise; the first that applies is taken:

1. debug: the best ``val_f`` is below .15.
2. investigate: flat. Of the last 5 validations (and there are more than 5) none has a ``val_f`` more than
   .005 above the best one before, nor a ``val_loss`` more than 1 % below the lowest one before.
3. more: the best ``val_f`` is .15 to .30: train for 20 epochs, or tune.
4. full training: it is above .30 and ``val_loss`` is falling: the lowest of the second half of the
   validations is more than 1 % below the lowest of the first half.
5. investigate: it is above .30 and ``val_loss`` is not falling. (D has no such row.)

Where a number is missing that a rule needs, the verdict is that it is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, nan

from drumlane.study.history import History, Point

LEAST_F, ENOUGH_F = 0.15, 0.30
FLAT_VALIDATIONS = 5
_RISE, _FALL = 0.005, 0.99  # of F: added; of loss: a factor
_SUCCESS_LOSS, _SUCCESS_F, _SUCCESS_RECALL = 0.20, 0.25, 0.30
_RECALLS = ("kick", "snare", "hihat")
NOTE_F = 0.70  # ours, on the test part


class Decision(StrEnum):
    """What to do next."""

    FULL_TRAINING = "go on to full training"
    MORE = "train for 20 epochs, or tune"
    INVESTIGATE = "investigate"
    DEBUG = "debug"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next, and why."""

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of success."""

    name: str
    found: str
    met: bool | None  # None: not known


def decide(history: History) -> Verdict:
    """Return what the table of decisions says."""
    best, losses = history.best, history.curve("val_loss")
    if best is None:
        return Verdict(Decision.NOT_KNOWN, "no validation has a val_f yet")
    f = best.get("val_f")
    if f < LEAST_F:
        return Verdict(Decision.DEBUG, f"best val_f {f:.3f} is below {LEAST_F:.2f}")
    if is_flat(history.curve("val_f"), losses):
        reason = f"neither val_f nor val_loss got better in the last {FLAT_VALIDATIONS} validations"
        return Verdict(Decision.INVESTIGATE, f"{reason} (best val_f {f:.3f})")
    if f <= ENOUGH_F:
        return Verdict(Decision.MORE, f"best val_f {f:.3f} is in {LEAST_F:.2f} to {ENOUGH_F:.2f}")
    return _by_loss(f"best val_f {f:.3f} is above {ENOUGH_F:.2f}", losses)


def _by_loss(reason: str, losses: Sequence[float]) -> Verdict:
    falling = is_falling(losses)
    if falling is None:
        return Verdict(Decision.NOT_KNOWN, f"{reason}, but fewer than two validations have a val_loss")
    if falling:
        return Verdict(Decision.FULL_TRAINING, f"{reason} and val_loss is falling")
    return Verdict(Decision.INVESTIGATE, f"{reason}, but val_loss is not falling")


def is_falling(losses: Sequence[float]) -> bool | None:
    """Return whether the second half goes more than 1 % below the first, None for fewer than two.

    >>> is_falling([0.5, 0.4, 0.3]), is_falling([0.3, 0.2, 0.25, 0.4]), is_falling([0.3])
    (True, False, None)
    """
    if len(losses) < 2:
        return None
    middle = len(losses) // 2
    return min(losses[middle:]) < _FALL * min(losses[:middle])


def is_flat(scores: Sequence[float], losses: Sequence[float]) -> bool:
    """Return whether the last 5 of more validations brought nothing better in ``val_f`` or ``val_loss``.

    >>> is_flat([0.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.304], []), is_flat([0.3] * 6, [0.5] * 5 + [0.4])
    (True, False)
    """
    n = FLAT_VALIDATIONS
    if len(scores) <= n:
        return False
    rises = max(scores[-n:]) > max(scores[:-n]) + _RISE
    falls = len(losses) > n and min(losses[-n:]) < _FALL * min(losses[:-n])
    return not (rises or falls)


def criteria(history: History, finished: bool, note_f: float | None) -> tuple[Criterion, ...]:
    """Return the conditions of success: document D's, then ours.

    Args:
        history: of the run.
        finished: it came to its end.
        note_f: micro F of an evaluation at ±50 ms, if there is one.
    """
    losses, best = history.curve("val_loss"), history.best
    return (
        _no_errors(history, finished),
        _below("val_loss < 0.20 (lowest)", min(losses, default=nan), _SUCCESS_LOSS),
        _above("val_f > 0.25 (best)", best.get("val_f") if best else nan, _SUCCESS_F),
        *(_recall(lane, best) for lane in _RECALLS),
        _at_least("note F ±50 ms ≥ 0.70 (test)", nan if note_f is None else note_f, NOTE_F),
    )


def _no_errors(history: History, finished: bool) -> Criterion:
    problems = [] if finished else ["the run has not come to its end"]
    if history.n_broken:
        problems.append(f"{history.n_broken} losses are not numbers")
    return Criterion("no errors", "; ".join(problems) or "the run came to its end", not problems)


def _recall(lane: str, best: Point | None) -> Criterion:
    value = best.get(f"val_recall_{lane}") if best else nan
    return _above(f"{lane} recall > 0.30 (at the best val_f)", value, _SUCCESS_RECALL)


def _below(name: str, value: float, limit: float) -> Criterion:
    return Criterion(name, _shown(value), value < limit if isfinite(value) else None)


def _above(name: str, value: float, limit: float) -> Criterion:
    return Criterion(name, _shown(value), value > limit if isfinite(value) else None)


def _at_least(name: str, value: float, limit: float) -> Criterion:
    return Criterion(name, _shown(value), value >= limit if isfinite(value) else None)


def _shown(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "-"
