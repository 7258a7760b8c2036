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
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.rank.history import UserModel
from corank.retrieve.cooccurrence import ItemItem, history_matrix
from corank.retrieve.hits import Hits
from corank.retrieve.lexical import BM25
from corank.retrieve.vectors import VectorIndex

BLOCK = 256  # cases at a time

RECOMMEND: Mapping[str, str] = {
    "sequence": "sequence",
    "sequence_z": "sequence",
    "together": "together",
    "together_z": "together",
    "text": "text",
    "text_z": "text",
    "text_nearest": "text",
    "text_last": "text",
    "words": "words",
    "popularity": "popularity",
    "recency": "popularity",
    "price": "price",
    "history_length": "history",
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


class Candidates(NamedTuple):
    """Candidates of one case with their features."""

    items: NDArray[np.int32]  # (m,) ascending
    features: NDArray[np.float32]  # (m, len(RECOMMEND)) or (m, len(SEARCH))


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What is known about the catalogue and about what people did to it."""

    text_vectors: NDArray[np.float32]  # (n_items, d) unit length
    text_index: VectorIndex  # over text_vectors
    user_model: UserModel
    state_index: VectorIndex  # over user_model.states
    together: ItemItem  # co-occurrence
    words: ItemItem  # lexical neighbours
    bm25: BM25
    counts: NDArray[np.int64]  # (n_items,) users who found the item relevant
    recent: NDArray[np.int64]  # (n_items,) the same in the last tenth of the training events
    log_price: NDArray[np.float32]  # (n_items,) nan where unknown
    repeatable: NDArray[np.bool_]  # (n_items,) may be recommended although it was seen
    text_decay: float = 0.65

    @cached_property
    def _popularity(self) -> NDArray[np.float32]:
        """Log counts, of all time and recent, (n_items, 2)."""
        return np.log1p(np.stack([self.counts, self.recent], axis=1)).astype(np.float32)

    @cached_property
    def _bestsellers(self) -> NDArray[np.int64]:
        return np.argsort(-self.counts, kind="stable")

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.text_vectors)

    def for_histories(self, histories: Ragged, per_retriever: int) -> Iterator[Candidates]:
        """Yield the candidates of each history; what it holds is none unless repeatable."""
        for start in range(0, len(histories), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(histories)))
            yield from self._block(histories.take(rows), per_retriever)

    def _block(self, histories: Ragged, n: int) -> Iterator[Candidates]:
        users = self.user_model.users(histories)  # (b, d)
        tastes = self._tastes(histories)  # (b, d_text)
        by_state = self.state_index.search(users, n)
        by_text = self.text_index.search(tastes, n)
        together = self.together.score(histories)  # (b, n_items)
        words = self.words.score(histories)
        by_together = _positive(together, n)
        for row in range(len(histories)):
            history = histories[row]
            proposed = (by_state.items[row], by_text.items[row], by_together.items[row])
            items = np.unique(np.concatenate([*proposed, self._bestsellers[:n]]))
            items = items[items >= 0].astype(np.int32)
            items = items[self.repeatable[items] | ~np.isin(items, history)]
            yield Candidates(
                items,
                self._features(items, history, users[row], tastes[row], together[row], words[row]),
            )

    def _tastes(self, histories: Ragged) -> NDArray[np.float32]:
        """Faded mean of the history's texts, unit length, (n, d_text)."""
        faded = history_matrix(histories, self.n_items, self.text_decay)
        mean: NDArray[np.float32] = faded @ self.text_vectors
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        return mean

    def _features(
        self,
        items: NDArray[np.int32],
        history: NDArray[np.int32],
        user: NDArray[np.float32],
        taste: NDArray[np.float32],
        together: NDArray[np.float32],
        words: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        texts = self.text_vectors[items]  # (m, d_text)
        sequence = self.user_model.states[items] @ user
        text = texts @ taste
        near = texts @ self.text_vectors[history].T if len(history) else np.zeros((len(items), 1))
        columns = {
            "sequence": sequence,
            "sequence_z": _z(sequence),
            "together": together[items],
            "together_z": _z(together[items]),
            "text": text,
            "text_z": _z(text),
            "text_nearest": near.max(1),
            "text_last": near[:, -1],
            "words": words[items],
            "popularity": self._popularity[items, 0],
            "recency": self._popularity[items, 1],
            "price": self._price_affinity(items, history),
            "history_length": np.full(len(items), np.log1p(len(history))),
        }
        return np.stack([columns[name] for name in RECOMMEND], axis=1).astype(np.float32)

    def _price_affinity(
        self, items: NDArray[np.int32], history: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Minus the distance to the history's mean log price; nan where a price is unknown."""
        paid = self.log_price[history]
        paid = paid[~np.isnan(paid)]
        if not len(paid):
            return np.full(len(items), np.nan, np.float32)
        distance: NDArray[np.float32] = np.abs(self.log_price[items] - paid.mean())
        return -distance / (paid.std() + np.float32(0.5))

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
                "popularity": self._popularity[items, 0],
                "recency": self._popularity[items, 1],
            }
            features = np.stack([columns[name] for name in SEARCH], axis=1)
            yield Candidates(items, features.astype(np.float32))


def lexical_neighbours(texts: list[str], bm25: BM25, *, neighbours: int, decay: float) -> ItemItem:
    """Let each item's text search the others: their BM25 score, as a share of its own."""
    hits = bm25.search(texts, neighbours + 1)
    own = np.maximum(hits.scores[:, :1], 1e-9)
    found = (hits.items >= 0) & (hits.items != np.arange(len(texts))[:, None])
    rows = np.nonzero(found)[0]
    return ItemItem.of(rows, hits.items[found], (hits.scores / own)[found], len(texts), decay)


def _positive(scores: NDArray[np.float32], n: int) -> Hits:
    return Hits.of_matrix(np.where(scores > 0, scores, -np.inf).astype(np.float32), n)


def _z(values: NDArray[np.float32]) -> NDArray[np.float32]:
    spread: np.float32 = values.std() + np.float32(1e-6)
    return (values - values.mean()) / spread
