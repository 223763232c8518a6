"""Preprocessing: features and hits of every recording, once, in many processes; a killed run goes on.

Flow: preprocessing_plan -> **preprocessing** (prepare_take on an engine) -> prepared, feature_store

An engine calls the worker function with every job and yields the outcomes as they get done: ``each_done`` in
processes of this machine, ``preprocess_ray.ray_engine`` on many. Takes are stored whole or not at all, so a
run that was killed goes on where it was.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from drumlane.data.egmd import Take
from drumlane.data.gmd import SPLITS
from drumlane.data.prepare_take import Job, Outcome, Preparation, prepare
from drumlane.data.prepared import PreparedTake, PreparedWith, unmark, write_prepared
from drumlane.data.preprocessing_plan import Plan, Selection, midi_of
from drumlane.data.workers import each_done
from drumlane.errors import DatasetError
from drumlane.files import shown, whole_file

ERRORS = "errors.csv"  # in processed_root; only where there are any

Worker = Callable[[Job], Outcome]
Engine = Callable[[Worker, Sequence[Job]], Iterator[Outcome]]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    outcomes: tuple[Outcome, ...]  # by name; those planned and those that could not be
    n_of_part: Mapping[str, int] = field(default_factory=dict)  # takes in each of SPLITS

    @property
    def prepared(self) -> tuple[Outcome, ...]:
        """Return the takes that can be used."""
        return tuple(one for one in self.outcomes if one.problem is None)

    @property
    def problems(self) -> tuple[Outcome, ...]:
        """Return the takes that cannot."""
        return tuple(one for one in self.outcomes if one.problem is not None)


def local_engine(num_workers: int) -> Engine:
    """Return an engine of processes on this machine; a take whose worker dies twice is a problem."""
    return partial(each_done, num_workers=num_workers, lost=_lost)


def run_plan(plan: Plan, preparation: Preparation, engine: Engine) -> Iterator[Outcome]:
    """Prepare the takes; yield what became of each as it gets done.

    Raises:
        DatasetError: the folder cannot be written to, or the disk is full.
    """
    unmark(preparation.processed_root)
    yield from engine(partial(prepare, preparation=preparation), plan.jobs)


def finish(
    plan: Plan, preparation: Preparation, outcomes: Sequence[Outcome], selection: Selection, splits_dir: Path
) -> Report:
    """Write the index, the lists of the parts and the problems.

    Raises:
        DatasetError: no take could be prepared, or a file cannot be written.
    """
    report = Report(tuple(sorted((*outcomes, *plan.problems), key=lambda one: one.name)))
    _write_problems(preparation.processed_root / ERRORS, report.problems)
    if not report.prepared:
        raise DatasetError(
            f"{shown(selection.root)}: no take could be prepared; {len(report.problems)} problems, first "
            f"{_line(report.problems[0])}"
        )
    split = selection.divide([plan.takes[one.name] for one in report.prepared])
    part_of = {take.audio_filename: part for part, takes in split.parts.items() for take in takes}
    takes = [_prepared(one, plan.takes[one.name], part_of) for one in report.prepared]
    spec = preparation.features
    made = PreparedWith(spec.digest, spec.fps, spec.n_bands, preparation.note_map, preparation.storage)
    write_prepared(preparation.processed_root, splits_dir, takes, spec, made)
    n_of_part = Counter(take.split for take in takes)
    return Report(report.outcomes, {part: n_of_part[part] for part in SPLITS})


def _prepared(outcome: Outcome, take: Take, part_of: Mapping[str, str]) -> PreparedTake:
    return PreparedTake(
        name=outcome.name,
        n_frames=outcome.n_frames,
        duration=outcome.seconds,
        drummer=take.drummer,
        style=take.style,
        kit_name=take.kit_name,
        performance=take.id,
        split=part_of[take.audio_filename],
        audio=take.audio_filename,
        midi=midi_of(take),
        lane_counts=outcome.lane_counts,
    )


def _lost(job: Job) -> Outcome:
    return Outcome(
        job.name, f"{shown(job.audio)}: its worker process was killed, twice; is there enough memory?"
    )


def _line(outcome: Outcome) -> str:
    return f"{outcome.name}: {outcome.problem}"


def _write_problems(path: Path, problems: Sequence[Outcome]) -> None:
    if not problems:
        path.unlink(missing_ok=True)
        return
    with (
        whole_file(path, DatasetError) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("name", "problem"))
        writer.writerows((one.name, one.problem) for one in problems)
