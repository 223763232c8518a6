"""References: which estimate belongs to which reference, and reading both.

Flow: formats -> **references** -> metrics

Files of two folders (searched with their subfolders) belong together when they have the same stem. Of several
candidates the one in the same subfolder wins, then the one with the reference's suffix; if that leaves more
than one, nothing is guessed.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from drumlane.errors import AudioError, DatasetError, FormatError
from drumlane.formats import read
from drumlane.formats.registry import suffixes_of
from drumlane.performance import Performance

SYMBOLIC_SUFFIXES = suffixes_of("read")
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".aac", ".mp4")

ReadEstimate = Callable[[Path], Performance]


@dataclass(frozen=True, slots=True)
class Track:
    """One reference and what is held against it."""

    name: str
    reference: Path
    estimate: Path | None  # symbolic file, or audio to transcribe; None: there is none
    columns: Mapping[str, str] = field(default_factory=dict)  # of the manifest's row
    duration: float = 0.0  # seconds of audio, if known: tables of hits do not tell


@dataclass(frozen=True, slots=True)
class Pairing:
    """Partners found in two folders."""

    tracks: tuple[Track, ...]  # one per reference, in order of name
    left_over: tuple[Path, ...]  # estimates without a reference

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the references without an estimate."""
        return tuple(track.name for track in self.tracks if track.estimate is None)


@dataclass(frozen=True, slots=True)
class LoadedTrack:
    """A track in memory; without an estimate it counts as a transcription without hits."""

    track: Track
    reference: Performance
    estimate: Performance
    failure: str = ""  # why the estimate could not be had


def pair(estimates: Path, references: Path, estimate_suffixes: Sequence[str] = SYMBOLIC_SUFFIXES) -> Pairing:
    """Find the estimate of each reference.

    Args:
        estimates: a file, or a folder.
        references: a file if ``estimates`` is one, else a folder.
        estimate_suffixes: of the files to look at in the folder of estimates.

    Raises:
        DatasetError: a path is missing, the two are not of one kind, nothing is there to compare, or a
            reference has several possible estimates.
    """
    for path in (estimates, references):
        if not path.exists():
            raise DatasetError(f"{path}: no such file or folder; check the name")
    if estimates.is_file() and references.is_file():
        return Pairing((Track(references.stem, references, estimates),), ())
    if estimates.is_file() or references.is_file():
        raise DatasetError(f"{estimates} and {references}: give two files or two folders, not one of each")
    tracks = tuple(
        Track(path.relative_to(references).with_suffix("").as_posix(), path, None)
        for path in _files(references, SYMBOLIC_SUFFIXES)
    )
    return with_estimates(tracks, estimates, estimate_suffixes)


def with_estimates(
    tracks: Sequence[Track], folder: Path, suffixes: Sequence[str] = SYMBOLIC_SUFFIXES
) -> Pairing:
    """Give each track the file of a folder whose stem is the last part of the track's name.

    Raises:
        DatasetError: the folder is missing or empty, or a track has several possible estimates.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: not a folder; give the folder with one prediction per track")
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in _files(folder, suffixes):
        by_stem[_composed(path.stem)].append(path)
    paired = tuple(_with_partner(track, by_stem, folder) for track in tracks)
    _check_used_once(paired)
    used = {_last_part(track) for track in paired}
    left_over = sorted(path for stem, paths in by_stem.items() if stem not in used for path in paths)
    return Pairing(paired, tuple(left_over))


def load(
    tracks: Iterable[Track],
    read_estimate: ReadEstimate = read,
    missing_counts: bool = True,
    read_reference: ReadEstimate = read,
) -> Iterator[LoadedTrack]:
    """Read references and estimates, one track at a time.

    An estimate that cannot be read or transcribed is kept as one without hits, with the reason in
    ``failure``: leaving it out would flatter the score.

    Args:
        tracks: what to read.
        read_estimate: turns the estimate's path into hits: ``formats.read``, or a transcription.
        missing_counts: whether a track without an estimate counts as all missed; else it is left out.
        read_reference: turns the reference's path into hits.

    Raises:
        FormatError: a reference cannot be read.
    """
    for track in tracks:
        if track.estimate is None and not missing_counts:
            continue
        annotated = read_reference(track.reference)
        reference = replace(annotated, duration=max(annotated.duration, track.duration))
        estimate, failure = Performance(duration=reference.duration), ""
        if track.estimate is not None:
            try:
                estimate = read_estimate(track.estimate)
            except (AudioError, FormatError) as error:
                failure = str(error)
        yield LoadedTrack(track, reference, estimate, failure)


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    if not found:
        raise DatasetError(f"{folder}: no files to compare in it ({', '.join(suffixes)})")
    return found


def _composed(name: str) -> str:
    """Return the name in one Unicode form: file systems disagree on how to write an accent."""
    return unicodedata.normalize("NFC", name)


def _last_part(track: Track) -> str:
    return _composed(PurePosixPath(track.name).name)


def _check_used_once(tracks: Sequence[Track]) -> None:
    uses = Counter(track.estimate for track in tracks if track.estimate is not None)
    for estimate, n_uses in uses.items():
        if n_uses > 1:
            owners = ", ".join(str(track.reference) for track in tracks if track.estimate == estimate)
            raise DatasetError(f"{estimate}: fits {n_uses} references ({owners}); rename them")


def _with_partner(track: Track, by_stem: Mapping[str, list[Path]], folder: Path) -> Track:
    """Return the track with its estimate, preferring the same subfolder and then the same suffix."""
    candidates = by_stem.get(_last_part(track), [])
    parent = Path(track.name).parent
    candidates = _narrowed(candidates, lambda path: path.relative_to(folder).parent == parent)
    suffix = track.reference.suffix.lower()
    candidates = _narrowed(candidates, lambda path: path.suffix.lower() == suffix)
    if len(candidates) > 1:
        names = ", ".join(str(path) for path in candidates)
        raise DatasetError(f"{track.reference}: several estimates fit ({names}); keep one")
    return replace(track, estimate=candidates[0]) if candidates else track


def _narrowed(candidates: list[Path], keep: Callable[[Path], bool]) -> list[Path]:
    """Return the candidates that ``keep`` accepts, or all of them when it accepts none."""
    return [path for path in candidates if keep(path)] or candidates
