"""Every signal that can speak for an item, given a history or a query: candidates and features.

Each retriever proposes its best items; their union is the candidates, and every candidate gets
every signal as a feature, whoever proposed it. The same code makes the ranker's training
features and the features of an answer. Torch-free; knows nothing of rankers and rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.context import PREFIX, SESSION, Moments, nothing_known
from corank.data.ragged import Ragged
from corank.rank.features import RECOMMEND, SEARCH, Case, recommend_features
from corank.rank.history import UserModel
from corank.rank.lift import Lift
from corank.retrieve.cooccurrence import ItemItem, faded, history_matrix
from corank.retrieve.exact import ExactIndex
from corank.retrieve.hits import Hits
from corank.retrieve.lexical import BM25
from corank.retrieve.sparse import entries, transposed_sum
from corank.retrieve.vectors import VectorIndex

BLOCK = 256  # cases at a time
SHARES = {
    "sequence": 1.0, "together": 0.5, "neighbours": 0.5, "text": 0.25, "words": 0.25,
    "popularity": 0.1, "trend": 0.1,
}  # fmt: skip
"""How many candidates each retriever proposes, as a share of ``per_retriever``."""
SHARES_AS_NEW = {"sequence": 1.0, "text": 1.0, "words": 1.0}
"""The same where nothing is known of what people did to the candidates."""


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
    words: NDArray[np.float32]  # (b, n_items)
    stated: NDArray[np.bool_]  # (b,) interests are stated
    anything: NDArray[np.bool_]  # (b,) or there is a history


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """What is known about the catalogue and about what people did to it."""

    text_vectors: NDArray[np.float32]  # (n_items, d) unit length
    text_index: VectorIndex  # over text_vectors
    user_model: UserModel
    state_index: VectorIndex  # over user_model.candidates
    together: ItemItem  # EASE
    neighbours: ItemItem  # item-kNN
    bm25: BM25
    counts: NDArray[np.int64]  # (n_items,) users who found the item relevant
    recency: NDArray[np.float32]  # (n_items,) 0..1, how late in the training data that was
    trend: NDArray[np.float32]  # (n_items,) log of 1 + count, where old events fade
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

    def as_new(self) -> "Signals":
        """Return what is known of each candidate had nobody touched it yet: its text and price.

        Of the history everything is known, as ever.
        """
        model = self.user_model.as_new(self.text_vectors)
        return replace(
            self,
            user_model=model,
            state_index=ExactIndex(model.candidates),
            without=self.without | {"together", "popularity", "session", *self.lifts},
        )

    @cached_property
    def popularity(self) -> NDArray[np.float32]:
        """Log of 1 + count, (n_items,)."""
        return np.log1p(self.counts).astype(np.float32)

    @cached_property
    def _bestsellers(self) -> NDArray[np.int64]:
        return np.argsort(-self.counts, kind="stable")

    @cached_property
    def _trending(self) -> NDArray[np.int64]:
        return np.argsort(-self.trend, kind="stable")

    @cached_property
    def words(self) -> sp.csr_array:
        """Items as unit vectors of BM25 weights, (n_items, tokens): their cosine is lexical."""
        index = self.bm25
        shape = (index.size, len(index.vocabulary))
        weights = sp.csc_array((index.weights, index.items, index.offsets), shape=shape).tocsr()
        length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
        weights.data /= np.repeat(np.maximum(length, 1e-9), np.diff(weights.indptr))
        return weights

    @cached_property
    def _by_word(self) -> sp.csr_array:
        return self.words.T.tocsr()  # (tokens, n_items)

    @cached_property
    def _tokens(self) -> list[str]:
        return list(self.bm25.vocabulary)

    def lexical(self, items: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the lexical cosine of each of some items' texts with others', (n, m).

        The fewer ``others``, the better: their words are laid out in full.
        """
        words = self.words
        full = np.zeros((len(others), words.shape[1]), np.float32)
        row, token, weight = entries(words, others)
        full[row, token] = weight
        row, token, weight = entries(words, items)
        both = full[:, token] * weight  # (m, tokens of all items)
        found = [np.bincount(row, each, minlength=len(items)) for each in both]
        return np.array(found, np.float32).reshape(len(others), len(items)).T

    def shared_words(self, item: int, other: int) -> list[tuple[str, float]]:
        """Return the tokens that two items' texts share, those that say most first.

        Their figures add up to the lexical cosine.
        """
        words, (first, second) = self.words, (self.words.indptr[[n, n + 1]] for n in (item, other))
        one, two = slice(*first), slice(*second)
        tokens, others = words.indices[one], words.indices[two]
        at = np.minimum(np.searchsorted(others, tokens), max(len(others) - 1, 0))
        here = np.flatnonzero(others[at] == tokens) if len(others) else at[:0]
        token, weight = tokens[here], words.data[one][here] * words.data[two][at[here]]
        order = np.argsort(-weight, kind="stable")
        return [(self._tokens[token[n]], float(weight[n])) for n in order.tolist()]

    def for_histories(
        self,
        histories: Ragged,
        per_retriever: int,
        moments: Moments | None = None,
        interests: NDArray[np.float32] | None = None,
        also: Ragged | None = None,
    ) -> Iterator[Candidates]:
        """Yield the candidates of each history; what it holds is none unless repeatable.

        Args:
            histories: (n,).
            per_retriever: how many the first retriever proposes; see `SHARES`.
            moments: (n,) what is known beside the history.
            interests: text vectors of what the moments state, (n, d_text), zeros for nothing.
            also: (n,) items that are candidates whoever proposes them, seen or not.
        """
        n = len(histories)
        moments = nothing_known(n) if moments is None else moments
        if interests is None:
            interests = np.zeros((n, self.text_vectors.shape[1]), np.float32)
        for start in range(0, n, BLOCK):
            rows = np.arange(start, min(start + BLOCK, n))
            known = moments.slice(start, BLOCK), interests[start : start + BLOCK]
            more = also.take(rows) if also else None
            yield from self._block(histories.take(rows), per_retriever, *known, more)

    def _block(
        self,
        histories: Ragged,
        per_retriever: int,
        moments: Moments,
        interests: NDArray[np.float32],
        also: Ragged | None,
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
                items = np.union1d(items, also[row])
            case = Case(
                history, known.users[row], known.tastes[row], known.together[row],
                known.neighbours[row], known.words[row], sessions[row],
                {name: int(codes[row]) for name, codes in chosen_in.items()},
                interests[row] if known.stated[row] else None,
            )  # fmt: skip
            yield Candidates(items, recommend_features(self, items, case))

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
            words=self._worded(histories),
            stated=stated,
            anything=(histories.lengths > 0) | stated,
        )

    def _proposed(self, known: _Known, per_retriever: int) -> dict[str, NDArray[np.integer]]:
        users, tastes, together, neighbours, words, _, anything = known
        says = anything[:, None]  # nothing is like nothing

        def most(ordered: NDArray[np.int64], n: int) -> NDArray[np.int64]:
            """The first ``n``; as many as are asked for where nothing else is proposed."""
            first = ordered[:per_retriever]
            return np.where(np.arange(len(first)) < np.where(says, n, per_retriever), first, -1)

        retrievers: dict[str, Callable[[int], NDArray[np.integer]]] = {
            "sequence": lambda n: np.where(says, self.state_index.search(users, n).items, -1),
            "text": lambda n: np.where(says, self.text_index.search(tastes, n).items, -1),
            "together": lambda n: _positive(together, n).items,
            "neighbours": lambda n: _positive(neighbours, n).items,
            "words": lambda n: _positive(words, n).items,
            "popularity": lambda n: most(self._bestsellers, n),
            "trend": lambda n: most(self._trending, n),
        }
        shares = SHARES if self.user_model.shown is None else SHARES_AS_NEW
        return {
            name: propose(max(round(shares[name] * per_retriever), 1))
            for name, propose in retrievers.items()
            if RECOMMEND[name] not in self.without
        }

    def _worded(self, histories: Ragged) -> NDArray[np.float32]:
        """Faded sum of the lexical cosines to a history's items, (n, n_items)."""
        scores = np.empty((len(histories), self.n_items), np.float32)
        for row, (items, fading) in enumerate(faded(histories, self.decay)):
            item, token, weight = entries(self.words, items)
            tokens, place = np.unique(token, return_inverse=True)
            weights = np.bincount(place, weight * fading[item]).astype(np.float32)
            scores[row] = transposed_sum(self.words, self._by_word, tokens, weights)
        return scores

    def _tastes(self, histories: Ragged, interests: NDArray[np.float32]) -> NDArray[np.float32]:
        """Faded mean of the texts of history and interests, unit length, (n, d_text)."""
        faded = history_matrix(histories, self.n_items, self.decay)
        mean: NDArray[np.float32] = faded @ self.text_vectors
        mean += interests * np.power(self.decay, histories.lengths, dtype=np.float32)[:, None]
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        return mean

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
            yield self.for_query(query, vectors[row], items[items >= 0])

    def for_those(
        self, queries: list[str], vectors: NDArray[np.float32], items: Ragged
    ) -> Iterator[Candidates]:
        """Yield each query's own items, (n,), as its candidates; vectors are (n, d_text)."""
        given = (np.unique(items[row]) for row in range(len(queries)))
        return map(self.for_query, queries, vectors, given)

    def for_query(
        self, query: str, vector: NDArray[np.float32], items: NDArray[np.int32]
    ) -> Candidates:
        """Return these items, (m,) ascending, with what they are to a query and its vector."""
        words = self.bm25.scores(query, items)
        columns = {
            "words": words,
            "words_share": words / max(float(words.max(initial=0)), 1e-9),
            "text": self.text_vectors[items] @ vector,
            "popularity": self.popularity[items],
            "recency": self.recency[items],
        }
        features = np.stack([columns[name] for name in SEARCH], axis=1)
        return Candidates(items, features.astype(np.float32))

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
