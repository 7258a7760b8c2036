"""The ranker at work: search and recommend over one catalogue, with reasons, under rules.

This is what a fitted pipeline evaluates, what a bundle holds, and what a service runs: one code
path, without torch. It knows no training data beyond what its signals carry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.context import Moments
from corank.data.dataset import lookup, positions
from corank.data.text import render
from corank.errors import DeclarationError, RequestError, nearest
from corank.explaining import explain
from corank.guarding import check_words, known_words
from corank.policy import in_language, language_of
from corank.rank.chances import Chances
from corank.rank.confidence import Confidence
from corank.rank.explain import Answer, Answers, Reasons
from corank.rank.interests import stated_interests
from corank.rank.ranker import Ranker
from corank.rank.reader import Reader, Reading
from corank.rank.request import Query, Request, Visit
from corank.rank.rules import Ranked, Shelf, apply_rules
from corank.rank.signals import Candidates, Signals
from corank.rank.why import Why

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
    newcomers: Ranker  # recommends as if nobody had touched any item yet
    searcher: Ranker
    per_retriever: int
    chances: Chances | None = None  # what the recommender's scores promise
    reader: Reader | None = None  # reads the first answers of a search and orders them anew
    confidence: Confidence | None = None  # how probably the first answer of a search is right
    relevance: Chances | None = None  # how probably a score of the searcher answers at all
    about: dict[str, object] = field(default_factory=dict)  # how it was made; kept in the bundle

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        where: pl.Expr | None = None,
        now: Mapping[str, Any] | None = None,
    ) -> Answers:
        """Return the ``k`` best items for a query, best first.

        Args:
            query: what somebody typed; at most 10,000 characters.
            k: how many answers; fewer come back when rules leave fewer.
            where: only items for which this holds, such as ``pl.col("price") < 30``.
            now: what is known of whoever asks, as in `recommend`; business rules read it.

        Raises:
            RequestError: the query is blank or too long, k is out of range, ``where`` is no
                condition on items, or ``now`` names an unknown column, or a word that rules
                guard by and no item knows.
        """
        alarmed = self._alarmed(query)  # first: no mistake in the request may hide it
        if alarmed is not None:
            return alarmed
        return self._answer(self.query(query, now), k, where, language_of(query))

    def recommend(
        self,
        history: Sequence[str],
        *,
        k: int = 10,
        where: pl.Expr | None = None,
        now: Mapping[str, Any] | None = None,
        session: int = 0,
        interests: str = "",
        as_new: bool = False,
    ) -> Answers:
        """Return the ``k`` best items to come after a history, best first.

        Works for people never seen in training: the history is all there is to know. An empty
        history is answered by popularity.

        Args:
            history: item ids, oldest first.
            k: how many answers; fewer come back when rules leave fewer.
            where: only items for which this holds.
            now: what is known of the moment: columns of an interaction and its user, such as
                ``{"timestamp": datetime(2026, 3, 1, 21), "device": "phone"}`` (UTC). What the
                vertical's contexts and rules do not ask for is of no account.
            session: how many of the newest items belong to the running session.
            interests: what somebody says of themselves, in words; the less it counts, the
                longer the history.
            as_new: judge each item by what it is, as if nobody had touched it yet: for a shelf of
                new arrivals, where what people did to other items would speak against them.
                Nothing is said then to somebody of whom nothing is known.

        Raises:
            UnknownItemError: an id is not in the catalogue.
            RequestError: the history is no list of ids, k or session is out of range, ``where``
                is no condition on items, or ``now`` names an unknown column, or a word that
                rules guard by and no item knows.
        """
        alarmed = self._alarmed(interests)
        if alarmed is not None:
            return alarmed
        asked = self.visit(history, now, session, interests, as_new)
        return self._answer(asked, k, where, language_of(interests))

    def why(
        self,
        item_id: str,
        *,
        query: str | None = None,
        history: Sequence[str] | None = None,
        k: int = 10,
        where: pl.Expr | None = None,
        now: Mapping[str, Any] | None = None,
        session: int = 0,
        interests: str = "",
        as_new: bool = False,
    ) -> Why:
        """Return why an item stands where it stands, or why it does not; see `Why`.

        Any item of the catalogue can be asked about. Words and history items are left out one by
        one and everything is computed again, so it takes longer than an answer.

        Args:
            item_id: the item.
            query: what was searched for; give this or a history.
            history: item ids, oldest first.
            k: as many answers as were asked for; a long list is found among more candidates.
            where, now, session, interests, as_new: as they were given to `search` or `recommend`.

        Raises:
            UnknownItemError: an id is not in the catalogue.
            RequestError: neither a query nor a history is given, or both; nothing is ranked, as a
                text raises an alarm or no answer is sure enough; or what `search` and `recommend`
                refuse.
        """
        if (query is None) == (history is None):
            raise RequestError("Give a query or a history, one of the two.")
        alarmed = self._alarmed(query or interests)
        if alarmed is not None:  # it holds no answer, so it counts as false
            raise RequestError(f"Nothing is ranked here. {alarmed.message}")
        request: Request
        if history is not None:
            request = self.visit(history, now, session, interests, as_new)
        else:
            request = self.query(query or "", now)
        return explain(self, item_id, request, k, where)

    def query(self, text: str, now: Mapping[str, Any] | None = None) -> Query:
        """Return what `search` answers.

        Raises:
            RequestError: see `search`.
        """
        _check_unicode(text)
        if not text.strip():
            raise RequestError("The query is empty. Give at least one word.")
        if len(text) > MAX_QUERY:
            raise RequestError(f"The query has {len(text):,} characters; at most {MAX_QUERY:,}.")
        return Query(
            signals=self.signals,
            ranker=self.searcher,
            moments=self._moment(now),
            text=text,
            vector=self.encoder.encode_query(text),
            reading=self.reading(text),
            confidence=self.confidence,
            relevance=None if self.reader else self.relevance,
        )

    def visit(
        self,
        history: Sequence[str],
        now: Mapping[str, Any] | None = None,
        session: int = 0,
        interests: str = "",
        as_new: bool = False,
    ) -> Visit:
        """Return what `recommend` answers.

        Raises:
            UnknownItemError, RequestError: see `recommend`.
        """
        if isinstance(history, str):
            raise RequestError(f"history={history!r} is one string; give a list: [{history!r}].")
        _check_unicode(*history, interests)
        seen = self.positions(history)
        if not 0 <= session <= len(seen):
            raise RequestError(
                f"session={session}; it counts the newest of the {len(seen)} items of the history."
            )
        moments = self._moment(now, session, interests.strip())
        signals, ranker = self.recommending(as_new)
        return Visit(
            signals=signals,
            ranker=ranker,
            seen=seen,
            moments=moments,
            interests=stated_interests(self.encoder, moments),
            chances=None if as_new else self.chances,
        )

    def _moment(
        self, now: Mapping[str, Any] | None, session: int = 0, interests: str = ""
    ) -> Moments:
        """Return the moment of a request, of which every word is known that rules guard by."""
        moment = self.vertical.moment(now, session, interests)
        check_words(now or {}, self.vertical.vocabulary, self._words)
        return moment

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        return known_words(self.items, self.vertical.vocabulary, self.vertical.joins)

    def recommending(self, as_new: bool) -> tuple[Signals, Ranker]:
        """Return what recommends: as things are, or as if nobody had touched any item yet."""
        return (self._as_new, self.newcomers) if as_new else (self.signals, self.recommender)

    @cached_property
    def _as_new(self) -> Signals:
        return self.signals.as_new()

    def _alarmed(self, text: str) -> Answers | None:
        """Return the message of the alarm that a text raises, if one does."""
        _check_unicode(text)
        policy, language = self.vertical.policy, language_of(text)
        alarm = policy.alarm(text)
        if alarm is None:
            return None
        message, notice = (
            in_language(alarm.message, language),
            in_language(policy.disclaimer, language),
        )
        return Answers((), {}, alarm=alarm.name, message=message, notice=notice)

    def _answer(self, request: Request, k: int, where: pl.Expr | None, language: str) -> Answers:
        policy = self.vertical.policy
        notice = in_language(policy.disclaimer, language)
        ruled, found, _ = self.widen(request, k, self.wanted(where))
        ranked = ruled.head(k)
        sure = request.sure(ruled.items, found)
        if self.withholds(sure):
            return Answers((), ranked.removed, sure, withheld=True, notice=notice)
        parts = request.parts(ranked.items, found)
        reasons = request.reasons(self.reasons, ranked.items, parts)
        chances = request.promised(parts)
        answers = [
            Answer(
                item_id=self.ids[item],
                title=self.titles[item],
                score=float(ranked.scores[place]),
                parts=parts[place],
                reasons=reasons[place],
                rules=ranked.moved.get(item, ()),
                chance=chances[place],
                provider=self.providers[item],
            )
            for place, item in enumerate(ranked.items.tolist())
        ]
        return Answers(tuple(answers), ranked.removed, sure, notice=notice)

    def withholds(self, sure: float | None) -> bool:
        """Whether answers of which the first is right so probably are kept back."""
        return sure is not None and sure < self.vertical.policy.abstain_below

    def widen(
        self, request: Request, k: int, wanted: NDArray[np.bool_] | None
    ) -> tuple[Ranked, Candidates, int]:
        """Widen the search until the rules leave ``k`` answers or nothing is left to look at.

        Returns:
            What the rules leave, the candidates, and how many each retriever could propose.

        Raises:
            RequestError: k is out of range.
        """
        n_items = self.items.height
        if not 1 <= k <= n_items:
            raise RequestError(
                f"k={k}; it must lie between 1 and the catalogue's {n_items:,} items."
            )
        n, shelf = min(max(self.per_retriever, k), n_items), self.shelf.asked_by(request.moments)
        while True:
            found = request.candidates(n)
            ranked = request.ranked(found, wanted)
            ruled = apply_rules(self.vertical.rules, ranked, shelf)
            if len(ruled.items) >= k or n == n_items:
                return ruled, found, n
            n = min(4 * n, n_items)

    def wanted(self, where: pl.Expr | None) -> NDArray[np.bool_] | None:
        """Return where a request's condition holds, (n_items,); None without one.

        Raises:
            RequestError: it is no condition on items.
        """
        if where is None:
            return None
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

    def reading(self, query: str) -> Reading | None:
        """Return the second stage of a query, where there is one."""
        if self.reader is None:
            return None
        titles = self.reader.reads == "title"
        return Reading(self.reader, query, self._titled if titles else self.texts)

    def _titled(self, items: NDArray[np.int32]) -> list[str]:
        return [self.titles[item] for item in items]

    def texts(self, items: NDArray[np.int32]) -> list[str]:
        """Return what the encoder reads of some items."""
        return render(self.vertical.item_text, self.items[items.tolist()]).to_list()

    @cached_property
    def shelf(self) -> Shelf:
        """The catalogue as the rules see it, whoever asks."""
        vertical = self.vertical
        return Shelf(self.items, self.signals.text_vectors, vertical.nobody, vertical.rules)

    def positions(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """Return where some items stand in the catalogue.

        Raises:
            UnknownItemError: an id is not in it.
        """
        try:
            return np.array([self._places[one] for one in ids], np.int32)
        except (KeyError, TypeError):
            return lookup(positions(self.items["item_id"]), ids)  # says what is wrong

    @cached_property
    def _places(self) -> dict[str, int]:
        return {one: place for place, one in enumerate(self.ids)}

    @cached_property
    def ids(self) -> list[str]:
        """Of the catalogue, in its order."""
        return self.items["item_id"].to_list()

    @cached_property
    def titles(self) -> list[str]:
        """Of the catalogue, in its order."""
        return self.items["title"].to_list()

    @cached_property
    def providers(self) -> list[str | None]:
        """Whose each item of the catalogue is, in its order."""
        column = self.vertical.provider
        if column is None:
            return [None] * self.items.height
        said = self.items[column]
        if isinstance(said.dtype, pl.List):
            said = said.cast(pl.List(pl.String)).list.join(", ")
        return said.cast(pl.String).to_list()

    @cached_property
    def reasons(self) -> Reasons:
        """What writes the sentences."""
        return Reasons(self.signals, self.titles)


def _check_unicode(*texts: str) -> None:
    """Refuse what is no text, such as the half characters that bytes and JSON can hold."""
    for text in texts:
        try:
            text.encode()
        except (AttributeError, UnicodeEncodeError) as error:
            raise RequestError(f"{text!r} is not text. Give a Unicode string.") from error
