"""Torch files: checkpoints of the small networks, read without running code from them.

Flow: **torch_files** -> beat_run, rescorer_run
"""

import pickle
from collections.abc import Set
from pathlib import Path
from typing import Any

import torch

from drumlane.errors import ConfigError, ModelError


def read_torch_file(path: Path, needed: Set[str], what: str) -> dict[str, Any]:
    """Return what a checkpoint holds.

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
        raise ModelError(f"{path}: not {what}")
    return saved


def check_run_folder(folder: Path, newest: str, resume: bool) -> None:
    """Make a run's folder, unless it holds an earlier run that is not resumed, or none that could be.

    Raises:
        ConfigError: it does.
    """
    there = (folder / newest).exists()
    if there and not resume:
        raise ConfigError(
            f"{folder}: holds an earlier run; pass --resume to go on with it, or --set name=NAME for another"
        )
    if resume and not there:
        raise ConfigError(f"{folder}: no {newest} to go on from; leave --resume out to start anew")
    folder.mkdir(parents=True, exist_ok=True)
