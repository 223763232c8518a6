"""drumlane turns sound into drums: audio in, drum hits out.

The public names load on first use, so that ``import drumlane`` and ``drumlane --help`` stay fast.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# onnxruntime (from 1.29) keeps a device number in the home folder and reports its use over the network,
# unless this is set before it loads.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from drumlane.performance import Hit, Performance
    from drumlane.transcription.transcribe import Transcriber, transcribe
    from drumlane.vocabulary import Drum, Lane

_HOMES = {
    "Drum": "drumlane.vocabulary",
    "Hit": "drumlane.performance",
    "Lane": "drumlane.vocabulary",
    "Performance": "drumlane.performance",
    "Transcriber": "drumlane.transcription.transcribe",
    "transcribe": "drumlane.transcription.transcribe",
}

__all__ = ["Drum", "Hit", "Lane", "Performance", "Transcriber", "__version__", "transcribe"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'drumlane' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
