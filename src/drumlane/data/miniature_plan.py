"""Plan of a miniature E-GMD: which performance is played on which kits, and what its files are called.

Flow: egmd (GMD's grooves) or rendering.composition -> **miniature_plan** -> miniature

Everything is decided here, from the seed; making a take decides nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from drumlane.data import gmd
from drumlane.data.egmd import Take, load_takes
from drumlane.data.gmd import SPLITS
from drumlane.data.splits import official_split, spread_takes
from drumlane.errors import ConfigError, DatasetError, FormatError
from drumlane.files import shown
from drumlane.formats.midi import read_midi
from drumlane.performance import Performance
from drumlane.rendering.composition import STYLES, compose, compose_fill
from drumlane.rendering.kit_hydrogen import ARCHIVE_SUFFIX
from drumlane.rendering.open_kit import SFZ_SUFFIX, manifest_kit
from drumlane.rendering.procedural import EMBEDDED_NAME
from drumlane.vocabulary import TD17

DEFAULT_KITS = 6
HELD_OUT = (117 / 1059, 123 / 1059)  # of E-GMD's performances, in validation and test
_DRUMMERS, _SESSIONS = 5, 2  # of composed grooves
_FILLS = 0.2  # of composed performances


@dataclass(frozen=True, slots=True)
class MiniatureOptions:
    """What a miniature is made of."""

    grooves: Path | None = None  # a copy of GMD or E-GMD; None composes
    kits: tuple[str, ...] = ()  # names or paths as for ``named_kit``; empty: procedural ones
    performances: int = 20  # at least three: one for each split
    kits_per_performance: int = 3
    seconds: float = 30.0  # the most of each performance
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the options go together.

        Raises:
            ConfigError: a number is out of range, a kit is named twice or there are too few kits.
        """
        if self.performances < len(SPLITS):
            raise ConfigError(f"{self.performances} performances do not fill {len(SPLITS)} splits; make more")
        if not 1.0 <= self.seconds <= 3600.0:
            raise ConfigError(f"{self.seconds:g} seconds of each performance must be 1 to 3600")
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} must be 0 or more")
        names = [kit_name(kit) for kit in self.kits]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"two kits are called {twice}; give each another name")
        if not 1 <= self.kits_per_performance <= len(self.all_kits):
            raise ConfigError(
                f"{self.kits_per_performance} kits for each performance, but there are {len(self.all_kits)}; "
                "name more kits"
            )

    @property
    def all_kits(self) -> tuple[str, ...]:
        """Return the kits by name; without any given, procedural ones whose seeds follow from ``seed``."""
        n_kits = max(DEFAULT_KITS, self.kits_per_performance)
        return self.kits or tuple(f"procedural:{1000 * self.seed + k}" for k in range(1, n_kits + 1))

    @property
    def attribution(self) -> str:
        """Say whose grooves these are and under which licence."""
        if self.grooves is None:
            return "composed by drumlane"
        return f"{gmd.ATTRIBUTION}, {gmd.LICENCE}; cut to {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class PlannedTake:
    """One performance on one kit."""

    drummer: str
    session: str
    id: str
    style: str
    bpm: float
    beat_type: str
    time_signature: str
    split: str
    stem: str  # of both files, below the root
    performance: Performance
    kit: str = ""  # as for ``named_kit``
    kit_index: int = 0  # counted from 1
    seed: int = 0  # of the rendering


def plan_takes(options: MiniatureOptions) -> tuple[PlannedTake, ...]:
    """Return every take of a miniature.

    Raises:
        DatasetError: ``grooves`` is no copy of GMD, or has too few performances in a split.
    """
    rng = np.random.default_rng(options.seed)
    if options.grooves is None:
        performances = list(_composed(options, rng))
    else:
        performances = list(_from_grooves(options.grooves, options))
    n_played = dict.fromkeys(range(len(options.all_kits)), 0)
    takes: list[PlannedTake] = []
    for performance in performances:
        takes += _on_kits(
            performance, _least_played(n_played, options.kits_per_performance, rng), options, rng
        )
    return tuple(takes)


def kit_name(kit: str) -> str:
    """Return what the table calls a kit: of a path, its last part.

    >>> [kit_name(kit) for kit in ("procedural:7", "kits/kits.csv:becks", "kits/My Kit.sfz", "kits/Kit 1.2")]
    ['procedural:7', 'becks', 'My Kit', 'Kit 1.2']
    """
    if kit.partition(":")[0] == EMBEDDED_NAME:
        return kit
    in_manifest = manifest_kit(Path(kit))
    if in_manifest:
        return in_manifest[1]
    path = Path(kit).absolute()  # a dot is a folder with a name
    return path.stem if path.suffix.lower() in (SFZ_SUFFIX, ARCHIVE_SUFFIX) else path.name


def splits_of(n_performances: int) -> tuple[int, int, int]:
    """Return how many performances train, validate and test: E-GMD's shares, at least one each.

    >>> splits_of(1059), splits_of(20), splits_of(3)
    ((819, 117, 123), (16, 2, 2), (1, 1, 1))
    """
    n_validation, n_test = (max(1, round(share * n_performances)) for share in HELD_OUT)
    return n_performances - n_validation - n_test, n_validation, n_test


def _least_played(n_played: dict[int, int], n: int, rng: np.random.Generator) -> list[int]:
    """Choose the ``n`` kits that have played least, by chance among equals, and count them."""
    by_chance = rng.permutation(len(n_played)).tolist()
    chosen = sorted(sorted(by_chance, key=n_played.__getitem__)[:n])
    for index in chosen:
        n_played[index] += 1
    return chosen


def _on_kits(
    performance: PlannedTake, kits: Sequence[int], options: MiniatureOptions, rng: np.random.Generator
) -> Iterator[PlannedTake]:
    for index in kits:
        yield replace(
            performance,
            stem=f"{performance.stem}_{index + 1}",
            kit=options.all_kits[index],
            kit_index=index + 1,
            seed=int(rng.integers(2**31)),
        )


def _composed(options: MiniatureOptions, rng: np.random.Generator) -> Iterator[PlannedTake]:
    """Yield performances without kits, in every style by turns."""
    sizes = splits_of(options.performances)
    splits = rng.permutation([name for name, n in zip(SPLITS, sizes, strict=True) for _ in range(n)]).tolist()
    numbers: dict[str, int] = {}
    for i, split in enumerate(splits):
        drummer = f"drummer{1 + i % _DRUMMERS}"
        session = f"{drummer}/session{1 + i // _DRUMMERS % _SESSIONS}"
        numbers[session] = numbers.get(session, 0) + 1
        yield _composed_one(i, f"{session}/{numbers[session]}", split, options.seconds, rng)


def _composed_one(i: int, id_: str, split: str, seconds: float, rng: np.random.Generator) -> PlannedTake:
    name = tuple(STYLES)[i % len(STYLES)]
    style = STYLES[name]
    bpm = int(rng.integers(style.bpm[0], style.bpm[1] + 1))
    is_fill = bool(rng.random() < _FILLS)
    performance = compose_fill(style, bpm, rng) if is_fill else compose(style, bpm, seconds, rng)
    drummer, session, number = id_.split("/")
    beat_type = "fill" if is_fill else "beat"
    return PlannedTake(
        drummer=drummer,
        session=f"{drummer}/{session}",
        id=id_,
        style=name,
        bpm=bpm,
        beat_type=beat_type,
        time_signature=style.time_signature,
        split=split,
        stem=f"{drummer}/{session}/{number}_{name}_{bpm}_{beat_type}_{style.time_signature}",
        performance=_start_of(performance, seconds),
    )


def _from_grooves(root: Path, options: MiniatureOptions) -> Iterator[PlannedTake]:
    """Yield performances without kits, chosen from each part of the grooves' own split.

    Raises:
        DatasetError: a part has too few that can be read and have hits.
    """
    parts = official_split(
        take for take in load_takes(root) if take.midi is not None and take.bpm is not None
    )
    for (name, takes), n in zip(parts.parts.items(), splits_of(options.performances), strict=True):
        once = tuple({take.id: take for take in takes}.values())  # of E-GMD's many takes one
        chosen = _readable(spread_takes(once, len(once), options.seed), n, options.seconds)
        if len(chosen) < n:
            raise DatasetError(
                f"{shown(root)}: {n} performances of split {name!r} are wanted, {len(chosen)} can be read; "
                "ask for fewer"
            )
        yield from chosen


def _readable(takes: Sequence[Take], n: int, seconds: float) -> list[PlannedTake]:
    """Return the first ``n`` that can be read and have hits."""
    chosen: list[PlannedTake] = []
    for take in takes:
        if len(chosen) == n:
            break
        assert take.midi is not None
        try:
            performance = _start_of(read_midi(take.midi, TD17), seconds)
        except FormatError:
            continue  # one broken file of a copy is not the end of a miniature
        if performance.hits:
            chosen.append(_planned(take, performance))
    return chosen


def _planned(take: Take, performance: Performance) -> PlannedTake:
    assert take.bpm is not None
    return PlannedTake(
        drummer=take.drummer,
        session=take.session,
        id=take.id,
        style=take.style,
        bpm=take.bpm,
        beat_type=take.beat_type,
        time_signature=take.time_signature,
        split=take.split,
        stem=str(PurePosixPath(take.midi_filename).with_suffix("")),
        performance=performance,
    )


def _start_of(performance: Performance, seconds: float) -> Performance:
    """Return what is played in the first ``seconds``; silence after the last hit is cut to a second."""
    hits = tuple(hit for hit in performance.hits if hit.time < seconds)
    end = hits[-1].time + 1.0 if hits else 0.0
    return Performance(hits, performance.tempo, min(seconds, performance.duration, end))
