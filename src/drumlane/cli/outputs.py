"""Outputs: one recording transcribed, and everything that was asked for written from it.

Flow: cli.batch -> **outputs** (transcription, formats, rendering, evaluation.plots) -> files
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from drumlane.cli.batch import KIT_SUFFIX, SCORE_SUFFIXES, Job
from drumlane.cli.progress import Display
from drumlane.errors import ConfigError, DrumlaneError, FormatError
from drumlane.files import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drumlane.performance import Performance
    from drumlane.transcription.activations import PieceActivations
    from drumlane.transcription.transcribe import Transcriber

ACTIVATIONS_SUFFIX = ".activations.npz"
PLOT_SUFFIX = ".plot.png"
_USUAL = (0.05, 0.95)  # of the beats of a recording, slowest first: between them is its tempo
_NAMELESS = (".mid", ".midi", ".csv", ".tsv", ".png", ".npz", ".wav")  # files without names of a song


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording and what was found in it."""

    source: Path
    performance: "Performance"
    silent: bool
    kept: "PieceActivations | None" = None  # None: no output shows them

    @property
    def activations(self) -> "PieceActivations":
        """What the network heard, for an output that shows it."""
        if self.kept is None:
            raise ValueError(f"the activations of {self.source} were not kept")
        return self.kept


def run_jobs(jobs: Sequence[Job], load: Callable[[], "Transcriber"], display: Display) -> int:
    """Do the jobs one after the other; return how many failed.

    Args:
        jobs: planned, with their problems.
        load: loads the model; called only when there is work for it.
        display: told about every file.

    Raises:
        ModelError: the model cannot be loaded.
    """
    workable = [job for job in jobs if not job.problem and job.outputs]
    transcriber = load() if workable else None
    n_failed = 0
    for job in jobs:
        try:
            display.say(_done(job, transcriber, display))
        except DrumlaneError as error:
            n_failed += 1
            display.complain(str(error))
        display.end()
    if len(jobs) > 1:
        n_skipped = sum(not (job.problem or job.outputs) for job in jobs)
        _sum_up(len(jobs) - n_failed - n_skipped, n_skipped, n_failed, display)
    return n_failed


def _done(job: Job, transcriber: "Transcriber | None", display: Display) -> str:
    """Do one job and return a line about it."""
    if job.problem:
        raise ConfigError(job.problem)
    if transcriber is None or not job.outputs:
        return f"{shown(job.source)}: skipped, its results are there"
    display.begin(job.source.name)
    for output in job.outputs:
        _check_place(output)
    heard = _heard(job, transcriber, display)
    for output in job.outputs:
        _make_folder(output.parent)
        _write(heard, output, transcriber)
    return f"{shown(job.source)}: {_summary(heard)} -> {', '.join(map(shown, job.outputs))}"


def _heard(job: Job, transcriber: "Transcriber", display: Display) -> Heard:
    """Transcribe; activations that nobody asked for are let go before beats are sought: hours are long."""
    activations = transcriber.activations(job.source, progress=display.advance)
    heard = Heard(job.source, transcriber.decode(activations), activations.silent)
    if any(output.name.endswith((ACTIVATIONS_SUFFIX, PLOT_SUFFIX)) for output in job.outputs):
        heard = replace(heard, kept=activations)
    del activations
    performance = transcriber.with_tempo(heard.performance, job.source)
    return replace(heard, performance=_named(performance, job))


def _named(performance: "Performance", job: Job) -> "Performance":
    """Return the performance with the names of its song, where a file is asked for that shows them."""
    if all(output.suffix.lower() in _NAMELESS for output in job.outputs):
        return performance
    from drumlane.pipeline.names import named

    return replace(performance, song=named(job.source, performance.song)[0])


def _sum_up(n_done: int, n_skipped: int, n_failed: int, display: Display) -> None:
    skipped = f", {n_skipped} skipped" if n_skipped else ""
    if n_failed:
        display.complain(f"{n_done} transcribed{skipped}, {n_failed} failed")
    else:
        display.say(f"{n_done} transcribed{skipped}")


def _summary(heard: Heard) -> str:
    """Return ``12 hits (kick 8, snare 4), 92.0 bpm 4/4``."""
    from drumlane.vocabulary import LANES

    if heard.silent:
        return "silence, no hits"
    counts = {lane.label: len(heard.performance.lane_times(lane)) for lane in LANES}
    lanes = ", ".join(f"{name} {n}" for name, n in counts.items() if n)
    n_hits = len(heard.performance)
    hits = f"{n_hits} hit{'' if n_hits == 1 else 's'}" + (f" ({lanes})" if lanes else "")
    return f"{hits}, {_tempo(heard.performance)}"


def _tempo(performance: "Performance") -> str:
    """Return ``92.0 bpm 4/4``, or ``88.1-95.0 bpm 4/4``: without lead-in and a twentieth at either end."""
    tempo = performance.tempo
    end = float(tempo.seconds_to_beats(performance.duration))
    music = tempo.changes[1:] or tempo.changes  # a lead-in is no tempo of the music
    lengths = _lengths([change.beat for change in music], end)
    by_tempo = sorted(zip((change.bpm for change in music), lengths, strict=True))
    passed = list(accumulate(length for _, length in by_tempo))
    low, high = (
        f"{next(bpm for (bpm, _), n in zip(by_tempo, passed, strict=True) if n >= share * passed[-1]):.1f}"
        for share in _USUAL
    )
    bars = _lengths([signature.beat for signature in tempo.signatures], end)
    bar = tempo.signatures[bars.index(max(bars))]
    return f"{low if low == high else f'{low}-{high}'} bpm {bar.numerator}/{bar.denominator}"


def _lengths(starts: list[float], end: float) -> list[float]:
    """Return how many beats each of several stretches has up to ``end``."""
    return [max(0.0, min(b, end) - min(a, end)) for a, b in pairwise([*starts, end])]


def _write(heard: Heard, output: Path, transcriber: "Transcriber") -> None:
    """Write one output; its suffix says which."""
    if output.name.endswith(PLOT_SUFFIX):
        _plot(heard, output, transcriber)
    elif output.suffix.lower() in SCORE_SUFFIXES:
        _write_score(heard.performance, output, transcriber)
    elif output.name.endswith(ACTIVATIONS_SUFFIX):
        from drumlane.transcription.activations import save_activations

        save_activations(heard.activations, output)
    else:
        from drumlane.transcription.sonify import clicks, sonify

        player = _play_kit if output.name.endswith(KIT_SUFFIX) else clicks
        sonify(heard.source, heard.performance, output, player)


def _write_score(performance: "Performance", output: Path, transcriber: "Transcriber") -> None:
    """Write hits; a model may have notes of its own for MIDI."""
    midi = transcriber.model.card.midi
    if midi is not None and output.suffix.lower() in (".mid", ".midi"):
        from drumlane.formats.midi import write_midi

        write_midi(performance, output, note_of_drum=midi.note_of_drum, note_ticks=midi.note_ticks)
        return
    from drumlane import formats

    formats.write(performance, output)


def _play_kit(performance: "Performance", n_samples: int) -> "NDArray[np.float32]":
    """Play the embedded kit, as loud as the music."""
    import numpy as np

    from drumlane.audio.level import level_gain
    from drumlane.rendering.kits import SAMPLE_RATE
    from drumlane.rendering.procedural import embedded_kit
    from drumlane.rendering.stage import play, voices_of
    from drumlane.vocabulary import Drum

    dry = play(performance, voices_of(embedded_kit(), Drum), n_samples, np.random.default_rng(0)).dry
    return dry * np.float32(level_gain(dry, SAMPLE_RATE))


def _check_place(output: Path) -> None:
    """Refuse an output that cannot be written before a long transcription, not after it."""
    if output.is_dir():
        raise FormatError(f"{shown(output)}: is a folder; choose another name with -o")
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise FormatError(f"{shown(output)}: cannot be written into {shown(there)}; choose a folder with -o")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{shown(folder)}: the folder cannot be made ({error.strerror})") from error


def _plot(heard: Heard, output: Path, transcriber: "Transcriber") -> None:
    from drumlane.evaluation.plots import plot_transcription

    features = transcriber.features(heard.source)
    plot_transcription(features, heard.activations.onset, heard.performance, output, heard.activations.fps)
