"""Seconds and memory of the steps of one run. Knows no corank: peers are timed by it too."""

import gc
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
TIMES = ("p50_ms", "p95_ms", "p99_ms")
WARM_UP = 20  # answers that are not timed: first uses build what later ones share


def percentiles(answer: Callable[[int], object], n: int) -> dict[str, float]:
    """Ask for ``answer(0)`` to ``answer(n - 1)``, once each; return p50_ms, p95_ms and p99_ms.

    The first ones, `WARM_UP` of them or half, are not timed.
    """
    taken = np.empty(n)
    for number in range(n):
        start = time.perf_counter()
        answer(number)
        taken[number] = time.perf_counter() - start
    found = np.percentile(taken[min(WARM_UP, n // 2) :] * 1_000, [50, 95, 99])
    return dict(zip(TIMES, found.tolist(), strict=True))


def throughput(answer: Callable[[int], object], n: int, at_once: int) -> float:
    """Ask for ``answer(0)`` to ``answer(n - 1)``, so many at once; return answers a second."""
    with ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        for _ in pool.map(answer, range(n)):
            pass
        return n / (time.perf_counter() - began)


def forget_peak() -> None:
    """Begin to count the most memory from here, where Linux lets a process do so."""
    gc.collect()
    with suppress(OSError):
        CLEAR.write_text("5")


class Clock:
    """Times named steps, and knows the most memory that the process ever held."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside; a name's times add up."""
        start = time.perf_counter()
        yield
        taken = time.perf_counter() - start
        self.seconds[name] = round(self.seconds.get(name, 0.0) + taken, 3)

    def figures(self) -> dict[str, float]:
        """Return every step's seconds, and ``peak_memory_mb``."""
        return {**self.seconds, "peak_memory_mb": round(peak_memory_mb())}


def peak_memory_mb() -> float:
    """Return the most memory that this process held, in MiB, ever or since `forget_peak`.

    What `getrusage` says of a process includes what its parent held when it was started, so it
    is asked only where there is nothing better.
    """
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
