"""What tests run in processes of their own; little is imported, so that these start quickly."""

import os
import sys
from pathlib import Path

from drumlane.data.feature_store import FeatureStore

N_TAKES = 8


def total(store: FeatureStore) -> tuple[int, float, bool]:
    """Read a part of every take; return the process, the sum and whether a key is right."""
    sums = [store.read(f"{n}", n, 7).sum() for n in range(N_TAKES)]
    return os.getpid(), float(sum(sums)), store.key("0") == "0"


def die_of(item: int, fatal: tuple[int, ...]) -> int:
    """Square a number, or end the process at once."""
    if item in fatal:
        os._exit(9)
    return item * item


def run(folder: Path, processed: Path, num_workers: int, storage: str) -> list[str]:
    """Prepare all of one's own recordings; return the names of those that were not there."""
    from drumlane.audio.features import FeatureSpec
    from drumlane.data.prepare_take import Preparation
    from drumlane.data.preprocessing import finish, local_engine, run_plan
    from drumlane.data.preprocessing_plan import Selection, plan_preprocessing
    from drumlane.vocabulary import TD17

    selection = Selection(folder, "folder")
    preparation = Preparation(processed, storage, FeatureSpec(), TD17)  # type: ignore[arg-type]
    plan = plan_preprocessing(selection)
    outcomes = list(run_plan(plan, preparation, local_engine(num_workers)))
    report = finish(plan, preparation, outcomes, selection, processed)
    assert not report.problems
    return [one.name for one in report.prepared if not one.was_there]


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
