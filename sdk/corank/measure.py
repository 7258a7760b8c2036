"""Measure an engine and every baseline on one test: same cases, same masks, same cut-offs."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.engine import Engine
from corank.evaluate.baselines import TextMean, fit_baselines
from corank.evaluate.lists import coverage, diversity, gini, novelty
from corank.evaluate.relevance import Floats, Judged, Qrels, Run, judge
from corank.evaluate.report import OURS, Report, Row, compared, measured, verdict
from corank.evaluate.task import DEPTH, Scorer, Task
from corank.retrieve.fuse import reciprocal_rank_fusion
from corank.retrieve.vectors import ExactIndex

SHORT_HISTORY = 3
TAIL = 0.8
"""The long tail: the least popular 80% of the items seen in training."""
MIN_CASES = 20
"""A slice with fewer cases is left out of the report."""


def measure(
    engine: Engine, train: Dataset, test: Dataset, *, frozen: TextEncoder, seed: int = 0
) -> Report:
    """Evaluate by full ranking.

    Args:
        engine: what is measured; fitted on ``train``.
        train: what the baselines are fitted and tuned on, carved as fitting carved it.
        test: the other side of the split.
        frozen: the encoder as it was before any tuning; a baseline.
        seed: of the bootstrap.

    Raises:
        DataError: the test asks nothing that could be answered.
    """
    fit, valid = train.carve()
    repeatable = engine.signals.repeatable
    task = Task.of(test.cases(), repeatable)
    texts = render(engine.vertical.item_text, engine.items)
    untuned = frozen.encode_items(texts)
    (_, histories), (_, every) = fit.sequences(), train.sequences()
    baselines = fit_baselines(
        histories,
        Task.of(valid.cases(), repeatable),
        texts,
        engine.signals.bm25,
        untuned,
        seed=seed,
        refit=every if engine.about.get("refit") else None,
    )
    runs = {OURS: engine.rank(task.histories)}
    runs[f"{OURS}/text-alone"] = task.run(_text_alone(engine), "text alone")
    runs |= {baseline.name: task.run(baseline.score, baseline.name) for baseline in baselines}

    metrics = _metrics(engine)
    rows: list[Row] = []
    cases: dict[str, int] = {}
    users = task.users.to_physical().rank("dense").to_numpy()
    for split, qrels in _slices(task, fit.item_counts()).items():
        asked = np.diff(qrels.indptr) > 0
        if asked.sum() < MIN_CASES and split != "all":
            continue
        cases[split] = int(asked.sum())
        rows += _compare(split, metrics, runs, qrels, asked, users, seed)
    rows += _beyond_accuracy(runs, engine, fit.item_counts())
    rows += _search(engine, test, frozen, untuned, cases, seed)
    about: dict[str, Any] = {
        "items": engine.items.height,
        "training users": len(histories),
        "training interactions": len(histories.items),
        "relevant items left out because they were seen before": task.dropped,
        "seed": seed,
        "cases": cases,
        "settings": {b.name: b.settings for b in baselines},
        "labels": train.label_table().to_dicts(),
        **engine.about,
    }
    return Report(verdict(rows, metrics[0]), tuple(rows), about, test.leaks)


def _text_alone(engine: Engine) -> Scorer:
    """What the tuned text says, as if nobody had touched any item: how a new item is placed."""
    signals = engine.signals
    taste = TextMean(signals.text_vectors, signals.decay)
    user_model = signals.user_model.text_alone(signals.text_vectors)
    return lambda histories: taste.score(histories) + user_model.score(histories)


def _metrics(engine: Engine) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*engine.vertical.metrics, "hr@10", "ndcg@10", "recall@20")))


def _slices(task: Task, counts: NDArray[np.int64]) -> dict[str, Qrels]:
    """Qrels of each slice, over the same n cases; a case outside a slice has none left."""
    popularity = counts[task.qrels.items]
    warm = np.sort(counts[counts > 0])
    tail = warm[int(TAIL * (len(warm) - 1))] if len(warm) else 0
    short = task.histories.lengths <= SHORT_HISTORY
    return {
        "all": task.qrels,
        "cold items": _keep(task.qrels, popularity == 0),
        "long tail": _keep(task.qrels, (popularity > 0) & (popularity <= tail)),
        "short history": _keep(task.qrels, short[task.qrels.rows()]),
    }


def _keep(qrels: Qrels, mask: NDArray[np.bool_]) -> Qrels:
    left = np.bincount(qrels.rows()[mask], minlength=len(qrels))
    indptr = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
    return Qrels(indptr, qrels.items[mask], qrels.grades[mask])


def _compare(
    split: str,
    metrics: tuple[str, ...],
    runs: dict[str, Run],
    qrels: Qrels,
    asked: NDArray[np.bool_],
    groups: NDArray[Any],
    seed: int,
) -> list[Row]:
    few = qrels.subset(asked)
    judged: dict[str, Judged] = {name: judge(run[asked], few) for name, run in runs.items()}
    rows = [
        row
        for name, each in judged.items()
        for row in measured(name, split, metrics, each, groups[asked], seed)
    ]
    ours = judged.pop(OURS)
    for metric in metrics if split == "all" else metrics[:1]:
        rows += compared(split, metric, ours, judged, groups[asked], seed)
    return rows


def _beyond_accuracy(
    runs: dict[str, Run], engine: Engine, counts: NDArray[np.int64], k: int = 10
) -> list[Row]:
    vectors = engine.signals.text_vectors
    rows = []
    for name, run in runs.items():
        found = {
            f"coverage@{k}": coverage(run, engine.items.height, k),
            f"gini@{k}": gini(run, engine.items.height, k),
            f"novelty@{k}": _mean(novelty(run, counts, k)),
            f"diversity@{k}": _mean(diversity(run, vectors, k)),
        }
        rows += [
            Row(name, "beyond accuracy", metric, value)
            for metric, value in found.items()
            if not math.isnan(value)
        ]
    return rows


def _mean(values: Floats) -> float:
    """Mean of what is known, (n,) -> nan where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _search(
    engine: Engine,
    test: Dataset,
    frozen: TextEncoder,
    untuned: NDArray[np.float32],
    cases: dict[str, int],
    seed: int,
) -> list[Row]:
    """Search on the judged queries of the test, beside BM25, the frozen encoder, and both."""
    queries, judged = test.judged_queries()
    qrels = Qrels(judged.indptr, judged.items, judged.values)
    asked = np.bincount(qrels.rows()[qrels.grades > 0], minlength=len(qrels)) > 0
    if asked.sum() < 2:
        return []
    words = engine.signals.bm25.search(queries, DEPTH)
    meaning = ExactIndex(untuned).search(frozen.encode_queries(queries), DEPTH)
    runs = {
        OURS: engine.rank_queries(queries),
        "bm25": words.items,
        "frozen-encoder": meaning.items,
        "bm25+frozen-encoder": reciprocal_rank_fusion([words, meaning], DEPTH).items,
    }
    cases["search"] = int(asked.sum())
    metrics = ("ndcg@10", "mrr@10", "recall@100")
    return _compare("search", metrics, runs, qrels, asked, np.arange(len(queries)), seed)
