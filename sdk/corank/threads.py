"""How many threads this process may use, and how: long work side by side, short work alone.

Threads that share one small product of matrices wait for each other longer than they compute.
So a graph runs on one thread, and a job of many batches works on several of them at once.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")

_most: list[int] = []  # empty, or what `pin` was told last


def pin(threads: int = 1) -> None:
    """Have this process compute with so many threads at most.

    For a process whose work is to answer, such as the app's: its cores are busy with other
    answers.
    """
    _most[:] = [threads]
    threadpool_limits(threads)  # of BLAS and OpenMP, until the process ends


def allowed() -> int:
    """Return how many threads a computation may use."""
    if _most:
        return _most[0]
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
    """Yield ``work`` of each part in order, as many at once as threads are allowed.

    For work that lets go of Python's lock, as onnxruntime does.
    """
    workers = min(allowed(), len(parts))
    if workers <= 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, parts)
