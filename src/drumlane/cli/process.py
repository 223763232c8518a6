"""``drumlane process``: a recording in, a BeatSight map out, with the flags of BeatSight's own pipeline.

Flow: cli.app -> **process** -> pipeline.process

Heavy modules load inside functions: a usage error and ``--help`` come at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.beat_values import read_beat_options
from drumlane.cli.progress import Display
from drumlane.cli.render import check_output
from drumlane.cli.shared_options import ModelPath, Offset, Quiet, Threads
from drumlane.cli.usage import usage
from drumlane.errors import ConfigError, nearest_first
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.pipeline.process import ProcessOptions, ProcessResult
    from drumlane.pipeline.snapping import SnapOptions


def process(
    song: Annotated[Path, typer.Option("--input", "-i", help="Recording.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Map to write (.bsm).")],
    no_separation: Annotated[
        bool, typer.Option("--no-separation", help="As --separation none, which is the default.")
    ] = False,
    separation: Annotated[
        str | None,
        typer.Option(help="Listen to the drums alone: none, hpss, demucs or demucs:MODEL. (default: none)"),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out hits that are right with less probability.")
    ] = 0.0,
    sensitivity: Annotated[
        float, typer.Option(min=0, max=100, help="More finds more, also what is none; 60: as calibrated.")
    ] = 60.0,
    quantization: Annotated[
        str | None,
        typer.Option(help="Grid: quarter, eighth, triplet, sixteenth, thirtysecond. (default: none)"),
    ] = None,
    max_snap_error: Annotated[
        float, typer.Option(help="Milliseconds; strokes further from the grid stay.")
    ] = 12.0,
    force_quantization: Annotated[
        bool, typer.Option("--force-quantization", help="Everything onto the grid, however far it is.")
    ] = False,
    force_bpm: Annotated[
        float | None, typer.Option(help="Tempo; with --force-offset exact, else laid where the strokes are.")
    ] = None,
    force_offset: Offset = None,
    force_step: Annotated[float | None, typer.Option(help="Seconds between the lines of the grid.")] = None,
    tempo_candidates: Annotated[
        str | None, typer.Option(help="The tempo is near one of these: 90,180.")
    ] = None,
    time_signature: Annotated[str | None, typer.Option(help="Like 4/4 or 6/8. (default: heard)")] = None,
    lanes: Annotated[
        str, typer.Option(help="Lane table: drumlane, beatsight7, beatsight8, generator.")
    ] = "drumlane",
    title: Annotated[str | None, typer.Option(help="(default: from tags, or the file's name)")] = None,
    artist: Annotated[str | None, typer.Option(help="(default: from tags, or the file's name)")] = None,
    creator: Annotated[str | None, typer.Option(help="Who made the map. (default: drumlane)")] = None,
    debug: Annotated[Path | None, typer.Option(help="Also write what was heard and why (.json).")] = None,
    model: ModelPath = None,
    threads: Threads = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Use a recording that is cut off as far as it goes.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace results that are there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write the drums of a recording as a BeatSight map: song.mp3 becomes song.bsm."""
    method = _method(no_separation, separation)
    beats = read_beat_options("drumlane", force_bpm, force_offset, time_signature, tempo_candidates)
    snapping = _snapping(quantization, force_step, max_snap_error, force_quantization)
    from drumlane.pipeline.process import ProcessOptions
    from drumlane.song import Song

    song_names = Song(title or "", artist or "", charter=creator or "")
    with usage("--lanes"):
        options = ProcessOptions(method, confidence, sensitivity, snapping, beats, lanes, song_names, partial)
    _check_outputs(song, output, debug, method, force)
    with Display(1, quiet) as display:
        display.begin(song.name)
        result = _processed(song, output, options, debug, (model, threads), display)
        for line in _lines(song, result, confidence):
            display.say(line)


def _processed(
    song: Path,
    output: Path,
    options: "ProcessOptions",
    debug: Path | None,
    model: tuple[Path | None, int | None],
    display: Display,
) -> "ProcessResult":
    from drumlane.models.loading import load_model
    from drumlane.pipeline.process import process

    return process(song, output, options, debug, load_model(*model), display.advance)


def _method(no_separation: bool, separation: str | None) -> str:
    from drumlane.separation.stems import NONE, check_method

    with usage("--separation"):
        if no_separation and separation not in (None, NONE):
            raise ConfigError("contradicts --no-separation; pass one of them")
        return check_method(separation or NONE)


def _snapping(grid: str | None, step: float | None, milliseconds: float, force: bool) -> "SnapOptions":
    from drumlane.charting.quantisation import Grid
    from drumlane.pipeline.snapping import GRIDS, SnapOptions

    with usage("--quantization"):
        if grid is not None and grid not in GRIDS:
            raise ConfigError(f"grid {grid!r} is unknown; grids: {nearest_first(grid, GRIDS)}")
        if grid is not None and step is not None:
            raise ConfigError("contradicts --force-step; pass one of them")
        return SnapOptions(None if grid is None else Grid(grid), step, milliseconds / 1000, force)


def _check_outputs(song: Path, output: Path, debug: Path | None, method: str, force: bool) -> None:
    from drumlane.pipeline.process import stem_beside
    from drumlane.separation.stems import NONE

    with usage("-o"):
        if output.suffix.lower() != ".bsm":
            raise ConfigError(f"{shown(output)}: a BeatSight map is a .bsm file")
    stem = None if method == NONE else stem_beside(output)
    for path in (output, debug, stem):
        if path is not None:
            check_output(path, (song,), force)


def _lines(song: Path, result: "ProcessResult", least: float) -> list[str]:
    """Return what BeatSight's pipeline prints: hits, time, confidence, and where everything is."""
    counts = ", ".join(f"{drum.value} {n}" for drum, n in sorted(result.performance.counts().items()))
    n_hits = len(result.performance)
    lines = [
        f"{shown(song)}: {n_hits} hit{'' if n_hits == 1 else 's'}" + (f" ({counts})" if counts else ""),
        f"confidence {result.confidence:.2f}"
        + (f", {result.n_heard - n_hits} hits below {least:g} left out" if least else ""),
        f"grid {result.fit.grid}: {100 * result.fit.coverage:.0f} % near it, {result.fit.n_moved} moved",
        f"{result.seconds:.1f} s, {result.model}",
    ]
    files = [shown(path) for path in (result.output, result.stem, result.debug) if path is not None]
    return [*lines, f"-> {', '.join(files)}"]
