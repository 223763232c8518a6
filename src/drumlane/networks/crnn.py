"""CRNN: convolutions over log-mel frames, recurrent layers over time, one head per question.

Frequency is pooled, time never: every frame of the input has its output. Heads give logits; probabilities are
taken in the loss or, for export, by ``Probabilities``.

Shapes: features (batch, frames, mels) -> onset (batch, frames, 8), velocity (batch, frames, 8),
articulation (batch, frames, 6), presence (batch, frames, 8).

Presence asks of every frame whether a lane is struck anywhere in the excerpt around it: what a threshold on
single frames cannot say, "no toms here", "no drums at all".

After: Vogl, Widmer and Knees, "Towards multi-instrument drum transcription", DAFx 2018; Zehren, Alunno and
Bientinesi, "ADTOF", ISMIR 2021.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

N_LANES = 8
N_ARTICULATIONS = 6
_SILENT = 0.01  # mean feature below which a frame holds no sound
_QUIET = 0.2  # spread of a band, log(1 + gain · m), below which it is not lifted to 1


@dataclass(frozen=True, slots=True)
class CRNNSpec:
    """The numbers that rebuild the network."""

    n_mels: int = 80
    conv_filters: tuple[int, ...] = (24, 32, 48, 64)
    bottleneck: int = 128
    hidden_size: int = 96  # per direction
    num_gru_layers: int = 2
    dropout_cnn: float = 0.1
    dropout_gru: float = 0.2
    two_views: bool = True  # beside the features, the same features less the excerpt's own colour

    def __post_init__(self) -> None:
        if not self.conv_filters or self.n_mels < 2 ** len(self.conv_filters):
            raise ValueError(
                f"n_mels={self.n_mels}, conv_filters={self.conv_filters}: each of one or more filters halves "
                f"the mels, so there must be at least {2 ** len(self.conv_filters)}"
            )


class Outputs(NamedTuple):
    """Logits of each head."""

    onset: Tensor  # (batch, frames, 8)
    velocity: Tensor  # (batch, frames, 8)
    articulation: Tensor  # (batch, frames, 6)
    presence: Tensor  # (batch, frames, 8)


class ConvBlock(nn.Module):
    """3×3 convolution, batch norm, ReLU, then two bands pooled into one."""

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.pool = nn.MaxPool2d((1, 2))
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, n_out, frames, bands // 2) for (batch, n_in, frames, bands)."""
        pooled: Tensor = self.dropout(self.pool(torch.relu(self.norm(self.conv(x)))))
        return pooled


class CRNN(nn.Module):
    """The transcriber's network."""

    def __init__(self, spec: CRNNSpec) -> None:
        super().__init__()
        self.spec = spec
        self.norm = nn.BatchNorm1d(spec.n_mels)
        channels = (2 if spec.two_views else 1, *spec.conv_filters)
        self.convs = nn.Sequential(*(ConvBlock(a, b, spec.dropout_cnn) for a, b in pairwise(channels)))
        bands = spec.n_mels // 2 ** len(spec.conv_filters)
        self.bottleneck = nn.Linear(spec.conv_filters[-1] * bands, spec.bottleneck)
        self.gru = nn.GRU(
            spec.bottleneck,
            spec.hidden_size,
            num_layers=spec.num_gru_layers,
            batch_first=True,
            bidirectional=True,
            dropout=spec.dropout_gru if spec.num_gru_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(spec.dropout_gru)
        width = 2 * spec.hidden_size + spec.bottleneck
        self.onset = nn.Linear(width, N_LANES)
        self.velocity = nn.Linear(width, N_LANES)
        self.articulation = nn.Linear(width, N_ARTICULATIONS)
        self.presence = nn.Linear(2 * spec.hidden_size, N_LANES)  # of what the recurrence has gathered
        nn.init.constant_(self.onset.bias, -3.0)  # onsets are rare: start near their rate

    def forward(self, features: Tensor) -> Outputs:
        """Return the logits for features (batch, frames, mels)."""
        x = self.norm(features.transpose(1, 2)).transpose(1, 2).unsqueeze(1)
        if self.spec.two_views:
            x = torch.cat([x, without_colour(features).unsqueeze(1)], dim=1)
        x = self.convs(x)  # (batch, filters, frames, bands)
        x = x.transpose(1, 2).flatten(2)  # (batch, frames, filters * bands)
        x = torch.relu(self.bottleneck(x))
        with torch.autocast(x.device.type, enabled=False):  # bf16 recurrences are slower on CPUs, and coarse
            h, _ = self.gru(x.float())
        presence = self.presence(self.dropout(h))
        h = self.dropout(torch.cat([h, x.float()], dim=-1))  # the shortcut keeps the attack sharp
        return Outputs(self.onset(h), self.velocity(h), self.articulation(h), presence)


def without_colour(features: Tensor) -> Tensor:
    """Return features (batch, frames, mels), every band at mean 0 and about unit spread over the excerpt.

    What a microphone, a room or an equaliser does to a whole recording goes; what happens in it is left.
    Silence has no colour: frames without sound are left out of mean and spread, and stay at 0.

    After: Kim et al., "Domain generalization with relaxed instance frequency-wise normalization for
    multi-device acoustic scene classification", Interspeech 2022.
    """
    sounding = (features.mean(dim=2, keepdim=True) > _SILENT).to(features.dtype)
    n_sounding = sounding.sum(dim=1, keepdim=True).clamp(min=1.0)
    centred = (features - (features * sounding).sum(dim=1, keepdim=True) / n_sounding) * sounding
    spread = torch.sqrt((centred * centred).sum(dim=1, keepdim=True) / n_sounding + _QUIET**2)
    return centred / spread


class Probabilities(nn.Module):
    """The network as it is exported: every head in 0..1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return onset, velocity, articulation and presence, each in 0..1."""
        return tuple(torch.sigmoid(logits) for logits in self.network(features))
