"""Calibration: what is wrong with a network in a constant way is found and taken back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.rendering.scene import Item
from drumlane.training.calibration import Calibration, calibrate
from drumlane.training.targets import encode
from drumlane.transcription.dynamics import confidences
from drumlane.vocabulary import ARTICULATIONS, LANES, Drum, Lane

pytestmark = pytest.mark.train

FPS = 100.0
SECONDS = 8.0
Hearing = Callable[[Sequence[Hit]], Activations]


def played(seed: int, n_hits: int = 160) -> tuple[Hit, ...]:
    """Return strokes of every lane on a grid, so that no two of a lane are near, at any velocity."""
    rng = np.random.default_rng(seed)
    drums = [drum for drum in Drum if drum.lane is not None]
    hits = []
    for slot in rng.permutation(75 * 8)[:n_hits].tolist():
        mine = [drum for drum in drums if drum.lane is LANES[slot % 8]]
        drum = mine[int(rng.integers(len(mine)))]
        hits.append(Hit(0.2 + 0.1 * (slot // 8), drum, int(rng.integers(10, 120))))
    return tuple(sorted(hits))


def perfect(hits: Sequence[Hit]) -> Activations:
    targets = encode(hits, round(SECONDS * FPS) + 1, FPS)
    return Activations(targets.onset, targets.velocity, targets.articulation, np.ones_like(targets.onset))


def calibrated(hear: Hearing, performances: Sequence[Sequence[Hit]]) -> Calibration:
    items = [Item(np.zeros(8, dtype=np.float32), tuple(hits)) for hits in performances]
    return calibrate([hear(item.hits) for item in items], [item.hits for item in items], FPS)


MANY = [played(seed) for seed in range(12)]


def test_velocity_curves_keep_the_spread_of_an_unsure_network_whatever_the_kits_loudness() -> None:
    rng = np.random.default_rng(7)

    def unsure(hits: Sequence[Hit]) -> Activations:
        out = perfect(hits)
        heard = 0.3 + 0.4 * out.velocity + rng.normal(0, 0.1, out.velocity.shape) + rng.uniform(-0.1, 0.1)
        return replace(out, velocity=heard.astype(np.float32))

    weights = np.array([0.41, 1.0, 0.41])  # of the three frames around a stroke
    noise = 0.1 * np.linalg.norm(weights) / weights.sum()
    played_spread = 110 / np.sqrt(12)  # of velocities 10 to 119
    heard_spread = np.hypot(0.4 * played_spread / 126, noise)
    for slope, _ in calibrated(unsure, [played(seed, 400) for seed in range(20)]).velocity_curves:
        assert slope == pytest.approx(played_spread / heard_spread, rel=0.05)  # least squares give 226


def test_offsets_undo_a_network_that_is_late() -> None:
    late = calibrated(lambda hits: perfect([replace(h, time=h.time + 0.004) for h in hits]), MANY)
    assert late.offsets == pytest.approx((0.004,) * 8, abs=5e-4)


def test_velocity_curves_undo_a_network_that_stays_near_the_mean() -> None:
    def timid(hits: Sequence[Hit]) -> Activations:
        out = perfect(hits)
        return replace(out, velocity=0.3 + 0.5 * out.velocity)

    for slope, intercept in calibrated(timid, MANY).velocity_curves:
        assert slope == pytest.approx(252, rel=0.03)
        assert intercept == pytest.approx(1 - 0.3 * 252, abs=4)


def test_few_strokes_leave_the_velocities_alone() -> None:
    assert calibrated(perfect, [played(0, 60)]).velocity_curves == ((126.0, 1.0),) * 8


def test_a_lane_that_only_seems_to_be_struck_is_gated_by_its_presence() -> None:
    def toms_on_kicks(hits: Sequence[Hit]) -> Activations:
        out = perfect(hits)
        if any(h.drum.lane is Lane.LOW_TOM for h in hits):
            return out
        onset, presence = out.onset.copy(), out.presence.copy()
        onset[:, Lane.LOW_TOM], presence[:, Lane.LOW_TOM] = onset[:, Lane.KICK], 0.2
        return replace(out, onset=onset, presence=presence)

    without = [[h for h in hits if h.drum.lane is not Lane.LOW_TOM] for hits in MANY[:6]]
    chosen = calibrated(toms_on_kicks, [*without, *MANY[6:]])
    assert chosen.presence_thresholds[Lane.LOW_TOM] > 0.2


def test_articulations_that_are_told_without_fault_get_thresholds_between_them() -> None:
    def unsure(hits: Sequence[Hit]) -> Activations:
        out = perfect(hits)
        return replace(out, articulation=0.2 + 0.4 * out.articulation)

    thresholds = calibrated(unsure, MANY).articulation_thresholds
    assert len(thresholds) == len(ARTICULATIONS)
    assert all(0.2 < threshold <= 0.62 for threshold in thresholds)


def test_a_tom_that_answers_in_all_three_lanes_is_believed_as_one_stroke() -> None:
    """Two of three lanes' peaks are wrong then, yet nine of ten strokes are toms."""

    def anywhere(hits: Sequence[Hit]) -> Activations:
        rng = np.random.default_rng(len(hits))
        invented = [Hit(0.25 + 0.1 * n, Drum.TOM_MID, 60) for n in rng.choice(70, 6, replace=False).tolist()]
        out = perfect(sorted([*hits, *invented]))
        toms = [Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM]
        onset = out.onset.copy()
        onset[:, toms] = 0.9 * onset[:, toms].max(axis=1, keepdims=True)
        return replace(out, onset=onset)

    curves = calibrated(anywhere, MANY).confidence_curves
    high, mid, low = (curves[lane] for lane in (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM))
    assert high == mid == low
    assert 0.8 < confidences(np.array([0.9]), *high)[0] < 0.97
