"""Bars: which beats begin a bar, and how many beats a bar has, by dynamic programming over beats.

Flow: transcription.pulse -> **bars** -> transcription.tempo_layout

A path is a row of bars. Each first beat counts the log-odds of its downbeat activation, each bar how usual
its metre is; changing the metre has its price, and so has a single bar of another length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANGE = 9.0
ODD_BAR = 9.0
_LOGIT = 4.0
_BIAS = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Where bars begin."""

    first_beats: NDArray[np.intp]  # numbers of the beats, ascending
    meters: NDArray[np.intp]  # beats a bar, of each; of the last one as it would go on

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Beats of each bar: its metre's, or those of an odd bar."""
        return np.concatenate([np.diff(self.first_beats), self.meters[-1:]])


def best_bars(downbeat: NDArray[np.floating], meters: Mapping[int, float]) -> Bars:
    """Return the bars of a piece.

    Args:
        downbeat: activation at each beat, shape (beats,), at least one; 0..1.
        meters: beats a bar that come into question, with the price of such a bar.
    """
    odds = np.clip(downbeat, 1e-3, 1 - 1e-3).astype(np.float64)
    gain = np.clip(np.log(odds / (1 - odds)), -_LOGIT, _LOGIT) + _BIAS
    score, bar, before = _fill(gain, np.array(list(meters)), np.array(list(meters.values())))
    return _trace(score, bar, before, tuple(meters))


def _fill(
    gain: Floats, meters: NDArray[np.intp], prices: Floats
) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Return the score of a bar line at each beat in each metre, the length of the bar before, its metre."""
    n_beats, n = len(gain), len(meters)
    score = np.full((n_beats, n), -np.inf)
    length, before = np.zeros((n_beats, n), np.intp), np.tile(np.arange(n), (n_beats, 1))
    for beat in range(n_beats):
        score[beat, beat < meters] = 0.0  # the first bar line; what is before it is an upbeat
        for number, meter in enumerate(meters):
            _enter(score, length, before, (beat, number, int(meter)))
        score[beat] += gain[beat] - prices
    return score, length, before


def _enter(
    score: Floats, length: NDArray[np.intp], before: NDArray[np.intp], place: tuple[int, int, int]
) -> None:
    """Choose the bar before a bar line at ``beat`` in metre ``number`` of ``meter`` beats."""
    beat, number, meter = place
    if beat >= meter:
        changed = score[beat - meter] - CHANGE
        changed[number] += CHANGE
        other = int(changed.argmax())
        if changed[other] > score[beat, number]:
            score[beat, number], length[beat, number], before[beat, number] = changed[other], meter, other
    for odd in range(1, min(meter, beat + 1)):
        if score[beat - odd, number] - ODD_BAR > score[beat, number]:
            score[beat, number] = score[beat - odd, number] - ODD_BAR
            length[beat, number], before[beat, number] = odd, number


def _trace(
    score: Floats, length: NDArray[np.intp], before: NDArray[np.intp], meters: tuple[int, ...]
) -> Bars:
    """Follow the best path back; it ends in the last bar of the piece, whole or not."""
    n_beats = len(score)
    last = [
        (score[beat, number], beat, number)
        for number, meter in enumerate(meters)
        for beat in range(max(0, n_beats - meter), n_beats)
    ]
    _, beat, number = max(last)
    lines, in_meter = [beat], [number]
    while length[beat, number]:
        beat, number = beat - int(length[beat, number]), int(before[beat, number])
        lines.append(beat)
        in_meter.append(number)
    return Bars(np.array(lines[::-1]), np.array([meters[i] for i in in_meter[::-1]]))
