"""Training: a run is a function of its configuration, whatever interrupts it."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from material import write_material

torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")
from drumlane.audio.features import FeatureSpec  # noqa: E402
from drumlane.cli.app import main  # noqa: E402
from drumlane.errors import ConfigError, DatasetError, ModelError  # noqa: E402
from drumlane.networks.transcriber import TranscriberNetwork  # noqa: E402
from drumlane.performance import Hit  # noqa: E402
from drumlane.rendering.kits import SAMPLE_RATE  # noqa: E402
from drumlane.training.batches import Batches  # noqa: E402
from drumlane.training.checkpoints import averaged_weights, read_checkpoint  # noqa: E402
from drumlane.training.config import RunConfig, parse_config, read_config  # noqa: E402
from drumlane.training.export import load_network  # noqa: E402
from drumlane.training.items import RenderedItems, encode_item, load_material, validation_items  # noqa: E402
from drumlane.training.run import train_transcriber  # noqa: E402
from drumlane.training.targets import encode  # noqa: E402
from drumlane.training.thresholds import MINIMUM_GAPS, best_thresholds, count, micro_f  # noqa: E402
from drumlane.vocabulary import DRUM_OF_LANE, LANES, Drum, Lane  # noqa: E402

pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[1]
TEST_CONFIG = ROOT / "configs" / "tiny.yaml"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data_overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    section = write_material(tmp_path_factory.mktemp("material"))
    return [f"data.{key}={path}" for key, path in section.items()]


@pytest.fixture(scope="module")
def finished(data_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """Return the configuration of a run of four steps that nothing interrupted."""
    config = read_config(TEST_CONFIG, [*data_overrides, f"output={tmp_path_factory.mktemp('runs')}"])
    train_transcriber(config)
    return config


def checkpoint(config: RunConfig, name: str = "last") -> Path:
    return next((config.folder / "checkpoints").glob(f"{name}*.ckpt"))


def weights(config: RunConfig) -> dict[str, "torch.Tensor"]:
    return dict(read_checkpoint(checkpoint(config))["state_dict"])


def run_main(*arguments: str) -> int:
    before, sys.argv = sys.argv, ["drumlane", *arguments]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


# Runs ------------------------------------------------------------------------------------------------------


def test_a_run_keeps_its_configuration_its_log_and_its_best_and_last_checkpoints(finished: RunConfig) -> None:
    kept = {path.relative_to(finished.folder).as_posix() for path in finished.folder.rglob("*.*")}
    assert {"config.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= kept
    assert read_config(finished.folder / "config.yaml") == finished
    header, *rows = (finished.folder / "logs" / "from-step-0" / "metrics.csv").read_text().splitlines()
    assert {"step", "train_loss", "onset_loss", "val_f", "val_f_kick"} <= set(header.split(","))
    scored = [row for row in csv.DictReader([header, *rows]) if row["val_f"]]
    assert [row["step"] for row in scored] == ["2", "4"]
    assert all(float(row["val_loss"]) > 0 and float(row["val_recall_kick"]) >= 0 for row in scored)
    assert read_checkpoint(checkpoint(finished))["global_step"] == 4


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_resumed_run_equals_an_uninterrupted_one(
    finished: RunConfig, tmp_path: Path, num_workers: int
) -> None:
    hardware = finished.hardware.model_copy(update={"num_workers": num_workers})
    resumed = finished.model_copy(update={"output": tmp_path, "hardware": hardware})
    train_transcriber(resumed, resume=str(checkpoint(finished, "step=2")))
    expected, found = weights(finished), weights(resumed)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert (resumed.folder / "logs" / "from-step-2" / "metrics.csv").is_file()


def test_training_changes_every_weight(finished: RunConfig) -> None:
    first = dict(read_checkpoint(checkpoint(finished, "step=2"))["state_dict"])
    last = weights(finished)
    learnt = [n for n in last if n.startswith("network.") and n.endswith(("weight", "bias"))]
    assert [name for name in learnt if torch.equal(first[name], last[name])] == []
    assert not torch.equal(last["network.onset.weight"], last["averaged.module.onset.weight"])


def test_the_last_steps_are_kept_even_between_two_validations(finished: RunConfig, tmp_path: Path) -> None:
    validation = finished.validation.model_copy(update={"every_n_steps": 3})
    config = finished.model_copy(update={"output": tmp_path, "validation": validation})
    best = train_transcriber(config)
    assert read_checkpoint(checkpoint(config))["global_step"] == 4
    assert read_checkpoint(best)["global_step"] in (3, 4)
    rare = finished.validation.model_copy(update={"every_n_steps": 100})
    config = finished.model_copy(update={"output": tmp_path / "rare", "validation": rare})
    assert read_checkpoint(train_transcriber(config))["global_step"] == 4


def test_a_finished_run_has_nothing_left_to_do(finished: RunConfig) -> None:
    best = checkpoint(finished, "best")
    before = best.read_bytes()
    assert train_transcriber(finished, resume="last") == best
    assert best.read_bytes() == before


def test_a_new_run_does_not_mix_with_an_earlier_one(finished: RunConfig) -> None:
    with pytest.raises(ConfigError, match="holds checkpoints of an earlier run; pass --resume last"):
        train_transcriber(finished)


def test_resuming_needs_a_checkpoint_of_the_same_network(finished: RunConfig, tmp_path: Path) -> None:
    elsewhere = finished.model_copy(update={"output": tmp_path})
    with pytest.raises(ConfigError, match=r"--resume last: no checkpoint at .*last\.ckpt"):
        train_transcriber(elsewhere, resume="last")
    (tmp_path / "text.ckpt").write_text("nothing\n")
    with pytest.raises(ModelError, match=r"text\.ckpt: not a checkpoint of a transcriber"):
        train_transcriber(elsewhere, resume=str(tmp_path / "text.ckpt"))
    wider = elsewhere.model_copy(update={"model": replace(finished.model, bottleneck=12)})
    with pytest.raises(ConfigError, match=r"model\.bottleneck=8, but the configuration says 12"):
        train_transcriber(wider, resume=str(checkpoint(finished)))


def test_a_checkpoint_runs_no_code_when_it_is_read(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"state_dict": Harm()}, tmp_path / "evil.ckpt")
    with pytest.raises(ModelError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.slow
def test_an_interrupted_run_leaves_its_last_step_to_go_on_from(
    finished: RunConfig, data_overrides: list[str], tmp_path: Path
) -> None:
    sets = [*data_overrides, f"output={tmp_path}", "training.num_steps=100000", "hardware.num_workers=1"]
    command = [sys.executable, "-m", "drumlane", "train", "transcriber", "--config", str(TEST_CONFIG)]
    command += [part for override in sets for part in ("--set", override)]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert running.stdout is not None
        while not running.stdout.readline().startswith("step 4:"):
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)  # the terminal's Ctrl-C reaches the workers too
        out, err = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "go on with --resume last" in out
    assert "Traceback" not in err
    last = tmp_path / "test" / "checkpoints" / "last.ckpt"
    stopped = read_checkpoint(last)["global_step"]
    assert stopped >= 4
    goal = stopped + 2 - stopped % 2
    config = read_config(TEST_CONFIG, [*sets, f"training.num_steps={goal}", "hardware.num_workers=0"])
    train_transcriber(config, resume="last")
    assert read_checkpoint(last)["global_step"] == goal


@pytest.mark.slow
def test_the_command_line_trains_two_tiny_steps_again_and_again(
    data_overrides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [part for o in (*data_overrides, f"output={tmp_path}") for part in ("--set", o)]
    for _ in range(2):
        assert run_main("train", "transcriber", "-c", str(TEST_CONFIG), "--fast-dev-run", *sets) == 0
    assert "best checkpoint" in capsys.readouterr().out
    assert read_checkpoint(tmp_path / "test-dev" / "checkpoints" / "best.ckpt")["global_step"] in (1, 2)


def test_a_missing_dataset_is_one_line_and_exit_1(
    data_overrides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [part for o in (*data_overrides, f"output={tmp_path}") for part in ("--set", o)]
    code = run_main(
        "train", "transcriber", "-c", str(TEST_CONFIG), *sets, "--set", f"data.kits={tmp_path}/none.csv"
    )
    assert code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"drumlane: {tmp_path}/none.csv: cannot read the kit manifest")
    assert not (tmp_path / "test").exists()


# Items -----------------------------------------------------------------------------------------------------


def batches_of(config: RunConfig) -> Batches:
    material = load_material(config.data, "train", config.seed)
    return Batches(RenderedItems(material, config.scene, config.audio, config.seed), 2)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_batch_s_number_fixes_it_whatever_the_number_of_workers(
    finished: RunConfig, num_workers: int
) -> None:
    batches = batches_of(finished)
    batches.first = 3
    loader = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=num_workers))
    for number in range(3, 7):
        for ours, theirs in zip(batches.batch(number), next(loader), strict=True):
            assert torch.equal(ours, theirs)


def test_a_batch_s_number_fixes_it_whatever_came_before(finished: RunConfig) -> None:
    one, other = batches_of(finished), batches_of(finished)
    one.batch(0)
    for a, b in zip(one.batch(5), other.batch(5), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.batch(5)[0], one.batch(6)[0])


def test_a_batch_has_the_shapes_of_the_network(finished: RunConfig) -> None:
    features, onset, velocity, articulation = batches_of(finished).batch(0)
    frames = 1 + SAMPLE_RATE // 441
    assert features.shape == (2, frames, finished.audio.n_bands)
    assert onset.shape == velocity.shape == (2, frames, 8)
    assert articulation.shape == (2, frames, 6)
    assert {t.dtype for t in (features, onset, velocity, articulation)} == {torch.float32}


@pytest.mark.parametrize("rate", [22050, 44100])
def test_features_and_targets_of_an_item_show_the_same_moments(finished: RunConfig, rate: int) -> None:
    options = replace(finished.scene, accompanied=0.0, drumless=0.0, noise=0.0, sweep=0.0, coloured=False)
    item = validation_items(load_material(finished.data, "validation", 0), options, 1, 4.0)[0]
    spec = FeatureSpec(sample_rate=rate, hop_length=441, n_fft=1024, fmax=10_000.0)
    features, targets = encode_item(item, spec)
    assert len(features) == len(targets.onset) == 1 + 4 * rate // 441
    np.testing.assert_array_equal(targets.onset, encode(item.hits, len(features), spec.fps).onset)
    flux = np.maximum(np.diff(features, axis=0, prepend=features[:1]), 0).sum(axis=1)
    struck = targets.onset.max(axis=1) > 0.4
    assert flux[struck].mean() > 5 * flux[~struck].mean()


def test_validation_uses_held_out_kits_and_is_the_same_every_time(finished: RunConfig) -> None:
    material = load_material(finished.data, "validation", 0)
    assert [kit.name for kit in material.kits] == ["becks"]
    assert {kit.name for kit in load_material(finished.data, "train", 0).kits} == {"alpha", "beta"}
    first, second = (validation_items(material, finished.scene, 2, 2.0) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)
        assert a.hits == b.hits


def test_grooves_of_one_hit_teach_nothing(finished: RunConfig, tmp_path: Path) -> None:
    from drumlane.formats import write
    from drumlane.performance import Performance
    from material import write_grooves

    write_grooves(tmp_path)
    for path in tmp_path.rglob("*.mid"):
        write(Performance.of([Hit(1.0, Drum.KICK, 99)]), path)
    lonely = finished.data.model_copy(update={"grooves": tmp_path})
    with pytest.raises(DatasetError, match="no groove of split 'train' has 2 hits or more"):
        load_material(lonely, "train", 0)


# Thresholds ------------------------------------------------------------------------------------------------


def bumps(heights: dict[float, float], lane: Lane) -> np.ndarray:
    """Return activations (201, 8) with a bump of each height at each time."""
    onset = np.zeros((201, 8), dtype=np.float32)
    for at, height in heights.items():
        onset[:, lane] = np.maximum(
            onset[:, lane], height * encode([Hit(at, DRUM_OF_LANE[lane], 99)], 201, 100.0).onset[:, lane]
        )
    return onset


@given(st.sampled_from(LANES), st.floats(0.15, 0.85))
def test_the_threshold_parts_true_peaks_from_false_ones(lane: Lane, border: float) -> None:
    heights = {0.2: border + 0.08, 0.5: border - 0.08, 0.9: 0.95, 1.3: border - 0.1, 1.7: border + 0.1}
    hits = [Hit(t, DRUM_OF_LANE[lane], 99) for t in (0.2, 0.9, 1.7)]
    thresholds, counts = best_thresholds([bumps(heights, lane)], [hits], 100.0, MINIMUM_GAPS)
    assert border - 0.08 < thresholds[lane] <= border + 0.08 + 1e-9  # .72 + .08 is below .8
    assert (counts[lane].tp, counts[lane].fp, counts[lane].fn) == (3, 0, 0)
    assert micro_f(counts) == 1.0


def test_of_equally_good_thresholds_one_in_the_upper_part_is_taken_below_the_weakest_hit() -> None:
    thresholds, _ = best_thresholds(
        [bumps({0.5: 0.8}, Lane.KICK)], [[Hit(0.5, Drum.KICK, 99)]], 100.0, MINIMUM_GAPS
    )
    assert thresholds[Lane.KICK] == pytest.approx(0.6, abs=0.06)


times = st.lists(st.integers(0, 400).map(lambda k: k / 100), max_size=15, unique=True).map(sorted)


@given(times, times)
def test_counts_are_those_of_mir_eval(reference: list[float], estimate: list[float]) -> None:
    ours = count(np.array(reference), np.array(estimate))
    if not reference or not estimate:
        assert ours.tp == 0
        return
    f, _, _ = mir_eval.onset.f_measure(np.array(reference), np.array(estimate), window=0.05)
    assert ours.f == pytest.approx(f)


# Configuration ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: {num_step: 3}", "'training.num_step' is unknown; did you mean: num_steps"),
        ("model: {hidden: 3}", "'model.hidden' is unknown; did you mean: hidden_size"),
        ("scene: {second: 3}", "'scene.second' is unknown; did you mean: seconds"),
        ("trainin: {}", "'trainin' is unknown; did you mean: training"),
        ("training: {num_steps: many}", "'training.num_steps': Input should be a valid integer"),
        ("training: {num_steps: 0}", "'training.num_steps': Input should be greater"),
        ("loss: {class_weights: [1, 2]}", "'loss.class_weights': Tuple should have at least 8"),
        ("scene: {noise: 2}", "'scene': noise=2.0 is a chance"),
        ("audio: {hop_length: 0}", "'audio': hop_length=0"),
        ("audio: {n_mels: 64}", "audio.n_mels is 64 and model.n_mels is 80"),
        ("model: {conv_filters: []}", "'model': n_mels=80, conv_filters="),
        ("training: [", "not YAML"),
        ("- 3", "a configuration is a table of sections, not list"),
        ("", "a configuration is a table of sections, not NoneType"),
        ("name: x", "'data': Field required"),
    ],
)
def test_a_wrong_configuration_is_one_line_with_the_right_name(
    tmp_path: Path, text: str, message: str
) -> None:
    data = "" if message.startswith(("'data'", "a conf")) else "data: {kits: k, grooves: g}\n"
    path = tmp_path / "run.yaml"
    path.write_text(data + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_configuration_and_one_that_is_not_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot read the configuration"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ConfigError, match=r"bytes\.yaml: not YAML"):
        read_config(tmp_path / "bytes.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "write it as section.key=value"),
        ("=3", "write it as section.key=value"),
        ("seed.value=3", "'seed' is a value, not a section"),
        ("training.num_steps=[", "'[' is not a YAML value"),
        ("training.num_steps=few", "'training.num_steps'"),
        ("training.nosteps=3", "did you mean: num_steps"),
    ],
)
def test_a_wrong_override_is_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(TEST_CONFIG, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_change_one_field_each_and_numbers_may_be_written_as_1e_3() -> None:
    config = read_config(TEST_CONFIG, ["training.learning_rate=1e-3", "model.conv_filters=[3, 3]", "name=x"])
    assert config.training.learning_rate == 1e-3
    assert config.model.conv_filters == (3, 3)
    assert config.folder.name == "x"
    assert config.training.batch_size == 2


def test_every_configuration_of_the_repository_can_be_read() -> None:
    paths = sorted((ROOT / "configs").glob("*.yaml"))
    assert {path.name for path in paths} >= {"transcriber.yaml", "tiny.yaml"}
    for path in paths:
        if path.name.startswith(("beats", "rescorer")):  # of other networks; their own tests read them
            continue
        assert read_config(path).data.recordings or read_config(path).data.kits.name == "kits.csv"


# Documentation ---------------------------------------------------------------------------------------------


def test_every_key_of_a_configuration_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    shipped, _, documented = text.partition("With `model.name: crnn`")
    data = {"data": {"kits": "x", "grooves": "x"}}
    defaults = parse_config(data, "test").model_dump(mode="json")
    keys = dict(leaves(defaults)) | {"data.kits": None, "data.grooves": None}
    assert documented_keys(shipped) == {key: shown(value) for key, value in keys.items()}
    crnn = parse_config({**data, "model": {"name": "crnn"}, "audio": {"n_mels": 128, "n_low": 0}}, "test")
    keys = {f"model.{name}": shown(value) for name, value in crnn.model_dump(mode="json")["model"].items()}
    assert documented_keys(documented) | {"model.name": "crnn"} == keys


def documented_keys(text: str) -> dict[str, str]:
    cells = [line.split("|") for line in text.splitlines() if line.startswith("| `") and ".yaml`" not in line]
    return {row[1].strip().strip("`"): row[2].strip().strip("`") for row in cells}


def leaves(values: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def shown(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_a_run_can_start_from_the_weights_of_another_with_one_view(
    data_overrides: list[str], tmp_path: Path
) -> None:
    one = read_config(TEST_CONFIG, [*data_overrides, f"output={tmp_path}", "model.two_views=false"])
    train_transcriber(one)
    before, _ = load_network(checkpoint(one))
    start = ["name=two", f"training.init_from={checkpoint(one).as_posix()}", "training.num_steps=1"]
    two = read_config(TEST_CONFIG, [*data_overrides, f"output={tmp_path}", *start])
    wide = TranscriberNetwork(two.model).eval()
    wide.load_state_dict(averaged_weights(checkpoint(one), wide.state_dict()))
    features = torch.rand(1, 50, two.audio.n_bands)
    for a, b in zip(before(features), wide(features), strict=True):
        torch.testing.assert_close(a, b)
    train_transcriber(two)
    moved = load_network(checkpoint(two))[0].onset.weight - before.onset.weight
    assert 0 < float(moved.detach().abs().max()) < 0.01  # one step away


def test_a_checkpoint_of_which_nothing_fits_cannot_be_started_from(finished: RunConfig) -> None:
    with pytest.raises(ModelError, match="no layer of this checkpoint fits"):
        averaged_weights(checkpoint(finished), {"other": torch.zeros(3)})
