"""How many threads an answer may use: by default as many as the process has cores.

Threads make long work shorter and short work longer: waking them takes as long as scoring a few
hundred candidates. And a service that answers several requests at once has no idle cores.
"""

import os

from threadpoolctl import threadpool_limits

_most: list[int] = []  # empty, or what `pin` was told last


def pin(threads: int = 1) -> None:
    """Have this process compute with so many threads at most, and what it loads from now on.

    For a process whose work is to answer, such as the app's; call it before `corank.load`.
    """
    _most[:] = [threads]
    threadpool_limits(threads)  # of BLAS and OpenMP, until the process ends


def allowed() -> int:
    """Return how many threads a computation may use."""
    if _most:
        return _most[0]
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
