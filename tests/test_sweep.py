"""Thresholds by strategy: every one is counted, one is chosen, and what could not be had is said."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from material import write_material

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")
from drumlane.cli.app import main
from drumlane.errors import ConfigError
from drumlane.evaluation.counts import Counts
from drumlane.models.card import read_card
from drumlane.performance import Hit
from drumlane.study.strategies import STRATEGIES, Choice, choose, recall_weighted_f
from drumlane.study.sweep import FINE_GRID, LaneSweep, sweep
from drumlane.study.sweep_curves import plot_sweep
from drumlane.study.threshold_file import (
    Origin,
    choice_table,
    read_thresholds,
    remarks,
    write_thresholds,
)
from drumlane.training.config import read_config
from drumlane.training.export import Calibrating, export_transcriber
from drumlane.training.run import train_transcriber
from drumlane.training.targets import encode
from drumlane.training.thresholds import MINIMUM_GAPS, count
from drumlane.transcription.peaks import pick_peaks
from drumlane.vocabulary import DRUM_OF_LANE, LANE_NAMES, LANES, Lane

pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[1]
TEST_CONFIG = ROOT / "configs" / "tiny.yaml"
FPS = 100.0
HALF = (0.5,) * 8
ORIGIN = Origin(Path("best.ckpt"), "validation", 1, "max_f1")


def kick_of(table: dict[float, Counts]) -> tuple[LaneSweep, ...]:
    """Return a sweep whose kick has these counts from each threshold on; the other lanes have nothing."""
    counts = [table[max(t for t in table if t <= threshold)] for threshold in FINE_GRID]
    nothing = (Counts(),) * len(FINE_GRID)
    return tuple(LaneSweep(lane, tuple(counts) if lane is Lane.KICK else nothing) for lane in LANES)


def chosen(table: dict[float, Counts], strategy: str, least: float | None = None) -> Choice:
    return choose(kick_of(table), strategy, HALF, least)[Lane.KICK]


# Of 100 kicks: many invented low down, few found high up.
KICKS = {
    0.0: Counts(100, 300, 0),
    0.2: Counts(98, 80, 2),
    0.4: Counts(90, 30, 10),
    0.6: Counts(80, 10, 20),
    0.7: Counts(76, 6, 24),
    0.8: Counts(40, 0, 60),
}


@pytest.mark.parametrize(
    ("strategy", "least", "low", "high"),
    [
        ("max_f1", None, 0.6, 0.7),
        ("max_recall", None, 0.2, 0.4),
        ("max_recall", 0.7, 0.4, 0.6),
        ("balanced", None, 0.6, 0.7),
        ("rhythm_game", None, 0.6, 0.7),
        ("rhythm_game", 0.5, 0.4, 0.6),
        ("rhythm_game", 0.9, 0.7, 0.8),
    ],
)
def test_a_strategy_takes_the_middle_of_the_thresholds_it_likes_best(
    strategy: str, least: float | None, low: float, high: float
) -> None:
    choice = chosen(KICKS, strategy, least)
    assert choice.threshold == pytest.approx((low + high) / 2, abs=0.011)
    assert choice.counts == KICKS[low]
    assert choice.remark == ""


def test_a_floor_that_no_threshold_reaches_gives_the_highest_precision_and_says_so() -> None:
    choice = chosen({0.0: Counts(10, 90, 0), 0.5: Counts(6, 6, 4), 0.9: Counts(0, 0, 10)}, "rhythm_game")
    assert choice.counts == Counts(6, 6, 4)
    assert choice.remark == "no threshold reaches a precision of 0.8: the highest there is"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_lane_without_hits_or_without_any_right_one_has_the_default_and_says_so(strategy: str) -> None:
    default = (0.3, *HALF[1:])
    silent, wrong = {0.0: Counts(0, 5, 0)}, {0.0: Counts(0, 9, 4), 0.5: Counts(0, 0, 4)}
    for table, remark in ((silent, "no hits in the reference"), (wrong, "nothing right at any threshold")):
        choice = choose(kick_of(table), strategy, default)[Lane.KICK]
        assert (choice.threshold, choice.counts) == (0.3, table[0.0])
        assert choice.remark == f"{remark}: the default"


def test_wrong_strategies_and_floors_are_one_line() -> None:
    with pytest.raises(ConfigError, match="strategy 'max_f' is unknown; strategies: max_f1, max_recall"):
        choose(kick_of(KICKS), "max_f", HALF)
    with pytest.raises(ConfigError, match="--min-precision is for max_recall and rhythm_game, not for bal"):
        choose(kick_of(KICKS), "balanced", HALF, 0.5)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_f_with_recall_counted_twice_is_the_usual_f_beta(tp: int, fp: int, fn: int) -> None:
    counts = Counts(tp, fp, fn)
    if not tp:
        assert not recall_weighted_f(counts) > 0
        return
    p, r = counts.precision, counts.recall
    assert recall_weighted_f(counts) == pytest.approx(5 * p * r / (4 * p + r))
    assert recall_weighted_f(counts, 1.0) == pytest.approx(counts.f)


def noisy_item(seed: int) -> tuple[np.ndarray, list[Hit]]:
    """Return activations (400, 8) with true and false bumps of any height, and the true hits."""
    rng = np.random.default_rng(seed)
    onset, hits = np.zeros((400, 8), dtype=np.float32), []
    for lane in LANES:
        for time in np.sort(rng.uniform(0.1, 3.9, 20)).tolist():
            bump = encode([Hit(time, DRUM_OF_LANE[lane], 99)], 400, FPS).onset[:, lane]
            onset[:, lane] = np.maximum(onset[:, lane], np.float32(rng.uniform()) * bump)
            if rng.uniform() < 0.6:
                hits.append(Hit(time, DRUM_OF_LANE[lane], 99))
    return onset, hits


def test_every_threshold_counts_what_picking_peaks_with_it_counts() -> None:
    items = [noisy_item(seed) for seed in range(2)]
    swept = sweep([o for o, _ in items], [h for _, h in items], FPS, MINIMUM_GAPS)
    for lane in (Lane.SNARE, Lane.CRASH):
        for threshold, counts in list(zip(FINE_GRID, swept[lane].counts, strict=True))[::6]:
            expected = Counts()
            for onset, hits in items:
                times, _ = pick_peaks(onset[:, lane], threshold, MINIMUM_GAPS[lane], FPS)
                expected += count(np.array([h.time for h in hits if h.drum.lane is lane]), times)
            assert counts == expected


def swept_and_chosen() -> tuple[Sequence[LaneSweep], Sequence[Choice]]:
    onset, hits = noisy_item(0)
    swept = sweep([onset], [hits], FPS, MINIMUM_GAPS)
    return swept, choose(swept, "max_f1", HALF)


def test_a_file_of_thresholds_can_be_read_back_and_holds_the_whole_sweep(tmp_path: Path) -> None:
    swept, choices = swept_and_chosen()
    write_thresholds(choices, swept, ORIGIN, tmp_path / "t.json")
    assert read_thresholds(tmp_path / "t.json") == tuple(c.threshold for c in choices)
    written = json.loads((tmp_path / "t.json").read_text())
    assert len(written["sweep"]["ride"]) == len(FINE_GRID) == 97
    best = max(row["f"] or 0 for row in written["sweep"]["kick"])
    assert written["chosen"]["kick"]["f"] == best
    assert (written["part"], written["strategy"]) == ("validation", "max_f1")


def test_the_table_has_a_row_for_each_lane_and_their_sum_and_remarks_stand_below() -> None:
    table = choice_table(choose(kick_of(KICKS), "max_f1", HALF), ORIGIN)
    assert [row[0] for row in table.rows] == [*LANE_NAMES, "all"]
    assert table.rows[0][1:] == ("0.65", "100", "80", "10", "20", "0.889", "0.800", "0.842")
    (line,) = remarks(choose(kick_of(KICKS), "max_f1", HALF))
    assert line == f"{', '.join(LANE_NAMES[1:])}: no hits in the reference: the default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "t.json: not JSON"),
        ("[]", "t.json: no table `thresholds`"),
        ('{"thresholds": {"kik": 0.5}}', "lane 'kik' is unknown; lanes: kick"),
        ('{"thresholds": {"kick": 0.5}}', "lane 'snare' is missing; all lanes are needed"),
        (json.dumps({"thresholds": dict.fromkeys(LANE_NAMES, 1.0)}), "kick is 1.0; a threshold lies between"),
        (json.dumps({"thresholds": dict.fromkeys(LANE_NAMES, "0.5")}), "kick is '0.5'; a threshold lies"),
    ],
)
def test_a_broken_file_of_thresholds_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_thresholds(tmp_path / "t.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_thresholds_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: cannot read the thresholds"):
        read_thresholds(tmp_path / "none.json")


def test_the_curves_are_drawn_as_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the plot extra")
    swept, choices = swept_and_chosen()
    plot_sweep(swept, choices, "test", tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_command_chooses_on_the_validation_part_and_export_takes_its_thresholds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [f"data.{k}={v}" for k, v in write_material(tmp_path / "material").items()]
    sets = [*data, f"output={tmp_path}", "training.num_steps=2", "postprocessing.onset_threshold=0.4"]
    config = read_config(TEST_CONFIG, sets)
    best = train_transcriber(config)
    output = tmp_path / "thresholds.json"
    command = ["thresholds", "--checkpoint", str(best), "-c", str(TEST_CONFIG), "--output", str(output)]
    command += [part for override in sets for part in ("--set", override)]
    monkeypatch.setattr(sys, "argv", ["drumlane", *command, "--plot", str(tmp_path / "x.png")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    out = capsys.readouterr().out
    assert "2 items of the validation part" in out
    assert "no hits in the reference: the default" in out
    thresholds = read_thresholds(output)
    assert thresholds[Lane.LOW_TOM] == 0.4  # not struck in the two items: what the configuration says
    calibrating = Calibrating(n_items=4, seconds=2.0, thresholds=thresholds)
    export_transcriber([best], config, tmp_path / "m.onnx", "train", calibrating)
    assert tuple(read_card(tmp_path / "m.json").thresholds.values()) == thresholds
