"""CRNN: the documented network, convolutions and a recurrence, onsets only.

Frequency is pooled, time is not: with time pooled by 8, as its documents have it, a frame would last 186 ms
and no onset could be found to 50 ms. ``time_pool`` is there for whoever wants to see that. Outputs are
logits; the sigmoid is taken in the loss or for export.

It tells onsets of the eight lanes and nothing else. The other outputs are constants: a velocity that the
user chooses, no articulation, every lane present. So it is decoded and evaluated like any other model.

Shapes: features (batch, frames, mels) -> ``Outputs`` as of ``networks.transcriber``.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from drumlane.networks.transcriber import N_ARTICULATIONS, N_LANES, Outputs

_HEAD = 64
_CERTAIN = 10.0  # logit of what is always, or never, the case


@dataclass(frozen=True, slots=True)
class CrnnSpec:
    """The numbers that rebuild the network, under the names of its documents."""

    name: Literal["crnn"] = "crnn"
    n_mels: int = 128
    n_classes: int = N_LANES
    conv_filters: tuple[int, ...] = (32, 64, 128)
    conv_kernel_size: int = 3
    pool_size: int = 2  # of frequency
    time_pool: int = 1  # frames pooled into one by each block
    dropout_cnn: float = 0.25
    hidden_size: int = 128  # per direction
    num_gru_layers: int = 3
    dropout_gru: float = 0.3
    bidirectional: bool = True
    default_velocity: int = 80  # MIDI velocity of every hit

    def __post_init__(self) -> None:
        if self.n_classes != N_LANES:
            raise ValueError(f"n_classes={self.n_classes}: the lanes are {N_LANES}")
        if not self.conv_filters or self.n_mels < self.pool_size ** len(self.conv_filters):
            raise ValueError(
                f"n_mels={self.n_mels}, conv_filters={self.conv_filters}, pool_size={self.pool_size}: every "
                "block pools the mels, and some must be left"
            )
        if self.conv_kernel_size % 2 == 0 or self.conv_kernel_size < 1:
            raise ValueError(f"conv_kernel_size={self.conv_kernel_size} must be odd")
        if min(self.pool_size, self.time_pool, self.hidden_size, self.num_gru_layers) < 1:
            raise ValueError("pool_size, time_pool, hidden_size and num_gru_layers must be 1 or more")
        if not 1 <= self.default_velocity <= 127:
            raise ValueError(f"default_velocity={self.default_velocity} must be in 1..127")

    @property
    def n_low(self) -> int:
        """Low bands that it hears: none."""
        return 0


class Crnn(nn.Module):
    """The documented network."""

    def __init__(self, spec: CrnnSpec) -> None:
        super().__init__()
        self.spec = spec
        channels = (1, *spec.conv_filters)
        self.convs = nn.Sequential(*(_block(a, b, spec) for a, b in pairwise(channels)))
        bands = spec.n_mels
        for _ in spec.conv_filters:
            bands //= spec.pool_size
        n_directions = 2 if spec.bidirectional else 1
        self.context = nn.GRU(
            spec.conv_filters[-1] * bands,
            spec.hidden_size,
            num_layers=spec.num_gru_layers,
            batch_first=True,
            bidirectional=spec.bidirectional,
            dropout=spec.dropout_gru if spec.num_gru_layers > 1 else 0.0,
        )
        self.onset = nn.Sequential(
            nn.Linear(n_directions * spec.hidden_size, _HEAD),
            nn.ReLU(),
            nn.Dropout(spec.dropout_gru),
            nn.Linear(_HEAD, spec.n_classes),
        )

    def forward(self, features: Tensor) -> Outputs:
        """Return the logits for features (batch, frames, mels)."""
        x = self.convs(features.unsqueeze(1))  # (batch, filters, frames, bands)
        x = x.transpose(1, 2).flatten(2)  # (batch, frames, filters * bands)
        onset = self.onset(self.context(x)[0])
        if self.spec.time_pool > 1:  # every frame answers with the pooled one that it lies in
            factor = self.spec.time_pool ** len(self.spec.conv_filters)
            missing = features.new_zeros(onset.shape[0], factor, onset.shape[2]) - _CERTAIN
            repeated = onset.repeat_interleave(factor, dim=1)
            onset = torch.cat([repeated, missing], dim=1)[:, : features.shape[1]]
        share = min(max((self.spec.default_velocity - 1) / 126, 1e-4), 1 - 1e-4)
        return Outputs(
            onset,
            torch.zeros_like(onset) + log(share / (1 - share)),
            torch.zeros_like(onset[..., :N_ARTICULATIONS]) - _CERTAIN,
            torch.zeros_like(onset) + _CERTAIN,
        )


def _block(n_in: int, n_out: int, spec: CrnnSpec) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, spec.conv_kernel_size, padding=spec.conv_kernel_size // 2),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
        nn.MaxPool2d((spec.time_pool, spec.pool_size)),
        nn.Dropout2d(spec.dropout_cnn),
    )
