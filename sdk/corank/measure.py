"""Measure an engine and every baseline on one test: same cases, same masks, same cut-offs."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.context import STATED
from corank.data.dataset import Dataset
from corank.data.text import render
from corank.data.values import Shares
from corank.engine import Engine
from corank.evaluate.baselines import Baseline, TextMean, fit_baselines
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
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Floats, Qrels, Run, judge
from corank.evaluate.report import (
    OURS,
    Report,
    Row,
    best_baseline,
    compared,
    measured,
    verdict,
)
from corank.evaluate.task import DEPTH, Scorer, Task
from corank.retrieve.fuse import reciprocal_rank_fusion
from corank.retrieve.vectors import ExactIndex

SHORT_HISTORY = 3
TAIL = 0.8
"""The long tail: the least popular 80% of the items seen in training."""
MIN_CASES = 20
"""A slice with fewer cases is left out of the report."""
SHOWN_PROVIDERS = 5
"""How many of the most and of the least exposed providers the report names."""
RULED = f"{OURS}/rules"
"""Our answers after the vertical's business rules: what the rules cost."""
UNREAD = f"{OURS}/unread"
"""Search by the first stage alone, where a cross-encoder reads its answers."""
RULED_HOW = "after every business rule, on the catalogue as it is now"


Runs = dict[str, list[Run]]
"""System -> its run for each seed that it was fitted with."""


def measure(
    engines: Sequence[Engine],
    train: Dataset,
    test: Dataset,
    *,
    frozen: TextEncoder,
    peers: Sequence[Baseline] = (),
    seed: int = 0,
) -> Report:
    """Evaluate by full ranking.

    Args:
        engines: what is measured, fitted on ``train``; where there are several, they differ in
            their seed, and what counts of a case is the mean over them.
        train: what the baselines are fitted and tuned on, carved as fitting carved it.
        test: the other side of the split.
        frozen: the encoder as it was before any tuning; a baseline.
        peers: other systems' scorers, fitted by whoever brings them; asked the same cases.
        seed: of the bootstrap.

    Raises:
        DataError: the test asks nothing that could be answered.
    """
    engine = engines[0]
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
    others = [*baselines, *peers]
    ours = [_our_runs(each, task) for each in engines]
    runs: Runs = {name: [each[name] for each in ours] for name in ours[0]}
    runs |= {other.name: [task.run(other.score, other.name)] for other in others}

    metrics = _metrics(engine)
    known = task.users.is_in(train.positives["user_id"].unique().implode()).to_numpy()
    rows: list[Row] = []
    cases: dict[str, int] = {}
    users = task.users.to_physical().rank("dense").to_numpy()
    for split, qrels in _slices(task, fit.item_counts(), known).items():
        asked = np.diff(qrels.indptr) > 0
        if asked.sum() < MIN_CASES and split != "all":
            continue
        cases[split] = int(asked.sum())
        rows += _compare(split, metrics, runs, qrels, asked, users, seed)
    providers = engine.shelf.shares(engine.vertical.provider) if engine.vertical.provider else None
    rows += _beyond_accuracy(runs, engine, task, fit.item_counts(), providers)
    rows += _search(engines, test, frozen, untuned, cases, seed)
    about: dict[str, Any] = {
        "items": engine.items.height,
        "training users": len(histories),
        "training interactions": len(histories.items),
        "relevant items left out because they were seen before": task.dropped,
        "seed": seed,
        "cases": cases,
        "settings": {other.name: other.settings for other in others}
        | ({RULED: RULED_HOW} if RULED in runs else {}),
        "labels": train.label_table().to_dicts(),
        **engine.about,
    }
    if providers and providers.names:
        best = best_baseline(rows, metrics[0]).system
        about["providers"] = _exposed({name: runs[name][0] for name in (OURS, best)}, providers)
    if len(engines) > 1:
        about["by seed"] = {
            metric: [float(np.nanmean(compute(metric, task.judge(run)))) for run in runs[OURS]]
            for metric in metrics
        }
    return Report(verdict(rows, metrics[0]), tuple(rows), about, test.leaks)


def _our_runs(engine: Engine, task: Task) -> dict[str, Run]:
    """Ours before business rules, after them where one of them reorders, and by text alone.

    Rules judge the catalogue as it is: what is out of stock today is taken from answers to
    cases of last month too.
    """
    alone = {f"{OURS}/text-alone": task.run(_text_alone(engine), "text alone")}
    if all(rule.hard for rule in engine.vertical.rules):
        return {OURS: engine.rank(task.histories, task.moments), **alone}
    before, after = engine.rank_ruled(task.histories, task.moments)
    return {OURS: before, RULED: after, **alone}


def _text_alone(engine: Engine) -> Scorer:
    """What the tuned text says, as if nobody had touched any item: how a new item is placed."""
    signals = engine.signals
    taste = TextMean(signals.text_vectors, signals.decay)
    user_model = signals.user_model.text_alone(signals.text_vectors)
    return lambda histories: taste.score(histories) + user_model.score(histories)


def _metrics(engine: Engine) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*engine.vertical.metrics, "hr@10", "ndcg@10", "recall@20")))


def _slices(task: Task, counts: NDArray[np.int64], known: NDArray[np.bool_]) -> dict[str, Qrels]:
    """Qrels of each slice, over the same n cases; a case outside a slice has none left.

    Args:
        task: all of them.
        counts: how many users chose each item in training, (n_items,).
        known: (n,) whether training holds the user.
    """
    popularity = counts[task.qrels.items]
    warm = np.sort(counts[counts > 0])
    tail = warm[int(TAIL * (len(warm) - 1))] if len(warm) else 0
    short = task.histories.lengths <= SHORT_HISTORY
    stated = (task.moments[STATED] != "").to_numpy()
    rows = task.qrels.rows()
    return {
        "all": task.qrels,
        "cold items": _keep(task.qrels, popularity == 0),
        "long tail": _keep(task.qrels, (popularity > 0) & (popularity <= tail)),
        "short history": _keep(task.qrels, short[rows]),
        "new users": _keep(task.qrels, ~known[rows]),
        "stated interests": _keep(task.qrels, (short & stated)[rows]),
    }


def _keep(qrels: Qrels, mask: NDArray[np.bool_]) -> Qrels:
    left = np.bincount(qrels.rows()[mask], minlength=len(qrels))
    indptr = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
    return Qrels(indptr, qrels.items[mask], qrels.grades[mask])


def _compare(
    split: str,
    metrics: tuple[str, ...],
    runs: Runs,
    qrels: Qrels,
    asked: NDArray[np.bool_],
    groups: NDArray[Any],
    seed: int,
) -> list[Row]:
    few = qrels.subset(asked)
    judged = {name: [judge(run[asked], few) for run in each] for name, each in runs.items()}
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
    runs: Runs,
    engine: Engine,
    task: Task,
    counts: NDArray[np.int64],
    providers: Shares | None,
    k: int = 10,
) -> list[Row]:
    vectors = engine.signals.text_vectors
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


def _exposed(runs: dict[str, Run], providers: Shares, k: int = 10) -> list[dict[str, Any]]:
    """Our most and least exposed providers, each with its relative exposure in every run."""
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


def _search(
    engines: Sequence[Engine],
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
    words = engines[0].signals.bm25.search(queries, DEPTH)
    meaning = ExactIndex(untuned).search(frozen.encode_queries(queries), DEPTH)
    runs = {
        OURS: [engine.rank_queries(queries) for engine in engines],
        "bm25": [words.items],
        "frozen-encoder": [meaning.items],
        "bm25+frozen-encoder": [reciprocal_rank_fusion([words, meaning], DEPTH).items],
    }
    if engines[0].reader:
        runs[UNREAD] = [engine.rank_queries(queries, read=False) for engine in engines]
    cases["search"] = int(asked.sum())
    metrics = ("ndcg@10", "mrr@10", "recall@100")
    return _compare("search", metrics, runs, qrels, asked, np.arange(len(queries)), seed)
