"""Transcriber: convolutions over log-mel frames, context over time, one head per question.

Frequency is pooled, time never: every frame of the input has its output. Heads give logits; probabilities are
taken in the loss or, for export, by ``Probabilities``.

Shapes: features (batch, frames, mels and low bands) -> onset (batch, frames, 8), velocity (batch, frames, 8),
articulation (batch, frames, 6), presence (batch, frames, 8).

Presence asks of every frame whether a lane is struck anywhere in the excerpt around it: what a threshold on
single frames cannot say, "no toms here", "no drums at all".

After: Vogl, Widmer and Knees, "Towards multi-instrument drum transcription", DAFx 2018; Zehren, Alunno and
Bientinesi, "ADTOF", ISMIR 2021.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drumlane.networks.context import N_HEADS, DilatedContext, Recurrence

N_LANES = 8
N_ARTICULATIONS = 6
_N_LOW_OUT = 48  # what the bottleneck is told of the low bands
_SILENT = 0.01  # mean feature below which a frame holds no sound
_MELS_A_BAND = 4  # of what the velocity head hears of an attack
_RISE = 5  # frames over which a stroke becomes as loud as it gets
_QUIET = 0.2  # spread of a band, log(1 + gain · m), below which it is not lifted to 1


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The numbers that rebuild the network."""

    name: Literal["drumlane"] = "drumlane"
    n_mels: int = 80
    n_low: int = 24  # bands of a longer window, after the mels
    conv_filters: tuple[int, ...] = (24, 32, 48, 64)
    bottleneck: int = 128
    context: Literal["dilated", "gru"] = "dilated"
    hidden_size: int = 96  # per direction, of the GRU
    num_gru_layers: int = 2
    dropout_cnn: float = 0.1
    dropout_context: float = 0.1
    two_views: bool = True  # beside the features, the same features less the excerpt's own colour
    velocity_hidden: int = 0  # width of a velocity head that hears the attack itself; 0: one linear layer

    def __post_init__(self) -> None:
        if not self.conv_filters or self.n_mels < 2 ** len(self.conv_filters):
            raise ValueError(
                f"n_mels={self.n_mels}, conv_filters={self.conv_filters}: each of one or more filters halves "
                f"the mels, so there must be at least {2 ** len(self.conv_filters)}"
            )
        if self.context == "dilated" and self.bottleneck % N_HEADS:
            raise ValueError(f"bottleneck={self.bottleneck} must be a multiple of {N_HEADS}")


class Outputs(NamedTuple):
    """Logits of each head."""

    onset: Tensor  # (batch, frames, 8)
    velocity: Tensor  # (batch, frames, 8)
    articulation: Tensor  # (batch, frames, 6)
    presence: Tensor  # (batch, frames, 8)


class ConvBlock(nn.Module):
    """3×3 convolution, two bands pooled into one, batch norm, ReLU.

    Pooled first: what follows has half as much to do, and a fifth of a training step was spent there.
    """

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.pool = nn.MaxPool2d((1, 2))
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, n_out, frames, bands // 2) for (batch, n_in, frames, bands)."""
        pooled: Tensor = self.dropout(torch.relu(self.norm(self.pool(self.conv(x)))))
        return pooled


class LowBlock(nn.Module):
    """What the low bands tell, as they are and less the excerpt's own colour, over some frames."""

    def __init__(self, n_bands: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2 * n_bands, n_out, 5, padding=2, bias=False)
        self.norm = nn.BatchNorm1d(n_out)
        self.before = nn.BatchNorm1d(2 * n_bands)

    def forward(self, low: Tensor) -> Tensor:
        """Return (batch, frames, n_out) for (batch, frames, bands)."""
        both = torch.cat([low, without_colour(low)], dim=2).transpose(1, 2)
        heard: Tensor = torch.relu(self.norm(self.conv(self.before(both))))
        return heard.transpose(1, 2)


class Attack(nn.Module):
    """How loud a stroke is, band by band: the loudest of the next frames and the quietest of those before.

    What decides that there is a stroke has no need to know how strong it is; this keeps it.
    """

    def __init__(self, n_mels: int, n_low: int) -> None:
        super().__init__()
        self.n_out = 2 * (n_mels // _MELS_A_BAND) + n_low
        self.norm = nn.BatchNorm1d(self.n_out)

    def forward(self, mels: Tensor, low: Tensor) -> Tensor:
        """Return (batch, frames, n_out) for (batch, frames, bands)."""
        bands = F.avg_pool1d(mels, _MELS_A_BAND)
        both = [_loudest(bands, ahead=_RISE), -_loudest(-bands, before=_RISE), _loudest(low, ahead=_RISE)]
        heard: Tensor = self.norm(torch.cat(both, dim=2).transpose(1, 2))
        return heard.transpose(1, 2)


def _loudest(bands: Tensor, before: int = 0, ahead: int = 0) -> Tensor:
    """Return the greatest of each frame and so many before or ahead of it, (batch, frames, bands)."""
    padded = F.pad(bands.transpose(1, 2), (before, ahead), mode="replicate")
    return F.max_pool1d(padded, before + ahead + 1, stride=1).transpose(1, 2)


class TranscriberNetwork(nn.Module):
    """The transcriber's network."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.norm = nn.BatchNorm1d(spec.n_mels)
        channels = (2 if spec.two_views else 1, *spec.conv_filters)
        self.convs = nn.Sequential(*(ConvBlock(a, b, spec.dropout_cnn) for a, b in pairwise(channels)))
        bands = spec.n_mels // 2 ** len(spec.conv_filters)
        self.low = LowBlock(spec.n_low, _N_LOW_OUT) if spec.n_low else None
        n_low_out = _N_LOW_OUT if spec.n_low else 0
        self.bottleneck = nn.Linear(spec.conv_filters[-1] * bands + n_low_out, spec.bottleneck)
        self.context: DilatedContext | Recurrence
        if spec.context == "gru":
            sizes = (spec.hidden_size, spec.num_gru_layers)
            self.context = Recurrence(spec.bottleneck, *sizes, spec.dropout_context)
        else:
            self.context = DilatedContext(spec.bottleneck, spec.dropout_context)
        self.dropout = nn.Dropout(spec.dropout_context)
        width = self.context.n_out + spec.bottleneck
        self.onset = nn.Linear(width, N_LANES)
        self.attack = Attack(spec.n_mels, spec.n_low) if spec.velocity_hidden else None
        self.velocity = _velocity_head(width, self.attack, spec.velocity_hidden)
        self.articulation = nn.Linear(width, N_ARTICULATIONS)
        self.presence = nn.Linear(self.context.n_out, N_LANES)  # of what was gathered
        nn.init.constant_(self.onset.bias, -3.0)  # onsets are rare: start near their rate

    def forward(self, features: Tensor) -> Outputs:
        """Return the logits for features (batch, frames, mels and low bands)."""
        mels, low, _ = features.tensor_split((self.spec.n_mels, self.spec.n_mels + self.spec.n_low), dim=2)
        x = self.norm(mels.transpose(1, 2)).transpose(1, 2).unsqueeze(1)
        if self.spec.two_views:
            x = torch.cat([x, without_colour(mels).unsqueeze(1)], dim=1)
        x = self.convs(x)  # (batch, filters, frames, bands)
        x = x.transpose(1, 2).flatten(2)  # (batch, frames, filters * bands)
        if self.low is not None:
            x = torch.cat([x, self.low(low)], dim=2)
        x = torch.relu(self.bottleneck(x))
        h = self.context(x, sounding_frames(mels))
        presence = self.presence(self.dropout(h))
        h = self.dropout(torch.cat([h, x], dim=-1))  # the shortcut keeps the attack sharp
        told = h if self.attack is None else torch.cat([h, self.attack(mels, low)], dim=-1)
        return Outputs(self.onset(h), self.velocity(told), self.articulation(h), presence)


def _velocity_head(width: int, attack: Attack | None, hidden: int) -> nn.Module:
    if attack is None:
        return nn.Linear(width, N_LANES)
    return nn.Sequential(nn.Linear(width + attack.n_out, hidden), nn.ReLU(), nn.Linear(hidden, N_LANES))


def without_colour(features: Tensor) -> Tensor:
    """Return features (batch, frames, mels), every band at mean 0 and about unit spread over the excerpt.

    What a microphone, a room or an equaliser does to a whole recording goes; what happens in it is left.
    Silence has no colour: frames without sound are left out of mean and spread, and stay at 0.

    After: Kim et al., "Domain generalization with relaxed instance frequency-wise normalization for
    multi-device acoustic scene classification", Interspeech 2022.
    """
    sounding = sounding_frames(features)
    n_sounding = sounding.sum(dim=1, keepdim=True).clamp(min=1.0)
    centred = (features - (features * sounding).sum(dim=1, keepdim=True) / n_sounding) * sounding
    spread = torch.sqrt((centred * centred).sum(dim=1, keepdim=True) / n_sounding + _QUIET**2)
    return centred / spread


def sounding_frames(features: Tensor) -> Tensor:
    """Return 1 where frames of features (batch, frames, bands) hold any sound, else 0; (batch, frames, 1)."""
    return (features.mean(dim=2, keepdim=True) > _SILENT).to(features.dtype)


class Probabilities(nn.Module):
    """Networks as they are exported: every head in 0..1, of several networks the mean.

    Each network takes as many of the features' bands as it knows, the first ones.
    """

    def __init__(self, *networks: nn.Module) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return onset, velocity, articulation and presence, each in 0..1."""
        answers = [[torch.sigmoid(logits) for logits in network(features)] for network in self.networks]
        return tuple(sum(heads[1:], heads[0]) / len(heads) for heads in zip(*answers, strict=True))
