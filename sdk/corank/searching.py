"""The steps of fitting that search needs: its ranker, and a second stage that reads the answers.

The cross-encoder learns from the queries that the encoder was tuned on, the rankers from others:
none of what they are told about a query has seen that query's judgements. Knows datasets,
encoders and signals; knows nothing of engines or bundles.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.pair_scorer import PairScorer
from corank.compress.runtime import TextEncoder
from corank.data.dataset import Dataset
from corank.evaluate.metrics import mean_ndcg
from corank.evaluate.relevance import Qrels, judge
from corank.fitting import FitConfig
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder
from corank.language.lists import mined_pools
from corank.language.rerank import Score, distil, lists_of, train_cross_encoder
from corank.language.tokenizer import embed
from corank.language.trainer import Run
from corank.progress import track
from corank.rank.chances import Chances, fit_chances
from corank.rank.confidence import Confidence, fit_confidence, try_out
from corank.rank.features import SEARCH
from corank.rank.ranker import Examples, Ranker, fit_ranker
from corank.rank.reader import READ, Reader, read_features
from corank.rank.signals import Candidates, Signals
from corank.retrieve.hits import Hits

READ_QUERIES = 300
"""So many queries, of each slice, teach how far to trust what was read: reading takes seconds."""
START_SEARCH = {"words_share": 0.3, "text": 1.0}
START_READ = {**START_SEARCH, "reading": 1.0}
"""Weights where there is too little to learn them from; see `fit_ranker`."""
SPREADS = {"words_share": 0.2, "text": 0.1, "reading": 0.6}
"""How far the features of a query's candidates lie apart where there is no query to tell."""


def check_judged(seen: Dataset, config: FitConfig) -> None:
    """Check that a cross-encoder, where one is asked for, has something to learn from.

    Raises:
        DataError: see `lists_of`.
    """
    if config.reranker:
        _, judged = seen.judged_queries()
        lists_of(judged, seen.items.height, config.reranker, seed=config.seed)


def what_is_read(items: pl.DataFrame, texts: pl.Series, config: FitConfig) -> pl.Series:
    """Return what a cross-encoder reads of each item, (n_items,); ``texts`` if there is none."""
    how = config.reranker
    return items["title"] if how and how.reads == "title" else texts


def train_reader(
    start: Encoder,
    encoder: Encoder,
    seen: Dataset,
    validation: Dataset,
    texts: pl.Series,
    config: FitConfig,
    *,
    run: Run | None = None,
) -> CrossEncoder:
    """Train a cross-encoder on judged queries, and the encoder on what it says if that is asked.

    Args:
        start: what it starts from. Not the tuned encoder: what learned the same would err alike.
        encoder: mines negatives; changed only by distillation.
        seen: whose queries are learned from.
        validation: whose queries say when to stop, with ``patience``.
        texts: of every item, (n_items,).
        config: how; its ``reranker`` is set.
        run: where checkpoints go.

    Raises:
        DataError, TrainingError, ConfigError: see `lists_of`, `train_cross_encoder` and `distil`.
    """
    how, seed = config.reranker, config.seed
    assert how is not None  # noqa: S101  see above
    (queries, judged), documents = seen.judged_queries(), texts.to_list()
    read = what_is_read(seen.items, texts, config)
    pools = None
    if how.negatives:
        prompted = (encoder.config.query_prompt + query for query in queries)
        pools = mined_pools(
            embed(prompted, encoder.tokenizer, encoder.run, dim=encoder.dim),
            encoder.encode(documents),
            judged,
            how.pool,
            seed=seed,
        )
    lists = lists_of(judged, len(documents), how, pools=pools, seed=seed)
    model = CrossEncoder(start, how.max_tokens)
    train_cross_encoder(
        model, queries, read.to_list(), lists, how, seed=seed,
        run=run and Run(run.folder / "reranker", run.resume),
        validate=(lambda: _ndcg(model.score, validation, read)) if how.patience else None,
    )  # fmt: skip
    if how.distil:
        distil(
            model.score, encoder, queries, documents, lists, config, read=read.to_list(),
            seed=seed, run=run and Run(run.folder / "distilled", run.resume),
        )  # fmt: skip
    return model


def _ndcg(score: Score, data: Dataset, texts: pl.Series) -> float:
    """NDCG@10 among what is judged of each query; 0 where nothing is."""
    queries, judged = data.judged_queries()
    rows = judged.rows()
    scores = score([queries[row] for row in rows], texts.gather(judged.items).to_list())
    found = Hits.of(rows, judged.items, scores, n=len(judged), k=10)
    return mean_ndcg(judge(found.items, Qrels.of(judged)), 10)


def fit_searcher(
    signals: Signals,
    encoder: TextEncoder,
    held: Dataset,
    validation: Dataset,
    config: FitConfig,
) -> tuple[Ranker, Chances | None]:
    """Learn to rank search answers from queries that the encoder was not tuned on.

    Returns:
        The ranker, and how probably a candidate with its score answers the query at all: learned
        from the same queries, as a few weights hardly fit themselves to them.
    """

    def examples(data: Dataset) -> Examples:
        return _graded(data, (found for _, found in _candidates(signals, encoder, data, config)))

    learn, check = examples(held), examples(validation)
    ranker = fit_ranker(
        tuple(SEARCH), learn, check, config.ranker,
        start=START_SEARCH, spreads=SPREADS, seed=config.seed,
    )  # fmt: skip
    graded = [each for each in (learn, check) if len(each)]
    if not graded or config.among_judged:
        return ranker, None
    scores = np.concatenate([ranker.score(each.features) for each in graded])
    return ranker, fit_chances(scores, np.concatenate([each.grades for each in graded]) > 0)


def fit_sureness(
    ranker: Ranker,
    signals: Signals,
    encoder: TextEncoder,
    held: Dataset,
    validation: Dataset,
    config: FitConfig,
) -> Confidence | None:
    """Learn how sure to be of a first answer, from the queries that the ranker learned from.

    Nothing is learned where a query is asked among what was judged of it: that always answers.
    """
    if config.among_judged:
        return None

    def cases(data: Dataset) -> Iterator[tuple[str, Candidates, NDArray[np.float32]]]:
        qrels = Qrels.of(data.judged_queries()[1])
        for row, (query, found) in enumerate(_candidates(signals, encoder, data, config)):
            yield query, found, qrels.among(row, found.items)

    return fit_confidence(try_out(signals, ranker, chain(cases(held), cases(validation))))


def fit_reader(
    scorer: PairScorer,
    first: Ranker,
    signals: Signals,
    encoder: TextEncoder,
    texts: pl.Series,
    held: Dataset,
    validation: Dataset,
    config: FitConfig,
) -> Reader:
    """Learn to order what the first stage finds once it has been read, from the same queries.

    Args:
        scorer: what reads; it has not seen these queries either.
        first: the ranker of the first stage.
        signals, encoder, held, validation: as for `fit_searcher`.
        texts: what it reads of every item, (n_items,).
        config: how; its ``reranker`` is set.
    """
    assert config.reranker is not None  # noqa: S101  see above
    depth = config.reranker.depth

    held, validation = (
        some_queries(data, READ_QUERIES, config.seed) for data in (held, validation)
    )

    def read(data: Dataset) -> Iterator[Candidates]:
        cases = _candidates(signals, encoder, data, config)
        for query, found in track(cases, "reading", data.queries["query"].n_unique()):
            best = np.argsort(-first.score(found.features), kind="stable")[:depth]
            items = np.sort(found.items[best])
            scores = scorer.score([query] * len(items), texts.gather(items).to_list())
            yield Candidates(items, read_features(items, found, scores))

    ranker = fit_ranker(
        tuple(READ),
        _graded(held, read(held)),
        _graded(validation, read(validation)),
        config.ranker,
        start=START_READ,
        spreads=SPREADS,
        seed=config.seed,
    )
    return Reader(scorer, ranker, depth, config.reranker.reads)


def some_queries(data: Dataset, n: int, seed: int) -> Dataset:
    """Return the data with so many of its queries, at most."""
    queries = data.queries["query"].unique().sort()
    if len(queries) <= n:
        return data
    chosen = queries.sample(n, seed=seed)
    return replace(data, queries=data.queries.filter(pl.col("query").is_in(chosen.implode())))


def _candidates(
    signals: Signals, encoder: TextEncoder, data: Dataset, config: FitConfig
) -> Iterator[tuple[str, Candidates]]:
    """Each judged query with what is found for it, or with what is judged of it."""
    queries, judged = data.judged_queries()
    if queries:
        vectors = encoder.encode_queries(queries)
        if config.among_judged:
            found = signals.for_those(queries, vectors, judged)
        else:
            found = signals.for_queries(queries, vectors, config.ranker.per_retriever)
        yield from zip(queries, found, strict=True)


def _graded(data: Dataset, found: Iterator[Candidates]) -> Examples:
    _, judged = data.judged_queries()
    return Examples.of(found, Qrels.of(judged))
