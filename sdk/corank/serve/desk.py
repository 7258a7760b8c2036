"""What happens at each press: the engine is asked, and what to show comes back.

Knows the engine and the views; knows neither gradio nor sessions. What corank refuses becomes a
line on the page, never a traceback.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import Any

import polars as pl

from corank.engine import Engine
from corank.errors import CorankError
from corank.serve import views, why_view
from corank.serve.catalogue import Catalogue
from corank.serve.journal import Journal
from corank.serve.markup import Html
from corank.serve.views import Shown
from corank.serve.words import Words
from corank.visitor import Visitor

ANSWERS = 10
PICKS = 8
HISTORY = 50  # items that one visitor may collect
Known = Mapping[str, Any]
NOTHING: Known = MappingProxyType({})


class Desk:
    """Answers for one engine; holds nothing of any visitor.

    Args:
        engine: what answers.
        journal: where it is written down, if it is.
    """

    def __init__(self, engine: Engine, journal: Journal | None = None) -> None:
        self.engine, self.journal = engine, journal
        self.catalogue = Catalogue(engine)

    def visitors(self) -> dict[str, Visitor]:
        """Return whom the app can be tried as, by name: those whose history the catalogue holds."""
        known = set(self.engine.ids)
        return {v.name: v for v in self.engine.vertical.visitors if known.issuperset(v.history)}

    def search(
        self,
        query: str,
        k: int,
        maximum: float | None,
        words: Words,
        known: Known = NOTHING,
    ) -> tuple[Shown | None, Html]:
        """Return the answers to a query, and how they look; a maximum of 0 or None is no limit.

        ``known`` is what is known of whoever asks, by column.
        """
        if not query.strip():
            return None, views.empty(words, "before_search")
        query = query.strip()
        try:
            where, began = self._cheaper(maximum), perf_counter()
            answers = self.engine.search(query, k=k, where=where, now=known)
        except CorankError as error:
            return None, views.problem(str(error), words)
        took = perf_counter() - began
        try:
            if self.journal:
                self.journal.note("search", answers, asked=query, known=known, seconds=took)
        except CorankError as error:
            if not answers.alarm:  # its message comes whatever else fails
                return None, views.problem(str(error), words)
        shown = Shown(answers, query=query, maximum=maximum or None, known=known)
        return self._look(shown, words)

    def follow(
        self, history: Sequence[str], words: Words, known: Known = NOTHING
    ) -> tuple[Html, Shown | None, Html]:
        """Return how a history looks, what comes after it, and how that looks."""
        return self._follow(history, words, known, self.journal)

    def welcome(self, words: Words) -> tuple[Html, Shown | None, Html]:
        """Return what a visitor sees of it at first; nobody asked, so nothing is written down."""
        return self._follow([], words, self.engine.vertical.example_asker, None)

    def _follow(
        self, history: Sequence[str], words: Words, known: Known, journal: Journal | None
    ) -> tuple[Html, Shown | None, Html]:
        titles = self.catalogue.titles(history)
        chips = views.chips(titles, words)
        try:
            k, began = min(ANSWERS, self.engine.items.height), perf_counter()
            answers = self.engine.recommend(history, k=k, now=known)
            if journal:
                took = perf_counter() - began
                journal.note("recommend", answers, history=history, known=known, seconds=took)
        except CorankError as error:
            return chips, None, views.problem(str(error), words)
        shown = Shown(answers, history=tuple(titles.values()), ids=tuple(history), known=known)
        return chips, *self._look(shown, words)

    def pick(self, typed: str, words: Words) -> Html:
        """Return the items whose titles hold what was typed."""
        return views.picks(self.catalogue.find(typed, PICKS), typed, words)

    def add(self, history: Sequence[str], item: str) -> list[str]:
        """Return a history with an item of the catalogue at its end, cut to the latest 50."""
        known = self.catalogue.titles([item])
        return [*(each for each in history if each not in known), *known][-HISTORY:]

    def why(self, shown: Shown | None, item: str | None, words: Words) -> Html:
        """Return the explanation of one answer of a list."""
        answer = shown.answer(item) if shown and item else None
        if shown is None or answer is None:
            return views.empty(words, "before_why")
        return why_view.why(shown, answer, self.engine.vertical.rules, words)

    def left_out(self, shown: Shown | None, item: str | None, words: Words) -> Html:
        """Return what words and history do to one answer of a list; takes a second or so."""
        answer = shown.answer(item) if shown and item else None
        if shown is None or answer is None:
            return views.view(words)
        asked = {"query": shown.query} if shown.query is not None else {"history": shown.ids}
        where, k = self._cheaper(shown.maximum), max(len(shown.answers), 1)
        try:
            found = self.engine.why(answer.item_id, k=k, where=where, now=shown.known, **asked)
        except CorankError as error:
            return views.problem(str(error), words)
        return why_view.left_out(shown, found, words)

    def _cheaper(self, maximum: float | None) -> pl.Expr | None:
        price = self.engine.vertical.price
        return pl.col(price) <= maximum if price and maximum else None

    def _look(self, shown: Shown, words: Words) -> tuple[Shown, Html]:
        facts = self.catalogue.facts([answer.item_id for answer in shown.answers])
        return shown, views.found(shown, facts, words)
