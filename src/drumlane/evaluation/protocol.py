"""Protocol: the class sets and tolerances of an evaluation, applied to groups of tracks.

Flow: references, corpus -> **protocol** -> report, plots
"""

from collections.abc import Sequence
from dataclasses import dataclass

from drumlane.errors import DatasetError
from drumlane.evaluation.bootstrap import RESAMPLES
from drumlane.evaluation.classes import CLASS_SETS, ClassSet
from drumlane.evaluation.corpus import Group
from drumlane.evaluation.metrics import Scores, score, score_track
from drumlane.evaluation.references import LoadedTrack


@dataclass(frozen=True, slots=True)
class Protocol:
    """How to compare; every combination of class set and tolerance is scored."""

    class_sets: tuple[ClassSet, ...] = (CLASS_SETS["five"], CLASS_SETS["lanes"])
    tolerances: tuple[float, ...] = (0.05, 0.025)  # seconds
    seed: int = 0  # of the bootstrap
    resamples: int = RESAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class GroupScores:
    """The scores of one group, class set after class set, each with all tolerances."""

    name: str
    scores: tuple[Scores, ...]


def evaluate(
    tracks: Sequence[LoadedTrack], groups: Sequence[Group], protocol: Protocol
) -> tuple[GroupScores, ...]:
    """Score every group; a group without tracks is left out, a track may be in several.

    Raises:
        DatasetError: there is no track to score.
    """
    if not tracks:
        raise DatasetError("no reference has an estimate: nothing to score; check the names of the files")
    by_name = {loaded.track.name: loaded for loaded in tracks}
    settings = [(c, t) for c in protocol.class_sets for t in protocol.tolerances]
    scored = [
        {
            name: score_track(loaded.reference, loaded.estimate, tolerance, classes, name)
            for name, loaded in by_name.items()
        }
        for classes, tolerance in settings
    ]
    members = {g.name: [t.name for t in g.select([loaded.track for loaded in tracks])] for g in groups}
    return tuple(
        GroupScores(
            name,
            tuple(
                score((by_track[n] for n in names), protocol.seed, protocol.resamples) for by_track in scored
            ),
        )
        for name, names in members.items()
        if names
    )
