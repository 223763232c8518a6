"""Training on recordings: excerpts, epochs, devices, and what a run on them leaves behind."""

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")
from drumlane.audio.features import FeatureSpec  # noqa: E402
from drumlane.cli.app import main  # noqa: E402
from drumlane.data.feature_store import FeatureStore  # noqa: E402
from drumlane.errors import ConfigError, DatasetError  # noqa: E402
from drumlane.networks.crnn import Crnn, CrnnSpec  # noqa: E402
from drumlane.training.checkpoints import read_checkpoint  # noqa: E402
from drumlane.training.config import RunConfig, parse_config, read_config  # noqa: E402
from drumlane.training.datamodule import held_out_items, steps_of_run  # noqa: E402
from drumlane.training.devices import choose_devices  # noqa: E402
from drumlane.training.export import load_network  # noqa: E402
from drumlane.training.module import TranscriberModule, batch_losses  # noqa: E402
from drumlane.training.recorded_items import recorded_items  # noqa: E402
from drumlane.training.run import train_transcriber  # noqa: E402
from drumlane.training.sections import HardwareConfig  # noqa: E402
from drumlane.vocabulary import Lane  # noqa: E402

pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[1]
SMALL = """
name: small
seed: 3
data:
  {{egmd_root: {root}/mini, processed_root: {root}/prepared, storage: {storage}, excerpt_seconds: 1.5}}
audio: {{sample_rate: 22050, n_fft: 1024, hop_length: 512, n_mels: 32, fmax: 11025, n_low: 0}}
model: {{name: crnn, n_mels: 32, conv_filters: [4, 8], hidden_size: 8, num_gru_layers: 1}}
training:
  {{num_epochs: 2, batch_size: 4, learning_rate: 0.01, warmup_steps: 0, scheduler: plateau,
   precision: 32-true, ema_decay: 0.5}}
validation: {{n_items: 3, seconds: 2.0}}
loss: {{class_weights: null}}
hardware: {{accelerator: cpu, num_workers: 0, num_threads: 1}}
output: {root}/runs
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(*arguments: object) -> int:
    """Call the command line in this process; return its exit code."""
    before = sys.argv
    sys.argv = ["drumlane", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the configuration of a run on a miniature that is prepared."""
    root = tmp_path_factory.mktemp("recordings")
    options = ("--performances", 6, "--kits-per-performance", 2, "--seconds", 3)
    assert run("egmd", "mini", root / "mini", *options) == 0
    path = root / "small.yaml"
    path.write_text(SMALL.format(root=root.as_posix(), storage="npy"), encoding="utf-8")
    assert run("preprocess", "--config", path) == 0
    return path


@pytest.fixture(scope="module")
def finished(small: Path) -> RunConfig:
    """Return the configuration of a run of two epochs that nothing interrupted."""
    config = read_config(small)
    train_transcriber(config)
    return config


def own_songs(small: Path, folder: Path) -> Path:
    """Copy six recordings of the miniature, each beside its MIDI file, as a user would have them."""
    mini = read_config(small).data.egmd_root
    assert mini is not None
    folder.mkdir()
    for number, audio in enumerate(sorted(mini.rglob("*.wav"))[:6]):
        shutil.copyfile(audio, folder / f"song {number}.wav")
        shutil.copyfile(audio.with_suffix(".midi"), folder / f"song {number}.mid")
    return folder


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(path)["state_dict"])


def metrics(config: RunConfig, first: int = 0) -> list[dict[str, str]]:
    path = config.folder / "logs" / f"from-step-{first}" / "metrics.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


# Items -----------------------------------------------------------------------------------------------------


def test_an_item_is_a_function_of_its_number_and_holds_the_hits_of_its_excerpt(small: Path) -> None:
    items, again = recorded_items(read_config(small), "train"), recorded_items(read_config(small), "train")
    for number in (0, 1, 17):
        (features, targets), (same, same_targets) = items.item(number), again.item(number)
        np.testing.assert_array_equal(features, same)
        np.testing.assert_array_equal(targets.onset, same_targets.onset)
        assert features.shape == (items.options.n_frames, 32)
    assert not np.array_equal(items.item(1)[0], items.item(2)[0])


def test_an_excerpt_as_it_was_recorded_is_the_store_s_and_its_hits_are_the_file_s(small: Path) -> None:
    config = read_config(small)
    items = recorded_items(config, "train")
    store = FeatureStore(config.data.processed_root, "npy")
    take = items.takes[0]
    features, hits = items.plain(take, 20)
    np.testing.assert_array_equal(features, store.read(take.name, 20, items.options.n_frames))
    start, end = 20 / config.audio.fps, (20 + items.options.n_frames) / config.audio.fps
    wanted = [h.time - start for h in store.describe(take.name).hits if start <= h.time < end]
    assert [hit.time for hit in hits] == pytest.approx(wanted)


def test_long_recordings_are_drawn_by_their_length_and_rare_lanes_more_often_if_asked(small: Path) -> None:
    items = recorded_items(read_config(small), "train")
    rng = np.random.default_rng(0)
    drawn = Counter(items._draw_take(rng)[0].name for _ in range(4000))
    total = sum(take.n_frames for take in items.takes)
    for take in items.takes:
        assert drawn[take.name] / 4000 == pytest.approx(take.n_frames / total, abs=0.04)
    lanes = np.array([take.lane_counts for take in items.takes]).sum(axis=0)
    rare = int(np.argmin(np.where(lanes > 0, lanes, lanes.max() + 1)))

    def share_of_items_with(balance: float) -> float:
        config = read_config(small, [f"data.class_balance={balance}", "augmentation.enabled=false"])
        balanced = recorded_items(config, "train")
        return float(np.mean([balanced.item(n)[1].onset[:, rare].max() > 0.5 for n in range(150)]))

    assert share_of_items_with(1.0) > share_of_items_with(0.0)


def test_strokes_of_the_pedal_can_be_left_out(small: Path) -> None:
    both = [
        recorded_items(read_config(small, [f"data.pedal_hihat={word}"]), "train")
        for word in ("include", "ignore")
    ]
    n_hats, n_kicks = (
        [sum(h.drum.lane is lane for t in items.takes for h in items._hits_of(t)) for items in both]
        for lane in (Lane.HIHAT, Lane.KICK)
    )
    assert n_hats[1] < n_hats[0]
    assert n_kicks[1] == n_kicks[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("audio.n_fft=2048", "prepared with features"),
        ("egmd_midi_mapping=document-d", "another egmd_midi_mapping"),
        ("data.processed_root=nowhere", "run drumlane preprocess"),
    ],
)
def test_recordings_that_were_prepared_otherwise_are_refused(
    small: Path, override: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        recorded_items(read_config(small, [override]), "train")


def test_validation_lies_evenly_over_the_part_and_shares_nothing_with_training(small: Path) -> None:
    config = read_config(small)
    first, second = held_out_items(config), held_out_items(config)
    assert len(first) == 3
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
    parts = [recorded_items(config, part).takes for part in ("train", "validation", "test")]
    performances = [{take.performance for take in takes} for takes in parts]
    assert not performances[0] & performances[1]
    assert not performances[0] & performances[2]


def test_an_epoch_is_as_long_as_all_recordings(small: Path) -> None:
    config = read_config(small)
    items = recorded_items(config, "train")
    seconds = sum(take.n_frames for take in items.takes) / config.audio.fps
    assert items.n_items == pytest.approx(seconds / 1.5, abs=1.5)
    n_steps, every = steps_of_run(config, items.n_items, 1)
    assert every == -(-items.n_items // 4)
    assert n_steps == 2 * every
    assert steps_of_run(config, items.n_items, 2)[1] == -(-items.n_items // 8)


# Networks and losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_layers", "n_weights"), [(3, 2_375_688), (2, 2_079_240)])
def test_the_documented_network_has_the_documented_number_of_weights(n_layers: int, n_weights: int) -> None:
    network = Crnn(CrnnSpec(num_gru_layers=n_layers))
    assert sum(p.numel() for p in network.parameters()) == n_weights


@pytest.mark.parametrize("time_pool", [1, 2])
def test_the_documented_network_answers_for_every_frame(time_pool: int) -> None:
    network = Crnn(CrnnSpec(time_pool=time_pool, default_velocity=100)).eval()
    out = network(torch.rand(2, 101, 128))
    assert [tuple(heads.shape) for heads in out] == [(2, 101, 8), (2, 101, 8), (2, 101, 6), (2, 101, 8)]
    assert torch.sigmoid(out.velocity).mean() * 126 + 1 == pytest.approx(100, abs=0.01)


def test_a_focal_loss_counts_what_is_nearly_right_less_and_is_cross_entropy_without_focus(
    small: Path,
) -> None:
    items = recorded_items(read_config(small), "train")
    from drumlane.training.batches import stacked

    batch = stacked([items.item(n) for n in range(2)])
    ones = torch.ones(8)
    right = (batch.onset * 2 - 1) * 4

    def onset_loss(logits: torch.Tensor, gamma: float) -> float:
        out = Crnn(CrnnSpec(n_mels=32)).eval()(batch.features)._replace(onset=logits)
        return float(batch_losses(out, batch, ones, gamma).onset)

    assert onset_loss(right, 2.0) < 0.1 * onset_loss(right, 0.0)
    assert onset_loss(-right, 2.0) > 0.8 * onset_loss(-right, 0.0)


def test_layers_that_are_frozen_keep_their_weights_and_the_statistics_of_their_norms(
    finished: RunConfig, small: Path
) -> None:
    start = finished.checkpoints / "best.ckpt"
    sets = ["name=tuned", f"training.init_from={start.as_posix()}", "training.freeze=[convs]"]
    tuned = read_config(small, [*sets, "training.num_epochs=1"])
    train_transcriber(tuned)
    before, after = weights(start), weights(tuned.checkpoints / "last.ckpt")
    moved = {
        name
        for name, value in after.items()
        if name.startswith("network.") and not torch.equal(value, before["averaged.module." + name[8:]])
    }
    assert moved
    assert not any(".convs." in name for name in moved)
    assert metrics(tuned)[0]["step"] == "0"  # before anything was learnt
    assert metrics(tuned)[0]["val_f"]


def test_a_layer_that_is_not_there_cannot_be_frozen(small: Path) -> None:
    config = read_config(small, ["training.freeze=[conv]"])
    with pytest.raises(ConfigError, match=r"'conv' is no layer.*layers: convs"):
        TranscriberModule(config.network, config.audio, config.training, 0)


# Runs ------------------------------------------------------------------------------------------------------


def test_a_run_on_recordings_learns_and_logs_what_it_should(finished: RunConfig) -> None:
    scored = [row for row in metrics(finished) if row["val_f"]]
    assert len(scored) == 2
    assert {"val_loss", "val_precision_kick", "val_recall_kick", "val_f_kick"} <= scored[0].keys()
    assert float(scored[1]["val_loss"]) < float(scored[0]["val_loss"])
    logged = [row for row in metrics(finished) if row["train_loss"]]
    assert all(float(row["grad_norm"]) > 0 and float(row["learning_rate"]) > 0 for row in logged)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_resumed_run_on_recordings_equals_an_uninterrupted_one(
    finished: RunConfig, small: Path, tmp_path: Path, num_workers: int
) -> None:
    sets = [f"output={tmp_path}", f"hardware.num_workers={num_workers}"]
    first_half = read_config(small, [*sets, "training.num_epochs=1"])
    train_transcriber(first_half)
    whole = read_config(small, sets)
    train_transcriber(whole, resume="last")
    ours, theirs = weights(whole.checkpoints / "last.ckpt"), weights(finished.checkpoints / "last.ckpt")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "scheduler", "loss", "accumulated"),
    [("sgd", "none", "FocalLoss", 2), ("adam", "cosine", "BCEWithLogitsLoss", 1)],
)
def test_optimisers_schedules_and_losses_go_by_their_names_and_batches_can_be_gathered(
    small: Path, tmp_path: Path, optimizer: str, scheduler: str, loss: str, accumulated: int
) -> None:
    sets = [f"output={tmp_path}", f"training.optimizer={optimizer}", f"training.scheduler={scheduler}"]
    sets += [f"loss.type={loss}", f"training.accumulate_grad_batches={accumulated}", "training.batch_size=2"]
    config = read_config(small, [*sets, "logging.log_every_n_steps=1"])
    train_transcriber(config)
    n_items = recorded_items(config, "train").n_items
    saved = read_checkpoint(config.checkpoints / "last.ckpt")
    assert saved["global_step"] == 2 * -(-n_items // (2 * accumulated))
    assert ("momentum_buffer" in saved["optimizer_states"][0]["state"][0]) == (optimizer == "sgd")
    rates = [float(row["learning_rate"]) for row in metrics(config) if row["learning_rate"]]
    assert (rates[-1] < 0.5 * rates[0]) == (scheduler == "cosine")
    losses = [float(row["train_loss"]) for row in metrics(config) if row["train_loss"]]
    assert losses[-1] < losses[0]
    resumed = read_config(small, [*sets, "training.num_epochs=3"])
    train_transcriber(resumed, resume="last")
    again = read_checkpoint(config.checkpoints / "last.ckpt")
    assert again["global_step"] == 3 * -(-n_items // (2 * accumulated))


def test_a_plateau_lowers_the_rate_and_a_run_that_gets_no_better_ends(small: Path, tmp_path: Path) -> None:
    sets = [
        f"output={tmp_path}",
        "training.num_epochs=9",
        "training.learning_rate=1.0e-6",
        "training.freeze=[convs,context]",
    ]
    plateau = ["training.scheduler_patience=0", "training.scheduler_factor=0.1", "training.ema_decay=0"]
    stop = ["early_stopping.enabled=true", "early_stopping.monitor=val_f", "early_stopping.mode=max"]
    config = read_config(
        small, [*sets, *plateau, *stop, "early_stopping.patience=2", "logging.log_every_n_steps=1"]
    )
    train_transcriber(config)
    rows = metrics(config)
    assert len([row for row in rows if row["val_f"]]) == 3  # the first, and two that were no better
    rates = [float(row["learning_rate"]) for row in rows if row["learning_rate"]]
    assert rates[-1] < rates[0]


@pytest.mark.parametrize("storage", ["hdf5", "npy"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_both_storages_give_the_same_items_to_any_number_of_workers(
    small: Path, tmp_path: Path, storage: str, num_workers: int
) -> None:
    from drumlane.training.datamodule import TrainingData

    where = f"data.processed_root={tmp_path.as_posix()}"
    sets = ["--set", where, "--set", f"data.storage={storage}"]
    assert run("preprocess", "--config", small, *sets) == 0
    config = read_config(small, [where, f"data.storage={storage}", f"hardware.num_workers={num_workers}"])
    batches = iter(TrainingData(config, 0).train_dataloader())
    reference = TrainingData(read_config(small), 0)._source
    for number in range(3):
        features = next(batches)[0]
        for place in range(4):
            wanted, _ = reference.item(number * 4 + place)
            np.testing.assert_array_equal(features[place].numpy(), wanted)


def test_a_run_can_mix_rendered_items_in(small: Path, tmp_path: Path) -> None:
    from material import write_material

    section = write_material(tmp_path / "material")
    sets = [f"data.{key}={value}" for key, value in section.items()]
    sets += [
        "data.rendered_share=0.5",
        "data.procedural_kits=1",
        "data.procedural_clips=0",
        "scene.seconds=1.5",
    ]
    config = read_config(small, [*sets, f"output={tmp_path}", "data.procedural_brushes=0"])
    train_transcriber(
        config.model_copy(update={"training": config.training.model_copy(update={"num_epochs": 1})})
    )
    assert (config.checkpoints / "best.ckpt").is_file()
    with pytest.raises(ConfigError, match="must be as long"):
        read_config(small, [*sets, "scene.seconds=2"])


@pytest.mark.slow
def test_two_processes_train_as_one_with_batches_of_their_own(small: Path, tmp_path: Path) -> None:
    sets = [f"output={tmp_path.as_posix()}", "hardware.devices=2", "training.num_epochs=1"]
    command = [sys.executable, "-m", "drumlane", "train", "transcriber", "--config", str(small)]
    done = subprocess.run(
        [*command, *(part for text in sets for part in ("--set", text))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    config = read_config(small, sets)
    saved = read_checkpoint(config.checkpoints / "last.ckpt")
    items = recorded_items(config, "train")
    assert saved["global_step"] == steps_of_run(config, items.n_items, 2)[1]


@pytest.mark.slow
@pytest.mark.parametrize("logger", ["tensorboard", "wandb"])
def test_curves_and_pictures_go_to_tensorboard_and_to_wandb_offline(
    small: Path, tmp_path: Path, logger: str
) -> None:
    pytest.importorskip(logger)
    sets = [f"output={tmp_path.as_posix()}", f"logging.logger={logger}", "logging.example_plots=1"]
    command = [sys.executable, "-m", "drumlane", "train", "transcriber", "--config", str(small)]
    done = subprocess.run(
        [*command, *(part for text in [*sets, "training.num_epochs=1"] for part in ("--set", text))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    config = read_config(small, sets)
    assert list((config.folder / "examples").glob("step-*-example-0.png"))
    logs = config.folder / "logs"
    pattern = (
        "from-step-0/events.out.tfevents.*" if logger == "tensorboard" else "wandb/offline-run-*/*.wandb"
    )
    assert [path.stat().st_size > 1000 for path in logs.glob(pattern)] == [True]
    if logger == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        seen = EventAccumulator(str(logs / "from-step-0"))
        seen.Reload()
        assert {"train_loss", "val_f", "val_f_kick", "learning_rate"} <= set(seen.Tags()["scalars"])
        assert seen.Tags()["images"] == ["example 0"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_run_that_is_killed_twenty_times_ends_like_one_that_was_not(
    finished: RunConfig, small: Path, tmp_path: Path
) -> None:
    """SIGKILL at random moments: checkpoints are whole, nothing that was saved is lost."""
    rng = np.random.default_rng(5)
    # A validation, and with it a checkpoint, every other step: kills fall into saving, too.
    sets = [f"output={tmp_path.as_posix()}", "training.num_epochs=null", "validation.every_n_steps=2"]
    config = read_config(small, [*sets, "training.num_steps=40"])
    whole = read_config(small, [*sets, "training.num_steps=40", "name=whole"])
    train_transcriber(whole)
    last, n_kills, done_before = config.checkpoints / "last.ckpt", 0, 0
    while True:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    train_transcriber(config, resume="last" if last.is_file() else None)
                code = 0
            finally:
                os._exit(code)  # never back into the tests
        if n_kills < 20:
            time.sleep(float(rng.uniform(0.05, 1.5)))
            os.kill(child, signal.SIGKILL)
            n_kills += 1
        _, status = os.waitpid(child, 0)
        if last.is_file():
            n_done = int(read_checkpoint(last)["global_step"])  # whole, or this raises
            assert n_done >= done_before
            done_before = n_done
        if n_kills >= 20 and not os.WIFSIGNALED(status):
            assert status == 0
            break
    ours, theirs = weights(last), weights(whole.checkpoints / "last.ckpt")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-6)
    assert (config.checkpoints / "best.ckpt").is_file()


# Devices ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
@pytest.mark.parametrize("hardware", [{"devices": [0, 1]}, {"accelerator": "gpu"}, {"devices": 4}])
def test_without_a_gpu_a_configuration_for_gpus_trains_on_the_cpu_with_one_warning(
    hardware: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    chosen = choose_devices(HardwareConfig.model_validate(hardware), "16-mixed")
    assert (chosen.accelerator, chosen.devices, chosen.precision) == ("cpu", 1, "bf16-mixed")
    assert [record.message for record in caplog.records] == ["hardware: no GPU is here; training on the CPU"]


def test_processors_are_as_many_processes_as_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    chosen = choose_devices(HardwareConfig(accelerator="cpu", devices=2), "32-true")
    assert (chosen.n_processes, chosen.strategy) == (2, "ddp")
    assert not caplog.records


# What comes after ------------------------------------------------------------------------------------------


def test_a_checkpoint_is_evaluated_on_a_part_by_kit(
    finished: RunConfig, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best, output = finished.checkpoints / "best.ckpt", tmp_path / "scores.json"
    thresholds = tmp_path / "thresholds.json"
    chosen = ("thresholds", "--checkpoint", best, "--config", small, "--strategy", "max_f1")
    assert run(*chosen, "--output", thresholds) == 0
    options = ("--checkpoint", best, "--config", small, "--thresholds", thresholds, "--group-by", "kit")
    assert run("evaluate", *options, "--split", "validation", "--output", output) == 0
    groups = json.loads(output.read_text(encoding="utf-8"))["groups"]
    kits = {take.kit_name for take in recorded_items(read_config(small), "validation").takes}
    assert {group["group"] for group in groups} == kits
    assert "lanes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--config", "x.yaml", "a", "b"), "with --checkpoint give no other recordings"),
        ((), "give the --config of its run"),
    ],
)
def test_a_wrong_call_of_evaluate_checkpoint_says_what_is_wrong(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    options = tuple(str(small) if text == "x.yaml" else text for text in options)
    assert run("evaluate", "--checkpoint", "x.ckpt", *options) != 0
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_checkpoint_of_recordings_becomes_a_model_with_its_sources_and_notes(
    finished: RunConfig, small: Path, tmp_path: Path
) -> None:
    import mido

    from drumlane.models.loading import load_model

    notes = {
        "kick": 36,
        "snare": 38,
        "hihat": 42,
        "hi_tom": 50,
        "mid_tom": 47,
        "low_tom": 45,
        "crash": 49,
        "ride": 51,
    }
    midi = ("--set", f"midi.gm_mapping={json.dumps(notes)}", "--set", "midi.note_duration_ticks=50")
    output = tmp_path / "model.onnx"
    assert run("export", finished.checkpoints / "best.ckpt", output, "--config", small, *midi) == 0
    card = load_model(output).card
    assert [source.name for source in card.training.data] == ["E-GMD v1.0.0"]
    assert card.midi is not None
    assert card.midi.notes == notes
    audio = sorted((read_config(small).data.egmd_root or Path()).rglob("*.wav"))[0]
    hits = tmp_path / "hits.mid"
    assert run("transcribe", audio, "-o", hits, "--model", output) == 0
    names = {message.note for message in mido.MidiFile(hits) if message.type == "note_on"}
    assert names <= set(notes.values())


def test_a_configuration_of_other_features_is_refused_at_export(
    finished: RunConfig, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--config", small, "--set", "audio.hop_length=441")
    assert run("export", finished.checkpoints / "best.ckpt", tmp_path / "model.onnx", *options) == 1
    assert "the configuration's are" in capsys.readouterr().err
    assert not (tmp_path / "model.onnx").exists()


def test_a_folder_of_one_s_own_is_prepared_and_trained_on(small: Path, tmp_path: Path) -> None:
    own = own_songs(small, tmp_path / "own songs")
    sets = [
        "data.egmd_root=null",
        f"data.folder={own.as_posix()}",
        f"data.processed_root={tmp_path.as_posix()}/prepared",
    ]
    sets += [f"output={tmp_path.as_posix()}", "training.num_epochs=1"]
    assert run("preprocess", "--config", small, *(part for text in sets for part in ("--set", text))) == 0
    config = read_config(small, sets)
    train_transcriber(config)
    network, spec = load_network(config.checkpoints / "best.ckpt")
    assert isinstance(network, Crnn)
    assert spec == config.audio


@pytest.mark.slow
def test_the_shipped_weights_are_tuned_to_one_s_own_songs_with_a_report_of_before_and_after(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = own_songs(small, tmp_path / "own")
    tuned = tmp_path / "tuned.yaml"
    tuned.write_text(
        f"""
name: tuned
data: {{folder: {own.as_posix()}, processed_root: {tmp_path.as_posix()}/prepared, excerpt_seconds: 2}}
model: {{context: gru, dropout_context: 0.2}}
training:
  init_from: {ROOT.as_posix()}/checkpoints/transcriber-4.ckpt
  freeze: [norm, convs, low, bottleneck]
  num_epochs: 2
  batch_size: 2
  learning_rate: 0.0002
  warmup_steps: 2
validation: {{n_items: 2, seconds: 3}}
hardware: {{accelerator: cpu, num_workers: 0, num_threads: 1}}
output: {tmp_path.as_posix()}
""",
        encoding="utf-8",
    )
    assert run("preprocess", "--config", tuned) == 0
    assert run("train", "transcriber", "--config", tuned) == 0
    scores = [float(row["val_f"]) for row in metrics(read_config(tuned)) if row["val_f"]]
    assert scores[0] > 0.4  # the shipped weights hear these songs before they have learnt anything of them
    capsys.readouterr()
    assert run("report", tmp_path / "tuned") == 0
    printed = capsys.readouterr().out
    assert "before" in printed.casefold()
    assert "after" in printed.casefold()


def test_a_configuration_needs_something_to_learn_from() -> None:
    for section, message in (
        ({}, "name data.grooves"),
        ({"egmd_root": "a", "folder": "b"}, "not both"),
        ({"egmd_root": "a", "rendered_share": 0.5}, "needs data.grooves"),
        ({"egmd_root": "a", "train_split": 0.9}, "must make 1 together"),
    ):
        with pytest.raises(ConfigError, match=message):
            parse_config({"data": section}, "test")


def test_every_documented_configuration_can_be_read() -> None:
    for name in ("test", "medium_test", "default", "full"):
        config = read_config(ROOT / "configs" / f"{name}.yaml")
        assert config.data.recordings is not None
        assert config.training.num_epochs
    assert isinstance(config.audio, FeatureSpec)
