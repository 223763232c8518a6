"""Workers: one function over many items, in processes of their own or in this one.

The processes are started afresh, not forked: no lock of a thread is copied in the middle of its work. They
leave Ctrl-C to the process that started them, and do not outlive it when it is killed.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from drumlane.errors import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 2  # items handed out for each worker: none is idle, and few are lost with it


def each(function: Callable[[Item], Result], items: Sequence[Item], num_workers: int) -> Iterator[Result]:
    """Yield the results in the order of the items, as soon as they are there.

    Args:
        function: of a module, or a ``partial`` of one; an error that it raises ends all.
        items: what it is called with.
        num_workers: processes; 1 works here, without any.

    Raises:
        DatasetError: a worker was killed, by want of memory as a rule.
    """
    if num_workers <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    pool = _pool(min(num_workers, len(items)))
    try:
        yield from pool.map(function, items)
    except BrokenProcessPool:
        raise DatasetError(
            "a worker process was killed, perhaps for want of memory; pass a smaller --num-workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def each_done(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    num_workers: int,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    """Yield the results as they get done, in any order; a worker that is killed stops no other item.

    What was handed out when a worker died is done again one by one; an item whose worker dies then as well
    has the result of ``lost``.

    Args:
        function: of a module, or a ``partial`` of one; an error that it raises ends all.
        items: what it is called with.
        num_workers: processes; 1 works here, without any.
        lost: stands in for ``function``, in this process.
    """
    if num_workers <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    waiting = list(reversed(items))
    while waiting:
        suspects = yield from _until_a_worker_dies(function, waiting, num_workers)
        yield from _one_by_one(function, suspects, lost)


def _until_a_worker_dies(
    function: Callable[[Item], Result], waiting: list[Item], num_workers: int
) -> Generator[Result, None, list[Item]]:
    """Yield results, taking items off the end of ``waiting``; return those a dead worker took with it."""
    pool = _pool(min(num_workers, len(waiting)))
    running: dict[Future[Result], Item] = {}
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * num_workers:
                running[pool.submit(function, waiting[-1])] = waiting[-1]
                waiting.pop()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                del running[future]
                yield result
    except BrokenProcessPool:
        return list(running.values())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return []


def _one_by_one(
    function: Callable[[Item], Result], items: Sequence[Item], lost: Callable[[Item], Result]
) -> Iterator[Result]:
    """Yield the results of one worker, which is replaced when it dies; the item it died of is lost."""
    pool = _pool(1)
    try:
        for item in items:
            try:
                yield pool.submit(function, item).result()
            except BrokenProcessPool:
                yield lost(item)
                pool = _pool(1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(num_workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(num_workers, mp_context=context, initializer=_follow_the_parent)


def _follow_the_parent() -> None:
    """Leave Ctrl-C to the parent, which lets what is begun be finished; end when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # the queue it waits at would never say that nobody is left
