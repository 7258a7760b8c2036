"""What an answer costs beside what it is worth: every system asked one history at a time, by turns.

Ours is what a service answers: ten items after rules, explained. Another system's answer is its ten
best scores. Knows engines and scorers; how good the answers are is measured elsewhere.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from corank.data.ragged import Ragged
from corank.engine import Engine
from corank.evaluate.baselines import Baseline
from corank.evaluate.report import OURS
from corank.evaluate.task import Task

ASKED = 30
"""Histories that each system is asked, after one that is not timed."""
K = 10


def answer_times(
    engine: Engine, task: Task, others: Sequence[Baseline], seed: int
) -> list[dict[str, Any]]:
    """Return the median milliseconds of an answer, one row a system: ``system``, ``answer_ms``.

    Args:
        engine: ours.
        task: whose histories are asked.
        others: asked the same, in turn with ours, so that whatever slows the machine slows all.
        seed: of the choice of histories.
    """
    histories = task.sample(ASKED + 1, seed).histories
    k = min(K, engine.items.height)

    def ours(row: int) -> None:
        engine.recommend([engine.ids[item] for item in histories[row].tolist()], k=k)

    def of(other: Baseline) -> Callable[[int], None]:
        def theirs(row: int) -> None:
            scores = other.score(Ragged.of([histories[row].tolist()]))[0]
            best = np.argpartition(-scores, k - 1)[:k]
            best[np.argsort(-scores[best], kind="stable")]

        return theirs

    systems = {OURS: ours, **{other.name: of(other) for other in others}}
    taken: dict[str, list[float]] = {name: [] for name in systems}
    for row in range(len(histories)):
        for name, answer in systems.items():
            began = time.perf_counter()
            answer(row)
            taken[name].append(1000 * (time.perf_counter() - began))
    return [
        {"system": name, "answer_ms": float(np.median(each[1:] or each))}
        for name, each in taken.items()
    ]
