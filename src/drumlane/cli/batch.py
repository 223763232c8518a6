"""Batch: from the files and folders on a command line to one job per recording, its outputs named.

Flow: command line -> **batch** -> cli.outputs

``song.mp3`` becomes ``song.mid`` beside it, or in the output folder, where the tree of an input folder is
mirrored. Nothing is opened here; a job that cannot be done carries its problem, so that the others still are.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from drumlane.errors import ConfigError
from drumlane.files import shown
from drumlane.formats.registry import suffixes_of

# What a search through a folder takes for sound; a file that is named itself is tried whatever its suffix.
PLAIN_SUFFIXES = {
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".caf",
    ".w64",
}
MEDIA_SUFFIXES = {".m4a", ".m4b", ".aac", ".wma", ".mp4", ".mov", ".mkv", ".webm"}
AUDIO_SUFFIXES = frozenset(PLAIN_SUFFIXES | MEDIA_SUFFIXES)
SCORE_SUFFIXES = suffixes_of("written")
KIT_SUFFIX = ".kit.wav"
LISTENING_SUFFIXES = (".clicks.wav", KIT_SUFFIX)  # ours: a search does not take them for recordings


class Existing(Enum):
    """What to do when an output is already there."""

    REFUSE = "refuse"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the files to make from it; an output's suffix says what it is."""

    source: Path
    outputs: tuple[Path, ...] = ()
    problem: str | None = None  # why it cannot be done, one line


def plan_jobs(inputs: Sequence[Path], target: Path | None, suffixes: Sequence[str]) -> list[Job]:
    """Return a job for each recording, in the order of the command line.

    Args:
        inputs: files and folders; folders are searched through.
        target: the output folder; None puts outputs beside their inputs. A name ending in one of
            ``SCORE_SUFFIXES`` is the output file itself.
        suffixes: of the outputs: ``.mid``, ``.activations.npz`` …

    Raises:
        ConfigError: ``target`` is a file and there is more than one recording.
    """
    found = _unique(found for path in inputs for found in _search(path))
    if target is not None and names_a_file(target):
        if len(found) > 1:
            raise ConfigError(f"{shown(target)}: one file for {len(found)} recordings; pass a folder with -o")
        return _without_collisions(replace(job, outputs=_named_outputs(target, suffixes)) for job, _ in found)
    return _without_collisions(
        job if job.problem else replace(job, outputs=_outputs(job.source, below, target, suffixes))
        for job, below in found
    )


def names_a_file(target: Path) -> bool:
    """Whether ``-o`` names a file and not a folder."""
    return target.suffix.lower() in SCORE_SUFFIXES and not target.is_dir()


def settle_existing(job: Job, existing: Existing) -> Job:
    """Return the job with the outputs that are still to be made, or with the problem that some are there."""
    there = [path for path in job.outputs if path.exists()]
    if job.problem or not there or existing is Existing.REPLACE:
        return job
    if existing is Existing.SKIP:
        return replace(job, outputs=tuple(path for path in job.outputs if path not in there))
    return replace(job, problem=f"{shown(there[0])}: already there; pass --force or --skip-existing")


def _search(path: Path) -> Iterator[tuple[Job, Path]]:
    """Yield jobs without outputs, and the folders, relative to the input, that the outputs belong in."""
    if not path.is_dir():
        yield Job(path), Path()
        return
    below = [file.relative_to(path) for file in sorted(path.rglob("*")) if _is_recording(file)]
    visible = [name for name in below if not any(part.startswith(".") for part in name.parts)]
    if not visible:
        yield Job(path, problem=f"{shown(path)}: there are no recordings in this folder"), Path()
    for name in visible:
        yield Job(path / name), name.parent


def _is_recording(file: Path) -> bool:
    wanted = file.suffix.lower() in AUDIO_SUFFIXES and not file.name.endswith(LISTENING_SUFFIXES)
    return wanted and file.is_file()


def _unique(found: Iterable[tuple[Job, Path]]) -> list[tuple[Job, Path]]:
    """Drop recordings that are named twice."""
    return list({_same_file(job.source): (job, below) for job, below in reversed(list(found))}.values())[::-1]


def _outputs(source: Path, below: Path, target: Path | None, suffixes: Sequence[str]) -> tuple[Path, ...]:
    folder = source.parent if target is None else target / below
    return tuple(folder / (source.stem + suffix) for suffix in suffixes)


def _named_outputs(target: Path, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """Return the file itself, and the outputs of other kinds beside it."""
    others = [suffix for suffix in suffixes if suffix not in SCORE_SUFFIXES]
    return (target, *(target.with_name(target.stem + suffix) for suffix in others))


def _without_collisions(jobs: Iterable[Job]) -> list[Job]:
    """Give a problem to every job that would overwrite its input or another job's output."""
    planned = list(jobs)
    sources = {_same_file(job.source): job.source for job in planned}
    uses = Counter(_same_file(output) for job in planned for output in job.outputs)
    return [replace(job, problem=job.problem or _collision(job, sources, uses)) for job in planned]


def _collision(job: Job, sources: dict[str, Path], uses: Counter[str]) -> str | None:
    for output in job.outputs:
        key = _same_file(output)
        if key in sources:
            return f"{shown(job.source)}: the output {shown(output)} is an input; choose another with -o"
        if uses[key] > 1:
            return f"{shown(job.source)}: {shown(output)} would be written by another input too; rename one"
    return None


def _same_file(path: Path) -> str:
    """Return a key that is equal for two names of one file."""
    return os.path.normcase(os.path.realpath(path))
