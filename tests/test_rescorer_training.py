"""Training of the rescorer: items are exact and made once, runs resume, the export says what torch says."""

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs the train extra")
from torch import Tensor  # noqa: E402

from drumlane.errors import ConfigError, DatasetError, ModelError  # noqa: E402
from drumlane.models.loading import SHIPPED, load_model  # noqa: E402
from drumlane.models.rescorer_model import load_rescorer, rescorer_beside  # noqa: E402
from drumlane.networks.rescorer import (  # noqa: E402
    N_OUTPUTS,
    Rescorer,
    RescorerSpec,
    RescorerVerdicts,
)
from drumlane.performance import Hit  # noqa: E402
from drumlane.training.config import parse_config, read_config  # noqa: E402
from drumlane.training.export import Calibrating, export_transcriber  # noqa: E402
from drumlane.training.plain_run import Progress  # noqa: E402
from drumlane.training.rescorer_batches import balance_of, collate, shifted  # noqa: E402
from drumlane.training.rescorer_config import RescorerRunConfig, read_rescorer_config  # noqa: E402
from drumlane.training.rescorer_export import (  # noqa: E402
    check_rescorer_parity,
    export_rescorer,
    rescorer_onnx,
)
from drumlane.training.rescorer_items import (  # noqa: E402
    JudgedItem,
    judge,
    make_items,
    read_items,
)
from drumlane.training.rescorer_networks import load_rescorer_network, together  # noqa: E402
from drumlane.training.rescorer_run import (  # noqa: E402
    losses_of,
    train_rescorer,
)
from drumlane.training.torch_files import BEST, LAST  # noqa: E402
from drumlane.transcription.candidates import DRUMS, LANE_OF_DRUM, Proposing, find_candidates  # noqa: E402
from drumlane.transcription.dynamics import PLAIN_VELOCITY  # noqa: E402
from drumlane.transcription.stroke_balance import N_INPUTS, with_balance  # noqa: E402
from drumlane.transcription.stroke_features import (  # noqa: E402
    ALL_HEIGHTS,
    CURVE_DB,
    GAPS,
    LEVEL,
    LEVEL_SCALE,
    N_DRUMS,
    N_FEATURES,
    OWN_HEIGHTS,
    SPECTRA,
    gaps_of,
)
from drumlane.transcription.stroke_spectra import LOW_BANDS, STRUCK_BANDS  # noqa: E402
from drumlane.transcription.toms import TOM_LANES  # noqa: E402
from drumlane.transcription.transcribe import Transcriber  # noqa: E402
from drumlane.vocabulary import ARTICULATIONS, LANES, Drum, Lane  # noqa: E402
from material import write_material  # noqa: E402
from test_rescoring import heard_of  # noqa: E402

pytestmark = pytest.mark.train
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped transcriber without its rescorer."""
    path = tmp_path_factory.mktemp("plain") / "plain.onnx"
    shutil.copy(SHIPPED, path)
    card = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    path.with_suffix(".json").write_text(json.dumps(card | {"rescorer": None}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def config(plain: Path, data: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> RescorerRunConfig:
    """Return a tiny run whose items are made already."""
    made = config_of(plain, data, tmp_path_factory.mktemp("runs"))
    for part in ("train", "validation"):
        *_, last = make_items(made, part)  # type: ignore[arg-type]
        assert last == 1.0
    return made


def config_of(plain: Path, data: dict[str, str], output: Path, **changes: object) -> RescorerRunConfig:
    fields = {
        "transcriber": plain,
        "data": {**data, "procedural_kits": 1, "procedural_clips": 1, "procedural_brushes": 0},
        "scene": {"seconds": 6.0},
        "output": output,
        "n_items": 5,
        "validation_items": 2,
        "items_per_file": 3,
        "num_workers": 1,
        "num_steps": 4,
        "every_n_steps": 2,
        "batch_size": 2,
        "num_threads": 1,
        "model": {"width": 16, "n_heads": 2, "n_layers": 1},
    }
    return RescorerRunConfig.model_validate(fields | changes)


# Items ----------------------------------------------------------------------------------------------


def test_each_candidate_is_matched_with_one_hit_of_its_lane() -> None:
    heard = heard_of([(1.0, Lane.KICK, 0.9), (1.0, Lane.SNARE, 0.3), (2.0, Lane.LOW_TOM, 0.8)])
    proposing = Proposing((0.4,) * len(LANES), (0.03,) * len(LANES), (0.5,) * len(ARTICULATIONS))
    found = find_candidates(heard, proposing)
    hits = [Hit(1.02, Drum.KICK, 90), Hit(2.01, Drum.TOM_HIGH, 55), Hit(3.0, Drum.SNARE, 70)]
    item = judge(found, hits, np.zeros((len(found), N_FEATURES), np.float32))
    truth = {LANES[lane]: n for n, lane in enumerate(found.lanes)}
    assert item.real.tolist() == [lane is not Lane.SNARE for lane in map(LANES.__getitem__, found.lanes)]
    assert item.velocities[truth[Lane.KICK]] == 90
    assert np.isnan(item.velocities[truth[Lane.SNARE]])
    assert item.velocities[truth[Lane.LOW_TOM]] == 55  # heard as low, struck on the high one
    assert item.times[0] == 0
    assert item.toms.tolist() == [
        0 if lane is Lane.LOW_TOM else -1 for lane in map(LANES.__getitem__, found.lanes)
    ]


def test_items_are_the_same_whoever_makes_them_and_are_made_once(
    config: RescorerRunConfig, plain: Path, data: dict[str, str], tmp_path: Path
) -> None:
    items = read_items(config, "train")
    assert 1 <= len(items) <= 5
    assert all(item.features.shape == (len(item.times), N_FEATURES) for item in items)
    assert sum(int(item.real.sum()) for item in items) > 20
    again = config_of(plain, data, tmp_path)
    list(make_items(again, "train"))
    for one, other in zip(items, read_items(again, "train"), strict=True):
        assert np.array_equal(one.features, other.features)
    first = again.folder / "items" / "train" / "00000.npz"
    first.unlink()
    untouched = (again.folder / "items" / "train" / "00001.npz").stat().st_mtime_ns
    assert list(make_items(again, "train")) == [1.0]
    assert first.exists()
    assert (again.folder / "items" / "train" / "00001.npz").stat().st_mtime_ns == untouched


def test_items_made_in_another_way_are_refused(config: RescorerRunConfig) -> None:
    other = config.model_copy(update={"plain_share": 0.9})
    with pytest.raises(ConfigError, match="another plain_share; pass --set name=NAME"):
        list(make_items(other, "train"))


def test_damaged_items_say_so(
    config: RescorerRunConfig, plain: Path, data: dict[str, str], tmp_path: Path
) -> None:
    broken = config_of(plain, data, tmp_path)
    folder = broken.folder / "items" / "train"
    folder.mkdir(parents=True)
    (folder / "00000.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DatasetError, match=r"00000\.npz: not a file of items .* delete it"):
        read_items(broken, "train")
    with pytest.raises(DatasetError, match="no items"):
        read_items(broken, "validation")


def test_a_transcriber_with_a_rescorer_is_refused(data: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has a rescorer already"):
        list(make_items(config_of(SHIPPED, data, tmp_path), "train"))


# Batches --------------------------------------------------------------------------------------------


def some_item(n: int, seed: int) -> JudgedItem:
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (n, N_FEATURES)).astype(np.float16)
    features[:, :N_DRUMS] = np.eye(N_DRUMS)[rng.integers(0, 12, n)]
    real = rng.random(n) < 0.7
    velocities = np.where(real, rng.integers(1, 128, n), np.nan).astype(np.float32)
    toms = np.where(real & (rng.random(n) < 0.3), rng.integers(0, 3, n), -1).astype(np.int8)
    return JudgedItem(features, np.sort(rng.uniform(0, 30, n)).astype(np.float32), real, velocities, toms)


def test_padding_changes_no_answer(config: RescorerRunConfig) -> None:
    network = Rescorer(RescorerSpec(N_INPUTS, width=16, n_heads=2, n_layers=2)).eval()
    short, long = some_item(9, 1), some_item(30, 2)
    both, alone = collate([short, long], config, None), collate([short], config, None)
    with torch.inference_mode():
        padded = network(both.features, both.times, both.there)[0, :9]
        single = network(alone.features, alone.times, alone.there)[0]
    assert torch.allclose(padded, single, atol=1e-5)
    assert all(torch.isfinite(loss) for loss in losses_of(network, both))


def test_when_a_song_begins_makes_no_difference() -> None:
    network = Rescorer(RescorerSpec(N_INPUTS, width=16, n_heads=2, n_layers=2)).eval()
    item = some_item(25, 3)
    features, times = (
        torch.from_numpy(with_balance(item.features.astype(np.float32)))[None],
        torch.from_numpy(item.times)[None],
    )
    with torch.inference_mode():
        assert torch.allclose(network(features, times), network(features, times + 7.5), atol=1e-3)


STILL = {
    **dict.fromkeys(("height_shift", "level_shift", "tone_shift", "colour_shift", "velocity_shift"), 0.0),
    "tempo_shift": 0.0,
    "least_share": 1.0,
    "spectra_hidden": 0.0,
}


def test_shifts_are_the_same_for_all_strokes_of_a_drum(config: RescorerRunConfig) -> None:
    features = some_item(40, 4).features.astype(np.float32)
    plain = config.model_copy(update={"colour_shift": 0.0, "spectra_hidden": 0.0, "balance_swapped": 0.0})
    out = shifted(features, plain, np.random.default_rng(0))
    drums = features[:, :N_DRUMS].argmax(axis=1)
    moved = out[:, LEVEL] - features[:, LEVEL]
    assert np.ptp(moved) > 0.1
    assert all(np.ptp(moved[drums == drum]) < 1e-5 for drum in set(drums.tolist()))
    assert np.array_equal(out[:, :N_DRUMS], features[:, :N_DRUMS])
    assert np.array_equal(out[:, LEVEL + 1 : SPECTRA.start], features[:, LEVEL + 1 : SPECTRA.start])
    spectra = out[:, SPECTRA] - features[:, SPECTRA]
    assert all(np.ptp(spectra[drums == drum], axis=0).max() < 1e-5 for drum in set(drums.tolist()))
    assert np.abs(spectra[:, STRUCK_BANDS]).max() > 0.1
    assert not spectra[:, LOW_BANDS.stop :].any()  # the shape of a drum's tone is its own


def test_another_kit_has_other_colours_and_its_toms_have_one(config: RescorerRunConfig) -> None:
    features = some_item(200, 10).features.astype(np.float32)
    coloured = config.model_copy(update=STILL | {"colour_shift": 3.0})
    moved = shifted(features, coloured, np.random.default_rng(0))[:, SPECTRA] - features[:, SPECTRA]
    drums = [DRUMS[drum] for drum in features[:, :N_DRUMS].argmax(axis=1)]
    of_drum = {drum: moved[np.array([other is drum for other in drums])] for drum in set(drums)}
    assert all(np.ptp(moves, axis=0).max() < 1e-5 for moves in of_drum.values())
    assert np.abs(of_drum[Drum.KICK][0] - of_drum[Drum.SNARE][0]).max() > 0.1
    assert np.allclose(of_drum[Drum.TOM_HIGH][0], of_drum[Drum.TOM_LOW][0], atol=1e-5)


def played_on_a_kit(balance_db: dict[Drum, float], seed: int) -> JudgedItem:
    """Return an item whose levels are what velocities and the balance of a kit make them."""
    item = some_item(200, seed)
    rng = np.random.default_rng(seed)
    drums = rng.integers(0, len(balance_db), 200)
    item.features[:, :N_DRUMS] = np.eye(N_DRUMS)[[DRUMS.index(list(balance_db)[drum]) for drum in drums]]
    item.velocities[:] = rng.integers(5, 128, 200)
    item.real[:] = True
    levels = CURVE_DB * np.log10(item.velocities / 127) + np.array(list(balance_db.values()))[drums]
    item.features[:, LEVEL] = (levels - np.median(levels)) / LEVEL_SCALE
    return item


def test_an_item_may_have_the_balance_of_another(config: RescorerRunConfig) -> None:
    one = played_on_a_kit({Drum.KICK: 0.0, Drum.SNARE: 3.0, Drum.HIHAT_CLOSED: -6.0}, 1)
    other = played_on_a_kit({Drum.KICK: -2.0, Drum.SNARE: 5.0, Drum.RIDE: 1.0}, 2)
    kick, snare, hat = (DRUMS.index(drum) for drum in (Drum.KICK, Drum.SNARE, Drum.HIHAT_CLOSED))
    assert balance_of(one)[snare] - balance_of(one)[kick] == pytest.approx(3, abs=0.1)
    swapping = config.model_copy(update=STILL | {"balance_swapped": 1.0})
    found = set()
    for seed in range(20):
        levels = collate([one, other], swapping, np.random.default_rng(seed)).features[0].numpy()[:, LEVEL]
        balance = balance_of(replace(one, features=np.column_stack([one.features[:, :LEVEL], levels])))
        found.add((round(balance[snare] - balance[kick], 1), np.ptp(levels - one.features[:, LEVEL]) > 0))
        assert np.isnan(balance[hat]) == np.isnan(balance_of(one)[hat])
    assert found == {(3.0, False), (7.0, True)}  # its own balance, or the other's


def test_bands_are_left_out_of_all_strokes_alike(config: RescorerRunConfig) -> None:
    features = some_item(30, 11).features.astype(np.float32)
    hiding = config.model_copy(update=STILL | {"spectra_hidden": 1.0})
    shares = []
    for seed in range(20):
        out = shifted(features, hiding, np.random.default_rng(seed))
        hidden = (out[:, SPECTRA] == 0).all(axis=0)
        assert np.array_equal(out[:, SPECTRA][:, ~hidden], features[:, SPECTRA][:, ~hidden])
        shares.append(hidden.mean())
    assert min(shares) < 0.5 < max(shares)


def test_a_part_at_another_tempo_knows_its_own_gaps(config: RescorerRunConfig) -> None:
    """What is told of the times between strokes is what would have been told, had it been played so."""
    item = some_item(60, 12)
    before = item.features.copy()
    played = config.model_copy(update=STILL | {"tempo_shift": 0.3, "least_share": 0.3})
    lengths = []
    for seed in range(10):
        batch = collate([item], played, np.random.default_rng(seed))
        rows, times = batch.features[0].numpy(), batch.times[0].numpy().astype(np.float64)
        at = next(
            n
            for n in range(60)
            if np.array_equal(rows[0, SPECTRA], item.features[n, SPECTRA].astype(np.float32))
        )
        part = slice(at, at + len(times))
        assert np.array_equal(rows[:, :N_DRUMS], item.features[part, :N_DRUMS])
        assert np.allclose(rows[:, SPECTRA], item.features[part, SPECTRA])
        steps = np.diff(item.times[part])
        assert np.ptp(np.diff(times)[steps > 0.1] / steps[steps > 0.1]) < 1e-3
        gaps = gaps_of(times, LANE_OF_DRUM[rows[:, :N_DRUMS].argmax(axis=1)])
        assert np.allclose(rows[:, GAPS], np.stack(gaps, axis=1), atol=1e-3)
        assert np.array_equal(batch.velocities[0].numpy(), item.velocities[part], equal_nan=True)
        lengths.append(len(times))
    assert min(lengths) < 40 < max(lengths)
    assert np.array_equal(item.features, before)


def toms_shifted(item: JudgedItem, config: RescorerRunConfig, seed: int) -> NDArray[np.float32]:
    """Return how far logits of the toms' lanes moved, (strokes, 3), of items that nothing else moves."""
    batch = collate([item], config.model_copy(update=STILL), np.random.default_rng(seed))
    columns = ALL_HEIGHTS.start + np.array(TOM_LANES)
    return np.asarray(
        4 * (batch.features[0].numpy()[:, columns] - item.features[:, columns]), dtype=np.float32
    )


def test_what_is_heard_of_toms_is_shifted_alike_for_all_strokes_on_one(config: RescorerRunConfig) -> None:
    item = some_item(60, 8)
    item.times[:] = np.arange(60) / 2
    moved = toms_shifted(item, config, 1)
    assert not moved[item.toms < 0].any()
    for tom in range(3):
        odds = moved[item.toms == tom]
        odds -= odds[:, :1]  # the greatest height stays, so only differences are alike
        assert len(odds) > 1
        assert np.ptp(odds, axis=0).max() < 0.05  # half floats
        assert np.abs(odds).max() > 0.05


def test_strokes_beside_a_tom_tell_nothing_of_how_it_was_heard(config: RescorerRunConfig) -> None:
    """A hat that is struck with a tom carries the heights of its lanes, too."""
    item = some_item(2, 9)
    item.times[:] = (1.0, 1.01)
    item.toms[:] = (1, -1)
    tom, beside = toms_shifted(item, config, 2)
    assert np.allclose(tom - tom[0], beside - beside[0], atol=0.05)
    assert np.abs(tom - tom[0]).max() > 0.05


# Losses ---------------------------------------------------------------------------------------------


class Fixed(Rescorer):
    """A network that answers what it is told to."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__(RescorerSpec(N_INPUTS, width=16, n_heads=2, n_layers=1))
        self.answer = outputs

    def forward(self, strokes: Tensor, times: Tensor, there: Tensor | None = None) -> Tensor:
        return self.answer


def velocity_losses(
    found: list[float], wanted: list[float], config: RescorerRunConfig
) -> tuple[float, float]:
    """Return the loss of velocities and the share that is far off, of one item; nan: nothing was struck."""
    item = some_item(len(wanted), 5)
    item.velocities[:] = wanted
    outputs = torch.zeros(1, len(wanted), N_OUTPUTS)
    outputs[0, :, 1] = torch.tensor(found)
    losses = losses_of(Fixed(outputs), collate([item], config, None))
    return float(losses[1]), float(losses[2])


def test_velocities_on_one_line_are_not_far_off(config: RescorerRunConfig) -> None:
    wanted = [20.0, 50.0, math.nan, 80.0, 110.0]
    exact, lined = (velocity_losses(v, wanted, config) for v in (wanted, [50.0, 60.0, 1.0, 70.0, 80.0]))
    assert lined[1] < 0.01
    assert exact[0] < 1e-6 < lined[0]


def test_an_outlier_costs_the_same_however_far_it_is_off(config: RescorerRunConfig) -> None:
    wanted = [20.0, 50.0, 80.0, 110.0] * 10
    near, far = (velocity_losses([*wanted[:-1], value], wanted, config)[1] for value in (40.0, 10.0))
    assert 0.01 < near < far < 0.2


def test_losses_of_nothing_and_of_even_velocities_are_finite(config: RescorerRunConfig) -> None:
    for wanted in ([math.nan, math.nan], [64.0, 64.0, 64.0], [64.0]):
        assert all(math.isfinite(loss) for loss in velocity_losses([60.0] * len(wanted), wanted, config))


def test_sounds_of_one_tom_are_to_lie_together(config: RescorerRunConfig) -> None:
    item = some_item(12, 6)
    item.toms[:] = [0, 0, 1, 1, 2, 2, -1, -1, 0, 1, 2, -1]

    def loss(place_of_stroke: NDArray[np.int8]) -> float:
        outputs = torch.zeros(1, 12, N_OUTPUTS)
        outputs[0, :, 2] = 3.0 * torch.from_numpy(place_of_stroke.astype(np.float32))
        return float(losses_of(Fixed(outputs), collate([item], config, None))[3].detach())

    assert loss(item.toms) < 0.2 < 0.8 < loss(np.roll(item.toms, 1))
    item.toms[:] = -1
    assert loss(item.toms) == 0


# Runs -----------------------------------------------------------------------------------------------


def copied(config: RescorerRunConfig, output: Path, **changes: object) -> RescorerRunConfig:
    """Return the run in another folder, with its items."""
    other = config.model_copy(update={"output": output, **changes})
    shutil.copytree(config.folder / "items", other.folder / "items")
    return other


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(
    config: RescorerRunConfig, tmp_path: Path
) -> None:
    whole = copied(config, tmp_path / "whole")
    train_rescorer(whole)
    cut = copied(config, tmp_path / "cut")

    class Interruption(Exception):
        pass

    save = Progress.save

    def save_and_stop(progress: Progress, path: Path) -> None:
        save(progress, path)
        if path.name == LAST:
            raise Interruption

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "save", save_and_stop)
        with pytest.raises(Interruption):
            train_rescorer(cut)
    with pytest.raises(ConfigError, match="holds an earlier run; pass --resume"):
        train_rescorer(cut)
    train_rescorer(cut, resume=True)
    one, other = (load_rescorer_network(run.folder / LAST).state_dict() for run in (whole, cut))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (whole.folder / BEST).exists()


def test_a_run_may_begin_with_the_weights_of_another(config: RescorerRunConfig, tmp_path: Path) -> None:
    first = copied(config, tmp_path / "first")
    train_rescorer(first)
    still = copied(
        config, tmp_path / "second", init_from=first.folder / LAST, num_steps=1, learning_rate=1e-12
    )
    train_rescorer(still)
    one, other = (load_rescorer_network(run.folder / LAST).state_dict() for run in (first, still))
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    saved = torch.load(first.folder / LAST, weights_only=True)
    saved["averaged"] = {"another": torch.zeros(3)}
    torch.save(saved, tmp_path / "other.ckpt")
    strange = copied(config, tmp_path / "third", init_from=tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match="no layer of this checkpoint fits"):
        train_rescorer(strange)


def test_learning_lowers_the_loss(config: RescorerRunConfig, tmp_path: Path) -> None:
    items = read_items(config, "train")
    batch = collate(items, config, None)

    def loss(network: Rescorer) -> float:
        with torch.inference_mode():
            return float(losses_of(network, batch)[0])

    torch.manual_seed(config.seed)
    before = loss(Rescorer(RescorerSpec(N_INPUTS, **config.model.model_dump())).eval())
    longer = copied(config, tmp_path, num_steps=150, every_n_steps=150, learning_rate=0.01, average=0.8)
    train_rescorer(longer)
    assert loss(load_rescorer_network(longer.folder / LAST)) < 0.8 * before


def test_the_export_answers_as_torch_and_is_taken_up_beside_its_transcriber(
    config: RescorerRunConfig, plain: Path, tmp_path: Path
) -> None:
    run = copied(config, tmp_path / "run")
    best = train_rescorer(run)
    output = tmp_path / "rescorer.onnx"
    card = export_rescorer(best, run, output, "drumlane train rescorer --config x.yaml")
    assert card.transcriber == load_model(plain).card.sha256
    assert {source.name for source in card.training.data} >= {"Groove MIDI Dataset"}
    rescorer = load_rescorer(output, card.transcriber)
    item = read_items(run, "train")[0]
    known = with_balance(item.features.astype(np.float32))
    verdicts = rescorer.run(known, item.times)
    network = load_rescorer_network(best)
    with torch.inference_mode():
        expected = network(torch.from_numpy(known)[None], torch.from_numpy(item.times)[None])[0].numpy()
    assert np.allclose(verdicts.probability, 1 / (1 + np.exp(-expected[:, 0])), atol=1e-5)
    assert np.allclose(verdicts.velocity, expected[:, 1], atol=1e-2)
    assert np.allclose(verdicts.sounds, expected[:, 2:], atol=1e-4)
    alone = RescorerVerdicts([network]).eval()
    assert check_rescorer_parity([alone], rescorer_onnx([alone])) <= 1e-5

    # With another one: the mean of both, and the sounds of its own.
    torch.manual_seed(1)
    other = Rescorer(RescorerSpec(N_INPUTS, width=24, n_heads=2, n_layers=1)).eval()
    torch.save({"model": asdict(other.spec), "averaged": other.state_dict()}, tmp_path / "other.ckpt")
    both = run.model_copy(update={"together_with": [tmp_path / "other.ckpt"]})
    export_rescorer(best, both, tmp_path / "both.onnx", "x")
    mean = load_rescorer(tmp_path / "both.onnx", card.transcriber).run(known, item.times)
    with torch.inference_mode():
        second = other(torch.from_numpy(known)[None], torch.from_numpy(item.times)[None])[0].numpy()
    logits = (expected[:, 0] + second[:, 0]) / 2
    assert np.allclose(mean.probability, 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert np.allclose(mean.velocity, (expected[:, 1] + second[:, 1]) / 2, atol=1e-2)
    assert np.allclose(mean.sounds, verdicts.sounds, atol=1e-4)
    with pytest.raises(ValueError, match="need the same features"):
        RescorerVerdicts([network, Rescorer(RescorerSpec(3, width=8, n_heads=2, n_layers=1))])

    with pytest.raises(ModelError, match="learnt to listen to the network"):
        load_rescorer(output, "0" * 64)

    # Beside a transcriber whose card names it, it is taken up; another one is not.
    model = tmp_path / "model.onnx"
    shutil.copy(plain, model)
    fields = json.loads(plain.with_suffix(".json").read_text(encoding="utf-8"))
    for sha256, problem in ((card.sha256, None), ("1" * 64, "export the two together")):
        model.with_suffix(".json").write_text(json.dumps(fields | {"rescorer": sha256}), encoding="utf-8")
        for suffix in (".onnx", ".json"):
            shutil.copy(output.with_suffix(suffix), rescorer_beside(model).with_suffix(suffix))
        if problem is None:
            assert load_model(model).rescorer is not None
            continue
        with pytest.raises(ModelError, match=problem):
            load_model(model)
    rescorer_beside(model).unlink()
    with pytest.raises(ModelError, match="no such model file"):
        load_model(model)
    assert load_model(plain).rescorer is None


def test_a_second_round_learns_from_the_verdicts_of_the_first_and_goes_with_it(
    config: RescorerRunConfig, plain: Path, data: dict[str, str], tmp_path: Path
) -> None:
    firsts = []
    for number in range(2):
        torch.manual_seed(number)
        first = Rescorer(RescorerSpec(N_INPUTS, width=16, n_heads=2, n_layers=1)).eval()
        firsts.append(tmp_path / f"first-{number}.ckpt")
        torch.save({"model": asdict(first.spec), "averaged": first.state_dict()}, firsts[-1])
    run = config_of(plain, data, tmp_path, after=firsts)
    best = train_rescorer(run)
    heard, judged = read_items(config, "train"), read_items(run, "train")
    judges = together(firsts)
    for one, other in zip(heard, judged, strict=True):
        known = torch.from_numpy(with_balance(one.features.astype(np.float32)))[None]
        with torch.inference_mode():
            probability = judges(known, torch.from_numpy(one.times)[None])[0, :, 0].numpy()
        assert np.array_equal(one.real, other.real)
        told = 1 / (1 + np.exp(-2 * other.features[:, OWN_HEIGHTS.start].astype(np.float64)))
        assert np.allclose(told, probability, atol=0.01)  # items are kept as half floats

    card = export_rescorer(best, run, tmp_path / "rescorer.onnx", "x")
    assert card.rounds == 2
    rescorer = load_rescorer(tmp_path / "rescorer.onnx", card.transcriber)
    for number, networks in enumerate((judges, together([best]))):
        known = with_balance(judged[0].features.astype(np.float32))
        verdicts = rescorer.run(known, judged[0].times, number)
        with torch.inference_mode():
            inputs = (torch.from_numpy(known)[None], torch.from_numpy(judged[0].times)[None])
            expected = networks(*inputs)[0].numpy()
        assert np.allclose(verdicts.probability, expected[:, 0], atol=1e-5)
        assert np.allclose(verdicts.velocity, expected[:, 1], atol=1e-2)

    unaware = run.model_copy(update={"after": []})
    with pytest.raises(ConfigError, match="made with another after"):
        list(make_items(unaware, "train"))
    narrow = Rescorer(RescorerSpec(3, width=8, n_heads=2, n_layers=1))
    torch.save({"model": asdict(narrow.spec), "averaged": narrow.state_dict()}, firsts[0])
    with pytest.raises(ModelError, match=r"first-0\.ckpt.* need the same features"):
        export_rescorer(best, run, tmp_path / "no.onnx", "x")
    with pytest.raises(ModelError, match="other features of a stroke"):
        export_rescorer(best, run.model_copy(update={"after": firsts[:1]}), tmp_path / "no.onnx", "x")
    assert not (tmp_path / "no.onnx").exists()


def test_a_transcriber_is_calibrated_on_what_its_rescorer_makes_of_it(
    config: RescorerRunConfig, data: dict[str, str], tmp_path: Path
) -> None:
    run = copied(config, tmp_path / "run")
    rescorer = tmp_path / "rescorer.onnx"
    export_rescorer(train_rescorer(run), run, rescorer, "drumlane train rescorer --config x.yaml")
    of_transcriber = parse_config({"data": data}, "test")
    checkpoint, output = ROOT / "checkpoints" / "transcriber-4.ckpt", tmp_path / "model.onnx"
    few = Calibrating(n_items=4, seconds=6.0, rescorer=rescorer)
    card = export_transcriber([checkpoint], of_transcriber, output, "drumlane train transcriber", few)
    assert card.repetition == 0
    assert set(card.velocity.values()) == {PLAIN_VELOCITY}
    assert rescorer_beside(output).read_bytes() == rescorer.read_bytes()
    transcriber = Transcriber(output)
    assert transcriber.model.rescorer is not None
    assert transcriber.model.card.rescorer == card.rescorer
    assert transcriber.transcribe(np.random.default_rng(0).normal(0, 0.1, 88200), 44100).duration == 2.0
    with pytest.raises(ModelError, match="leave --thresholds or --rescorer out"):
        export_transcriber(
            [checkpoint], of_transcriber, output, "x", replace(few, thresholds=(0.5,) * len(LANES))
        )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x", "'transcriber': Field required"),
        (
            "transcriber: a.onnx\ndata: {grooves: g, kits: k}\nn_itms: 3",
            "'n_itms' is unknown; did you mean: n_items",
        ),
        (
            "transcriber: a.onnx\ndata: {grooves: g, kits: k}\nmodel: {widht: 3}",
            "unknown; did you mean: width",
        ),
        ("[]", "a configuration is a table of keys"),
    ],
)
def test_bad_configurations_say_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")):
        read_rescorer_config(path)


@pytest.mark.parametrize("name", ["rescorer.yaml", "rescorer-again.yaml"])
def test_the_configurations_of_the_repository_can_be_read(name: str) -> None:
    config = read_rescorer_config(ROOT / "configs" / name, ["num_steps=7"])
    assert config.num_steps == 7
    assert config.data.kits is not None
    assert read_config(ROOT / "configs" / "transcriber.yaml").data.kits == config.data.kits
    assert all((ROOT / path).exists() for path in (*config.after, *config.together_with))


def test_no_checkpoint_is_no_rescorer(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a checkpoint of a rescorer"):
        load_rescorer_network(path)
