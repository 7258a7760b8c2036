"""CrowdFlower: products that people judged for what somebody searched in a shop.

Every line is a product of its own, also where two have the same title. The public folds cut across
queries; these are folds of queries, so that what is asked was never judged in training.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.reranking import Fold, RerankingSet, passages
from corank import Dataset, FitConfig, RerankerConfig
from corank.data.split import Protocol

FOLDS = 10
FILES = tuple(f"fold{number:02}.csv" for number in range(1, 11))


def judged_products(source: Path) -> Dataset:
    """Return every product and every judgement; grades run from 0 to 3."""
    judged = pl.concat(
        pl.read_csv(source / name, infer_schema=False, null_values="") for name in FILES
    ).select(
        pl.col("id").alias("item_id"),
        pl.col("product_title").str.strip_chars().alias("title"),
        pl.col("product_description").str.replace_all(r"(<[^>]*>|\s)+", " ").alias("text"),
        pl.col("query").str.strip_chars(),
        (pl.col("median_relevance").cast(pl.Int64) - 1).alias("grade"),
    )
    return passages(
        judged.select("item_id", "title", "text"), judged.select("query", "item_id", "grade")
    )


def folds(source: Path, protocol: str, seed: int) -> Iterator[Fold]:
    """Divide the queries at random into ten folds.

    Of a hundred queries two decide what rankers keep, and two teach them: with so few the weights
    that they start from stay, and the texts learn from nearly all.
    """
    whole = replace(judged_products(source), protocol=Protocol("time", 0.02, seed))
    queries, documents = whole.judged_queries()
    order = np.random.default_rng(seed).permutation(len(queries))
    for asked in np.array_split(order, FOLDS):
        names = [queries[row] for row in asked]
        others = ~pl.col("query").is_in(names)
        train = replace(whole, queries=whole.queries.filter(others))
        yield Fold(train, names, documents.take(asked))


CROWDFLOWER = RerankingSet(
    name="crowdflower",
    domain="ecommerce",
    home_page="https://www.kaggle.com/c/crowdflower-search-relevance "
    "(folds: github.com/thomasjungblut/crowdflower, ValidationFolds)",
    licence="none is stated",
    files=dict.fromkeys(
        FILES, "id, query, product_title, product_description, median_relevance 1 to 4"
    ),
    folds=folds,
    options=FitConfig(
        objective="judgements",
        epochs=3,
        batch_size=8,
        learning_rate=1e-4,
        max_tokens=64,
        dropout=0.1,
        frozen_layers=0,
        among_judged=True,  # all that is asked was judged
        reranker=RerankerConfig(negatives=0, max_tokens=32, reads="title"),
    ),
    protocols=("10-fold",),
)
