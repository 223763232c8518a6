"""Sessions: the bytes of a network, checked and opened.

Flow: **sessions** -> loading, beat_model, rescorer_model

onnxruntime is used here only, and loads with the first network that is opened.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from drumlane.errors import ModelError
from drumlane.files import shown

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHIPPED = Path(__file__).with_name("transcriber.onnx")
MAX_DEFAULT_THREADS = 4  # a network this small gains nothing from more


def open_checked(weights: bytes, path: Path, sha256: str, threads: int | None) -> "InferenceSession":
    """Open a network whose card knows what it should be.

    Raises:
        ModelError: the weights are not the card's, or no network.
    """
    found = hashlib.sha256(weights).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{shown(path)}: the file's sha256 starts with {found[:12]}, its card says {sha256[:12]}; "
            "the file is damaged or belongs to another card"
        )
    return _open_session(weights, path, threads)


def read_weights(path: Path) -> bytes:
    """Return the bytes of a network's file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        if path == SHIPPED:
            raise ModelError(
                f"{shown(path)}: this installation has no shipped model; pass one with --model"
            ) from error
        raise ModelError(f"{shown(path)}: no such model file") from error
    except OSError as error:
        raise ModelError(f"{shown(path)}: the model cannot be read ({error.strerror})") from error


def _open_session(weights: bytes, path: Path, threads: int | None) -> "InferenceSession":
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows; elsewhere drumlane/__init__.py has done it
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(os.cpu_count() or 1, MAX_DEFAULT_THREADS)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # our errors are one line; the runtime would print its own before
    # Waiting threads would otherwise spin, which costs as much processor time as the network itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Windows of one size need no pool that grows with the largest tensor ever asked for.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False  # one is kept for every length of input that was ever seen
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own classes have no public base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{shown(path)}: onnxruntime cannot load the network ({reason})") from error
