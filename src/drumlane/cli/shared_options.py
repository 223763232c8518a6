"""Shared options: those that several commands have, said once.

Flow: **shared_options** -> cli.transcribe, cli.chart, cli.process, cli.convert
"""

from pathlib import Path
from typing import Annotated

import typer

Bpm = Annotated[
    float | None, typer.Option(help="Tempo in quarter notes a minute; with --offset it is exact.")
]
Offset = Annotated[float | None, typer.Option(help="Seconds of the first bar line.")]
TimeSignature = Annotated[
    str | None, typer.Option("--time-signature", help="Like 4/4 or 6/8. (default: heard)")
]
TempoCandidates = Annotated[
    str | None, typer.Option("--tempo-candidates", help="The tempo is near one of these: 90,180.")
]
Strength = Annotated[float, typer.Option(min=0, max=1, help="How far onto the grid.")]
MaxShift = Annotated[
    float, typer.Option(min=0, max=1000, help="Milliseconds; strokes further from the grid stay.")
]
Swing = Annotated[bool, typer.Option("--swing/--straight", help="Keep swung eighths swung.")]
ModelPath = Annotated[
    Path | None, typer.Option(help="An .onnx model with its .json card. (default: the shipped one)")
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads. (default: cores, at most 4)")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
