"""ONNX export: a torch network as bytes, and what it answers compared with torch.

Flow: **onnx_export** -> export, beat_export, rescorer_export

The legacy exporter is used: it keeps batch and time dynamic.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from pydantic import BaseModel

from drumlane.errors import ModelError
from drumlane.files import whole_file
from drumlane.models.card import write_card

PARITY = 1e-5
OPSET = 17

Arrays = Mapping[str, NDArray[Any]]


def onnx_of(
    network: torch.nn.Module,
    examples: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    axes: Mapping[int, str],
) -> bytes:
    """Return a network as ONNX.

    Args:
        network: whose arguments are tensors.
        examples: of its arguments, under the names of the inputs.
        outputs: their names.
        axes: of all outputs, and of all inputs but numbers, those whose size is open, and their names.
    """
    names = [*(name for name, example in examples.items() if example.dim()), *outputs]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter is deprecated upstream and warns about GRUs and batches.
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            tuple(examples.values()),
            str(path),
            input_names=list(examples),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name in names},
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def write_model(
    weights: bytes, card: BaseModel, output: Path, beside: Mapping[Path, bytes] | None = None
) -> None:
    """Write a network, its card and what else belongs beside it; all get their names when all are written.

    Args:
        weights: ONNX.
        card: goes beside it, as ``.json``.
        output: the network's file.
        beside: further files and what they hold.

    Raises:
        ModelError: a file cannot be written.
    """
    with ExitStack() as files:
        for path, content in {output: weights, **(beside or {})}.items():
            files.enter_context(whole_file(path, ModelError)).write_bytes(content)
        write_card(card, files.enter_context(whole_file(output.with_suffix(".json"), ModelError)))


def worst_difference(
    ask: Callable[[Arrays], Sequence[NDArray[np.float32]]],
    weights: bytes,
    outputs: Sequence[str],
    questions: Iterable[Arrays],
    scale: float = 1.0,
) -> float:
    """Return the largest difference between torch and an exported network.

    Args:
        ask: torch: inputs to outputs.
        weights: ONNX.
        outputs: their names, in the order of torch's.
        questions: inputs to ask both.
        scale: of the outputs; differences are against it.

    Raises:
        ModelError: it exceeds ``PARITY``.
    """
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    worst = 0.0
    for question in questions:
        ours, theirs = ask(question), session.run(list(outputs), dict(question))
        pairs = zip(ours, theirs, strict=True)
        worst = max(worst, *(float(np.abs(a - b).max()) / scale for a, b in pairs))
    if worst > PARITY:
        raise ModelError(f"the exported network differs from torch by {worst:.1e}, more than {PARITY:.0e}")
    return worst
