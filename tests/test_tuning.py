"""Tuning: small real studies, what becomes of trials that go wrong, and studies that go on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from material import write_material

optuna = pytest.importorskip("optuna", reason="tuning needs the tune extra")
torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")
from optuna.trial import TrialState  # noqa: E402

from drumlane.cli.app import main  # noqa: E402
from drumlane.errors import ConfigError  # noqa: E402
from drumlane.study.search_space import (  # noqa: E402
    Choices,
    Range,
    SearchSpace,
    check_space,
    default_space,
    read_space,
)
from drumlane.study.study_table import best_lines, failures, study_table  # noqa: E402
from drumlane.study.trials import Outcome, Plan, State  # noqa: E402
from drumlane.study.tuning import (  # noqa: E402
    INTERRUPTED,
    LEFT_BEHIND,
    REASON,
    Limits,
    ask,
    n_ended,
    open_study,
    run_study,
    storage_url,
    tell,
)
from drumlane.training.config import read_config  # noqa: E402

pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[1]
TEST_CONFIG = ROOT / "configs" / "tiny.yaml"
IN_MEMORY = "sqlite://"
RATES = SearchSpace(parameters={"training.learning_rate": Range(low=1e-4, high=1e-2, log=True)})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data_overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    section = write_material(tmp_path_factory.mktemp("material"))
    return [f"data.{key}={path}" for key, path in section.items()]


def plan_of(output: Path, sets: list[str], space: SearchSpace = RATES, study: str = "test") -> Plan:
    overrides = (*sets, f"output={output}", "training.num_steps=2", "validation.every_n_steps=1")
    return Plan(study, TEST_CONFIG, overrides, read_config(TEST_CONFIG, overrides), space)


def opened(plan: Plan, limits: Limits) -> "optuna.Study":
    return open_study(plan, storage_url(plan, None), limits)


def go_on(plan: Plan, limits: Limits) -> tuple["optuna.Study", list[str]]:
    """Open a study and run it; return what it said, too."""
    said: list[str] = []
    study = opened(plan, limits)
    run_study(study, plan, limits, said.append)
    return study, said


def states(study: "optuna.Study") -> list[str]:
    return [trial.state.name for trial in study.get_trials()]


# Studies ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_resumed_study_equals_an_uninterrupted_one_and_its_trials_can_be_repeated(
    data_overrides: list[str], tmp_path: Path
) -> None:
    plan = plan_of(tmp_path / "a", data_overrides)
    first, _ = go_on(plan, Limits(1))
    assert n_ended(first) == 1
    study, said = go_on(plan, Limits(2))
    assert states(study) == ["COMPLETE"] * 2
    assert [line.partition(":")[0] for line in said] == ["trial 1"] * 2
    whole, _ = go_on(plan_of(tmp_path / "b", data_overrides), Limits(2))
    assert [t.params for t in whole.trials] == [t.params for t in study.trials]
    assert [t.value for t in whole.trials] == [t.value for t in study.trials]
    assert sorted(study.trials[1].intermediate_values) == [1, 2]
    assert study.trials[1].value == max(study.trials[1].intermediate_values.values())
    kept = read_config(plan.config.folder / "trials" / "1" / "config.yaml")
    assert f"--set training.learning_rate={kept.training.learning_rate:.4g}" in said[0]
    assert (kept.folder / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.slow
def test_a_trial_that_raises_or_has_no_score_is_failed_and_the_study_goes_on(
    data_overrides: list[str], tmp_path: Path
) -> None:
    space = SearchSpace(parameters={"training.freeze": Choices(texts=("[]",)), "seed": Choices(texts=("1",))})
    plan = plan_of(tmp_path, data_overrides, space)
    study = opened(plan, Limits(3))
    (plan.config.folder / "trials").mkdir()
    (plan.config.folder / "trials" / "0").write_text("in the way of the first trial's folder\n")
    quiet = plan_of(tmp_path, [*data_overrides, "validation.seconds=0.01"], space)  # nothing is struck in it
    run_study(study, plan, Limits(1), lambda _: None)
    run_study(study, quiet, Limits(2), lambda _: None)
    run_study(study, plan, Limits(3), lambda _: None)
    assert states(study) == ["FAIL", "FAIL", "COMPLETE"]
    raised, silent = failures(study)
    assert raised.startswith("trial 0 failed: ")
    assert silent == "trial 1 failed: no validation has a val_f that is a number"
    assert study.trials[1].value is None


def seeded_with_good_trials(study: "optuna.Study") -> None:
    for _ in range(2):
        trial = study.ask()
        trial.suggest_float("training.learning_rate", 1e-4, 1e-2, log=True)
        trial.report(0.98, 1)
        trial.report(0.99, 2)
        study.tell(trial, 0.99)


@pytest.mark.slow
def test_a_trial_below_the_median_is_pruned_at_its_second_validation(
    data_overrides: list[str], tmp_path: Path
) -> None:
    plan = plan_of(tmp_path, [*data_overrides, "training.warmup_steps=0"])
    limits = Limits(3, n_unpruned=2)
    study = opened(plan, limits)
    seeded_with_good_trials(study)
    longer = plan_of(tmp_path, data_overrides)
    longer = Plan(
        longer.study, longer.config_path, (*longer.overrides, "training.num_steps=50"), longer.config, RATES
    )
    handler = signal.getsignal(signal.SIGINT)
    run_study(study, longer, limits, lambda _: None)
    assert states(study) == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert sorted(study.trials[2].intermediate_values) == [1, 2]
    assert signal.getsignal(signal.SIGINT) is handler


def interrupt_when_there_is(file: Path) -> None:
    """Send this process Ctrl-C's signal when a file was written."""
    for _ in range(3000):
        time.sleep(0.1)
        if file.is_file():
            os.kill(os.getpid(), signal.SIGINT)
            return


@pytest.mark.slow
def test_ctrl_c_ends_a_study_with_its_table_and_the_trial_is_not_counted(
    data_overrides: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("seed: [1]\n")
    sets = [*data_overrides, f"output={tmp_path}", "training.num_steps=100000"]
    command = ["tune", "-c", str(TEST_CONFIG), "--n-trials", "2", "--space", str(space)]
    command += [part for override in sets for part in ("--set", override)]
    monkeypatch.setattr(sys, "argv", ["drumlane", *command])
    saved = tmp_path / "test" / "trials" / "0" / "checkpoints" / "last.ckpt"
    impatient = threading.Thread(target=interrupt_when_there_is, args=(saved,))
    impatient.start()
    with pytest.raises(SystemExit) as ended:
        main()
    impatient.join()
    assert ended.value.code == 130
    assert "trial 0 failed: interrupted" in capsys.readouterr().out
    study = optuna.load_study(study_name="test", storage=f"sqlite:///{tmp_path}/test/study.db")
    assert states(study) == ["FAIL"]
    assert n_ended(study) == 0


@pytest.mark.slow
def test_the_command_prints_every_trial_the_best_and_the_command_that_trains_with_it(
    data_overrides: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("training.optimizer: [adamw]\ntraining.batch_size: {low: 1, high: 2}\n")
    sets = [*data_overrides, f"output={tmp_path}", "training.num_steps=2"]
    command = ["tune", "-c", str(TEST_CONFIG), "--space", str(space), "--n-trials", "1"]
    command += [part for override in sets for part in ("--set", override)]
    monkeypatch.setattr(sys, "argv", ["drumlane", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("trial 0: drumlane train transcriber --config ")
    assert lines[0].endswith(" --set name=test/trials/0")
    assert any(line.startswith(" 0: optimizer=adamw batch_size=") for line in lines)
    assert lines[-1].endswith(" --set name=test-best")
    assert any(line.startswith("best: trial 0, val_f 0.") for line in lines)


@pytest.mark.slow
def test_ray_runs_the_trials_of_the_same_study(data_overrides: list[str], tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="--engine ray needs the ray extra")
    from drumlane.study.ray_trials import run_on_ray

    plan = plan_of(tmp_path, data_overrides)
    study, said = opened(plan, Limits(1)), []
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        run_on_ray(study, storage_url(plan, None), plan, Limits(1), said.append)
    finally:
        ray.shutdown()
    assert states(study) == ["COMPLETE"]
    assert sorted(study.trials[0].intermediate_values) == [1, 2]
    assert said[-1].startswith("trial 0: complete, best val_f 0.")


# A study's book-keeping ------------------------------------------------------------------------------------


def test_a_trial_of_a_killed_process_is_failed_at_the_next_start_and_not_counted(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [])
    study = opened(plan, Limits())
    mine, dead, unknown = (ask(study, plan, lambda _: None).trial for _ in range(3))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = mine.user_attrs["process"].rpartition(":")[0]
    dead.set_user_attr("process", f"{host}:{gone.pid}")
    unknown.set_user_attr("process", "")
    again = opened(plan, Limits())
    assert states(again) == ["RUNNING", "FAIL", "FAIL"]  # this process is alive
    assert [t.user_attrs.get(REASON) for t in again.trials] == [None, LEFT_BEHIND, LEFT_BEHIND]
    tell(again, mine, Outcome(State.FAILED, reason=INTERRUPTED))
    assert n_ended(again) == 0


def test_the_same_trial_number_draws_the_same_whatever_came_between(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [])
    one, other = (open_study(plan, IN_MEMORY, Limits()) for _ in range(2))
    both = [ask(one, plan, lambda _: None).overrides for _ in range(3)]
    assert both[0] != both[1]
    for expected in both:
        asked = ask(other, plan, lambda _: None)
        assert asked.overrides == expected
        other.sampler = optuna.samplers.RandomSampler()  # as of another process


def test_a_study_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    opened(plan_of(tmp_path, []), Limits())
    opened(plan_of(tmp_path, ["hardware.num_workers=1"]), Limits())  # changes no score
    with pytest.raises(ConfigError, match=r"begun with config\.training\.batch_size=2 and now it is 3"):
        opened(plan_of(tmp_path, ["training.batch_size=3"]), Limits())
    wider = SearchSpace(parameters={"training.learning_rate": Range(low=1e-5, high=1e-2, log=True)})
    with pytest.raises(ConfigError, match=r"learning_rate\.low=0\.0001 and now it is 1e-05.*--study-name"):
        opened(plan_of(tmp_path, [], wider), Limits())
    opened(plan_of(tmp_path, [], wider, study="wider"), Limits())


def test_trials_of_another_study_are_not_mixed_with(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [])
    (plan.config.folder / "trials" / "0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds trials of another study; choose another --study-name"):
        opened(plan, Limits())


def test_a_storage_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to be looked at as one\n" * 99)
    for storage in (f"sqlite:///{tmp_path}/text.db", "nosuch:///x"):
        with pytest.raises(ConfigError, match="cannot be opened") as caught:
            open_study(plan_of(tmp_path, []), storage, Limits())
        assert "\n" not in str(caught.value)


def test_no_trial_begins_when_time_is_up(tmp_path: Path) -> None:
    plan, limits = plan_of(tmp_path, []), Limits(5, timeout=0.0)
    study, said = open_study(plan, IN_MEMORY, limits), []
    run_study(study, plan, limits, said.append)
    assert (states(study), said) == ([], [])


def test_the_table_shows_settings_and_failures_and_the_best_says_how_to_repeat_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [])
    study = open_study(plan, IN_MEMORY, Limits())
    with pytest.raises(ConfigError, match="no trial of study 'test' came to its end; there is none yet"):
        best_lines(study, plan)
    tell(study, ask(study, plan, lambda _: None).trial, Outcome(State.FAILED, reason="no luck"))
    with pytest.raises(ConfigError, match="came to its end; trial 0 failed: no luck"):
        best_lines(study, plan)
    asked = ask(study, plan, lambda _: None)
    asked.trial.report(0.25, 1)
    tell(study, asked.trial, Outcome(State.COMPLETE, 0.25))
    rate = asked.overrides[-2].partition("=")[2]
    failed, complete = study_table(study).rows
    assert failed[1:4] == ("failed", "-", "0")
    assert complete[:4] == (f"1: learning_rate={rate}", "complete", "0.2500", "1")
    lines = best_lines(study, plan)
    assert lines[0].startswith("best: trial 1, val_f 0.2500, ")
    assert lines[1] == f"  training.learning_rate = {rate}"
    assert lines[-1].endswith(f"--set training.learning_rate={rate} --set name=test-best")
    assert study.trials[0].state is TrialState.FAIL


# Search spaces ---------------------------------------------------------------------------------------------


def test_the_documented_ranges_are_those_that_the_network_has() -> None:
    shipped = default_space(read_config(TEST_CONFIG)).parameters
    assert set(shipped) == {
        "training.learning_rate",
        "training.weight_decay",
        "training.batch_size",
        "model.dropout_cnn",
        "model.dropout_context",
    }
    gru = default_space(read_config(TEST_CONFIG, ["model.context=gru"])).parameters
    assert set(gru) - set(shipped) == {"model.num_gru_layers", "model.hidden_size"}
    crnn = ["model={name: crnn}", "audio={n_mels: 128, n_low: 0}"]
    space = default_space(read_config(TEST_CONFIG, crnn))
    assert {"model.dropout_gru", "model.num_gru_layers", "model.hidden_size"} <= set(space.parameters)
    check_space(space, "documented", TEST_CONFIG, crnn)
    check_space(SearchSpace(parameters=gru), "documented", TEST_CONFIG, ["model.context=gru"])


def test_a_space_of_one_s_own_holds_ranges_and_choices_of_any_key(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        "training.learning_rate: {low: 1e-4, high: 1e-2, log: true}\n"
        "validation.n_items: {low: 2, high: 4}\n"
        "training.optimizer: [adam, sgd]\n"
        "model.conv_filters: [[2, 2], [4, 4]]\n"
        "loss.class_weights: [null]\n"
    )
    space = read_space(path)
    check_space(space, str(path), TEST_CONFIG, [])
    trial = optuna.trial.FixedTrial(
        {
            "training.learning_rate": 0.00123456,
            "validation.n_items": 3,
            "training.optimizer": "sgd",
            "model.conv_filters": "[4, 4]",
            "loss.class_weights": "null",
        }
    )
    drawn = space.draw(trial)
    assert drawn[:2] == ("training.learning_rate=0.001235", "validation.n_items=3")
    config = read_config(TEST_CONFIG, drawn)
    assert (config.model.conv_filters, config.loss.class_weights) == ((4, 4), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.learning_rat: [1]", "'training.learning_rat' is unknown; did you mean: learning_rate"),
        ("model.hiden_size: [1]", "'model.hiden_size' is unknown; did you mean: hidden_size"),
        ("training.batch_size: [0]", "'training.batch_size': Input should be greater"),
        ("training.optimizer: [adamw, adamx]", "'training.optimizer': Input should be 'adamw'"),
        ("name: [a]", "'name' cannot be searched: every trial has its own"),
        ("seed: 3", "'seed' is neither a range {low, high, log} nor a list of choices"),
        ("seed: []", "'seed': a list of choices must not be empty"),
        ("seed: {low: 3, high: 1}", "'seed': low=3 must be below high=1"),
        ("seed: {low: 0, high: 1, log: true}", "'seed': low=0 has no logarithm"),
        ("seed: {low: 0, hihg: 1}", "'seed.high': Field required"),
        ("seed: [", "not YAML"),
        ("", "a search space is a table of settings"),
    ],
)
def test_a_wrong_space_is_one_line_with_the_right_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_space(read_space(path), str(path), TEST_CONFIG, [])
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_space_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot read the search space"):
        read_space(tmp_path / "none.yaml")
