"""Models: cards and networks that fit load; everything else is refused in one line that says why."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import FEATURES, card_for, detector_network
from drumlane.audio.features import FeatureSpec
from drumlane.errors import ModelError
from drumlane.models.card import Score, Source, TomFields, Training, read_card, write_card
from drumlane.models.loading import load_model
from drumlane.transcription.decoding import Decoder
from drumlane.vocabulary import LANE_NAMES


@pytest.fixture
def model_path(detector_path: Path, tmp_path: Path) -> Path:
    """Return a copy of the hand-made model that a test may damage."""
    for suffix in (".onnx", ".json"):
        shutil.copy(detector_path.with_suffix(suffix), tmp_path / f"model{suffix}")
    return tmp_path / "model.onnx"


def change_card(model_path: Path, **changes: Any) -> None:
    path = model_path.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_writing_and_reading_a_card_changes_nothing(detector_path: Path, tmp_path: Path) -> None:
    source = Source(name="Grooves", licence="CC BY 4.0", attribution="Someone, “Grooves”")
    score = Score(measure="F ±50 ms", value=0.5, n=3, interval=(0.4, 0.6), command="drumlane evaluate …")
    training = Training(command="drumlane train", data=(source,), notes="two\nlines")
    toms = TomFields(means=(0.9, -0.1, -1.0), shared=0.8, own=1.1, stroke=0.6)
    card = card_for(detector_path, training=training, scores=(score,), repetition=0.5, toms=toms)
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]


def test_a_card_of_before_says_nothing_of_repetition_and_toms(model_path: Path) -> None:
    path = model_path.with_suffix(".json")
    fields = json.loads(path.read_text())
    del fields["repetition"], fields["toms"]
    path.write_text(json.dumps(fields))
    decoder = Decoder.of(load_model(model_path).card)
    assert decoder.repetition == 0
    assert decoder.toms is None


def test_a_card_cannot_be_changed(detector_path: Path) -> None:
    card = read_card(detector_path.with_suffix(".json"))
    with pytest.raises(ValueError, match="frozen"):
        card.name = "other"  # type: ignore[misc]


def test_any_model_answers_one_value_per_frame_and_lane(any_model_path: Path) -> None:
    model = load_model(any_model_path, threads=1)
    features = np.random.default_rng(0).random((2, 123, model.card.feature_spec.n_bands)).astype(np.float32)
    out = model.run(features)
    assert out.onset.shape == out.velocity.shape == out.presence.shape == (2, 123, 8)
    assert out.articulation.shape == (2, 123, 6)
    for values in (out.onset, out.velocity, out.articulation, out.presence):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1


def test_any_model_lets_the_runtime_use_one_thread_or_several(any_model_path: Path) -> None:
    features = (
        np.random.default_rng(0)
        .random((1, 50, load_model(any_model_path).card.feature_spec.n_bands))
        .astype(np.float32)
    )
    one, three = (load_model(any_model_path, threads=n).run(features) for n in (1, 3))
    assert one.onset == pytest.approx(three.onset, abs=1e-5)


CARD_FAULTS = {
    "another format version": ({"format_version": 99}, "format_version 99, this version of drumlane reads 2"),
    "lanes in another order": ({"lanes": list(LANE_NAMES[::-1])}, "lanes: .*are not this package's"),
    "other features": ({"features_digest": "0" * 16}, "would hear something else than in training"),
    "an unknown key": ({"colour": "blue"}, "colour: Extra inputs are not permitted"),
    "a lane without threshold": (
        {"thresholds": {"kick": 0.5}},
        "thresholds: needs one value for each of kick",
    ),
    "a threshold of 2": ({"thresholds": dict.fromkeys(LANE_NAMES, 2.0)}, "between 0 and 1"),
    "a negative gap": ({"minimum_gaps": dict.fromkeys(LANE_NAMES, -0.1)}, "gaps must be >= 0"),
    "less than no repetition": ({"repetition": -0.1}, "repetition: .*greater than or equal to 0"),
    "toms that do not scatter": (
        {"toms": {"means": [1, 0, -1], "shared": 1, "own": 0, "stroke": 1}},
        "toms.own: .*greater than 0",
    ),
    "a name of no letters": ({"name": ""}, "name: "),
    "another sha256": ({"sha256": "0" * 64}, "its card says 000000000000"),
}


@pytest.mark.parametrize(("changes", "message"), CARD_FAULTS.values(), ids=CARD_FAULTS)
def test_a_card_that_does_not_fit_is_refused(model_path: Path, changes: dict[str, Any], message: str) -> None:
    change_card(model_path, **changes)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(model_path)
    assert "\n" not in str(caught.value)
    assert str(model_path.parent) in str(caught.value)


def test_impossible_features_are_refused(model_path: Path) -> None:
    card = json.loads(model_path.with_suffix(".json").read_text())
    change_card(model_path, features=card["features"] | {"fmin": 50_000.0})
    with pytest.raises(ModelError, match="fmin="):
        load_model(model_path)


def test_a_damaged_network_is_refused(model_path: Path) -> None:
    with model_path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    with pytest.raises(ModelError, match="the file is damaged or belongs to another card"):
        load_model(model_path)


def test_bytes_that_are_no_network_are_refused_even_with_a_fitting_card(model_path: Path) -> None:
    model_path.write_bytes(b"not a network")
    write_card(card_for(model_path), model_path.with_suffix(".json"))
    with pytest.raises(ModelError, match="onnxruntime cannot load the network"):
        load_model(model_path)


@pytest.mark.parametrize(
    ("spec", "n_lanes", "message"),
    [(FEATURES, 7, "onset has shape"), (replace(FEATURES, n_mels=64), 8, "features has shape")],
)
def test_a_network_of_other_shapes_is_refused(
    model_path: Path, spec: FeatureSpec, n_lanes: int, message: str
) -> None:
    model_path.write_bytes(detector_network(spec, n_lanes))
    write_card(card_for(model_path), model_path.with_suffix(".json"))
    with pytest.raises(ModelError, match=message):
        load_model(model_path)


def test_a_network_without_velocity_is_refused(model_path: Path) -> None:
    import onnx

    network = onnx.load(model_path)
    network.graph.output.remove(network.graph.output[1])
    onnx.save(network, model_path)
    write_card(card_for(model_path), model_path.with_suffix(".json"))
    with pytest.raises(ModelError, match=r"has no output velocity \(has: onset, articulation, presence\)"):
        load_model(model_path)


def test_missing_files_are_named(model_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx: no such model file"):
        load_model(model_path.with_name("nowhere.onnx"))
    with pytest.raises(ModelError, match=r"an \.onnx file with its .json card beside it"):
        load_model(model_path.with_suffix(".json"))
    model_path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"model\.json: the model's card cannot be read"):
        load_model(model_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_a_card_that_is_no_card_is_refused(model_path: Path, text: str) -> None:
    model_path.with_suffix(".json").write_text(text)
    with pytest.raises(ModelError, match=r"not JSON|format_version None"):
        load_model(model_path)
