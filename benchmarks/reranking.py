"""Order what somebody judged: each test query's documents, and no others.

A set is divided into folds of queries. On each, corank is fitted on the queries of the others,
catalogue and all, and orders the judged documents of its own. The baselines stand on the same
catalogue. A case is a query; over several seeds its value is the mean. A run can be stopped and
started again: what each fold gave is kept beside the results until the last one is in.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import bm25s
import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.reporting.results import Kept, store
from benchmarks.sets.datasets import PublicSet
from corank import (
    Dataset,
    EncoderConfig,
    Engine,
    FitConfig,
    Interaction,
    Item,
    Pipeline,
    Vertical,
    labeling_function,
)
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.report import OURS, Row, verdict
from corank.evaluate.significance import bootstrap_mean, paired_difference
from corank.fitting import exported
from corank.language.encoder import Encoder
from corank.measure import UNREAD
from corank.progress import track
from corank.retrieve.hits import Hits
from corank.runs import rank_queries

METRICS = ("ndcg@10", "mrr@10")
Values = dict[str, dict[str, list[float]]]
"""System -> metric -> a value for each query of the fold."""


class Passage(Item):
    """Something to read."""

    text = dy.String(nullable=True)


@labeling_function
def helped() -> pl.Expr:
    """Nobody acts here: people judge."""
    return pl.when(pl.col("event") == "helped").then(3)


PASSAGES = Vertical(
    name="passages",
    items=Passage,
    interactions=Interaction,
    item_text="{title}. {text}",
    labeling_functions=(helped,),
)


class Fold(NamedTuple):
    """What is learned from, and what is asked."""

    train: Dataset
    queries: list[str]
    judged: Ragged  # each query's documents, grades as values


@dataclass(frozen=True, kw_only=True, eq=False)
class RerankingSet(PublicSet):
    """Judged documents; its protocols are ways to make folds.

    Args:
        folds: the public files, a protocol and a seed -> folds.
        options: of the fit.
    """

    folds: Callable[[Path, str, int], Iterator[Fold]]
    options: FitConfig


def passages(items: pl.DataFrame, queries: pl.DataFrame) -> Dataset:
    """Return a catalogue (item_id, title, text) and what was judged (query, item_id, grade)."""
    return Dataset(
        items=items,
        users=PASSAGES.users.create_empty(),
        interactions=PASSAGES.interactions.create_empty(),
        queries=queries,
        labeling_functions=PASSAGES.labeling_functions,
    )


def run(
    dataset: RerankingSet,
    protocol: str,
    seeds: Sequence[int],
    config: FitConfig,
    encoder: EncoderConfig | None = None,
) -> tuple[list[Row], Path]:
    """Fit, order, measure and store one protocol of a data set; return the rows and the file."""
    kept = Kept(dataset.name, protocol, config)
    found: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    seconds = 0.0
    for seed in seeds:
        folds = [*dataset.folds(dataset.source(), protocol, seed)]
        for number, fold in enumerate(track(folds, f"seed {seed}", len(folds))):
            if (key := f"{seed}/{number}") not in kept.folds:
                start = time.perf_counter()
                pipeline = Pipeline(PASSAGES, encoder)
                pipeline.fit(fold.train, replace(config, seed=seed))
                spent = time.perf_counter() - start
                measured = measure(pipeline.engine, fold, seed, encoder)
                kept.add(key, {"values": measured, "seconds": spent})
        each = [kept.folds[f"{seed}/{number}"] for number in range(len(folds))]
        order = np.argsort([query for fold in folds for query in fold.queries])
        seconds += sum(one["seconds"] for one in each)
        for system, metrics in each[0]["values"].items():
            for metric in metrics:
                values = [one["values"][system][metric] for one in each]
                found.setdefault((system, metric), []).append(np.concatenate(values)[order])
    rows = [*_rows({key: np.mean(values, axis=0) for key, values in found.items()}, len(seeds))]
    rows.append(Row(OURS, "cost", "fit_seconds", seconds / len(seeds)))
    by_seed = {m: [float(values.mean()) for values in found[OURS, m]] for m in METRICS}
    counted = f"{len(found[OURS, METRICS[0]][0]):,} queries, {len(seeds)} seeds"
    said = f"{verdict(rows, METRICS[0])}; {counted}"
    about = {"fit": asdict(config), "by seed": by_seed}
    path = store(dataset, protocol, said, rows, about=about)
    kept.path.unlink(missing_ok=True)
    return rows, path


def measure(engine: Engine, fold: Fold, seed: int, encoder: EncoderConfig | None) -> Values:
    """Order each query's judged documents by every system."""
    queries, judged = fold.queries, fold.judged
    signals, row, items = engine.signals, judged.rows(), judged.items
    texts = render(engine.vertical.item_text, engine.items)
    frozen = exported(Encoder.load(encoder), texts)
    asked, said = frozen.encode_queries(queries), frozen.encode_items(texts.gather(items))
    meaning = (asked[row] * said).sum(1)
    words = np.concatenate(
        [signals.bm25.scores(query, judged[n]) for n, query in enumerate(queries)]
    )
    chance = np.random.default_rng(seed).random(len(items)).astype(np.float32)
    scores = {
        "random": chance,
        "bm25": words,
        "bm25s": _bm25s(texts, queries, judged),
        "frozen-encoder": meaning,
        "bm25+frozen-encoder": _standardised(words, row) + _standardised(meaning, row),
    }
    runs = {OURS: rank_queries(engine, queries, among=judged)}
    if engine.reader:
        runs[UNREAD] = rank_queries(engine, queries, read=False, among=judged)
    for system, by in scores.items():
        runs[system] = Hits.of(row, items, by, n=len(queries), k=10).items
    each = {system: judge(run, Qrels.of(judged)) for system, run in runs.items()}
    return {
        system: {metric: compute(metric, one).tolist() for metric in METRICS}
        for system, one in each.items()
    }


def _bm25s(texts: pl.Series, queries: Sequence[str], judged: Ragged) -> NDArray[np.float32]:
    """The scores that bm25s gives with its own tokens and settings, English stop words left out."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts.to_list(), show_progress=False), show_progress=False)
    asked = bm25s.tokenize([*queries], return_ids=False, show_progress=False)
    scores = [index.get_scores(words or [""])[judged[n]] for n, words in enumerate(asked)]
    return np.concatenate(scores)


def _standardised(scores: NDArray[np.float32], row: NDArray[np.int64]) -> NDArray[np.float32]:
    """Distance from the query's mean in standard deviations, (n,)."""
    count = np.bincount(row)
    mean = np.bincount(row, scores) / count
    spread = np.sqrt(np.bincount(row, (scores - mean[row]) ** 2) / count)
    return np.asarray((scores - mean[row]) / (spread[row] + 1e-6), np.float32)


def _rows(found: dict[tuple[str, str], NDArray[np.float64]], seeds: int) -> Iterator[Row]:
    for (system, metric), values in found.items():
        mean = bootstrap_mean(values)
        yield Row(system, "all", metric, mean.value, mean.low, mean.high, seeds)
    for system in dict.fromkeys(system for system, _ in found):
        if system != OURS:
            gap = paired_difference(found[OURS, METRICS[0]], found[system, METRICS[0]])
            name = f"{METRICS[0]}_over/{system}"
            yield Row(OURS, "all", name, gap.value, gap.low, gap.high, seeds)
