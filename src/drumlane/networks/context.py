"""Context: what stands around a frame, before and after it, gathered at every frame.

Two kinds, both (batch, frames, width) -> (batch, frames, ``n_out``), told which frames hold any sound:

- ``DilatedContext``: convolutions over wider and wider gaps hear the pattern, attention hears the whole
  excerpt: which toms there are besides this one, whether cymbals are played at all.
- ``Recurrence``: a bidirectional GRU, as in the literature; a third slower to train on a CPU.

After: Lea et al., "Temporal convolutional networks for action segmentation and detection", CVPR 2017; Zehren,
Alunno and Bientinesi, "High-quality and reproducible automatic drum transcription from crowdsourced data",
Signals 2023, where attention over frames stands beside recurrence.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DILATIONS = (1, 3, 9, 27)  # frames, of each stage
N_STAGES = 2
N_HEADS = 4
_UNASKED = -1e4  # added to what a query says of a silent key
_KEY_FRAMES = 8  # that share a key: neighbours say the same


class Recurrence(nn.Module):
    """Bidirectional GRU."""

    def __init__(self, width: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.n_out = 2 * hidden_size
        self.gru = nn.GRU(
            width,
            hidden_size,
            num_layers=num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if num_layers > 1 else 0.0,
        )

    def forward(self, x: Tensor, _sounding: Tensor) -> Tensor:
        """Return (batch, frames, 2 · hidden_size); gates learn what silence is."""
        with torch.autocast(x.device.type, enabled=False):  # bf16 recurrences are slower on CPUs, and coarse
            h: Tensor = self.gru(x.float())[0]
        return h


class DilatedContext(nn.Module):
    """Stages of dilated convolutions, each followed by attention over the excerpt."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.n_out = width
        self.stages = nn.ModuleList(
            nn.ModuleList([*(DilatedBlock(width, d) for d in DILATIONS), Attention(width, dropout)])
            for _ in range(N_STAGES)
        )

    def forward(self, x: Tensor, sounding: Tensor) -> Tensor:
        """Return (batch, frames, width); ``sounding`` is (batch, frames, 1), 1 or 0."""
        h = x.transpose(1, 2)
        for stage in self.stages:
            *convolutions, attention = cast(nn.ModuleList, stage)
            for convolution in convolutions:
                h = convolution(h)
            h = attention(h, sounding)
        return h.transpose(1, 2)


class DilatedBlock(nn.Module):
    """Residual convolution over three frames ``dilation`` apart; (batch, width, frames) to the same."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Return x and what its neighbours add to it."""
        heard: Tensor = x + torch.relu(self.norm(self.conv(x)))
        return heard


class Attention(nn.Module):
    """Residual attention of every frame over the excerpt; (batch, width, frames) to the same.

    It knows no positions: what there is in the excerpt counts, the convolutions know when. So windows may be
    longer than the excerpts that it was trained on. Silence is not asked: it may be of any length.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, sounding: Tensor) -> Tensor:
        """Return x and what the excerpt adds to it; ``sounding`` is (batch, frames, 1), 1 or 0."""
        h = self.norm(x.transpose(1, 2))
        keys = _pooled(h)
        silent = (1.0 - _pooled(sounding)).to(h.dtype) * _UNASKED  # alike for all keys if all are silent
        key, value = self.key_value(keys).chunk(2, dim=-1)
        mask = silent.transpose(1, 2).unsqueeze(1)  # (batch, heads, frames, keys)
        heard = F.scaled_dot_product_attention(_heads(self.query(h)), _heads(key), _heads(value), mask)
        answer: Tensor = self.dropout(self.out(heard.transpose(1, 2).flatten(2)))
        return x + answer.transpose(1, 2)


def _pooled(x: Tensor) -> Tensor:
    """Return the greatest of every ``_KEY_FRAMES`` frames, (batch, keys, width)."""
    return F.max_pool2d(x.unsqueeze(1), (_KEY_FRAMES, 1), ceil_mode=True).squeeze(1)


def _heads(x: Tensor) -> Tensor:
    """Return (batch, heads, length, width / heads) for (batch, length, width)."""
    return x.reshape(*x.shape[:2], N_HEADS, -1).transpose(1, 2)
