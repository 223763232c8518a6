"""Export: the model file is the trained network, says what it is, and is written whole or not at all."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from material import write_material

torch = pytest.importorskip("torch", reason="export needs the train extra")
pytest.importorskip("lightning", reason="export needs the train extra")
pytest.importorskip("onnx", reason="export needs the train extra")
from drumlane.cli.app import main  # noqa: E402
from drumlane.errors import ModelError  # noqa: E402
from drumlane.evaluation.classes import class_set  # noqa: E402
from drumlane.evaluation.counts import Counts  # noqa: E402
from drumlane.evaluation.metrics import score_track  # noqa: E402
from drumlane.models.card import ModelCard, read_card  # noqa: E402
from drumlane.models.loading import load_model  # noqa: E402
from drumlane.networks.transcriber import NetworkSpec, Probabilities, TranscriberNetwork  # noqa: E402
from drumlane.performance import Performance  # noqa: E402
from drumlane.rendering.kits import SAMPLE_RATE  # noqa: E402
from drumlane.training import export, onnx_export  # noqa: E402
from drumlane.training.config import RunConfig, read_config  # noqa: E402
from drumlane.training.items import load_material, validation_items  # noqa: E402
from drumlane.training.run import train_transcriber  # noqa: E402
from drumlane.transcription.transcribe import Transcriber  # noqa: E402
from drumlane.vocabulary import LANE_NAMES  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.slow]  # they share an export of half a minute

TEST_CONFIG = Path(__file__).resolve().parents[1] / "configs" / "tiny.yaml"
COMMAND = "drumlane train transcriber --config configs/tiny.yaml"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    section = write_material(tmp_path_factory.mktemp("material"))
    sets = [f"data.{key}={path}" for key, path in section.items()]
    sets += [f"output={tmp_path_factory.mktemp('runs')}", "training.num_steps=320", "training.batch_size=4"]
    sets += ["validation.every_n_steps=320", "training.learning_rate=0.02", "scene.arranged=false"]
    sets += ["scene.accompanied=0", "scene.coloured=false", "scene.joined=false"]
    sets += ["model.conv_filters=[6, 6, 6, 6]"]
    return read_config(TEST_CONFIG, [*sets, "model.hidden_size=12", "model.bottleneck=16"])


@pytest.fixture(scope="module")
def checkpoint(config: RunConfig) -> Path:
    return train_transcriber(config)


@pytest.fixture(scope="module")
def exported(
    config: RunConfig, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ModelCard]:
    path = tmp_path_factory.mktemp("model") / "toy.onnx"
    return path, export.export_transcriber([checkpoint], config, path, COMMAND, export.Calibrating(32, 3.0))


@pytest.mark.parametrize(("batch", "frames"), [(1, 57), (1, 1000), (3, 400), (1, 6000), (1, 1)])
def test_the_exported_network_agrees_with_torch_to_1e_5(
    exported: tuple[Path, ModelCard], checkpoint: Path, batch: int, frames: int
) -> None:
    network, spec = export.load_network(checkpoint)
    rng = np.random.default_rng(frames)
    features = rng.uniform(0, 6, (batch, frames, spec.n_bands)).astype(np.float32)
    with torch.inference_mode():
        theirs = Probabilities(network).eval()(torch.from_numpy(features))
    ours = load_model(exported[0], threads=1).run(features)
    for mine, other in zip(
        (ours.onset, ours.velocity, ours.articulation, ours.presence), theirs, strict=True
    ):
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-5)


def test_the_card_is_that_of_the_file_and_of_the_run(
    exported: tuple[Path, ModelCard], config: RunConfig
) -> None:
    path, card = exported
    assert read_card(path.with_suffix(".json")) == card
    assert card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card.features.spec == config.audio
    assert card.parameters == sum(p.numel() for p in TranscriberNetwork(config.model).parameters())
    assert card.training.command == COMMAND
    assert [s.name for s in card.training.data][:3] == ["Groove MIDI Dataset", "kits alpha", "kits beta"]
    assert tuple(card.thresholds) == LANE_NAMES
    assert card.license == "MIT"


def test_the_exported_model_hears_what_it_was_trained_on(
    exported: tuple[Path, ModelCard], config: RunConfig
) -> None:
    items = validation_items(load_material(config.data, "validation", config.seed), config.scene, 6, 3.0)
    transcriber = Transcriber(model=exported[0])
    tracks = [
        score_track(
            Performance.of(item.hits),
            transcriber.transcribe(item.samples, SAMPLE_RATE),
            0.05,
            class_set("lanes"),
        )
        for item in items
        if item.hits
    ]
    assert len(tracks) >= 4
    assert sum((track.micro for track in tracks), Counts(0, 0, 0)).f > 0.6


def test_a_tampered_file_is_refused(exported: tuple[Path, ModelCard], tmp_path: Path) -> None:
    weights = bytearray(exported[0].read_bytes())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "toy.onnx").write_bytes(weights)
    (tmp_path / "toy.json").write_bytes(exported[0].with_suffix(".json").read_bytes())
    with pytest.raises(ModelError, match="the file is damaged or belongs to another card"):
        load_model(tmp_path / "toy.onnx")


def test_what_is_exported_are_the_averaged_weights(checkpoint: Path) -> None:
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    network, _ = export.load_network(checkpoint)
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, saved[f"averaged.module.{name}"])


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x03\x04 half a zip"])
def test_what_is_not_a_checkpoint_is_one_line_and_nothing_is_written(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "not.ckpt").write_bytes(content)
    arguments = ["export", str(tmp_path / "not.ckpt"), str(tmp_path / "model.onnx"), "-c", str(TEST_CONFIG)]
    monkeypatch.setattr(sys, "argv", ["drumlane", *arguments])
    with pytest.raises(SystemExit, match="1"):
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"drumlane: {tmp_path}/not.ckpt: not a checkpoint of a transcriber")
    assert [path.name for path in tmp_path.iterdir()] == ["not.ckpt"]


def test_a_missing_checkpoint_and_one_of_another_network_are_named(
    config: RunConfig, checkpoint: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match=r"none\.ckpt: cannot read the checkpoint"):
        export.export_transcriber([tmp_path / "none.ckpt"], config, output, COMMAND)
    saved = torch.load(checkpoint, weights_only=True)
    torch.save({**saved, "hyper_parameters": {"lr": 1.0}}, tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match="it says nothing of a network"):
        export.load_network(tmp_path / "other.ckpt")
    del saved["state_dict"]["averaged.module.onset.bias"]
    torch.save(saved, tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match=r"made for another version of the network \(.*onset\.bias"):
        export.load_network(tmp_path / "other.ckpt")
    wider = {**saved["hyper_parameters"]["model"], "future": 1}
    saved["hyper_parameters"]["model"] = wider
    torch.save(saved, tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match="made for another version of the network"):
        export.load_network(tmp_path / "other.ckpt")
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.bin", "a model is an .onnx file"), ("none/model.onnx", "its folder does not exist")],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(
    config: RunConfig, checkpoint: Path, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        export.export_transcriber([checkpoint], config, tmp_path / name, COMMAND)


def test_a_network_that_disagrees_is_not_written(config: RunConfig, checkpoint: Path) -> None:
    network, spec = export.load_probabilities([checkpoint])
    weights = export.onnx_bytes(network, spec)
    assert export.check_parity(network, weights, spec) <= onnx_export.PARITY
    with torch.no_grad():
        network.networks[0].onset.bias += 0.01
    with pytest.raises(ModelError, match="differs from torch by"):
        export.check_parity(network, weights, spec)


def without_low_bands(checkpoint: Path, path: Path) -> Path:
    """Write a checkpoint of the same run whose network and features know no low bands."""
    saved = torch.load(checkpoint, weights_only=True)
    hyper = saved["hyper_parameters"]
    hyper["model"]["n_low"] = hyper["features"]["n_low"] = 0
    state, prefix = saved["state_dict"], "averaged.module."
    network = TranscriberNetwork(NetworkSpec(**hyper["model"]))
    n_in = network.bottleneck.in_features
    state[f"{prefix}bottleneck.weight"] = state[f"{prefix}bottleneck.weight"][:, :n_in] + 0.1
    torch.save(saved, path)
    return path


def test_several_networks_answer_with_the_mean_each_of_the_bands_it_knows(
    checkpoint: Path, tmp_path: Path
) -> None:
    other = without_low_bands(checkpoint, tmp_path / "other.ckpt")
    both, spec = export.load_probabilities([other, checkpoint])
    assert spec.n_low > 0
    weights = export.onnx_bytes(both, spec)
    assert export.check_parity(both, weights, spec) <= onnx_export.PARITY
    features = torch.rand(1, 60, spec.n_bands)
    one, plain_spec = export.load_probabilities([other])
    two, _ = export.load_probabilities([checkpoint])
    with torch.inference_mode():
        alone = one(features[..., : plain_spec.n_bands]), two(features)
        for mean, a, b in zip(both(features), *alone, strict=True):
            torch.testing.assert_close(mean, (a + b) / 2)
        assert not torch.allclose(alone[0][0], alone[1][0])


def test_networks_that_hear_other_features_do_not_answer_together(checkpoint: Path, tmp_path: Path) -> None:
    saved = torch.load(checkpoint, weights_only=True)
    saved["hyper_parameters"]["features"]["fmin"] = 50.0
    torch.save(saved, tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match="features are not those of the other checkpoints"):
        export.load_probabilities([checkpoint, tmp_path / "other.ckpt"])


def test_a_card_that_cannot_be_written_leaves_the_old_model_alone(
    exported: tuple[Path, ModelCard], tmp_path: Path
) -> None:
    output = tmp_path / "model.onnx"
    output.write_bytes(b"old")
    (tmp_path / "model.json").mkdir()  # in the card's way
    with pytest.raises(ModelError, match=r"model\.json: cannot be written"):
        onnx_export.write_model(b"new", exported[1], output)
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.onnx"]
