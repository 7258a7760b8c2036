"""What one would glue together from libraries: sentence-transformers, FAISS and LightGBM.

The encoder is tuned by sentence-transformers' own trainer on the texts of items that were chosen
one after the other (in-batch negatives, a batch of 64, one pass, its defaults otherwise). A history
is the mean of its vectors, older items counting less; FAISS finds the nearest items to it, and
beside them stand those most often chosen after its last items, and the most popular. LightGBM's
lambdarank orders these. It learns from the last item of training histories, of which nothing else
has seen that event; validation stops it, and chooses how fast histories fade.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import faiss
import lightgbm as lgb
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.peers.exchange import MODEL, Answers, Floats, Given, Lists, work

PAIRS, BATCH, MAX_TOKENS = 30_000, 64, 64
DECAYS = (0.5, 0.65, 0.8, 0.9, 1.0)
NEAREST, AFTER, POPULAR = 150, 100, 50
LEARNED = 10_000  # histories at most that LightGBM learns from
FEATURES = ("mean", "last", "after_last", "after_all", "popularity", "place")
TREES = {
    "objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "learning_rate": 0.1,
    "num_leaves": 15, "min_data_in_leaf": 50, "verbose": -1,
}  # fmt: skip
ROUNDS, PATIENCE = 300, 20


@dataclass(frozen=True)
class Known:
    """What is known of items."""

    vectors: Floats  # (n_items, d) of length 1
    index: faiss.Index
    after: sp.csr_array  # (n_items, n_items) how often the column was chosen right after the row
    count: NDArray[np.int64]  # (n_items,)


class Case(NamedTuple):
    """Candidates of one history."""

    items: NDArray[np.int64]
    features: Floats  # (m, len(FEATURES))


def fit(given: Given) -> Answers:
    """Tune the encoder, learn the order, and answer the test."""
    learn, last = _without_last(given.train)
    vectors = encoded(given, learn)
    early, known = (_known(given, vectors, lists) for lists in (learn, given.train))
    decay = max(DECAYS, key=lambda each: _mean_ndcg(given, vectors, each))
    rows = np.random.default_rng(given.seed).permutation(len(learn))[:LEARNED]
    some = [learn.items[learn.indptr[row] : learn.indptr[row + 1]] for row in rows.tolist()]
    cases = [case(early, history, decay) for history in some]
    wanted = [last[[row]] for row in rows.tolist()]
    held = [case(known, history, decay) for history in _each(given.validation)]
    booster = lgb.train(
        TREES | {"seed": given.seed, "num_threads": int(os.environ.get("OMP_NUM_THREADS", "0"))},
        _data(cases, wanted), ROUNDS,
        valid_sets=[_data(held, [*_each(given.relevant)])],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )  # fmt: skip
    histories = [*_each(given.test)]
    k = NEAREST + AFTER + POPULAR
    items, scores = np.full((len(histories), k), -1, np.int32), np.zeros((len(histories), k))
    for row, history in enumerate(histories):
        found = case(known, history, decay)
        items[row, : len(found.items)] = found.items
        scores[row, : len(found.items)] = booster.predict(found.features)
    settings = f"decay {decay}, {booster.best_iteration} trees, {PAIRS:,} pairs at most"
    return Answers(items, scores.astype(np.float32), settings)


def encoded(given: Given, seen: Lists) -> Floats:
    """Texts' vectors by the encoder, tuned on what was chosen one after the other, (n_items, d).

    Args:
        given: the texts, and the seed.
        seen: the histories that it learns from.
    """
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    model = SentenceTransformer(os.environ[MODEL], device="cpu")
    model.max_seq_length = MAX_TOKENS
    items, owner = seen.items, seen.rows()
    pairs = np.stack([items[:-1], items[1:]], axis=1)[owner[:-1] == owner[1:]]
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    pairs = np.random.default_rng(given.seed).permutation(pairs)[:PAIRS]
    columns = {
        name: [given.texts[item] for item in pairs[:, side].tolist()]
        for side, name in enumerate(("anchor", "positive"))
    }
    with tempfile.TemporaryDirectory() as folder:
        how = SentenceTransformerTrainingArguments(
            output_dir=folder, per_device_train_batch_size=BATCH, num_train_epochs=1, use_cpu=True,
            save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
            seed=given.seed,
        )  # fmt: skip
        SentenceTransformerTrainer(
            model=model, args=how, train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model),
        ).train()  # fmt: skip
    vectors: Floats = model.encode(
        list(given.texts), normalize_embeddings=True, show_progress_bar=False
    )
    return vectors


def case(known: Known, history: NDArray[np.integer], decay: float) -> Case:
    """Return the candidates of a history, and what is known of each."""
    fading = decay ** np.arange(len(history))[::-1].astype(np.float32)
    mean = fading @ known.vectors[history] if len(history) else np.zeros_like(known.vectors[0])
    mean = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    after = fading @ known.after[history] if len(history) else np.zeros(len(known.count))
    last = history[-1:]
    after_last = known.after[last].toarray().ravel() if len(last) else np.zeros(len(known.count))
    near = known.index.search(mean[None], NEAREST + len(history))[1][0]
    often = np.argsort(-after, kind="stable")[:AFTER]
    sold = np.argsort(-known.count, kind="stable")[:POPULAR]
    place = np.full(len(known.count), NEAREST, np.float32)
    place[near[near >= 0]] = np.arange(int((near >= 0).sum()))
    items = np.unique(np.concatenate([near[near >= 0], often[after[often] > 0], sold]))
    items = np.setdiff1d(items, history)[: NEAREST + AFTER + POPULAR]
    features = (
        known.vectors[items] @ mean,
        known.vectors[items] @ known.vectors[last].sum(0),
        after_last[items],
        after[items],
        np.log1p(known.count[items]),
        place[items],
    )
    return Case(items, np.stack(features, axis=1).astype(np.float32))


def _known(given: Given, vectors: Floats, lists: Lists) -> Known:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    owner, n = lists.rows(), given.n_items
    follows = owner[:-1] == owner[1:]
    pair = lists.items[:-1][follows], lists.items[1:][follows]
    after = sp.csr_array((np.ones(len(pair[0]), np.float32), pair), shape=(n, n))
    return Known(vectors, index, after, np.bincount(lists.items, minlength=n))


def _without_last(lists: Lists) -> tuple[Lists, NDArray[np.int32]]:
    """Histories of two items and more without their last, and those."""
    long = np.flatnonzero(np.diff(lists.indptr) >= 2)
    parts = [lists.items[lists.indptr[row] : lists.indptr[row + 1]] for row in long.tolist()]
    indptr = np.concatenate([[0], np.cumsum([len(part) - 1 for part in parts])]).astype(np.int64)
    shorter = [part[:-1] for part in parts]
    items = np.concatenate(shorter) if parts else lists.items[:0]
    return Lists(indptr, items), np.array([part[-1] for part in parts], np.int32)


def _mean_ndcg(given: Given, vectors: Floats, decay: float) -> float:
    users = np.zeros((len(given.validation), vectors.shape[1]), np.float32)
    for row, history in enumerate(_each(given.validation)):
        if len(history):
            users[row] = decay ** np.arange(len(history))[::-1] @ vectors[history]
    return given.ndcg(users, vectors, np.ones(given.n_items, np.bool_))


def _each(lists: Lists) -> Iterator[NDArray[np.int32]]:
    for start, end in zip(lists.indptr[:-1].tolist(), lists.indptr[1:].tolist(), strict=True):
        yield lists.items[start:end]


def _data(cases: list[Case], wanted: list[NDArray[np.int32]]) -> lgb.Dataset:
    """What LightGBM takes; cases that do not hold what was wanted teach nothing."""
    graded = [np.isin(each.items, ids) for each, ids in zip(cases, wanted, strict=True)]
    kept = [(each, right) for each, right in zip(cases, graded, strict=True) if right.any()]
    return lgb.Dataset(
        np.concatenate([each.features for each, _ in kept]),
        np.concatenate([right for _, right in kept]).astype(np.int32),
        group=[len(each.items) for each, _ in kept],
        feature_name=list(FEATURES),
    )


if __name__ == "__main__":
    work(fit)
