"""Preprocessing on Ray: the same worker function on a cluster, or on one that lives as long as the run.

Flow: preprocessing -> **preprocess_ray** (prepare_take as tasks)

Every machine must have drumlane installed and see the dataset and ``processed_root`` under the same paths. A
task whose worker dies is done again elsewhere; takes are stored whole or not at all, so that twice is once.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from drumlane.data.prepare_take import Job, Outcome
from drumlane.data.preprocessing import Engine, Worker
from drumlane.errors import ConfigError, MissingExtraError
from drumlane.files import shown

MAX_RETRIES = 3  # of a task whose worker process or machine dies
_AHEAD = 4  # tasks handed out for each processor of the cluster
_REFUSALS = (ConnectionError, RuntimeError, ValueError, TimeoutError)  # of ray.init, by kind of address


def ray_engine(address: str | None = None, num_cpus: int | None = None) -> Engine:
    """Return an engine that runs on Ray.

    Args:
        address: of a cluster ("auto", "host:port", "ray://…"); None takes that of the environment's
            RAY_ADDRESS, or starts one on this machine for the run.
        num_cpus: tasks at a time on a cluster that is started here; None: one for each processor.

    Raises:
        MissingExtraError: ray is not installed.
    """
    return partial(_run, ray=_ray(), address=address, num_cpus=num_cpus)


def _run(
    worker: Worker, jobs: Sequence[Job], ray: Any, address: str | None, num_cpus: int | None
) -> Iterator[Outcome]:
    """Yield outcomes as they get done.

    Raises:
        ConfigError: there is no cluster at the address.
    """
    began = not ray.is_initialized()
    if began:
        _connect(ray, address, num_cpus)
    try:
        yield from _outcomes(worker, jobs, ray)
    finally:
        if began:
            ray.shutdown()


def _connect(ray: Any, address: str | None, num_cpus: int | None) -> None:
    options: dict[str, Any] = {"address": address} if address else {"num_cpus": num_cpus}
    try:
        ray.init(**options, include_dashboard=None if address else False, log_to_driver=False)
    except _REFUSALS as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"--ray-address {address}: no cluster answers ({reason}); see ray status") from None


def _outcomes(worker: Worker, jobs: Sequence[Job], ray: Any) -> Iterator[Outcome]:
    task = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(worker)
    waiting = list(reversed(jobs))
    running: dict[Any, Job] = {}
    while waiting or running:
        # Asked each time: a cluster grows and shrinks.
        at_once = _AHEAD * max(1, round(ray.cluster_resources().get("CPU", 1)))
        while waiting and len(running) < at_once:
            job = waiting.pop()
            running[task.remote(job)] = job
        done, _ = ray.wait(list(running))
        for reference in done:
            yield _outcome(reference, running.pop(reference), ray)


def _outcome(reference: Any, job: Job, ray: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.WorkerCrashedError:
        return Outcome(
            job.name, f"{shown(job.audio)}: its worker process was killed {MAX_RETRIES + 1} times; memory?"
        )
    return outcome


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtraError("--engine ray", "ray", "ray") from None
    return ray
