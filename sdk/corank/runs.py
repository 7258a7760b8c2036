"""Runs: what an engine ranks for many histories or queries at once. Evaluation measures these.

The same candidates, features and rankers as in an answer, without its reasons.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from corank.data.context import Moments, nothing_known
from corank.data.dataset import Exposures
from corank.data.ragged import Ragged
from corank.engine import Engine
from corank.evaluate.relevance import Qrels
from corank.evaluate.task import DEPTH
from corank.progress import track
from corank.rank.chances import score_shown
from corank.rank.confidence import Tried, try_out
from corank.rank.interests import stated_interests
from corank.rank.request import NOTHING, best_first
from corank.rank.rules import Ranked, apply_rules
from corank.rank.signals import Candidates, Signals


def rank_histories(
    engine: Engine, histories: Ragged, moments: Moments | None = None, *, as_new: bool = False
) -> NDArray[np.int32]:
    """Rank for many histories, before business rules; (n, 100), padded with -1.

    This is what evaluation measures: what was seen is left out unless repeatable. For
    ``as_new`` see `Engine.recommend`.
    """
    signals, ranker = engine.recommending(as_new)
    found = _found(engine, histories, moments, signals)
    return _run((best_first(ranker, each, NOTHING) for each in found), len(histories))


def rank_ruled(
    engine: Engine, histories: Ragged, moments: Moments | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rank for many histories before and after business rules; both (n, 100), -1 pads.

    The first is what `rank_histories` returns. Rules see the same candidates; the search is not
    widened where they leave fewer than 100, as it is for an answer.
    """
    n, rules = len(histories), engine.vertical.rules
    moments = nothing_known(n) if moments is None else moments
    promise = engine.chances.of if engine.chances else None
    ranked = [
        replace(best_first(engine.recommender, found, histories[row]), promise=promise)
        for row, found in enumerate(_found(engine, histories, moments))
    ]
    ruled = (
        apply_rules(rules, answer, engine.shelf.asked_by(moments.slice(row, 1)))
        for row, answer in enumerate(ranked)
    )
    return _run(ranked, n), _run(ruled, n)


def rank_promised(
    engine: Engine, histories: Ragged, moments: Moments | None = None, *, k: int = 10
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the first answers as `rank_histories` does, and the chance of each, (n, k) both.

    The chance is nan where an answer is missing, or nothing is promised.
    """
    run = np.full((len(histories), k), -1, np.int32)
    promised = np.full(run.shape, np.nan)
    for row, found in enumerate(_found(engine, histories, moments)):
        best = best_first(engine.recommender, found, NOTHING).head(k)
        run[row, : len(best.items)] = best.items
        if engine.chances:
            promised[row, : len(best.items)] = engine.chances.of(best.scores)
    return run, promised


def chances_shown(engine: Engine, shown: Exposures) -> NDArray[np.float64]:
    """Return the chance that each item that was shown is chosen, (n,); nan: nobody knows."""
    if not engine.chances:
        return np.full(len(shown), np.nan)
    stated = stated_interests(engine.encoder, shown.moments)
    known = engine.signals, engine.recommender
    return engine.chances.of(score_shown(*known, shown, stated, engine.per_retriever))


def _found(
    engine: Engine,
    histories: Ragged,
    moments: Moments | None,
    signals: Signals | None = None,
) -> Iterable[Candidates]:
    n = len(histories)
    moments = nothing_known(n) if moments is None else moments
    stated = stated_interests(engine.encoder, moments)
    signals = signals or engine.signals
    found = signals.for_histories(histories, engine.per_retriever, moments, stated)
    return track(found, "ranking", n)


def rank_queries(
    engine: Engine, queries: list[str], *, read: bool = True, among: Ragged | None = None
) -> NDArray[np.int32]:
    """Rank for many queries, before business rules; (n, 100), padded with -1.

    Args:
        queries: (n,).
        read: whether the second stage reads the first answers, where there is one.
        among: each query's items, (n,); by default they are found in the catalogue.
    """
    vectors = engine.encoder.encode_queries(queries)
    if among is None:
        cases = engine.signals.for_queries(queries, vectors, engine.per_retriever)
    else:
        cases = engine.signals.for_those(queries, vectors, among)

    def answer(query: str, found: Candidates) -> Ranked:
        ranked = best_first(engine.searcher, found, NOTHING)
        reading = engine.reading(query) if read else None
        return reading.reorder(ranked, found) if reading else ranked

    return _run(map(answer, queries, cases), len(queries))


def try_queries(engine: Engine, queries: list[str], judged: Ragged) -> Tried:
    """Ask many judged queries twice, once without what answers them; see `rank.confidence`.

    Args:
        queries: (n,).
        judged: each query's judged items, (n,), with grades as values.
    """
    vectors, qrels = engine.encoder.encode_queries(queries), Qrels.of(judged)
    found = engine.signals.for_queries(queries, vectors, engine.per_retriever)
    cases = (
        (query, each, qrels.among(row, each.items))
        for row, (query, each) in enumerate(zip(queries, found, strict=True))
    )
    return try_out(engine.signals, engine.searcher, cases)


def _run(answers: Iterable[Ranked], n: int) -> NDArray[np.int32]:
    """Lay the first 100 items of n answers out, (n, 100), padded with -1."""
    run = np.full((n, DEPTH), -1, np.int32)
    for row, ranked in enumerate(answers):
        shown = ranked.items[:DEPTH]
        run[row, : len(shown)] = shown
    return run
