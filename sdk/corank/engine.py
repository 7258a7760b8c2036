"""The ranker at work: search and recommend over one catalogue, with reasons, under rules.

This is what a fitted pipeline evaluates, what a bundle holds, and what a service runs: one code
path, without torch. It knows no training data beyond what its signals carry.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.dataset import lookup, positions
from corank.data.ragged import Ragged
from corank.data.text import render
from corank.errors import DeclarationError, RequestError, nearest
from corank.evaluate.task import DEPTH
from corank.progress import track
from corank.rank.explain import Answer, Answers, Reasons, add_up
from corank.rank.ranker import Ranker
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank.rank.signals import RECENT, RECOMMEND, SEARCH, Candidates, Signals

if TYPE_CHECKING:
    from corank.vertical import Vertical

MAX_QUERY = 10_000  # characters


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Everything an answer needs."""

    vertical: "Vertical"
    items: pl.DataFrame
    encoder: TextEncoder
    signals: Signals
    recommender: Ranker
    searcher: Ranker
    per_retriever: int
    about: dict[str, object] = field(default_factory=dict)  # how it was made; kept in the bundle

    def search(self, query: str, *, k: int = 10, where: pl.Expr | None = None) -> Answers:
        """Return the ``k`` best items for a query, best first.

        Args:
            query: what somebody typed; at most 10,000 characters.
            k: how many answers; fewer come back when rules leave fewer.
            where: only items for which this holds, such as ``pl.col("price") < 30``.

        Raises:
            RequestError: the query is blank or too long, k is out of range, or ``where`` is no
                condition on items.
        """
        _check_unicode(query)
        if not query.strip():
            raise RequestError("The query is empty. Give at least one word.")
        if len(query) > MAX_QUERY:
            raise RequestError(f"The query has {len(query):,} characters; at most {MAX_QUERY:,}.")
        vectors = self.encoder.encode_queries([query])

        def candidates(n: int) -> Candidates:
            return next(iter(self.signals.for_queries([query], vectors, n)))

        ranked, found = self._answer(self.searcher, candidates, np.array([], np.int32), k, where)
        parts = self._parts(self.searcher, SEARCH, ranked, found)
        cosine = self.signals.text_vectors[ranked.items] @ vectors[0]
        reasons = [
            self._reasons.search(item, query, float(similarity), part)
            for item, similarity, part in zip(ranked.items.tolist(), cosine, parts, strict=True)
        ]
        return self._answers(ranked, parts, reasons)

    def recommend(
        self, history: Sequence[str], *, k: int = 10, where: pl.Expr | None = None
    ) -> Answers:
        """Return the ``k`` best items to come after a history, best first.

        Works for people never seen in training: the history is all there is to know. An empty
        history is answered by popularity.

        Args:
            history: item ids, oldest first.
            k: how many answers; fewer come back when rules leave fewer.
            where: only items for which this holds.

        Raises:
            UnknownItemError: an id is not in the catalogue.
            RequestError: the history is no list of ids, k is out of range, or ``where`` is no
                condition on items.
        """
        if isinstance(history, str):
            raise RequestError(f"history={history!r} is one string; give a list: [{history!r}].")
        _check_unicode(*history)
        seen = lookup(self._positions, history)
        one = Ragged.of([seen.tolist()])

        def candidates(n: int) -> Candidates:
            return next(iter(self.signals.for_histories(one, n)))

        ranked, found = self._answer(self.recommender, candidates, seen, k, where)
        parts = self._parts(self.recommender, RECOMMEND, ranked, found)
        recent = seen[-RECENT:]
        texts = render(self.vertical.item_text, self.items[recent.tolist()]).to_list()
        reasons = [
            self._reasons.recommend(item, recent, part, texts)
            for item, part in zip(ranked.items.tolist(), parts, strict=True)
        ]
        return self._answers(ranked, parts, reasons)

    def rank(self, histories: Ragged) -> NDArray[np.int32]:
        """Rank for many histories, before business rules; (n, 100), padded with -1.

        This is what evaluation measures: what was seen is left out unless repeatable.
        """
        found = self.signals.for_histories(histories, self.per_retriever)
        return self._run(self.recommender, track(found, "ranking", len(histories)), len(histories))

    def rank_queries(self, queries: list[str]) -> NDArray[np.int32]:
        """Rank for many queries, before business rules; (n, 100), padded with -1."""
        vectors = self.encoder.encode_queries(queries)
        found = self.signals.for_queries(queries, vectors, self.per_retriever)
        return self._run(self.searcher, found, len(queries))

    def _run(self, ranker: Ranker, cases: Iterable[Candidates], n: int) -> NDArray[np.int32]:
        run = np.full((n, DEPTH), -1, np.int32)
        for row, (items, features) in enumerate(cases):
            order = np.argsort(-ranker.score(features), kind="stable")[:DEPTH]
            run[row, : len(order)] = items[order]
        return run

    def _answer(
        self,
        ranker: Ranker,
        candidates: Callable[[int], Candidates],
        seen: NDArray[np.int32],
        k: int,
        where: pl.Expr | None,
    ) -> tuple[Ranked, Candidates]:
        """Widen the search until the rules leave ``k`` answers or nothing is left to look at."""
        n_items = self.items.height
        if not 1 <= k <= n_items:
            raise RequestError(
                f"k={k}; it must lie between 1 and the catalogue's {n_items:,} items."
            )
        wanted = None if where is None else self._wanted(where)
        n = min(max(self.per_retriever, k), n_items)
        while True:
            found = candidates(n)
            scores = ranker.score(found.features)
            order = np.argsort(-scores, kind="stable")
            ranked = Ranked(found.items[order], scores[order], seen)
            if wanted is not None:
                ranked = ranked.drop(~wanted[ranked.items], "where")
            ranked = apply_rules(self.vertical.rules, ranked, self.shelf)
            if len(ranked.items) >= k or n == n_items:
                return ranked.head(k), found
            n = min(4 * n, n_items)

    def _wanted(self, where: pl.Expr) -> NDArray[np.bool_]:
        """Where a request's condition holds, (n_items,)."""
        for column in where.meta.root_names():
            if column not in self.items.columns:
                raise RequestError(
                    f"The condition names {column!r}, which items do not have (they have "
                    f"{', '.join(self.items.columns)})." + nearest(column, self.items.columns)
                )
        try:
            return self.shelf.evaluate(where)
        except DeclarationError as error:
            raise RequestError(str(error).splitlines()[0]) from error

    def _parts(
        self, ranker: Ranker, part_of: Mapping[str, str], ranked: Ranked, found: Candidates
    ) -> list[dict[str, float]]:
        rows = np.searchsorted(found.items, ranked.items)
        return add_up(ranker.features, part_of, ranker.parts(found.features[rows]))

    def _answers(
        self, ranked: Ranked, parts: list[dict[str, float]], reasons: list[tuple[str, ...]]
    ) -> Answers:
        ids = self.items["item_id"].gather(ranked.items.tolist()).to_list()
        answers = [
            Answer(
                item_id=ids[place],
                title=self._titles[item],
                score=float(ranked.scores[place]),
                parts=parts[place],
                reasons=reasons[place],
                rules=ranked.moved.get(item, ()),
            )
            for place, item in enumerate(ranked.items.tolist())
        ]
        return Answers(tuple(answers), ranked.removed)

    @cached_property
    def shelf(self) -> Shelf:
        """The catalogue as the rules see it."""
        return Shelf(self.items, self.signals.text_vectors)

    @cached_property
    def _positions(self) -> pl.DataFrame:
        return positions(self.items["item_id"])

    @cached_property
    def _titles(self) -> list[str]:
        return self.items["title"].to_list()

    @cached_property
    def _reasons(self) -> Reasons:
        return Reasons(self.signals, self._titles)


def _check_unicode(*texts: str) -> None:
    """Refuse what is no text, such as the half characters that bytes and JSON can hold."""
    for text in texts:
        try:
            text.encode()
        except (AttributeError, UnicodeEncodeError) as error:
            raise RequestError(f"{text!r} is not text. Give a Unicode string.") from error
