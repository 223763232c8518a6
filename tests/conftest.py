"""Fixtures that several test modules share: a network made by hand, sounds it understands, real material."""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, hz_to_mel
from drumlane.models.card import FeatureFields, Level, ModelCard, Training, write_card
from drumlane.models.loading import SHIPPED
from drumlane.performance import Hit
from drumlane.vocabulary import (
    ARTICULATIONS,
    DRUM_OF_LANE,
    LANE_NAMES,
    LANES,
    LANES_OF_ARTICULATIONS,
    Lane,
)

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("patient")

SAMPLE_RATE = 44100
Run = Callable[..., tuple[int, list[str], list[str]]]
# One tone per lane, far enough apart that each has mel bands of its own.
TONE_OF_LANE = dict(zip(LANES, (60.0, 200.0, 9000.0, 480.0, 900.0, 1600.0, 2800.0, 5000.0), strict=True))

FEATURES = FeatureSpec(n_low=0)  # of the network made by hand


@pytest.fixture(scope="session")
def detector_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that hears a rise of energy around each lane's tone; made by hand, never random."""
    pytest.importorskip("onnx", reason="the hand-made network is written with onnx (train extra)")
    path = tmp_path_factory.mktemp("model") / "detector.onnx"
    path.write_bytes(detector_network(FEATURES))
    write_card(card_for(path), path.with_suffix(".json"))
    return path


@pytest.fixture(scope="session", params=["detector", "shipped"])
def any_model_path(request: pytest.FixtureRequest) -> Path:
    """Return the hand-made model, then the shipped one."""
    if request.param == "detector":
        return Path(request.getfixturevalue("detector_path"))
    if not SHIPPED.is_file():
        pytest.skip("this checkout has no shipped model")
    return SHIPPED


@pytest.fixture
def run(
    detector_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Return the command with the hand-made model: arguments to exit code, lines printed, lines of errors."""
    from drumlane.cli.app import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, model: Path | None = detector_path) -> tuple[int, list[str], list[str]]:
        chosen = ["--model", str(model)] if model else []
        monkeypatch.setattr(sys, "argv", ["drumlane", "transcribe", *map(str, arguments), *chosen])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the development material."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("DRUMLANE_SHARED", beside))
    if not folder.is_dir():
        pytest.skip("needs the development material in ../shared/data")
    return folder


def tones(hits: Sequence[tuple[float, Lane]], seconds: float, rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Return decaying tones the detector hears as hits, shape (n,)."""
    samples = np.zeros(round(seconds * rate), dtype=np.float32)
    for time, lane in hits:
        start = round(time * rate)
        t = np.arange(min(round(0.3 * rate), len(samples) - start)) / rate
        attack = np.minimum(t / 0.008, 1.0)
        samples[start : start + len(t)] += (
            0.2 * attack * np.exp(-t / 0.05) * np.sin(2 * np.pi * TONE_OF_LANE[lane] * t)
        )
    return samples


def drums(hits: Sequence[tuple[float, Lane]], seconds: float) -> NDArray[np.float32]:
    """Return the embedded kit playing hits, shape (n,) at ``SAMPLE_RATE``."""
    from drumlane.rendering.procedural import embedded_kit
    from drumlane.rendering.stage import play, voices_of

    score = sorted(Hit(time, DRUM_OF_LANE[lane], 100) for time, lane in hits)
    voices = voices_of(embedded_kit(), DRUM_OF_LANE.values())
    return play(score, voices, round(seconds * SAMPLE_RATE), np.random.default_rng(0)).dry


def card_for(path: Path, **changes: object) -> ModelCard:
    """Return a card that fits a network of the tests; changes replace fields."""
    spec = FEATURES
    fields = {
        "name": "detector",
        "version": "1",
        "created": "2026-01-01",
        "features": FeatureFields.of(spec),
        "features_digest": spec.digest,
        "level": Level(target_rms=0.1),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": 0,
        "thresholds": dict.fromkeys(LANE_NAMES, 0.5),
        "minimum_gaps": dict.fromkeys(LANE_NAMES, 0.05),
        "offsets": dict.fromkeys(LANE_NAMES, -0.015),  # measured: a rise shows before the window's middle
        "velocity": dict.fromkeys(LANE_NAMES, (126.0, 1.0)),
        "confidence": dict.fromkeys(LANE_NAMES, (1.0, 0.0)),
        "presence_thresholds": dict.fromkeys(LANE_NAMES, 0.3),
        "articulation_thresholds": dict.fromkeys((drum.value for drum in ARTICULATIONS), 0.5),
        "license": "MIT",
        "training": Training(command="none: made by hand", data=()),
    }
    return ModelCard.model_validate(fields | changes)


def detector_network(spec: FeatureSpec, n_lanes: int = len(LANES)) -> bytes:
    """Return ONNX bytes: onset is a sigmoid of the rise in a lane's bands, velocity follows their level."""
    from onnx import TensorProto, helper, numpy_helper

    bands = _bands(spec)[:, :n_lanes]  # (mels, lanes)
    contrast = bands - 1.5 / spec.n_mels  # a click rises everywhere at once: that is no tone
    rise = np.stack([-contrast, 0 * contrast, contrast], axis=-1).transpose(1, 0, 2) * 2.0  # (lanes, mels, 3)
    constants = {
        "rise": rise,
        "bands": bands * 0.25,
        "late": np.full(n_lanes, -5.0),
        "told": _bands(spec)[:, [int(lane) for lane in LANES_OF_ARTICULATIONS]] * 0.25,
        "everywhere": np.zeros((spec.n_mels, n_lanes)),
    }
    nodes = [
        helper.make_node("Transpose", ["features"], ["by_mel"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["by_mel", "rise", "late"], ["rises"], pads=[1, 1]),
        helper.make_node("Sigmoid", ["rises"], ["onset_by_lane"]),
        helper.make_node("Transpose", ["onset_by_lane"], ["onset"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["features", "bands"], ["levels"]),
        helper.make_node("Tanh", ["levels"], ["velocity"]),
        helper.make_node("MatMul", ["features", "told"], ["told_level"]),
        helper.make_node("Tanh", ["told_level"], ["articulation"]),
        helper.make_node("MatMul", ["features", "everywhere"], ["nothing"]),
        helper.make_node("Sigmoid", ["nothing"], ["presence"]),  # one half: any lane may be there
    ]
    inputs = [_tensor("features", spec.n_mels)]
    sizes = {"onset": n_lanes, "velocity": n_lanes, "articulation": len(ARTICULATIONS), "presence": n_lanes}
    outputs = [_tensor(name, size) for name, size in sizes.items()]
    weights = [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "detector", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 17)]
    assert TensorProto.FLOAT == 1
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def _tensor(name: str, size: int) -> object:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "frames", size])


def _bands(spec: FeatureSpec) -> NDArray[np.float64]:
    """Return which mel bands belong to which lane's tone, shape (mels, lanes), columns summing to 1."""
    edges = np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.n_mels + 2)[1:-1]
    tones_in_mel = np.array([hz_to_mel(TONE_OF_LANE[lane]) for lane in LANES])
    near = np.abs(edges[:, None] - tones_in_mel[None]) < 50.0
    return np.asarray(near / near.sum(axis=0))
