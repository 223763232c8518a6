"""Rescorer: reads the possible strokes of a minute or two as a sequence and judges each.

Flow: transcription.stroke_features -> **rescorer** -> training.rescorer_export -> models.rescorer_model

A transformer encoder gives verdicts. Strokes have times, not places in a list: queries and keys are rotated
by angles proportional to seconds (Su et al., "RoFormer", 2021), with periods from 60 ms to 40 s, so that
attention sees the time between two strokes and nothing else of when they were.

Beside it a perceptron, which knows nothing but the stroke itself, places its sound in a space where strokes
on one tom lie close together, as voices are told apart (Snyder et al., "X-vectors", ICASSP 2018).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N_SOUND = 8
N_OUTPUTS = 2 + N_SOUND  # logit of a stroke, velocity, where its sound lies
_JUDGED = 2
_SOUND_WIDTH, _SOUND_DROPOUT = 128, 0.2
_PERIODS = (0.06, 40.0)  # s
_MIDDLE_VELOCITY, _VELOCITY_SCALE = 64.0, 32.0


@dataclass(frozen=True, slots=True)
class RescorerSpec:
    """The numbers that rebuild the network."""

    n_features: int
    width: int = 96
    n_heads: int = 4
    n_layers: int = 4
    dropout: float = 0.0  # of what each layer adds, in training

    def __post_init__(self) -> None:
        if min(self.n_features, self.width, self.n_heads, self.n_layers) < 1:
            raise ValueError(f"{self}: every number must be 1 or more")
        if self.width % (2 * self.n_heads):
            raise ValueError(f"width={self.width} must be a multiple of twice n_heads={self.n_heads}")


class Rescorer(nn.Module):
    """Features (batch, strokes, features) to outputs (batch, strokes, ``N_OUTPUTS``)."""

    def __init__(self, spec: RescorerSpec) -> None:
        super().__init__()
        self.spec = spec
        self.inputs = nn.Linear(spec.n_features, spec.width)
        self.straight = nn.Linear(spec.n_features, _JUDGED)
        self.layers = nn.ModuleList(
            _Layer(spec.width, spec.n_heads, spec.dropout) for _ in range(spec.n_layers)
        )
        self.norm = nn.LayerNorm(spec.width)
        self.outputs = nn.Linear(spec.width, _JUDGED)
        self.sound = nn.Sequential(
            nn.Linear(spec.n_features, _SOUND_WIDTH),
            nn.GELU(),
            nn.Dropout(_SOUND_DROPOUT),
            nn.Linear(_SOUND_WIDTH, _SOUND_WIDTH),
            nn.GELU(),
            nn.Dropout(_SOUND_DROPOUT),
            nn.Linear(_SOUND_WIDTH, N_SOUND),
        )
        self.likeness = nn.Parameter(torch.ones(()))  # logit that two strokes in one place are on one drum
        n_angles = spec.width // spec.n_heads // 2
        shortest, longest = (math.log10(period) for period in _PERIODS)
        periods = torch.logspace(shortest, longest, n_angles)
        self.register_buffer("speeds", 2 * math.pi / periods)

    def forward(self, strokes: Tensor, times: Tensor, there: Tensor | None = None) -> Tensor:
        """Return logits of strokes, velocities in MIDI steps, and places of sounds.

        Args:
            strokes: (batch, strokes, features).
            times: (batch, strokes), seconds.
            there: (batch, strokes), False for padding; None: all are there.
        """
        angles = times[:, None, :, None] * self.get_buffer("speeds")
        turns = (angles.cos(), angles.sin())
        mask = None if there is None else there[:, None, None, :]
        hidden = self.inputs(strokes)
        for layer in self.layers:
            hidden = layer(hidden, turns, mask)
        found = self.outputs(self.norm(hidden)) + self.straight(strokes)
        velocity = _MIDDLE_VELOCITY + _VELOCITY_SCALE * found[..., 1:2]
        return torch.cat([found[..., :1], velocity, self.sound(strokes)], dim=-1)

    def logits_of_likeness(self, sounds: Tensor) -> Tensor:
        """Return for sounds (strokes, ``N_SOUND``) whether two are of one drum, shape (strokes, strokes)."""
        return self.likeness - (sounds[:, None] - sounds[None]).square().sum(dim=-1)


class _Layer(nn.Module):
    """Attention between strokes and a network for each; (batch, strokes, width) to the same."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.together = nn.Linear(width, width)
        self.alone = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width)
        )

    def forward(self, x: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """Return x and what the other strokes add to it."""
        batch, n_strokes, width = x.shape
        split = self.query_key_value(self.norm(x)).view(batch, n_strokes, 3, self.n_heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        heard = F.scaled_dot_product_attention(_turned(query, turns), _turned(key, turns), value, mask)
        x = x + self.dropout(self.together(heard.transpose(1, 2).reshape(batch, n_strokes, width)))
        added: Tensor = x + self.dropout(self.alone(x))
        return added


def _turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turns
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.cat([even * cos - odd * sin, even * sin + odd * cos], dim=-1)


class RescorerVerdicts(nn.Module):
    """Networks as they are exported: probability, velocity, and place of the sound.

    Several answer together: by the mean of their logits and of their velocities. Sounds are the first one's,
    because each has a space of its own.
    """

    def __init__(self, networks: Sequence[Rescorer]) -> None:
        super().__init__()
        if len({network.spec.n_features for network in networks}) != 1:
            raise ValueError("networks that answer together need the same features, and there must be one")
        self.networks = nn.ModuleList(networks)
        self.n_features = networks[0].spec.n_features

    def forward(self, strokes: Tensor, times: Tensor) -> Tensor:
        """Return (batch, strokes, ``N_OUTPUTS``)."""
        found = [network(strokes, times) for network in self.networks]
        judged = torch.stack([one[..., :_JUDGED] for one in found]).mean(dim=0)
        return torch.cat([torch.sigmoid(judged[..., :1]), judged[..., 1:], found[0][..., _JUDGED:]], dim=-1)


class RescorerRounds(nn.Module):
    """What is exported: networks for each round, of which one round is asked.

    Written so that torch can compile it, and the exported network runs what it is asked only.
    """

    def __init__(self, rounds: Sequence[nn.Module]) -> None:
        super().__init__()
        self.rounds = nn.ModuleList(rounds)
        self.n_outputs = N_OUTPUTS

    def forward(self, strokes: Tensor, times: Tensor, number: Tensor) -> Tensor:
        """Return the verdicts of round ``number``, a tensor without axes; there must be one."""
        verdicts = torch.zeros(strokes.shape[0], strokes.shape[1], self.n_outputs)
        for i, one in enumerate(self.rounds):
            if bool(number == i):
                verdicts = one(strokes, times)
        return verdicts
