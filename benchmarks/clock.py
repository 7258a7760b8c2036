"""Seconds and memory of the steps of one run."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


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
