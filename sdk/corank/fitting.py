"""What a pipeline needs to know about data to fit on it: tasks, examples, and item columns.

Knows datasets and signals; knows nothing of encoders' training or of bundles.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.errors import DataError
from corank.evaluate.relevance import Qrels
from corank.evaluate.task import Task
from corank.progress import track
from corank.rank.ranker import Examples, Ranker, RankerConfig, fit_ranker
from corank.rank.rules import AlreadySeen, Shelf
from corank.rank.signals import SEARCH, Signals
from corank.vertical import Vertical

START_RECOMMEND = {
    "sequence_z": 0.5,
    "together_z": 0.5,
    "neighbours_z": 0.5,
    "text_z": 0.25,
    "popularity": 0.1,
}
START_SEARCH = {"words_share": 0.5, "text": 4.0}
"""Weights of the raw features where there is nothing to learn them from."""


def slice_task(
    data: Dataset, repeatable: NDArray[np.bool_], *, at_most: int, seed: int
) -> Task | None:
    """Return what a slice of the data asks; None where nothing new was chosen in it."""
    try:
        return Task.of(data.cases(), repeatable).sample(at_most, seed)
    except DataError:
        return None


def recommend_examples(
    signals: Signals, data: Dataset, config: RankerConfig, *, seed: int
) -> Examples:
    """Return candidates for what this slice asks, from signals that have not seen it, graded."""
    task = slice_task(data, signals.repeatable, at_most=config.max_cases, seed=seed)
    if task is None:
        return Examples.empty()
    found = signals.for_histories(task.histories, config.per_retriever)
    return Examples.of(track(found, "gathering examples", len(task)), task.qrels)


def fit_searcher(
    signals: Signals,
    encoder: TextEncoder,
    held: Dataset,
    validation: Dataset,
    config: RankerConfig,
    *,
    seed: int,
) -> Ranker:
    """Learn to rank search answers from queries that the encoder was not tuned on."""

    def examples(data: Dataset) -> Examples:
        queries, judged = data.judged_queries()
        if not queries:
            return Examples.empty()
        vectors = encoder.encode_queries(queries)
        found = signals.for_queries(queries, vectors, config.per_retriever)
        return Examples.of(found, Qrels(judged.indptr, judged.items, judged.values))

    return fit_ranker(
        tuple(SEARCH),
        examples(held),
        examples(validation),
        config,
        start=START_SEARCH,
        seed=seed,
    )


def repeatable(
    vertical: Vertical, items: pl.DataFrame, vectors: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Items that may be recommended although the history holds them, (n_items,)."""
    shelf = Shelf(items, vectors)
    seen = [rule.repeatable(shelf) for rule in vertical.rules if isinstance(rule, AlreadySeen)]
    return np.logical_and.reduce(seen) if seen else np.ones(items.height, np.bool_)


def recency(positives: pl.DataFrame, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean time of an item's events, as a share of the training data, drawn towards 1/2."""
    when = positives["timestamp"].rank("average").to_numpy() / positives.height
    late = np.bincount(positives["item"].to_numpy(), when, minlength=len(counts))
    return ((late + 1) / (counts + 2)).astype(np.float32)


def log_price(items: pl.DataFrame, column: str | None) -> NDArray[np.float32]:
    """Log of 1 + price, (n_items,); nan where unknown, everywhere without a price column."""
    if column is None:
        return np.full(items.height, np.nan, np.float32)
    return items[column].cast(pl.Float32).log1p().fill_null(np.nan).to_numpy()
