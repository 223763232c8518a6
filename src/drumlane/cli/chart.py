"""``drumlane chart``: a recording in, a song folder out that a game plays.

Flow: cli.app -> **chart** -> pipeline.chart

Heavy modules load inside functions: a usage error and ``--help`` come at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.beat_values import read_beat_options
from drumlane.cli.progress import Display
from drumlane.cli.shared_options import (
    Bpm,
    MaxShift,
    ModelPath,
    Offset,
    Quiet,
    Strength,
    Swing,
    TempoCandidates,
    Threads,
    TimeSignature,
)
from drumlane.cli.song_values import read_formats, read_quantisation, with_names
from drumlane.cli.usage import usage
from drumlane.errors import ConfigError
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.pipeline.chart import Charted
    from drumlane.transcription.beats import BeatOptions
    from drumlane.transcription.transcribe import Transcriber


def chart(
    recording: Annotated[Path, typer.Argument(help="Recording.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Song folder to make.")],
    formats: Annotated[
        str, typer.Option("--format", "-f", help="clonehero, chart, bsm, mid …; several with commas.")
    ] = "clonehero",
    title: Annotated[str | None, typer.Option(help="(default: from tags, or the file's name)")] = None,
    artist: Annotated[str | None, typer.Option(help="(default: from tags, or the file's name)")] = None,
    album: Annotated[str | None, typer.Option(help="(default: from tags)")] = None,
    genre: Annotated[str | None, typer.Option(help="(default: from tags)")] = None,
    year: Annotated[str | None, typer.Option()] = None,
    charter: Annotated[str | None, typer.Option(help="Who made the chart. (default: drumlane)")] = None,
    quantize: Annotated[
        str | None,
        typer.Option(help="Grid: auto, quarter, eighth, triplet, sixteenth … (default: times as played)"),
    ] = None,
    strength: Strength = 1.0,
    max_shift: MaxShift = 30.0,
    swing: Swing = True,
    bpm: Bpm = None,
    offset: Offset = None,
    time_signature: TimeSignature = None,
    tempo_candidates: TempoCandidates = None,
    model: ModelPath = None,
    threads: Threads = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the song in a folder that is there.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Make a song folder of a recording: chart, names and sound, ready for the game."""
    beats = read_beat_options("drumlane", bpm, offset, time_signature, tempo_candidates)
    grid = read_quantisation(quantize, strength, max_shift, swing)
    wanted = read_formats(formats)
    with usage("-o"):
        if output.exists() and not (force and output.is_dir()):
            raise ConfigError(f"{shown(output)}: already there; pass --force to replace the song in it")
    from drumlane.pipeline.chart import ChartOptions
    from drumlane.pipeline.chart import chart as make
    from drumlane.song import Song

    names = {
        "title": title,
        "artist": artist,
        "album": album,
        "genre": genre,
        "year": year,
        "charter": charter,
    }
    options = ChartOptions(wanted, grid, with_names(Song(), names))
    with Display(1, quiet) as display:
        display.begin(recording.name)
        made = make(recording, output, _transcriber(model, threads, beats), options, force, display.advance)
        display.end()
        for line in _lines(recording, made):
            display.say(line)


def _transcriber(model: Path | None, threads: int | None, beats: "BeatOptions") -> "Transcriber":
    from drumlane.transcription.transcribe import Transcriber, TranscriptionOptions

    return Transcriber(model, threads, TranscriptionOptions(beats=beats))


def _lines(recording: Path, made: "Charted") -> list[str]:
    from drumlane.charting.reduction import reduce_all

    charts = reduce_all(made.performance)
    levels = ", ".join(f"{level} {len(charts[level])}" for level in reversed(list(charts)))
    lines = [f"{shown(recording)}: {levels} strokes"]
    if made.silence:
        lines.append(
            f"{made.silence:.2f} s of silence before the recording, so that the first note can be seen"
        )
    if made.moved is not None:
        moved = made.moved
        lines.append(
            f"{moved.n_moved} of {moved.n_hits} strokes moved, {1000 * moved.median_shift:.0f} ms (median), "
            f"{moved.n_left} too far from the grid"
        )
    return [*lines, f"-> {shown(made.folder)}: {', '.join(made.files)}"]
