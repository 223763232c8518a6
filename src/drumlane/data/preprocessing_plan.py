"""Preprocessing plan: which takes are to be prepared, under which names, and which cannot even be tried.

Flow: egmd or own_recordings, splits -> **preprocessing_plan** -> preprocessing
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from drumlane.data.egmd import Take, load_takes, pairs_of
from drumlane.data.own_recordings import find_recordings, split_recordings
from drumlane.data.prepare_take import Job, Outcome
from drumlane.data.splits import (
    RANDOM_SHARES,
    Split,
    official_split,
    random_split,
    spread_over_parts,
    spread_takes,
)
from drumlane.errors import DatasetError
from drumlane.files import shown

Material = Literal["egmd", "folder"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which recordings, and how they are divided."""

    root: Path
    material: Material  # a copy of E-GMD or GMD, or a folder of a user's own
    split: Literal["official", "random"] = "official"  # of E-GMD; one's own are always split at random
    shares: tuple[float, float, float] = RANDOM_SHARES  # of a random split
    seed: int = 42
    max_files: int | None = None

    def divide(self, takes: Sequence[Take]) -> Split:
        """Return the parts.

        Raises:
            DatasetError: as ``official_split``.
        """
        if self.material == "folder":
            return split_recordings(takes, self.shares, self.seed)
        if self.split == "random":
            return random_split(takes, self.seed, self.shares)
        return official_split(takes)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    takes: Mapping[str, Take]  # by name in the store, sorted; each has recording and MIDI
    problems: tuple[Outcome, ...]  # takes that cannot even be tried
    n_absent: int  # rows of the table that name no file that is there
    warning: str | None  # of the split, for the user
    jobs: tuple[Job, ...] = field(default=())


def plan_preprocessing(selection: Selection) -> Plan:
    """Look which takes there are and choose; no recording is opened.

    Raises:
        DatasetError: there is no folder or table, no pair in it, or its split tears performances apart.
    """
    own = selection.material == "folder"
    takes = find_recordings(selection.root) if own else load_takes(selection.root)
    pairs, problems = _named(_pairs(takes, selection))
    chosen = _chosen(pairs, selection)
    jobs = tuple(
        Job(name, take.audio, take.midi) for name, take in chosen.items() if take.audio and take.midi
    )
    return Plan(
        takes=chosen,
        problems=(*problems, *_without_partner(takes)),
        n_absent=sum(take.audio is None and take.midi is None for take in takes),
        warning=selection.divide(tuple(chosen.values())).warning,
        jobs=jobs,
    )


def midi_of(take: Take) -> str:
    """Return the MIDI file's name as the dataset has it, with the suffix that was found."""
    suffix = take.midi.suffix if take.midi else ""
    return str(PurePosixPath(take.midi_filename).with_suffix(suffix))


def _pairs(takes: Sequence[Take], selection: Selection) -> tuple[Take, ...]:
    if selection.material == "folder" and not any(take.is_pair for take in takes):
        raise DatasetError(
            f"{shown(selection.root)}: no recording has a MIDI file beside it; give one the recording's name"
        )
    return pairs_of(takes, selection.root)


def _named(pairs: Iterable[Take]) -> tuple[dict[str, Take], list[Outcome]]:
    """Return the pairs by name, and those that can have none of their own."""
    named: dict[str, Take] = {}
    problems = []
    for take in sorted(pairs, key=lambda take: take.audio_filename):
        name = str(PurePosixPath(take.audio_filename).with_suffix(""))
        if not name.isprintable() or name != name.strip():
            problems.append(Outcome(shown(name), "its name cannot stand in a list; rename the files"))
        elif name in named:
            first = named[name].audio_filename
            problems.append(Outcome(take.audio_filename, f"{first} has the same name; rename one of them"))
        else:
            named[name] = take
    return named, problems


def _chosen(pairs: Mapping[str, Take], selection: Selection) -> dict[str, Take]:
    if selection.max_files is None:
        return dict(pairs)
    by_table = selection.material == "egmd" and selection.split == "official"
    spread = spread_over_parts if by_table else spread_takes
    wanted = spread(tuple(pairs.values()), selection.max_files, selection.seed)
    kept = {take.audio_filename for take in wanted}
    return {name: take for name, take in pairs.items() if take.audio_filename in kept}


def _without_partner(takes: Iterable[Take]) -> Iterable[Outcome]:
    for take in takes:
        if take.audio is not None and take.midi is None:
            yield Outcome(shown(take.audio_filename), "has no MIDI file beside it")
        elif take.audio is None and take.midi is not None:
            yield Outcome(shown(take.midi_filename), "has no recording beside it")
