"""``drumlane transcribe``: recordings in, MIDI (or CSV, JSON) out.

Flow: cli.app -> **transcribe** (cli.batch, cli.outputs, cli.progress) -> transcription

Heavy modules load inside functions: a usage error and ``--help`` come at once.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.batch import SCORE_SUFFIXES, Existing, Job, names_a_file, plan_jobs, settle_existing
from drumlane.cli.beat_values import read_beat_options
from drumlane.cli.lane_values import parse_lane_values
from drumlane.cli.outputs import ACTIVATIONS_SUFFIX, PLOT_SUFFIX, run_jobs
from drumlane.cli.progress import Display
from drumlane.cli.shared_options import Bpm, ModelPath, Offset, Quiet, TempoCandidates, Threads, TimeSignature
from drumlane.cli.usage import usage
from drumlane.errors import ConfigError, MissingExtraError, nearest_first

if TYPE_CHECKING:
    from drumlane.transcription.beats import BeatOptions
    from drumlane.transcription.transcribe import Transcriber, TranscriptionOptions

PAGES = (".pdf", ".svg", ".png")  # printed, by the score extra
LEAST_THRESHOLD = 0.001  # at 0 every ripple would be a hit
LONGEST_GAP = 10.0  # seconds


class Sound(StrEnum):
    """What the hits of a sonified recording sound like; the value is part of the file's name."""

    CLICKS = "clicks"
    KIT = "kit"


def transcribe(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="Recordings, and folders of them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the results, or a file for one recording."),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help="mid, chart, bsm, musicxml, pdf …; several with commas. (default: mid)"
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="What counts as a hit, 0 to 1: 0.3 for all lanes, or kick=0.3,snare=0.2."),
    ] = None,
    min_interval: Annotated[
        list[str] | None, typer.Option(help="Seconds between hits of a lane: 0.03, or kick=0.05,hihat=0.03.")
    ] = None,
    articulations: Annotated[
        bool,
        typer.Option("--articulations/--lanes", help="Tell open hats, side sticks …, or write lanes only."),
    ] = True,
    bpm: Bpm = None,
    offset: Offset = None,
    time_signature: TimeSignature = None,
    tempo_candidates: TempoCandidates = None,
    beats: Annotated[
        str, typer.Option("--beats", help="Who hears the beats: drumlane, none (120 bpm), beat_this.")
    ] = "drumlane",
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave results as they are.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace results that are there.")] = False,
    sonify: Annotated[
        Sound | None, typer.Option(help="Also write the original with its hits as clicks or drums (.wav).")
    ] = None,
    activations: Annotated[
        bool, typer.Option("--activations", help="Also write what the network heard (.npz).")
    ] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Also draw spectrogram, activations and hits (.png).")
    ] = False,
    model: ModelPath = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Use recordings that are cut off as far as they go.")
    ] = False,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Write the drum hits of recordings as MIDI: song.mp3 becomes song.mid."""
    beat_options = read_beat_options(beats, bpm, offset, time_signature, tempo_candidates)
    options = _options(threshold or [], min_interval or [], articulations, partial, beat_options)
    existing = _existing(skip_existing, force)
    scores = _scores(formats, output)
    _need(next((f"-f {suffix[1:]}" for suffix in scores if suffix in PAGES), None), "verovio", "score")
    suffixes = scores + _extras(sonify, activations, plot)
    with usage("-o"):
        jobs = [settle_existing(job, existing) for job in plan_jobs(recordings, output, suffixes)]
    with Display(len(jobs), quiet) as display:
        raise typer.Exit(_exit_code(jobs, lambda: _load(model, threads, options), display))


def _exit_code(jobs: list[Job], load: Callable[[], "Transcriber"], display: Display) -> int:
    try:
        return 1 if run_jobs(jobs, load, display) else 0
    except KeyboardInterrupt:  # typer would end without a word
        display.complain("interrupted; what is finished stays, nothing is half-written")
        return 130


def _options(
    threshold: list[str],
    min_interval: list[str],
    articulations: bool,
    partial: bool,
    beats: "BeatOptions",
) -> "TranscriptionOptions":
    with usage("--threshold"):
        thresholds = parse_lane_values(threshold, LEAST_THRESHOLD, 1.0)
    with usage("--min-interval"):
        gaps = parse_lane_values(min_interval, 0.0, LONGEST_GAP)
    from drumlane.transcription.transcribe import TranscriptionOptions

    return TranscriptionOptions(thresholds, gaps, articulations, partial, beats)


def _existing(skip: bool, force: bool) -> Existing:
    with usage("--skip-existing"):
        if skip and force:
            raise ConfigError("contradicts --force; pass one of them")
    return Existing.SKIP if skip else Existing.REPLACE if force else Existing.REFUSE


def _scores(formats: str | None, output: Path | None) -> list[str]:
    """Return the suffixes of the asked formats; the output file's own where it names one."""
    own = [output.suffix.lower()] if output is not None and names_a_file(output) else []
    if formats is None:
        return own or [".mid"]
    wanted = ["." + name.strip().lower().removeprefix(".") for name in formats.split(",")]
    with usage("-f"):
        for suffix in wanted:
            if suffix not in SCORE_SUFFIXES:
                known = nearest_first(suffix, SCORE_SUFFIXES)
                raise ConfigError(f"format {suffix[1:]!r} is unknown; formats: {known.replace('.', '')}")
        if own and set(wanted) != set(own):
            raise ConfigError(f"-o names a {own[0]} file; pass a folder with -o for other formats")
    return list(dict.fromkeys(wanted))


def _extras(sound: Sound | None, activations: bool, plot: bool) -> list[str]:
    _need("--plot" if plot else None, "matplotlib", "plot")
    sounds = [f".{sound.value}.wav"] if sound else []
    return sounds + [ACTIVATIONS_SUFFIX] * activations + [PLOT_SUFFIX] * plot


def _need(feature: str | None, package: str, extra: str) -> None:
    """Refuse what needs an extra that is missing before a long transcription, not after it."""
    from importlib.util import find_spec

    if feature is not None and find_spec(package) is None:
        raise MissingExtraError(feature, package, extra)


def _load(model: Path | None, threads: int | None, options: "TranscriptionOptions") -> "Transcriber":
    with _interrupts_wait():
        import soxr  # noqa: F401 - now, or in the middle of a batch

        from drumlane.transcription.transcribe import Transcriber

        return Transcriber(model, threads, options)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back: while an extension module is being imported (soxr's, for one) it crashes Python."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
