"""Ray trials: the trials of a study as tasks of a Ray cluster, several at a time.

Flow: tuning -> **ray_trials** -> cli

Settings are asked and outcomes told here, on the driver; a task reports its scores to the study's storage.
With sqlite the cluster must share a file system with the driver, so it is meant for one machine; any other
storage that Optuna knows will do for many. Needs the ``ray`` extra.
"""

import time
from typing import TYPE_CHECKING, Any

from drumlane.errors import MissingExtraError
from drumlane.study.trials import Outcome, Plan, State, attempt
from drumlane.study.tuning import (
    INTERRUPTED,
    Asked,
    Limits,
    Say,
    ask,
    deadline,
    described,
    n_ended,
    pruner,
    tell,
)

if TYPE_CHECKING:
    from optuna import Study


def run_on_ray(study: "Study", storage: str, plan: Plan, limits: Limits, say: Say) -> None:
    """Run trials on the cluster of RAY_ADDRESS, or on this machine, until there are enough or time is up.

    Raises:
        MissingExtraError: ray is not installed.
        KeyboardInterrupt: the user stopped it; the trials of the moment are marked as failed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--engine ray", "ray", "ray") from error
    own = not ray.is_initialized()
    if own:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="warning")
    try:
        _run(ray, study, storage, plan, limits, say)
    finally:
        if own:
            ray.shutdown()


def _run(ray: Any, study: "Study", storage: str, plan: Plan, limits: Limits, say: Say) -> None:
    needs, room = _needs(plan, ray.cluster_resources())
    remote, end = ray.remote(**needs)(_attempt), deadline(limits)
    running: dict[Any, Asked] = {}
    try:
        while True:
            while _wanted(study, limits, len(running), room) and time.monotonic() < end:
                asked = ask(study, plan, say)
                where = (storage, plan.study, asked.trial._trial_id)
                running[remote.remote(plan, asked.overrides, where, limits)] = asked
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            asked = running.pop(done)
            outcome = _outcome(ray, done)
            tell(study, asked.trial, outcome)
            say(f"trial {asked.trial.number}: {described(outcome)}")
    finally:
        for task, asked in running.items():
            ray.cancel(task, force=True)
            tell(study, asked.trial, Outcome(State.FAILED, reason=INTERRUPTED))


def _wanted(study: "Study", limits: Limits, n_running: int, room: int) -> bool:
    return n_running < room and n_ended(study) + n_running < limits.n_trials


def _outcome(ray: Any, task: Any) -> Outcome:
    """Return a task's result; one whose worker died, of memory for instance, has failed."""
    try:
        outcome: Outcome = ray.get(task)
    except ray.exceptions.RayError as error:
        return Outcome(State.FAILED, reason=" ".join(str(error).split()))
    return outcome


def _needs(plan: Plan, cluster: dict[str, float]) -> tuple[dict[str, float], int]:
    """Return what a trial needs, and how many the cluster has room for."""
    hardware = plan.config.hardware
    cpus = min(cluster.get("CPU", 1.0), max(1, (hardware.num_threads or 1) + hardware.num_workers))
    room = int(cluster.get("CPU", 1.0) // cpus)
    needs = {"num_cpus": cpus}
    if cluster.get("GPU") and hardware.accelerator in ("auto", "gpu"):
        needs["num_gpus"] = 1
        room = min(room, int(cluster["GPU"]))
    return needs, max(1, room)


def _attempt(plan: Plan, overrides: tuple[str, ...], where: tuple[str, str, int], limits: Limits) -> Outcome:
    """Run one trial in a worker, with the study opened anew."""
    import optuna

    storage, name, trial_id = where
    # Everything was drawn on the driver: the sampler here has nothing to do, and the random one does nothing.
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name=name, storage=storage, sampler=sampler, pruner=pruner(limits))
    return attempt(plan, overrides, optuna.trial.Trial(study, trial_id))
