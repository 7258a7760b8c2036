"""Measure an engine and every baseline on one test: same cases, same masks, same cut-offs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.beyond_accuracy import Runs, beyond_accuracy, exposed
from corank.compress.runtime import TextEncoder
from corank.data.context import STATED
from corank.data.dataset import Dataset, Exposures
from corank.data.text import render
from corank.engine import Engine
from corank.errors import DataError
from corank.evaluate.baselines import Baseline, Known, TextMean, fit_baselines
from corank.evaluate.metrics import compute
from corank.evaluate.probability import auc, expected_calibration_error, log_loss
from corank.evaluate.relevance import Qrels, Run, judge
from corank.evaluate.report import (
    OURS,
    Report,
    Row,
    best_baseline,
    compared,
    measured,
    verdict,
)
from corank.evaluate.task import DEPTH, Task
from corank.retrieve.exact import ExactIndex
from corank.retrieve.fuse import reciprocal_rank_fusion
from corank.runs import (
    chances_shown,
    rank_histories,
    rank_promised,
    rank_queries,
    rank_ruled,
    try_queries,
)
from corank.waits import answer_times

SHORT_HISTORY = 3
TAIL = 0.8
"""The long tail: the least popular 80% of the items seen in training."""
MIN_CASES = 20
"""A slice with fewer cases is left out of the report."""
PROMISED = 2_000
"""Cases on which chances are compared with what was chosen."""
RULED = f"{OURS}/rules"
"""Our answers after the vertical's business rules: what the rules cost."""
UNREAD = f"{OURS}/unread"
"""Search by the first stage alone, where a cross-encoder reads its answers."""
RULED_HOW = "after every business rule, on the catalogue as it is now"


def measure(
    engines: Sequence[Engine],
    train: Dataset,
    test: Dataset,
    *,
    frozen: TextEncoder,
    peers: Sequence[Baseline] = (),
    timed: bool = False,
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
        timed: measure how long an answer takes, too; see `answer_times`.
        seed: of the bootstrap.

    Raises:
        DataError: the test asks nothing that could be answered.
    """
    engine = engines[0]
    rows: list[Row] = []
    cases: dict[str, int] = {}
    about: dict[str, Any] = {"items": engine.items.height}
    untuned = frozen.encode_items(render(engine.vertical.item_text, engine.items))
    if not test.positives.is_empty():
        rows, cases, more = _recommendations(engines, train, test, untuned, peers, timed, seed)
        about |= more
    rows += _search(engines, test, frozen, untuned, cases, seed)
    if not rows:
        raise DataError("The test asks nothing: no relevant event, and fewer than two queries.")
    rows += _sureness(engine, test)
    lead = rows[0].metric
    about |= {"seed": seed, "cases": cases, "labels": train.label_table().to_dicts()}
    return Report(verdict(rows, lead), tuple(rows), about | engine.about, test.leaks)


def _recommendations(
    engines: Sequence[Engine],
    train: Dataset,
    test: Dataset,
    untuned: NDArray[np.float32],
    peers: Sequence[Baseline],
    timed: bool,
    seed: int,
) -> tuple[list[Row], dict[str, int], dict[str, Any]]:
    """Return the rows of every slice, how many cases each has, and what was measured how.

    ``untuned`` are the items' vectors by the frozen encoder.
    """
    engine = engines[0]
    fit, valid = train.carve()
    repeatable = engine.signals.repeatable
    task = Task.of(test.cases(), repeatable)
    learned = Known.of(fit)
    baselines = fit_baselines(
        learned,
        Task.of(valid.cases(), repeatable),
        render(engine.vertical.item_text, engine.items),
        engine.signals.bm25,
        untuned,
        seed=seed,
        refit=Known.of(train) if engine.about.get("refit") else None,
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
    seen = (train if engine.about.get("refit") else fit).item_counts()
    too_few: dict[str, int] = {}
    for split, qrels in _slices(task, seen, known).items():
        asked = np.diff(qrels.indptr) > 0
        if asked.sum() < MIN_CASES and split != "all":
            too_few[split] = int(asked.sum())
            continue
        cases[split] = int(asked.sum())
        rows += _compare(split, metrics, runs, qrels, asked, users, seed)
    rows += beyond_accuracy(runs, engine, task, seen)
    if test.exposure is None:
        rows += _promises(engine, task.sample(PROMISED, seed))
    else:
        rows += _promises_shown(engine, test.exposures().sample(PROMISED, seed))
    about: dict[str, Any] = {
        "training users": len(learned.histories),
        "training interactions": len(learned.histories.items),
        "relevant items left out because they were seen before": task.dropped,
        "slices with too few cases to measure": too_few,
        "settings": {other.name: other.settings for other in others}
        | ({RULED: RULED_HOW} if RULED in runs else {}),
    }
    if timed:
        about["waits"] = answer_times(engine, task, baselines, seed)
    best = best_baseline(rows, metrics[0]).system
    if shown := exposed({name: runs[name][0] for name in (OURS, best)}, engine):
        about["providers"] = shown
    if len(engines) > 1:
        about["by seed"] = {
            metric: [float(np.nanmean(compute(metric, task.judge(run)))) for run in runs[OURS]]
            for metric in metrics
        }
    return rows, cases, about


def _promises(engine: Engine, task: Task) -> list[Row]:
    """How far the chances of the first ten answers are from what was chosen, and their log loss."""
    run, chances = rank_promised(engine, task.histories, task.moments)
    known = ~np.isnan(chances)
    if not known.any():
        return []
    chosen = task.judge(run).grades[:, : run.shape[1]] > 0
    promised, came = chances[known], chosen[known]
    figures = {
        "chance_error@10": expected_calibration_error(came, promised),
        "chance_log_loss@10": log_loss(came, promised),
    }
    return [Row(OURS, "chances", metric, value) for metric, value in figures.items()]


def _promises_shown(engine: Engine, shown: Exposures) -> list[Row]:
    """The same of what was shown, beside promising all of it the same."""
    chosen = shown.chosen
    if not engine.chances or not 0 < chosen.sum() < len(chosen):
        return []
    promised = chances_shown(engine, shown)
    same = np.full(len(chosen), chosen.mean())
    return [
        Row(OURS, "shown", "chance_error", expected_calibration_error(chosen, promised)),
        Row(OURS, "shown", "chance_log_loss", log_loss(chosen, promised)),
        Row(OURS, "shown", "chance_auc", auc(chosen, promised)),
        Row("same chance", "shown", "chance_log_loss", log_loss(chosen, same)),
    ]


def _our_runs(engine: Engine, task: Task) -> dict[str, Run]:
    """Ours before business rules, after them where one of them reorders, and two parts of it.

    As new: every item judged as if nobody had touched it yet. The tuned encoder: by the cosine of
    an item's text with the faded mean of the history's texts.

    Rules judge the catalogue as it is: what is out of stock today is taken from answers to
    cases of last month too.
    """
    as_new = rank_histories(engine, task.histories, task.moments, as_new=True)
    texts = TextMean(engine.signals.text_vectors, engine.signals.decay)
    alone = {f"{OURS}/as-new": as_new, f"{OURS}/tuned-encoder": task.run(texts.score)}
    if all(rule.hard for rule in engine.vertical.rules):
        return {OURS: rank_histories(engine, task.histories, task.moments), **alone}
    before, after = rank_ruled(engine, task.histories, task.moments)
    return {OURS: before, RULED: after, **alone}


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


def _sureness(engine: Engine, test: Dataset) -> list[Row]:
    """What abstaining does to judged queries, and to the same without what answers them.

    The share that is answered of those that can be and of those that cannot, and of the first how
    often the first answer is right; before business rules.
    """
    if not engine.confidence or not engine.vertical.policy.abstain_below:
        return []
    tried = try_queries(engine, *test.judged_queries())
    sure = np.array([engine.confidence.of(each) for each in tried.told])
    answered, can = sure >= engine.vertical.policy.abstain_below, tried.answerable
    figures = {
        "answered": answered[can],
        "answered_unanswerable": answered[~can],
        "first_right": tried.right[answered & can],
    }
    return [
        Row(OURS, "abstaining", metric, float(values.mean()))
        for metric, values in figures.items()
        if len(values)
    ]


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
    qrels = Qrels.of(judged)
    asked = np.bincount(qrels.rows()[qrels.grades > 0], minlength=len(qrels)) > 0
    if asked.sum() < 2:
        return []
    words = engines[0].signals.bm25.search(queries, DEPTH)
    meaning = ExactIndex(untuned).search(frozen.encode_queries(queries), DEPTH)
    runs = {
        OURS: [rank_queries(engine, queries) for engine in engines],
        "bm25": [words.items],
        "frozen-encoder": [meaning.items],
        "bm25+frozen-encoder": [reciprocal_rank_fusion([words, meaning], DEPTH).items],
    }
    if engines[0].reader:
        runs[UNREAD] = [rank_queries(engine, queries, read=False) for engine in engines]
    cases["search"] = int(asked.sum())
    metrics = ("ndcg@10", "mrr@10", "recall@100")
    return _compare("search", metrics, runs, qrels, asked, np.arange(len(queries)), seed)
