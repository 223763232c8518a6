"""Preprocessing on Ray: the same worker function on a cluster, or on one that lives as long as the run.

Flow: preprocessing -> **preprocess_ray** (prepare_take as tasks)

Every machine must have drumlane installed and see the dataset and ``processed_root`` under the same paths. A
task whose worker dies is done again elsewhere; takes are stored whole or not at all, so that twice is once.
"""

import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from drumlane.data.prepare_take import Job, Outcome
from drumlane.data.preprocessing import Engine, Worker
from drumlane.errors import ConfigError, MissingExtraError
from drumlane.files import shown

MAX_RETRIES = 3  # of a task whose worker process or machine dies
_AHEAD = 4  # tasks handed out for each processor of the cluster
_PATIENCE = 5.0  # seconds
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
    """Yield outcomes as they get done; a cluster that was started for it ends with it.

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
    if address:
        _knock(address)
    options: dict[str, Any] = {"address": address} if address else {"num_cpus": num_cpus}
    try:
        ray.init(**options, include_dashboard=None if address else False, log_to_driver=False)
    except _REFUSALS as error:
        raise _no_cluster(address, " ".join(str(error).split())) from None


def _knock(address: str) -> None:
    """Refuse a host and port where nobody listens: Ray itself would go on trying for many minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # "auto"
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, getattr(error, "strerror", None) or str(error)) from None


def _no_cluster(address: str | None, reason: str) -> ConfigError:
    return ConfigError(f"--ray-address {address}: no cluster answers ({reason}); look at ray status")


def _outcomes(worker: Worker, jobs: Sequence[Job], ray: Any) -> Iterator[Outcome]:
    def prepare_one(job: Job) -> Outcome:  # Ray takes functions, not partials
        return worker(job)

    task = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(prepare_one)
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
