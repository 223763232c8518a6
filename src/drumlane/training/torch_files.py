"""Torch files: checkpoints, read without running code from them.

Flow: **torch_files** -> checkpoints, plain_run
"""

import pickle
from collections.abc import Collection, Mapping, Set
from pathlib import Path
from typing import Any

import torch

from drumlane.errors import ModelError

LAST, BEST = "last.ckpt", "best.ckpt"  # of a run: the newest, and a copy of the best


def read_torch_file(path: Path, needed: Set[str], what: str) -> dict[str, Any]:
    """Return what a checkpoint holds, its tensors on the CPU.

    Args:
        path: the file.
        needed: keys that it must have.
        what: it should be: "a checkpoint of a beat network".

    Raises:
        ModelError: the file cannot be read, or is something else.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the checkpoint ({error.strerror})") from None
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, LookupError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: not {what} ({reason})") from None
    if not isinstance(saved, dict) or not needed <= saved.keys():
        raise ModelError(f"{path}: not {what} (it says nothing of a network)")
    return saved


def weights_that_fit(
    theirs: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], inputs: Collection[str]
) -> dict[str, torch.Tensor]:
    """Return the weights that fit in name and shape; those of ``inputs`` may be for fewer inputs."""
    found = {}
    for name, weights in theirs.items():
        if name not in wanted:
            continue
        shape = wanted[name].shape
        if weights.shape == shape:
            found[name] = weights
        elif name in inputs and _only_fewer_inputs(weights.shape, shape):
            found[name] = _widened(weights, shape[1])
    return found


def _only_fewer_inputs(given: torch.Size, wanted: torch.Size) -> bool:
    return given[0] == wanted[0] and given[2:] == wanted[2:] and given[1] < wanted[1]


def _widened(weights: torch.Tensor, n_in: int) -> torch.Tensor:
    """Return weights for more inputs: the new ones start unheard, and everything else goes on as it was."""
    missing = weights.new_zeros(weights.shape[0], n_in - weights.shape[1], *weights.shape[2:])
    return torch.cat([weights, missing], dim=1)
