"""Seconds and memory of the steps of one run. Knows no corank: peers are timed by it too."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

WARM_UP = 20  # answers before the clock runs: first uses build what later ones share


def percentiles(answer: Callable[[int], object], n: int) -> dict[str, float]:
    """Time ``answer(0)``, ``answer(1)``, ... one after another; return p50_ms and p99_ms."""
    for number in range(min(WARM_UP, n)):
        answer(number)
    taken = np.empty(n)
    for number in range(n):
        start = time.perf_counter()
        answer(number)
        taken[number] = time.perf_counter() - start
    p50, p99 = np.percentile(taken * 1_000, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99)}


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
        self.seconds[name] = round(self.seconds.get(name, 0.0) + taken, 1)

    def figures(self) -> dict[str, float]:
        """Return every step's seconds, and ``peak_memory_mb``."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {**self.seconds, "peak_memory_mb": round(peak)}
