"""Kits that the user adds to training: heard in training only, and named honestly on the card."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from drumlane.errors import AudioError, ConfigError, DatasetError
from drumlane.training.batches import Batches
from drumlane.training.config import DataConfig, RunConfig, parse_config, read_config
from drumlane.training.items import RenderedItems, load_material
from drumlane.training.provenance import NOT_KNOWN, training_sources, weights_licence
from drumlane.training.recorded_kits import recorded_kits
from kit_material import write_sound
from material import write_material

pytestmark = pytest.mark.train
TEST_CONFIG = Path(__file__).resolve().parents[1] / "configs" / "tiny.yaml"


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    """Write a data set and two kits of a user's; return the data section."""
    section = write_material(tmp_path)
    write_sound(tmp_path / "sfz" / "a.wav")
    keys = (36, 38, 42, 46, 41, 47, 50, 49, 51)
    text = "".join(f"<region> key={key} sample=a.wav\n" for key in keys)
    (tmp_path / "sfz" / "mine.sfz").write_text(text, encoding="utf-8")
    write_sound(tmp_path / "my samples" / "kick.wav")
    return section


def added(tmp_path: Path) -> tuple[Path, Path]:
    return (tmp_path / "sfz" / "mine.sfz", tmp_path / "my samples")


def test_added_kits_are_heard_in_training_and_never_in_validation(
    tmp_path: Path, paths: dict[str, str]
) -> None:
    data = DataConfig.model_validate({**paths, "more_kits": added(tmp_path), "max_kits": 1})
    assert [kit.name for kit in recorded_kits(data, training=True)] == ["alpha", "mine", "my samples"]
    assert [kit.name for kit in recorded_kits(data, training=False)] == ["becks"]


def test_without_a_manifest_procedural_kits_that_training_does_not_hear_validate(
    tmp_path: Path, paths: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumlane.training.recorded_kits.N_STAND_INS", 2)
    values = {name: value for name, value in paths.items() if name != "kits"} | {"procedural_kits": 1}
    data = DataConfig.model_validate({**values, "more_kits": added(tmp_path)[:1], "procedural_clips": 0})
    trained = load_material(data, "train", seed=1).kits
    validating = load_material(data, "validation", seed=1).kits
    assert trained[0].name == "mine"
    assert len(validating) == 2
    own = {piece.level for kit in trained for piece in kit.pieces.values()}
    assert not own & {piece.level for kit in validating for piece in kit.pieces.values()}


def test_a_batch_is_rendered_from_added_kits_alone(tmp_path: Path, paths: dict[str, str]) -> None:
    kits = f"data.more_kits=[{added(tmp_path)[0]}]"
    sets = [kits, "data.kits=null", f"data.grooves={paths['grooves']}", "data.backing=null"]
    config = read_config(TEST_CONFIG, sets)
    material = load_material(config.data, "train", config.seed)
    features, onset, *_ = Batches(RenderedItems(material, config.scene, config.audio, config.seed), 2).batch(
        0
    )
    assert float(features.max()) > 0
    assert float(onset.max()) > 0.9


def test_the_configuration_is_kept_as_it_was_with_its_kits(tmp_path: Path, paths: dict[str, str]) -> None:
    values = {"data": {**paths, "more_kits": [str(path) for path in added(tmp_path)]}}
    config = parse_config(values, "here")
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


def test_a_run_without_any_kit_is_refused_in_one_line(paths: dict[str, str]) -> None:
    del paths["kits"]
    with pytest.raises(ConfigError, match=r"'data': name a kits\.csv as data\.kits, or kits of your own"):
        parse_config({"data": paths}, "run.yaml")


def test_the_card_says_that_an_added_kits_licence_is_not_known(tmp_path: Path, paths: dict[str, str]) -> None:
    data = DataConfig.model_validate({**paths, "more_kits": added(tmp_path)})
    named = {source.name: source.licence for source in training_sources(data)}
    assert named["user kit mine"] == named["user kit my samples"] == NOT_KNOWN
    assert named["kits alpha"] == "CC0"
    assert weights_licence(data) == NOT_KNOWN
    assert weights_licence(data.model_copy(update={"more_kits": ()})) == "MIT"
    assert str(tmp_path) not in str(training_sources(data))


def test_clips_of_a_known_soundfont_keep_the_weights_free_and_others_do_not(
    tmp_path: Path, paths: dict[str, str]
) -> None:
    data = DataConfig.model_validate({**paths, "more_backing": (tmp_path,)})
    (tmp_path / "music.csv").write_text("file,soundfont\na.ogg,FluidR3_GM\n", encoding="utf-8")
    made = {source.name: source for source in training_sources(data)}["composed accompaniment"]
    assert "Frank Wen" in made.attribution
    assert weights_licence(data) == "MIT"
    (tmp_path / "music.csv").write_text("file\na.ogg\n", encoding="utf-8")
    assert training_sources(data)[-1].licence == NOT_KNOWN
    assert weights_licence(data) == NOT_KNOWN


def test_a_kit_added_from_a_manifest_keeps_the_licence_that_the_manifest_knows(
    tmp_path: Path, paths: dict[str, str]
) -> None:
    more = (Path(f"{paths['kits']}:copyleft"),)
    data = DataConfig.model_validate({**paths, "kits": None, "more_kits": more})
    assert [kit.name for kit in recorded_kits(data, training=True)] == ["copyleft"]
    assert [(s.name, s.licence) for s in training_sources(data)][1] == ("kits copyleft", "GPL")


def test_held_out_and_broken_kits_are_refused(tmp_path: Path, paths: dict[str, str]) -> None:
    def load(path: Path) -> None:
        recorded_kits(DataConfig.model_validate({**paths, "more_kits": (path,)}), training=True)

    with pytest.raises(DatasetError, match="the kit family 'becks' is held out"):
        load(Path(f"{paths['kits']}:becks"))
    with pytest.raises(DatasetError, match="no such kit"):
        load(tmp_path / "none.sfz")
    (tmp_path / "my samples" / "snare.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"snare\.wav"):
        load(tmp_path / "my samples")
