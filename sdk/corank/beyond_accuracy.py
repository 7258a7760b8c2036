"""What lists are worth beyond accuracy: how much of the catalogue they show, whose, how alike.

Knows rankings, an engine's catalogue and the task; knows nothing of relevance.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.data.values import Shares
from corank.engine import Engine
from corank.evaluate.lists import (
    calibration,
    coverage,
    diversity,
    exposure,
    gini,
    inequality,
    novelty,
    relative_exposure,
)
from corank.evaluate.relevance import Floats, Run
from corank.evaluate.report import OURS, Row
from corank.evaluate.task import Task

Runs = dict[str, list[Run]]
"""System -> its run for each seed that it was fitted with."""
SHOWN_PROVIDERS = 5
"""How many of the most and of the least exposed providers the report names."""


def beyond_accuracy(
    runs: Runs,
    engine: Engine,
    task: Task,
    counts: NDArray[np.int64],
    k: int = 10,
) -> list[Row]:
    """Return coverage, inequality, novelty, diversity and calibration of every system's lists.

    Args:
        runs: for the cases of ``task``.
        engine: its vertical says what provider and genre are.
        task: what was asked.
        counts: how many users chose each item in training, (n_items,).
        k: ranks that are looked at.
    """
    vectors, providers = engine.signals.text_vectors, _providers(engine)
    genre = engine.vertical.genre
    genres = engine.shelf.shares(genre) if genre else None

    def figures(run: Run) -> dict[str, float]:
        found = {
            f"coverage@{k}": coverage(run, engine.items.height, k),
            f"gini@{k}": gini(run, engine.items.height, k),
            f"novelty@{k}": _mean(novelty(run, counts, k)),
            f"diversity@{k}": _mean(diversity(run, vectors, k)),
        }
        if providers:
            found[f"provider_gini@{k}"] = inequality(exposure(run, providers, k))
        if genres:
            found[f"calibration@{k}"] = _mean(calibration(run, task.histories, genres, k))
        return found

    rows = []
    for name, each in runs.items():
        found = [figures(run) for run in each]
        means = {metric: float(np.mean([one[metric] for one in found])) for metric in found[0]}
        rows += [
            Row(name, "beyond accuracy", metric, value, seeds=len(each))
            for metric, value in means.items()
            if not math.isnan(value)
        ]
    return rows


def exposed(runs: dict[str, Run], engine: Engine, k: int = 10) -> list[dict[str, Any]]:
    """Our most and least exposed providers, each with its relative exposure in every run.

    Empty where the vertical names none.
    """
    providers = _providers(engine)
    if not providers or not providers.names:
        return []
    ratios = {name: relative_exposure(run, providers, k) for name, run in runs.items()}
    if np.isnan(list(ratios.values())).any():
        return []
    items = providers.weights.sum(axis=0)
    order = np.lexsort((-items, -ratios[OURS]))  # the largest first among equals
    ends = np.unique(np.r_[:SHOWN_PROVIDERS, -SHOWN_PROVIDERS:0] % len(order))
    return [
        {"provider": providers.names[each], "items": float(items[each])}
        | {name: float(ratio[each]) for name, ratio in ratios.items()}
        for each in order[ends]
    ]


def _mean(values: Floats) -> float:
    """Mean of what is known, (n,) -> nan where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _providers(engine: Engine) -> Shares | None:
    column = engine.vertical.provider
    return engine.shelf.shares(column) if column else None
