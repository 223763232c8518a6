"""Kits: a manifest becomes pieces, layers and round robins; broken manifests are refused in one line."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.errors import AudioError, DatasetError
from drumlane.rendering.kits import (
    DRUM_OF_PIECE,
    SUBSTITUTES,
    Kit,
    Layer,
    Piece,
    Sample,
    load_kit,
    load_kits,
    read_manifest,
)
from drumlane.vocabulary import Drum
from material import KITS, ONSET, PIECES, click_kit, stroke, write_kits


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("material") / "kits" / "kits.csv"
    write_kits(path)
    return path


def test_a_manifest_becomes_its_kits_in_order_of_their_names(manifest: Path) -> None:
    kits = load_kits(manifest)
    assert [kit.name for kit in kits] == sorted(name for name, _, _ in KITS)
    assert {drum.value for drum in kits[0].pieces} >= {"kick", "snare", "hihat_open", "ride"}
    assert len(kits[0].pieces) == len(PIECES)


def test_a_sample_keeps_its_attack(manifest: Path) -> None:
    piece = load_kit(manifest, "alpha").pieces[Drum.KICK]
    sample = piece.layers[0].samples[0]
    assert sample.onset == ONSET
    assert np.abs(sample.samples[:ONSET]).max() < 1e-4
    assert abs(sample.samples[ONSET]) > 0.4


def test_rows_that_are_not_kept_are_not_loaded(manifest: Path) -> None:
    kits = load_kits(manifest, lambda row: row.licence_class == "gpl" and row.piece == "kick")
    assert [kit.name for kit in kits] == ["copyleft", "millo1"]
    assert list(kits[0].pieces) == [Drum.KICK]
    with pytest.raises(DatasetError, match="no kit is left"):
        load_kits(manifest, lambda _: False)


def test_the_nearest_kit_is_named_when_one_is_missing(manifest: Path) -> None:
    with pytest.raises(DatasetError, match=r"kit 'alhpa' is not in .*; kits: alpha"):
        load_kit(manifest, "alhpa")


def test_second_pieces_of_a_drum_are_alternates_and_unknown_ones_are_percussion(tmp_path: Path) -> None:
    path = tmp_path / "kits" / "kits.csv"
    write_kits(path, [("one", "one", "cc0")])
    renamed = path.read_text(encoding="utf-8").replace(",tom_hi,", ",kick_alt,").replace(",ride,", ",gong,")
    path.write_text(renamed, encoding="utf-8")
    kit = load_kit(path, "one")
    assert [piece.drum for piece in kit.alternates] == [Drum.KICK]
    assert [piece.drum for piece in kit.percussion] == [None]
    assert Drum.RIDE not in kit.pieces


@given(st.integers(1, 127))
def test_a_velocity_is_played_by_the_softest_layer_that_reaches_it(velocity: int) -> None:
    piece = click_kit([Drum.SNARE]).pieces[Drum.SNARE]
    assert piece.layer_for(velocity) is piece.layers[velocity > 63]


def test_a_velocity_above_all_layers_is_played_by_the_loudest() -> None:
    layers = tuple(Layer(low, low + 9, (Sample(stroke(200.0), ONSET),)) for low in (1, 11))
    assert Piece(Drum.SNARE, layers).layer_for(127) is layers[1]


def test_a_missing_piece_is_substituted_within_its_lane_only() -> None:
    kit = click_kit([Drum.SNARE, Drum.CRASH, Drum.HIHAT_CLOSED])
    assert kit.piece(Drum.SNARE_RIM) is kit.pieces[Drum.SNARE]
    assert kit.piece(Drum.CHINA) is kit.pieces[Drum.CRASH]
    assert kit.piece(Drum.HIHAT_OPEN) is None
    assert kit.piece(Drum.RIDE) is None
    stray = [(d, s) for d, choice in SUBSTITUTES.items() for s in choice if s.lane is not d.lane]
    assert stray == [(Drum.TOM_MID, Drum.TOM_HIGH), (Drum.TOM_MID, Drum.TOM_LOW)]


def test_loudness_is_measured_from_the_attack() -> None:
    quiet_start = np.concatenate([np.zeros(5000), np.full(20_000, 0.5)]).astype(np.float32)
    assert Sample(quiet_start, 5000).rms == pytest.approx(0.5, rel=1e-3)


def test_an_onset_outside_the_sample_and_an_empty_piece_are_programmers_errors() -> None:
    with pytest.raises(ValueError, match="onset must lie inside"):
        Sample(np.zeros(10, dtype=np.float32), 10)
    with pytest.raises(ValueError, match="a piece needs a layer"):
        Piece(Drum.KICK, ())
    with pytest.raises(ValueError, match="every layer a sample"):
        Piece(Drum.KICK, (Layer(1, 127, ()),))


def test_a_kit_without_substitutes_says_nothing_of_other_drums() -> None:
    assert Kit("empty", "empty", {}).piece(Drum.KICK) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("vel_lo", "low", 1), "column 'vel_lo' is missing"),
        (lambda text: text.replace(",22,", ",early,", 1), "not a kit manifest: invalid literal"),
        (lambda text: text.rsplit(",", 12)[0], "not a kit manifest"),
        (lambda text: text + "\0", "not a kit manifest|no kit"),
    ],
)
def test_a_broken_manifest_is_one_line(manifest: Path, tmp_path: Path, change: object, message: str) -> None:
    assert callable(change)
    broken = tmp_path / "kits.csv"
    broken.write_text(change(manifest.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DatasetError, match=message) as caught:
        read_manifest(broken)
    assert "\n" not in str(caught.value)
    assert str(broken) in str(caught.value)


def test_a_missing_manifest_and_a_missing_sample_are_named(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot read the kit manifest"):
        read_manifest(tmp_path / "none.csv")
    alone = tmp_path / "kits" / "kits.csv"
    alone.parent.mkdir()
    alone.write_text(manifest.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(AudioError, match=r"1_1\.wav"):
        load_kit(alone, "alpha")


@pytest.mark.shared
def test_every_piece_of_the_real_manifest_has_a_meaning(shared_data: Path) -> None:
    with (shared_data / "kits" / "kits.csv").open(newline="", encoding="utf-8") as stream:
        pieces = {row["piece"] for row in csv.DictReader(stream)}
    unknown = {piece for piece in pieces if piece not in DRUM_OF_PIECE and not piece.startswith("perc")}
    assert unknown == set()


@pytest.mark.shared
def test_real_samples_are_quiet_before_their_attack(shared_data: Path) -> None:
    kit = load_kit(shared_data / "kits" / "kits.csv", "salamander_a")
    samples = [s for p in kit.pieces.values() for layer in p.layers for s in layer.samples]
    before = [np.abs(s.samples[: s.onset // 2]).max() / np.abs(s.samples).max() for s in samples]
    assert np.median(before) < 0.1
    assert len(samples) > 50
