"""How long one answer takes, from a bundle that was loaded as a service loads it."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from corank.engine import Engine

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


def recommending(engine: Engine, histories: Sequence[Sequence[str]]) -> dict[str, float]:
    """Ten explained answers after rules, one history at a time: recommend_p50_ms and _p99_ms."""
    found = percentiles(lambda number: engine.recommend(histories[number], k=10), len(histories))
    return {f"recommend_{name}": value for name, value in found.items()}
