"""Workers: one function over many items, in processes of their own or in this one, results in order.

The processes are started afresh, not forked: no lock of a thread is copied in the middle of its work.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from drumlane.errors import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")


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
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(num_workers, len(items)), mp_context=context)
    try:
        yield from pool.map(function, items)
    except BrokenProcessPool:
        raise DatasetError(
            "a worker process was killed, perhaps for want of memory; pass a smaller --num-workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
