"""Beat network: hears strokes, not sound, and says where beats and downbeats are.

Flow: transcription.hit_frames -> **beats** -> training.beat_export -> models

A temporal convolutional network: residual layers whose dilation doubles, so that every frame knows about 20 s
before it and as much behind it. It has never heard audio, so symbolic music is all it needs for training, and
any list of hits can be given to it.

After: Davies and Böck, "Temporal convolutional networks for musical audio beat tracking", EUSIPCO 2019; Böck
and Davies, "Deconstruct, analyse, reconstruct", ISMIR 2020.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

KERNEL = 5  # frames


@dataclass(frozen=True, slots=True)
class BeatNetworkSpec:
    """The numbers that rebuild the network."""

    n_lanes: int = 8
    width: int = 40
    n_layers: int = 9  # dilations 1, 2, 4 …
    dropout: float = 0.1

    @property
    def context(self) -> int:
        """Frames before and behind one that it depends on."""
        reach = KERNEL // 2
        return int(reach * 2**self.n_layers)  # the dilations 1, 2, 4 … and the stem's 1


class BeatNetwork(nn.Module):
    """Frames of strokes to logits of beats and downbeats."""

    def __init__(self, spec: BeatNetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = nn.Conv1d(spec.n_lanes, spec.width, KERNEL, padding=KERNEL // 2)
        self.layers = nn.ModuleList(
            _Layer(spec.width, 2**layer, spec.dropout) for layer in range(spec.n_layers)
        )
        self.head = nn.Conv1d(spec.width, 2, 1)

    def forward(self, strokes: Tensor) -> Tensor:
        """Return logits (batch, frames, 2), beat and downbeat, for strokes (batch, frames, 8)."""
        h = self.stem(strokes.transpose(1, 2))
        for layer in self.layers:
            h = layer(h)
        logits: Tensor = self.head(torch.relu(h)).transpose(1, 2)
        return logits


class _Layer(nn.Module):
    """Residual convolution over five frames ``dilation`` apart; (batch, width, frames) to the same."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = KERNEL // 2 * dilation
        self.conv = nn.Conv1d(width, width, KERNEL, padding=padding, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout1d(dropout)
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x and what its surroundings add to it."""
        added: Tensor = x + self.out(self.dropout(torch.relu(self.norm(self.conv(x)))))
        return added


class BeatProbabilities(nn.Module):
    """The network as it is exported: beat and downbeat in 0..1."""

    def __init__(self, network: BeatNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, strokes: Tensor) -> Tensor:
        """Return (batch, frames, 2) in 0..1."""
        return torch.sigmoid(self.network(strokes))
