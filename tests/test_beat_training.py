"""Training of the beat network: songs know their beats, runs resume, and the export says what torch says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training needs the train extra")
from drumlane.data.gmd import load_grooves  # noqa: E402
from drumlane.errors import ConfigError, ModelError  # noqa: E402
from drumlane.models.beat_model import PART_FRAMES, SHIPPED_BEATS, load_beat_model  # noqa: E402
from drumlane.networks.beats import BeatNetwork, BeatNetworkSpec, BeatProbabilities  # noqa: E402
from drumlane.training.beat_batches import beat_batch, beat_item  # noqa: E402
from drumlane.training.beat_config import BeatRunConfig, read_beat_config  # noqa: E402
from drumlane.training.beat_export import beat_onnx, check_beat_parity, export_beats  # noqa: E402
from drumlane.training.beat_hearing import heard  # noqa: E402
from drumlane.training.beat_patterns import FEELS, compose_phrase  # noqa: E402
from drumlane.training.beat_phrases import agreement, phrases_of  # noqa: E402
from drumlane.training.beat_run import load_beat_network, train_beats  # noqa: E402
from drumlane.training.beat_songs import Phrases, draw_song  # noqa: E402
from drumlane.training.torch_files import BEST, LAST  # noqa: E402
from drumlane.vocabulary import Lane  # noqa: E402
from material import write_grooves  # noqa: E402

pytestmark = pytest.mark.train

TINY = BeatNetworkSpec(width=4, n_layers=3)
seeds = st.integers(0, 2**32 - 1)
NO_GROOVES = Phrases((), ())


@pytest.fixture(scope="module")
def grooves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("grooves")
    write_grooves(root)
    return root


def config_of(grooves: Path, output: Path, **changes: object) -> BeatRunConfig:
    fields = {
        "grooves": grooves,
        "output": output,
        "seconds": 8.0,
        "batch_size": 2,
        "num_steps": 4,
        "every_n_steps": 2,
        "validation_items": 2,
        "num_threads": 1,
        "model": TINY,
    }
    return BeatRunConfig.model_validate(fields | changes)


# Songs ----------------------------------------------------------------------------------------------


def test_human_grooves_begin_on_a_bar_line(grooves: Path) -> None:
    beats, fills = phrases_of(load_grooves(grooves, "train"))
    assert fills == []
    kicks = beats[0].places[beats[0].lanes == Lane.KICK]
    assert np.allclose(kicks / 2, np.rint(kicks / 2), atol=0.01)
    assert agreement(beats[0].places) > 0.9
    assert agreement(np.random.default_rng(0).uniform(0, 100, 300)) < 0.3


def test_some_bars_of_a_phrase_are_moved_to_its_start(grooves: Path) -> None:
    phrase = phrases_of(load_grooves(grooves, "train"))[0][0]
    part = phrase.bars(1, 2)
    assert part.n_bars == 2
    assert part.places.min() > -0.13
    assert part.places.max() < 8
    whole = phrase.places[(phrase.places >= 3.9) & (phrase.places < 11.85)] - 4
    assert np.allclose(part.places, whole)


@given(seeds)
@settings(deadline=None)
def test_composed_bars_hold_strokes_of_known_lanes_and_some_kick_on_one(seed: int) -> None:
    phrase = compose_phrase(np.random.default_rng(seed))
    assert phrase.meter in {feel.meter for feel in FEELS}
    assert phrase.places.min() >= 0
    assert phrase.places.max() < phrase.n_bars * phrase.meter + 0.01
    assert set(phrase.lanes.tolist()) <= set(range(8))
    assert ((phrase.velocities >= 1) & (phrase.velocities <= 127)).all()


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_a_songs_beats_ascend_at_a_rate_a_foot_can_tap(seed: int) -> None:
    song = draw_song(NO_GROOVES, 20.0, np.random.default_rng(seed))
    intervals = np.diff(song.beats)
    assert (intervals > 60 / 240 / 1.5).all()
    assert (intervals < 60 / 48 * 1.5).all()
    assert np.isin(song.downbeats, song.beats).all()


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_transcribers_errors_leave_the_beats_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    song = draw_song(NO_GROOVES, 20.0, rng)
    worse = heard(song, 20.0, rng)
    assert worse.beats is song.beats
    assert len(worse.times) == len(worse.lanes) == len(worse.velocities)
    assert ((worse.velocities >= 1) & (worse.velocities <= 127)).all()


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_an_item_is_the_same_whenever_it_is_drawn(seed: int) -> None:
    one, two = (beat_item(NO_GROOVES, 10.0, (seed, 3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    strokes, targets = one
    assert (strokes.shape, targets.shape) == ((500, 8), (500, 2))
    assert 0 <= min(strokes.min(), targets.min()) <= max(strokes.max(), targets.max()) <= 1
    assert (targets[:, 1] <= targets[:, 0] + 1e-6).all()  # a downbeat is a beat


# The network ----------------------------------------------------------------------------------------


def test_a_frame_knows_its_context_and_no_more() -> None:
    torch.manual_seed(0)
    spec = BeatNetworkSpec(width=24, n_layers=3)
    network = BeatNetwork(spec).eval()
    strokes = torch.rand(1, 200, 8)
    changed = strokes.clone()
    changed[0, 100] = 1 - changed[0, 100]
    with torch.inference_mode():
        differs = (network(strokes) != network(changed)).any(dim=2)[0]
    reach = differs.nonzero().flatten()
    assert (reach.min(), reach.max()) == (100 - spec.context, 100 + spec.context)


@pytest.mark.slow
def test_one_batch_can_be_overfitted() -> None:
    torch.manual_seed(0)
    strokes, targets = beat_batch(NO_GROOVES, 2, 10.0, (1,))
    network = BeatNetwork(BeatNetworkSpec(width=16, n_layers=6, dropout=0.0))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(120):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(strokes), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach().item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_export_says_what_torch_says_at_three_lengths() -> None:
    torch.manual_seed(0)
    network = BeatProbabilities(BeatNetwork(TINY)).eval()
    assert check_beat_parity(network, beat_onnx(network)) < 1e-5
    other = BeatProbabilities(BeatNetwork(TINY)).eval()
    with pytest.raises(ModelError, match="differs from torch"):
        check_beat_parity(other, beat_onnx(network))


# Runs -----------------------------------------------------------------------------------------------


def test_a_resumed_run_ends_like_one_that_was_not_interrupted(grooves: Path, tmp_path: Path) -> None:
    whole = config_of(grooves, tmp_path, name="whole")
    train_beats(whole)
    # Interrupted: stopped after two of the four steps of its schedule.
    parts = config_of(grooves, tmp_path, name="parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drumlane.training.beat_run._validate", stopping_after(2))
        with pytest.raises(KeyboardInterrupt):
            train_beats(parts)
    train_beats(parts, resume=True)
    one, two = (load_beat_network(c.folder / LAST).state_dict() for c in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)


def stopping_after(n_steps: int):
    from drumlane.training import beat_run

    validate = beat_run._validate

    def validate_and_stop(state, *arguments) -> None:
        validate(state, *arguments)
        if state.progress.step == n_steps:
            raise KeyboardInterrupt

    return validate_and_stop


def test_a_run_is_not_mixed_with_an_earlier_one(grooves: Path, tmp_path: Path) -> None:
    config = config_of(grooves, tmp_path)
    with pytest.raises(ConfigError, match="leave --resume out"):
        train_beats(config, resume=True)
    assert train_beats(config) == config.folder / BEST
    with pytest.raises(ConfigError, match="pass --resume"):
        train_beats(config)
    wider = config_of(grooves, tmp_path, model=BeatNetworkSpec(width=6, n_layers=3))
    with pytest.raises(ConfigError, match="another"):
        train_beats(wider, resume=True)


def test_an_exported_run_is_loaded_and_hears_long_pieces_in_parts(grooves: Path, tmp_path: Path) -> None:
    config = config_of(grooves, tmp_path)
    best = train_beats(config)
    card = export_beats(best, config, tmp_path / "beats.onnx", "drumlane train beats")
    model = load_beat_model(tmp_path / "beats.onnx", threads=1)
    assert model.card == card
    assert card.context == TINY.context
    strokes = np.random.default_rng(0).random((PART_FRAMES + 700, 8)).astype(np.float32)
    with torch.inference_mode():
        whole = torch.sigmoid(load_beat_network(best)(torch.from_numpy(strokes[None])))[0].numpy()
    assert np.abs(model.run(strokes) - whole).max() < 1e-5
    assert model.run(strokes[:0]).shape == (0, 2)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a checkpoint of a beat network"):
        load_beat_network(tmp_path / "x.ckpt")
    with pytest.raises(ModelError, match="cannot read"):
        load_beat_network(tmp_path / "y.ckpt")
    torch.save({"state": 1}, tmp_path / "z.ckpt")
    with pytest.raises(ModelError, match="not a checkpoint of a beat network"):
        load_beat_network(tmp_path / "z.ckpt")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("grooves: x\nsecnds: 3", [], "'secnds' is unknown; did you mean: seconds"),
        ("grooves: x\nseconds: 1", [], "'seconds': Input should be greater"),
        ("seconds: 10", [], "'grooves': Field required"),
        ("- 1", [], "a configuration is a table"),
        ("grooves: x", ["model.widht=3"], "unknown; did you mean: width"),
        ("grooves: x", ["seconds"], "write it as section.key=value"),
    ],
)
def test_wrong_configurations_are_explained(
    tmp_path: Path, text: str, overrides: list[str], message: str
) -> None:
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_beat_config(tmp_path / "c.yaml", overrides)


def test_the_shipped_configuration_is_read_and_the_shipped_network_is_its() -> None:
    repository = Path(__file__).resolve().parents[1]
    config = read_beat_config(repository / "configs" / "beats.yaml", ["seed=7"])
    assert config.seed == 7
    card = load_beat_model().card
    assert card.context == config.model.context
    assert card.parameters == sum(p.numel() for p in BeatNetwork(config.model).parameters())
    assert card.parameters <= 150_000
    assert card.training.command == "drumlane train beats --config configs/beats.yaml"


# The card -------------------------------------------------------------------------------------------


def test_the_shipped_card_says_where_the_weights_come_from() -> None:
    card = load_beat_model().card
    assert card.license == "MIT"
    assert card.sha256 == hashlib.sha256(SHIPPED_BEATS.read_bytes()).hexdigest()
    assert any(
        "CC BY 4.0" in source.licence and "Gillick" in source.attribution for source in card.training.data
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 0}, "format_version 0, this version of drumlane reads 1"),
        ({"lanes": ["kick"]}, "lanes: lanes \\['kick'\\] are not"),
        ({"sha256": "0" * 64}, "its card says 000000000000"),
        ({"extra": 1}, "extra: Extra inputs"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    (tmp_path / "b.onnx").write_bytes(SHIPPED_BEATS.read_bytes())
    fields = json.loads(SHIPPED_BEATS.with_suffix(".json").read_text(encoding="utf-8"))
    (tmp_path / "b.json").write_text(json.dumps(fields | changes), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_beat_model(tmp_path / "b.onnx")


def test_another_network_is_no_beat_network(tmp_path: Path) -> None:
    transcriber = SHIPPED_BEATS.with_name("transcriber.onnx").read_bytes()
    (tmp_path / "b.onnx").write_bytes(transcriber)
    fields = json.loads(SHIPPED_BEATS.with_suffix(".json").read_text(encoding="utf-8"))
    fields["sha256"] = hashlib.sha256(transcriber).hexdigest()
    (tmp_path / "b.json").write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(ModelError, match="not a beat network"):
        load_beat_model(tmp_path / "b.onnx")
