"""Every signal that can speak for an item, given a history or a query: candidates and features.

Each retriever proposes its best items; their union is the candidates, and every candidate gets
every signal as a feature, whoever proposed it. The same code makes the ranker's training
features and the features of an answer. Torch-free; knows nothing of rankers and rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.rank.history import UserModel
from corank.retrieve.cooccurrence import ItemItem, history_matrix
from corank.retrieve.hits import Hits
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import VectorIndex

BLOCK = 256  # cases at a time
RECENT = 20  # items of a history that are compared with a candidate one by one

RECOMMEND: Mapping[str, str] = {
    "sequence": "sequence",
    "sequence_z": "sequence",
    "sequence_rank": "sequence",
    "together": "together",
    "together_z": "together",
    "together_rank": "together",
    "neighbours": "together",
    "neighbours_z": "together",
    "text": "text",
    "text_z": "text",
    "text_nearest": "text",
    "text_last": "text",
    "words": "words",
    "words_nearest": "words",
    "words_last": "words",
    "popularity": "popularity",
    "recency": "popularity",
    "price": "price",
    "history_length": "history",
    "last_popularity": "history",
}
"""Features of a recommendation -> the part of the score that an explanation puts them under."""

SEARCH: Mapping[str, str] = {
    "words": "words",
    "words_share": "words",
    "text": "text",
    "popularity": "popularity",
    "recency": "popularity",
}
"""Features of a search answer -> the part of the score."""

SHARES = {"sequence": 1.0, "together": 0.5, "neighbours": 0.5, "text": 0.25, "popularity": 0.1}
"""How many candidates each retriever proposes, as a share of ``per_retriever``."""


class Candidates(NamedTuple):
    """Candidates of one case with their features."""

    items: NDArray[np.int32]  # (m,) ascending
    features: NDArray[np.float32]  # (m, len(RECOMMEND)) or (m, len(SEARCH))


class _Case(NamedTuple):
    """One history, and what the block computed for it."""

    history: NDArray[np.int32]  # (t,) oldest first
    user: NDArray[np.float32]  # (d,)
    taste: NDArray[np.float32]  # (d_text,)
    together: NDArray[np.float32]  # (n_items,)
    neighbours: NDArray[np.float32]  # (n_items,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """What is known about the catalogue and about what people did to it."""

    text_vectors: NDArray[np.float32]  # (n_items, d) unit length
    text_index: VectorIndex  # over text_vectors
    user_model: UserModel
    state_index: VectorIndex  # over user_model.states
    together: ItemItem  # EASE
    neighbours: ItemItem  # item-kNN
    bm25: BM25
    counts: NDArray[np.int64]  # (n_items,) users who found the item relevant
    recency: NDArray[np.float32]  # (n_items,) 0..1, how late in the training data that was
    log_price: NDArray[np.float32]  # (n_items,) nan where unknown
    repeatable: NDArray[np.bool_]  # (n_items,) may be recommended although it was seen
    decay: float  # how fast a history fades in its mean of texts and of words

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.text_vectors)

    @cached_property
    def _popularity(self) -> NDArray[np.float32]:
        return np.log1p(self.counts).astype(np.float32)

    @cached_property
    def _bestsellers(self) -> NDArray[np.int64]:
        return np.argsort(-self.counts, kind="stable")

    @cached_property
    def _words(self) -> sp.csr_array:
        """Items as unit vectors of BM25 weights, (n_items, tokens): their cosine is lexical."""
        index = self.bm25
        shape = (index.size, len(index.vocabulary))
        weights = sp.csc_array((index.weights, index.items, index.offsets), shape=shape).tocsr()
        length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
        weights.data /= np.repeat(np.maximum(length, 1e-9), np.diff(weights.indptr))
        return weights

    def for_histories(self, histories: Ragged, per_retriever: int) -> Iterator[Candidates]:
        """Yield the candidates of each history; what it holds is none unless repeatable."""
        for start in range(0, len(histories), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(histories)))
            yield from self._block(histories.take(rows), per_retriever)

    def _block(self, histories: Ragged, per_retriever: int) -> Iterator[Candidates]:
        n = {name: max(round(share * per_retriever), 1) for name, share in SHARES.items()}
        users = self.user_model.users(histories)  # (b, d)
        tastes = self._tastes(histories)  # (b, d_text)
        together = self.together.score(histories)  # (b, n_items)
        neighbours = self.neighbours.score(histories)
        known = histories.lengths[:, None] > 0  # (b, 1) an empty history is like nothing
        bestsellers = self._bestsellers[:per_retriever]
        popular = np.arange(len(bestsellers)) < np.where(known, n["popularity"], per_retriever)
        proposed = np.concatenate(
            [
                np.where(known, self.state_index.search(users, n["sequence"]).items, -1),
                np.where(known, self.text_index.search(tastes, n["text"]).items, -1),
                _positive(together, n["together"]).items,
                _positive(neighbours, n["neighbours"]).items,
                np.where(popular, bestsellers, -1),
            ],
            axis=1,
        )  # (b, sum of n)
        for row in range(len(histories)):
            history = histories[row]
            items = np.unique(proposed[row])
            items = items[items >= 0].astype(np.int32)
            items = items[self.repeatable[items] | ~np.isin(items, history)]
            case = _Case(history, users[row], tastes[row], together[row], neighbours[row])
            yield Candidates(items, self._features(items, case))

    def _tastes(self, histories: Ragged) -> NDArray[np.float32]:
        """Faded mean of the history's texts, unit length, (n, d_text)."""
        faded = history_matrix(histories, self.n_items, self.decay)
        mean: NDArray[np.float32] = faded @ self.text_vectors
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        return mean

    def _features(self, items: NDArray[np.int32], case: _Case) -> NDArray[np.float32]:
        sequence = self.user_model.states[items] @ case.user
        together, neighbours = case.together[items], case.neighbours[items]
        texts = self.text_vectors[items]  # (m, d_text)
        text = texts @ case.taste
        recent = case.history[-RECENT:]
        near = texts @ self.text_vectors[recent].T  # (m, t)
        words = (self._words[items] @ self._words[recent].T).toarray()  # (m, t)
        if not len(recent):
            near = words = np.zeros((len(items), 1), np.float32)
        fading = self.decay ** np.arange(words.shape[1])[::-1]
        last = self._popularity[recent[-1]] if len(recent) else 0.0
        columns = {
            "sequence": sequence,
            "sequence_z": _z(sequence),
            "sequence_rank": _reciprocal_rank(sequence),
            "together": together,
            "together_z": _z(together),
            "together_rank": _reciprocal_rank(together),
            "neighbours": neighbours,
            "neighbours_z": _z(neighbours),
            "text": text,
            "text_z": _z(text),
            "text_nearest": near.max(1),
            "text_last": near[:, -1],
            "words": words @ fading,
            "words_nearest": words.max(1),
            "words_last": words[:, -1],
            "popularity": self._popularity[items],
            "recency": self.recency[items],
            "price": self._price_affinity(items, case.history),
            "history_length": np.full(len(items), np.log1p(len(case.history))),
            "last_popularity": np.full(len(items), last),
        }
        return np.stack([columns[name] for name in RECOMMEND], axis=1).astype(np.float32)

    def _price_affinity(
        self, items: NDArray[np.int32], history: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Minus the distance to the history's mean log price, by its spread; nan if unknown."""
        paid = self.log_price[history]
        paid = paid[~np.isnan(paid)]
        if not len(paid):
            return np.full(len(items), np.nan, np.float32)
        distance = np.abs(self.log_price[items] - paid.mean()) / (paid.std() + 0.5)
        return np.asarray(-distance, np.float32)

    def for_queries(
        self, queries: list[str], vectors: NDArray[np.float32], per_retriever: int
    ) -> Iterator[Candidates]:
        """Yield the candidates of each query; ``vectors`` are the queries', (n, d_text)."""
        lexical = self.bm25.search(queries, per_retriever)
        semantic = self.text_index.search(vectors, per_retriever)
        for row, query in enumerate(queries):
            items = np.unique(np.concatenate([lexical.items[row], semantic.items[row]]))
            items = items[items >= 0]
            words = self.bm25.scores(query, items)
            columns = {
                "words": words,
                "words_share": words / max(float(words.max(initial=0)), 1e-9),
                "text": self.text_vectors[items] @ vectors[row],
                "popularity": self._popularity[items],
                "recency": self.recency[items],
            }
            features = np.stack([columns[name] for name in SEARCH], axis=1)
            yield Candidates(items, features.astype(np.float32))


def _positive(scores: NDArray[np.float32], n: int) -> Hits:
    return Hits.of_matrix(np.where(scores > 0, scores, -np.inf).astype(np.float32), n)


def _z(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance from the candidates' mean in standard deviations."""
    if not len(values):
        return values
    return np.asarray((values - values.mean()) / (values.std() + 1e-6), np.float32)


def _reciprocal_rank(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 for the best candidate, 1/2 for the second, ...; equal ones share their lowest."""
    rank = np.searchsorted(np.sort(-values), -values, side="right")
    return np.reciprocal(rank, dtype=np.float32)
