"""Torch files: checkpoints, read without running code from them.

Flow: **torch_files** -> checkpoints, plain_run
"""

import pickle
from collections.abc import Set
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
