"""Rescorer networks: read from checkpoints, and asked about items.

Flow: plain_run (checkpoints), networks.rescorer -> **rescorer_networks** -> rescorer_items, rescorer_export
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from drumlane.errors import ModelError
from drumlane.models.rescorer_model import Verdicts
from drumlane.networks.rescorer import Rescorer, RescorerSpec, RescorerVerdicts
from drumlane.training.plain_run import read_plain_checkpoint
from drumlane.transcription.stroke_balance import with_balance

WHAT = "a checkpoint of a rescorer"


def load_rescorer_network(checkpoint: Path) -> Rescorer:
    """Return the averaged network of a checkpoint, ready for inference.

    Raises:
        ModelError: the file is missing or is not a checkpoint of a rescorer.
    """
    saved = read_plain_checkpoint(checkpoint, WHAT)
    network = Rescorer(RescorerSpec(**saved["model"]))
    network.load_state_dict(saved["averaged"])
    return network.eval()


def together(checkpoints: Sequence[Path]) -> RescorerVerdicts:
    """Return networks that answer together.

    Raises:
        ModelError: a checkpoint cannot be read, or they do not know the same of a stroke.
    """
    try:
        return RescorerVerdicts([load_rescorer_network(path) for path in checkpoints]).eval()
    except ValueError as error:
        raise ModelError(f"{', '.join(map(str, checkpoints))}: {error}") from None


@lru_cache(maxsize=1)
def loaded_together(checkpoints: tuple[Path, ...]) -> RescorerVerdicts:
    """Return the same as ``together``, read once in each process."""
    return together(checkpoints)


def verdicts_of(
    networks: RescorerVerdicts, features: NDArray[np.float32], times: NDArray[np.floating]
) -> Verdicts:
    """Return what networks say of strokes.

    Args:
        networks: that answer together.
        features: of ``stroke_features``, shape (strokes, ``N_FEATURES``).
        times: seconds, ascending, at least one.
    """
    inputs = with_balance(features), (times - times[0]).astype(np.float32)
    with torch.inference_mode():
        out = networks(*(torch.from_numpy(values)[None] for values in inputs))[0].numpy()
    return Verdicts(out[:, 0], out[:, 1], out[:, 2:])
