"""Run reports: curves of all starts in one, and a verdict by rules that are written down."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path

import pytest
import yaml

from material import write_material

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")
from drumlane.cli.app import main
from drumlane.errors import DatasetError, DrumlaneError
from drumlane.evaluation.classes import CLASS_SETS
from drumlane.evaluation.corpus import Group
from drumlane.evaluation.protocol import Protocol
from drumlane.evaluation.references import LoadedTrack, Pairing, Track
from drumlane.evaluation.report import report_on, write_json
from drumlane.performance import Hit, Performance
from drumlane.study.history import History, Point, read_history
from drumlane.study.run_report import read_evaluation, report_run, thinned, write_report
from drumlane.study.verdict import Decision, criteria, decide
from drumlane.training.config import RunConfig, read_config
from drumlane.training.run import train_transcriber
from drumlane.vocabulary import Drum

pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[1]
TEST_CONFIG = ROOT / "configs" / "tiny.yaml"


def history(scores: Sequence[float], losses: Sequence[float] = (), **last: float) -> History:
    """Return a run with a validation every ten steps; ``last`` are further values of each."""
    points = []
    for i, score in enumerate(scores):
        loss = {"val_loss": losses[i]} if i < len(losses) else {}
        points.append(Point(10 * (i + 1), {"val_f": score, **loss, **last}))
    return History(tuple(points))


FALLING = (0.5, 0.4, 0.3, 0.2)


@pytest.mark.parametrize(
    ("scores", "losses", "decision"),
    [
        ((), (), Decision.NOT_KNOWN),
        ((nan,), (0.4,), Decision.NOT_KNOWN),
        ((0.05, 0.149), FALLING[:2], Decision.DEBUG),
        ((0.149,) * 9, (0.3,) * 9, Decision.DEBUG),  # low comes before flat
        ((0.15,), (), Decision.MORE),
        ((0.1, 0.2, 0.25, 0.30), FALLING, Decision.MORE),
        ((0.1, 0.2, 0.25, 0.31), FALLING, Decision.FULL_TRAINING),
        ((0.31, 0.2, 0.2, 0.2), FALLING, Decision.FULL_TRAINING),  # the best counts, not the last
        ((0.1, 0.2, 0.25, 0.31), (0.3, 0.2, 0.25, 0.4), Decision.INVESTIGATE),
        ((0.1, 0.31), (), Decision.NOT_KNOWN),
        ((0.1, 0.31), (0.5,), Decision.NOT_KNOWN),
        ((0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5), (0.5, *(0.2,) * 6), Decision.INVESTIGATE),
        ((0.2, *(0.25,) * 6), (0.3,) * 7, Decision.INVESTIGATE),
        ((0.5,) * 6, (0.5, 0.45, 0.4, 0.35, 0.3, 0.25), Decision.FULL_TRAINING),  # flat F, falling loss
        ((0.5,) * 5, (0.5, 0.45, 0.4, 0.35, 0.3), Decision.FULL_TRAINING),  # too few to be flat
    ],
)
def test_the_table_of_decisions(scores: Sequence[float], losses: Sequence[float], decision: Decision) -> None:
    assert decide(history(scores, losses)).decision is decision


def outcomes(run: History, finished: bool = True, note_f: float | None = None) -> list[bool | None]:
    return [criterion.met for criterion in criteria(run, finished, note_f)]


def test_success_is_met_not_met_or_not_known() -> None:
    recalls = {f"val_recall_{lane}": 0.31 for lane in ("kick", "snare", "hihat")}
    good = history((0.2, 0.26), (0.3, 0.19), **recalls)
    assert outcomes(good, note_f=0.7) == [True] * 7
    assert outcomes(good) == [*[True] * 6, None]
    poor = history((0.2, 0.25), (0.3, 0.2), **(recalls | {"val_recall_snare": 0.3}))
    assert outcomes(poor, finished=False, note_f=0.69) == [False, False, False, True, False, True, False]
    assert outcomes(history((0.2,)))[1:] == [None, False, None, None, None, None]
    assert outcomes(History(()))[1:] == [None] * 6


def test_a_loss_that_is_not_a_number_is_an_error() -> None:
    run = History((Point(1, {"train_loss": nan}), Point(2, {"train_loss": 0.1})))
    criterion = criteria(run, True, None)[0]
    assert (criterion.met, criterion.found) == (False, "1 losses are not numbers")


# Curves ----------------------------------------------------------------------------------------------------


def write_metrics(logs: Path, first: int, rows: Sequence[Mapping[str, object]]) -> None:
    folder = logs / f"from-step-{first}"
    folder.mkdir(parents=True)
    columns = sorted({name for row in rows for name in row})
    with (folder / "metrics.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def test_a_later_start_replaces_what_an_earlier_one_logged_after_its_first_step(tmp_path: Path) -> None:
    write_metrics(tmp_path, 0, [{"step": s, "val_f": s / 100} for s in (2, 4, 6)])
    write_metrics(tmp_path, 10, [{"step": 12, "val_f": 0.9}])
    write_metrics(tmp_path, 4, [{"step": s, "val_f": s / 10} for s in (5, 8)])
    read = read_history(tmp_path)
    assert [(p.step, p.get("val_f")) for p in read.points] == [
        (2, 0.02),
        (4, 0.04),
        (5, 0.5),
        (8, 0.8),
        (12, 0.9),
    ]


def test_rows_of_one_step_are_one_point_and_empty_cells_are_no_values(tmp_path: Path) -> None:
    rows = [{"step": 0, "val_f": 0.1}, {"step": 3, "train_loss": 0.5}, {"step": 4, "val_f": 0.2}]
    write_metrics(tmp_path, 0, [*rows, {"step": 4, "val_loss": 0.3}])
    read = read_history(tmp_path)
    assert read.points[-1].values == {"val_f": 0.2, "val_loss": 0.3}
    assert isnan(read.points[-1].get("train_loss"))
    assert read.latest("train_loss", 4) == 0.5
    assert read.before is read.points[0]
    assert [p.step for p in read.validations] == [4]


@pytest.mark.parametrize("text", ["step,val_f\n1,much\n", "val_f\n0.3\n", "step,val_f\n\n,\n"])
def test_broken_curves_are_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "from-step-0").mkdir()
    (tmp_path / "from-step-0" / "metrics.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"metrics\.csv: not the metrics of a run"):
        read_history(tmp_path)


def test_a_folder_without_curves_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no from-step-N/metrics\.csv; is this the folder of a run"):
        read_history(tmp_path)


def test_long_curves_are_thinned_out_and_keep_their_ends() -> None:
    points = history([0.1] * 95).points
    kept = [p.step for p in thinned(points)]
    assert (len(kept), kept[0], kept[-1]) == (20, 10, 950)
    assert thinned(points[:7]) == list(points[:7])


# Reports ---------------------------------------------------------------------------------------------------


def run_folder(folder: Path, **training: object) -> Path:
    """Write the configuration and the curves of a run that was fine-tuned, without its checkpoints."""
    values = read_config(TEST_CONFIG, [f"training.{k}={v}" for k, v in training.items()])
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(values.model_dump(mode="json")))
    lanes = {"val_f_kick": 0.4, "val_recall_kick": 0.5, "val_precision_kick": 0.333}
    rows = [{"step": 0, "val_f": 0.2, "val_f_kick": 0.1}]
    rows += [{"step": 10 * i, "val_f": 0.3 + 0.1 * i, "val_loss": 0.3 - 0.1 * i, **lanes} for i in (1, 2)]
    write_metrics(folder / "logs", 0, rows)
    return folder


def evaluation(path: Path, class_set: str = "lanes", tolerance: float = 0.05) -> Path:
    """Write a real evaluation in which three of four hits were found."""
    hits = [Hit(float(time), Drum.KICK, 99) for time in range(4)]
    track = Track("song", path, path, {}, 5.0)
    loaded = LoadedTrack(track, Performance.of(hits, duration=5.0), Performance.of(hits[:3], duration=5.0))
    protocol = Protocol((CLASS_SETS[class_set],), (tolerance,), 0)
    report = report_on([loaded], Pairing((), ()), [Group("all")], protocol)
    write_json(report, path, "drumlane evaluate", "model 1")
    return path


def test_a_report_tells_what_happened_and_what_to_do(tmp_path: Path) -> None:
    text = report_run(run_folder(tmp_path / "run"), evaluation(tmp_path / "x.json"))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "- best val_f: 0.500 at step 20",
        "**go on to full training**: best val_f 0.500 is above 0.30 and val_loss is falling.",
        "| no errors | the run has not come to its end | not met |",
        "| val_loss < 0.20 (lowest) | 0.100 | met |",
        "| snare recall > 0.30 (at the best val_f) | - | not known |",
        "| note F ±50 ms ≥ 0.70 (test) | 0.857 | met |",
        "Note F: model 1, group 'all'.",
        "| 10 | 0.400 | 0.200 | - |",
        "| kick | 0.400 | 0.333 | 0.500 |",
        "| val_f_kick | 0.100 | 0.400 | +0.300 |",
    ):
        assert line in lines
    write_report(text, tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == text + "\n"


def test_an_evaluation_without_the_score_or_of_another_kind_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no class set lanes at 50 ms"):
        read_evaluation(evaluation(tmp_path / "x.json", "three"))
    with pytest.raises(DatasetError, match="has no class set lanes at 50 ms"):
        read_evaluation(evaluation(tmp_path / "x.json", tolerance=0.025))
    (tmp_path / "y.json").write_text(json.dumps({"groups": 3}))
    for name, message in (("y.json", "not written by drumlane evaluate"), ("none.json", "cannot read")):
        with pytest.raises(DrumlaneError, match=message) as caught:
            read_evaluation(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_command_reports_on_a_run_that_was_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [f"data.{k}={v}" for k, v in write_material(tmp_path / "material").items()]
    sets = [*data, f"output={tmp_path}", "training.num_steps=2"]
    train_transcriber(read_config(TEST_CONFIG, sets))
    config: RunConfig = read_config(TEST_CONFIG, [*sets, "training.num_steps=4"])
    train_transcriber(config, resume="last")
    capsys.readouterr()
    output = tmp_path / "r.md"
    monkeypatch.setattr(sys, "argv", ["drumlane", "report", str(config.folder), "-o", str(output)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert output.read_text(encoding="utf-8") == printed
    assert "2 validations" in printed
    assert f"- best checkpoint: {config.folder.as_posix()}/checkpoints/best.ckpt (step " in printed
