"""Networks: every frame has its answer, every weight learns, one batch can be overfitted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="networks need the train extra")
from drumlane.networks.context import DILATIONS, Attention, DilatedContext  # noqa: E402
from drumlane.networks.transcriber import NetworkSpec, Probabilities, TranscriberNetwork, without_colour  # noqa: E402
from drumlane.training.checkpoints import fitting_weights  # noqa: E402
from drumlane.training.module import batch_losses, without_some_bands  # noqa: E402

pytestmark = pytest.mark.train

SPEC = NetworkSpec(
    n_mels=16,
    n_low=6,
    conv_filters=(4, 4, 6),
    bottleneck=12,
    hidden_size=8,
    num_gru_layers=2,
    dropout_cnn=0.0,
    dropout_context=0.0,
)
CONTEXTS = ("dilated", "gru")
WIDTH = SPEC.n_mels + SPEC.n_low


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=[("dilated", 0), ("gru", 0), ("gru", 10)])
def network(request: pytest.FixtureRequest) -> TranscriberNetwork:
    torch.manual_seed(0)
    context, velocity_hidden = request.param
    return TranscriberNetwork(replace(SPEC, context=context, velocity_hidden=velocity_hidden))


def some_features(batch: int = 3, frames: int = 40) -> "torch.Tensor":
    return 3 * torch.rand(batch, frames, WIDTH, generator=torch.Generator().manual_seed(1))


def some_batch() -> tuple["torch.Tensor", ...]:
    rng = torch.Generator().manual_seed(2)
    onset = (torch.rand(3, 40, 8, generator=rng) < 0.05).float()
    return (
        some_features(),
        onset,
        torch.rand(3, 40, 8, generator=rng),
        (torch.rand(3, 40, 6, generator=rng) < 0.5).float(),
    )


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 57), (3, 40)])
def test_every_frame_has_an_answer_from_every_head(
    network: TranscriberNetwork, batch: int, frames: int
) -> None:
    out = network.eval()(some_features(batch, frames))
    assert out.onset.shape == out.velocity.shape == out.presence.shape == (batch, frames, 8)
    assert out.articulation.shape == (batch, frames, 6)


def test_probabilities_are_the_heads_between_0_and_1(network: TranscriberNetwork) -> None:
    features = some_features()
    logits = network.eval()(features)
    for probability, logit in zip(Probabilities(network).eval()(features), logits, strict=True):
        assert probability.min() >= 0
        assert probability.max() <= 1
        torch.testing.assert_close(torch.logit(probability), logit, atol=1e-3, rtol=1e-3)


def test_the_gradient_reaches_every_weight(network: TranscriberNetwork) -> None:
    batch = some_batch()
    sum(batch_losses(network(batch[0]), batch, torch.ones(8))).backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.slow
def test_one_batch_can_be_overfitted(network: TranscriberNetwork) -> None:
    batch, losses = some_batch(), []
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(150):
        loss = sum(batch_losses(network(batch[0]), batch, torch.ones(8)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 5


def test_velocity_and_articulation_are_learnt_where_something_was_struck_only(
    network: TranscriberNetwork,
) -> None:
    features, onset, velocity, articulation = some_batch()
    with torch.no_grad():
        out = network.eval()(features)
    losses = batch_losses(out, (features, onset, velocity, articulation), torch.ones(8))
    elsewhere = (features, onset, torch.where(onset > 0, velocity, 1 - velocity), articulation)
    torch.testing.assert_close(batch_losses(out, elsewhere, torch.ones(8)).velocity, losses.velocity)
    silent = batch_losses(out, (features, 0 * onset, velocity, articulation), torch.ones(8))
    assert float(silent.velocity) == float(silent.articulation) == 0.0


def test_an_item_s_answer_does_not_depend_on_its_batch(network: TranscriberNetwork) -> None:
    features = some_features()
    together = network.eval()(features)
    for i in range(len(features)):
        alone = network(features[i : i + 1])
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a[0], b[i], atol=1e-5, rtol=1e-5)


def test_the_past_is_heard_and_padding_far_away_changes_little(network: TranscriberNetwork) -> None:
    features = some_features(1, 400)
    whole = network.eval()(features).onset[0]
    longer = network(torch.cat([features, torch.zeros(1, 200, WIDTH)], dim=1)).onset[0]
    torch.testing.assert_close(longer[:300], whole[:300], atol=0.01, rtol=0.01)
    before = network(torch.cat([5 * features[:, :10], features[:, 10:]], dim=1)).onset[0]
    assert float((before - whole).detach()[20:30].abs().max()) > 1e-4


def test_attention_hears_what_no_convolution_reaches() -> None:
    torch.manual_seed(0)
    context = DilatedContext(width=16, dropout=0.0).eval()
    x = torch.rand(1, 600, 16)
    changed = x.clone()
    changed[:, 500:] += 3.0
    far = slice(0, 500 - 2 * sum(DILATIONS) - 1)
    sounding = torch.ones(1, 600, 1)
    moved = (context(changed, sounding) - context(x, sounding)).detach()[:, far].abs()
    assert float(moved.amax(dim=2).min()) > 1e-5
    convolutions = torch.nn.Sequential(*(block for stage in context.stages for block in list(stage)[:-1]))
    a, b = convolutions(x.transpose(1, 2)), convolutions(changed.transpose(1, 2))
    torch.testing.assert_close(a[..., far], b[..., far])


def test_attention_takes_the_same_from_an_excerpt_and_from_the_excerpt_twice() -> None:
    torch.manual_seed(0)
    attention = Attention(width=16, dropout=0.0).eval()
    x, sounding = torch.rand(1, 16, 64), torch.ones(1, 64, 1)
    twice = attention(x.repeat(1, 1, 2), sounding.repeat(1, 2, 1))
    torch.testing.assert_close(twice[..., :64], attention(x, sounding), atol=1e-5, rtol=1e-5)


def test_attention_does_not_ask_silence_and_bears_nothing_but_silence() -> None:
    torch.manual_seed(0)
    attention = Attention(width=16, dropout=0.0).eval()
    x, sounding = torch.rand(1, 16, 64), torch.ones(1, 64, 1)
    followed = attention(
        torch.cat([x, torch.rand(1, 16, 80)], 2), torch.cat([sounding, torch.zeros(1, 80, 1)], 1)
    )
    torch.testing.assert_close(followed[..., :64], attention(x, sounding), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(attention(x, 0 * sounding), attention(x, sounding), atol=1e-4, rtol=1e-4)


def test_the_second_view_does_not_see_what_a_whole_recording_is_coloured_by() -> None:
    features = some_features()
    colour = torch.linspace(0.5, 3.0, WIDTH)
    torch.testing.assert_close(
        without_colour(features + colour), without_colour(features), atol=1e-5, rtol=1e-4
    )
    louder = without_colour(3 * features)
    torch.testing.assert_close(louder, without_colour(features), atol=0.1, rtol=0.05)


def test_silence_has_no_colour_and_lends_none() -> None:
    features = some_features(1, 60)
    silence = torch.zeros(1, 30, WIDTH)
    view = without_colour(torch.cat([silence, features, silence], dim=1))
    assert not view[:, :30].any()
    torch.testing.assert_close(view[:, 30:90], without_colour(features), atol=1e-5, rtol=1e-5)
    assert not without_colour(silence).any()


def test_a_lane_is_present_in_every_frame_of_an_item_that_strikes_it(network: TranscriberNetwork) -> None:
    batch = some_batch()
    present = (batch[1].amax(dim=1, keepdim=True) > 0.3).float()
    with torch.no_grad():
        out = network.eval()(batch[0])
    right = out._replace(presence=(present * 40 - 20).expand_as(out.presence))
    assert float(batch_losses(right, batch, torch.ones(8)).presence) < 1e-6
    wrong = out._replace(presence=-right.presence)
    assert float(batch_losses(wrong, batch, torch.ones(8)).presence) > 10


def test_onsets_are_rare_before_any_training(network: TranscriberNetwork) -> None:
    assert torch.sigmoid(network.eval()(some_features()).onset).mean() < 0.15


@pytest.mark.parametrize(("n_mels", "filters"), [(8, (2, 2, 2, 2)), (80, ())])
def test_a_spec_whose_mels_would_vanish_is_refused(n_mels: int, filters: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="conv_filters"):
        NetworkSpec(n_mels=n_mels, conv_filters=filters)


def test_a_width_that_the_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match="bottleneck=13 must be a multiple of 4"):
        replace(SPEC, bottleneck=13)


def test_a_network_that_knows_no_low_bands_goes_on_with_them_as_it_was() -> None:
    torch.manual_seed(0)
    before = TranscriberNetwork(replace(SPEC, n_low=0)).eval()
    after = TranscriberNetwork(SPEC).eval()
    given = {f"averaged.module.{name}": weights for name, weights in before.state_dict().items()}
    after.load_state_dict(fitting_weights(given, after.state_dict()), strict=False)
    features = some_features()
    for a, b in zip(before(features[..., : SPEC.n_mels]), after(features), strict=True):
        torch.testing.assert_close(a, b)


def test_the_velocity_head_hears_the_attack_and_nothing_that_came_long_before() -> None:
    attack = TranscriberNetwork(replace(SPEC, context="gru", velocity_hidden=10)).eval().attack
    assert attack is not None
    features = torch.zeros(1, 60, WIDTH)
    features[:, 30:] = 2.0  # a stroke that rings on
    with torch.inference_mode():
        heard = attack(*features.split((SPEC.n_mels, SPEC.n_low), dim=2))[0]
    n_bands = SPEC.n_mels // 4
    loudest, before = heard[:, :n_bands], heard[:, n_bands : 2 * n_bands]
    assert loudest[20].max() == 0 < loudest[25].min()  # five frames ahead
    assert before[34].max() == 0 < before[36].min()  # until what was there before is as loud


def test_left_out_bands_are_mels_beside_each_other_of_single_items() -> None:
    features = torch.ones(40, 6, WIDTH)
    torch.manual_seed(3)
    left = without_some_bands(features, SPEC.n_mels, 5)
    silent = left == 0
    assert torch.equal(silent.all(dim=1), silent.any(dim=1)), "the whole excerpt, or not at all"
    bands = silent[:, 0]
    assert not bands[:, SPEC.n_mels :].any(), "low bands stay"
    widths = bands.sum(dim=1)
    assert set(widths.tolist()) == set(range(6))
    for item in bands:
        at = item.nonzero().flatten()
        assert not len(at) or int(at[-1] - at[0]) == len(at) - 1
    assert without_some_bands(features, SPEC.n_mels, 0) is features
