"""Every signal that can speak for an item, given a history or a query: candidates and features.

Each retriever proposes its best items; their union is the candidates, and every candidate gets
every signal as a feature, whoever proposed it. The same code makes the ranker's training
features and the features of an answer. Torch-free; knows nothing of rankers and rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.context import PREFIX, SESSION, Moments, nothing_known
from corank.data.ragged import Ragged
from corank.rank.history import UserModel
from corank.rank.lift import Lift
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
    "session_text": "session",
    "session_together": "session",
    "session_length": "session",
    "price": "price",
    "history_length": "history",
    "last_popularity": "history",
}
"""Features of a recommendation -> the part of the score that an explanation puts them under.
Each context that is known adds one of its own name; see `Signals.recommend_parts`."""

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
    features: NDArray[np.float32]  # (m, f), named as in `Signals.recommend_parts` or `SEARCH`


class _Known(NamedTuple):
    """What a block of histories, and the interests stated beside them, say."""

    users: NDArray[np.float32]  # (b, d)
    tastes: NDArray[np.float32]  # (b, d_text)
    together: NDArray[np.float32]  # (b, n_items)
    neighbours: NDArray[np.float32]  # (b, n_items)
    stated: NDArray[np.bool_]  # (b,) interests are stated
    anything: NDArray[np.bool_]  # (b,) or there is a history


class _Case(NamedTuple):
    """One history, and what the block computed for it."""

    history: NDArray[np.int32]  # (t,) oldest first
    user: NDArray[np.float32]  # (d,)
    taste: NDArray[np.float32]  # (d_text,)
    together: NDArray[np.float32]  # (n_items,)
    neighbours: NDArray[np.float32]  # (n_items,)
    session: int  # how many of the newest items belong to the running session
    chosen_in: dict[str, int]  # context -> number of the category, -1 where unknown
    interests: NDArray[np.float32] | None  # (d_text,)


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
    lifts: Mapping[str, Lift] = field(default_factory=dict)  # by context
    without: frozenset[str] = frozenset()  # parts that neither propose nor score

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.text_vectors)

    @property
    def recommend_parts(self) -> Mapping[str, str]:
        """Features of a recommendation, in order -> the part of the score they come under."""
        parts = {**RECOMMEND, **{name: name for name in self.lifts}}
        return {feature: part for feature, part in parts.items() if part not in self.without}

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

    def for_histories(
        self,
        histories: Ragged,
        per_retriever: int,
        moments: Moments | None = None,
        interests: NDArray[np.float32] | None = None,
        also: Sequence[int] = (),
    ) -> Iterator[Candidates]:
        """Yield the candidates of each history; what it holds is none unless repeatable.

        Args:
            histories: (n,).
            per_retriever: how many the first retriever proposes; see `SHARES`.
            moments: (n,) what is known beside the history.
            interests: text vectors of what the moments state, (n, d_text), zeros for nothing.
            also: items that are candidates whoever proposes them, seen or not.
        """
        n = len(histories)
        moments = nothing_known(n) if moments is None else moments
        if interests is None:
            interests = np.zeros((n, self.text_vectors.shape[1]), np.float32)
        for start in range(0, len(histories), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(histories)))
            block = histories.take(rows), per_retriever, moments[rows], interests[rows]
            yield from self._block(*block, also)

    def _block(
        self,
        histories: Ragged,
        per_retriever: int,
        moments: Moments,
        interests: NDArray[np.float32],
        also: Sequence[int],
    ) -> Iterator[Candidates]:
        known = self._know(histories, interests)
        proposed = np.concatenate(list(self._proposed(known, per_retriever).values()), axis=1)
        sessions = moments[SESSION].to_list()
        chosen_in = {
            name: lift.codes(moments[PREFIX + name])
            for name, lift in self.lifts.items()
            if PREFIX + name in moments.columns
        }
        for row in range(len(histories)):
            history = histories[row]
            items = np.unique(proposed[row])
            items = items[items >= 0].astype(np.int32)
            items = items[self.repeatable[items] | ~np.isin(items, history)]
            if also:
                items = np.union1d(items, np.array(also, np.int32))
            case = _Case(
                history, known.users[row], known.tastes[row], known.together[row],
                known.neighbours[row], sessions[row],
                {name: int(codes[row]) for name, codes in chosen_in.items()},
                interests[row] if known.stated[row] else None,
            )  # fmt: skip
            yield Candidates(items, self._features(items, case))

    def proposed(
        self, histories: Ragged, per_retriever: int, interests: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[np.integer]]:
        """Return what each retriever proposes for each history, (n, some) each, padded with -1."""
        if interests is None:
            interests = np.zeros((len(histories), self.text_vectors.shape[1]), np.float32)
        return self._proposed(self._know(histories, interests), per_retriever)

    def _know(self, histories: Ragged, interests: NDArray[np.float32]) -> _Known:
        stated = np.any(interests, axis=1)
        return _Known(
            users=self.user_model.users(histories, interests),
            tastes=self._tastes(histories, interests),
            together=self.together.score(histories),
            neighbours=self.neighbours.score(histories),
            stated=stated,
            anything=(histories.lengths > 0) | stated,
        )

    def _proposed(self, known: _Known, per_retriever: int) -> dict[str, NDArray[np.integer]]:
        users, tastes, together, neighbours, _, anything = known
        says = anything[:, None]  # nothing is like nothing
        bestsellers = self._bestsellers[:per_retriever]
        place = np.arange(len(bestsellers))
        retrievers: dict[str, Callable[[int], NDArray[np.integer]]] = {
            "sequence": lambda n: np.where(says, self.state_index.search(users, n).items, -1),
            "text": lambda n: np.where(says, self.text_index.search(tastes, n).items, -1),
            "together": lambda n: _positive(together, n).items,
            "neighbours": lambda n: _positive(neighbours, n).items,
            "popularity": lambda n: np.where(
                place < np.where(says, n, per_retriever), bestsellers, -1
            ),
        }
        return {
            name: propose(max(round(SHARES[name] * per_retriever), 1))
            for name, propose in retrievers.items()
            if RECOMMEND[name] not in self.without
        }

    def _tastes(self, histories: Ragged, interests: NDArray[np.float32]) -> NDArray[np.float32]:
        """Faded mean of the texts of history and interests, unit length, (n, d_text)."""
        faded = history_matrix(histories, self.n_items, self.decay)
        mean: NDArray[np.float32] = faded @ self.text_vectors
        mean += interests * np.power(self.decay, histories.lengths, dtype=np.float32)[:, None]
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        return mean

    def _features(self, items: NDArray[np.int32], case: _Case) -> NDArray[np.float32]:
        sequence = self.user_model.states[items] @ case.user
        together, neighbours = case.together[items], case.neighbours[items]
        texts = self.text_vectors[items]  # (m, d_text)
        text = texts @ case.taste
        recent = case.history[-RECENT:]
        read = self.text_vectors[recent]  # (t, d_text)
        if case.interests is not None:
            read = np.concatenate([case.interests[None], read])[-RECENT:]
        near = texts @ read.T  # (m, t)
        words = (self._words[items] @ self._words[recent].T).toarray()  # (m, t)
        if not len(read):
            near = np.zeros((len(items), 1), np.float32)
        if not len(recent):
            words = np.zeros((len(items), 1), np.float32)
        fading = self.decay ** np.arange(words.shape[1])[::-1]
        last = self._popularity[recent[-1]] if len(recent) else 0.0
        session = case.history[len(case.history) - case.session :][-RECENT:]
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
            "session_text": near[:, near.shape[1] - len(session) :].sum(1) / max(len(session), 1),
            "session_together": self.together.weights[session][:, items].sum(0),
            "session_length": np.full(len(items), np.log1p(case.session)),
            "price": self._price_affinity(items, case.history),
            "history_length": np.full(len(items), np.log1p(len(case.history))),
            "last_popularity": np.full(len(items), last),
        }
        for name, lift in self.lifts.items():
            columns[name] = lift.of_items(items, case.chosen_in.get(name, -1))
        return np.stack([columns[name] for name in self.recommend_parts], axis=1, dtype=np.float32)

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
        self,
        queries: list[str],
        vectors: NDArray[np.float32],
        per_retriever: int,
        also: Sequence[int] = (),
    ) -> Iterator[Candidates]:
        """Yield the candidates of each query.

        Args:
            queries: (n,).
            vectors: the queries', (n, d_text).
            per_retriever: how many each retriever proposes.
            also: items that are candidates whoever proposes them.
        """
        found = self.proposed_for_queries(queries, vectors, per_retriever)
        proposed = np.concatenate(list(found.values()), axis=1)
        for row, query in enumerate(queries):
            items = np.union1d(proposed[row], np.array(also, np.int32)).astype(np.int32)
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

    def proposed_for_queries(
        self, queries: list[str], vectors: NDArray[np.float32], per_retriever: int
    ) -> dict[str, NDArray[np.integer]]:
        """Return what each retriever proposes for each query, (n, per_retriever), padded with -1.

        ``vectors`` are the queries', (n, d_text).
        """
        return {
            "words": self.bm25.search(queries, per_retriever).items,
            "text": self.text_index.search(vectors, per_retriever).items,
        }


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
