"""One request on its way to an answer: what finds its candidates, ranks them, takes scores apart.

A `Query` is what somebody searches for; a `Visit` is somebody with a history. Knows signals,
rankers and the second stage of search; knows neither rules nor the catalogue's columns.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.context import SESSION, Moments
from corank.data.ragged import Ragged
from corank.rank.chances import Chances
from corank.rank.confidence import Confidence, tell
from corank.rank.explain import Reasons, add_up
from corank.rank.features import RECENT, SEARCH
from corank.rank.ranker import Ranker
from corank.rank.reader import READ, Reading
from corank.rank.rules import Ranked
from corank.rank.signals import Candidates, Signals

Items = NDArray[np.int32]
Mask = NDArray[np.bool_]
Parts = Mapping[str, float]
NOTHING = np.array([], np.int32)  # the history of somebody who searches


class Scored(NamedTuple):
    """The score of one candidate, feature by feature."""

    names: tuple[str, ...]  # (f,)
    part_of: Mapping[str, str]  # feature -> part of the score
    values: NDArray[np.float32]  # (f,) nan where unknown
    adds: NDArray[np.float64]  # (f + 1,) the last is a constant; they add up to the score


@dataclass(frozen=True, kw_only=True, eq=False)
class Request(ABC):
    """What both kinds of requests can do.

    Args:
        signals: of the catalogue.
        ranker: scores the candidates.
        moments: what is known beside the query or the history, one row.
        chances: what its scores promise, where that is known.
    """

    signals: Signals
    ranker: Ranker
    moments: Moments
    chances: Chances | None = None

    @property
    @abstractmethod
    def part_of(self) -> Mapping[str, str]:
        """The ranker's features, in order -> the part of the score they come under."""

    @property
    def history(self) -> Items:
        """What was seen, oldest first, (t,)."""
        return NOTHING

    @abstractmethod
    def candidates(self, n: int, also: Sequence[int] = ()) -> Candidates:
        """Find them, ``n`` per retriever, and ``also`` these."""

    @abstractmethod
    def proposed(self, n: int) -> dict[str, NDArray[np.integer]]:
        """What each retriever proposes, whether or not it was seen, (some,) each."""

    @abstractmethod
    def reasons(self, say: Reasons, items: Items, parts: Sequence[Parts]) -> list[tuple[str, ...]]:
        """Say what the parts of these items' scores rest on."""

    def ranked(self, found: Candidates, wanted: Mask | None = None) -> Ranked:
        """Return the candidates best first, before any business rule.

        What is not ``wanted`` (n_items,) is removed under the name ``where``.
        """
        ranked = best_first(self.ranker, found, self.history)
        return ranked if wanted is None else ranked.drop(~wanted[ranked.items], "where")

    def parts(self, items: Items, found: Candidates) -> list[dict[str, float]]:
        """Return the parts of the scores that `ranked` gave these candidates."""
        rows = np.searchsorted(found.items, items)
        return add_up(self.ranker.features, self.part_of, self.ranker.parts(found.features[rows]))

    def promised(self, parts: Sequence[Parts]) -> list[float | None]:
        """Return how probably answers with these parts are chosen, (m,); None: nobody knows."""
        if self.chances is None:
            return [None] * len(parts)
        scores = np.array([sum(part.values()) for part in parts], np.float64)
        promised: list[float | None] = self.chances.of(scores).tolist()
        return promised

    def sure(self, shown: Items, found: Candidates) -> float | None:
        """Return how probably the first of what is shown is right; None: nobody knows."""
        return None

    def scored(self, item: int, found: Candidates) -> Scored:
        """Return the same for one of them, feature by feature."""
        features = found.features[[np.searchsorted(found.items, item)]]
        adds = self.ranker.parts(features)[0]
        return Scored(self.ranker.features, self.part_of, features[0], adds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Query(Request):
    """Somebody searches.

    Args:
        text: what was typed.
        vector: the encoder's, (d_text,).
        reading: the second stage, where there is one.
        confidence: how sure of its first answer, where that was learned.
        relevance: how probably a score answers at all; what rules that weigh chances go by.
    """

    text: str
    vector: NDArray[np.float32]
    reading: Reading | None = None
    confidence: Confidence | None = None
    relevance: Chances | None = None

    @property
    def part_of(self) -> Mapping[str, str]:
        """Those of the first stage."""
        return SEARCH

    def candidates(self, n: int, also: Sequence[int] = ()) -> Candidates:
        """By words and by meaning."""
        return next(iter(self.signals.for_queries([self.text], self.vector[None], n, also)))

    def proposed(self, n: int) -> dict[str, NDArray[np.integer]]:
        """By words and by meaning."""
        found = self.signals.proposed_for_queries([self.text], self.vector[None], n)
        return {name: items[0] for name, items in found.items()}

    def ranked(self, found: Candidates, wanted: Mask | None = None) -> Ranked:
        """By the first stage, and the first of them by the second."""
        ranked = super().ranked(found, wanted)
        if self.relevance:
            ranked = replace(ranked, promise=self.relevance.of)
        return self.reading.reorder(ranked, found) if self.reading else ranked

    def sure(self, shown: Items, found: Candidates) -> float | None:
        """By what the signals of the first stage say."""
        if self.confidence is None or not len(shown):
            return None
        return self.confidence.of(tell(self.signals, self.text, found, shown))

    def parts(self, items: Items, found: Candidates) -> list[dict[str, float]]:
        """Of the stage that had the last word on each."""
        if self.reading:
            return self.reading.parts(items, found, self.ranker)
        return super().parts(items, found)

    def scored(self, item: int, found: Candidates) -> Scored:
        """Of the stage that had the last word on it."""
        first = super().scored(item, found)
        if self.reading is None:
            return first
        if item not in self.reading.read:  # it stands below those that were read
            values, adds = np.append(first.values, np.float32(np.nan)), first.adds
            adds = np.insert(adds, len(adds) - 1, self.reading.shift)
            return Scored((*first.names, "reading"), READ, values, adds)
        second, features = (
            self.reading.reader.ranker,
            self.reading.features(np.array([item]), found),
        )
        return Scored(second.features, READ, features[0], second.parts(features)[0])

    def reasons(self, say: Reasons, items: Items, parts: Sequence[Parts]) -> list[tuple[str, ...]]:
        """Words, meaning, popularity."""
        return [
            say.search(item, self.text, self.vector, part)
            for item, part in zip(items.tolist(), parts, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Visit(Request):
    """Somebody comes, with a history or without one.

    Args:
        seen: the history, (t,) oldest first.
        interests: the vector of what is stated of them, (1, d_text); zeros for nothing.
    """

    seen: Items
    interests: NDArray[np.float32]

    @property
    def part_of(self) -> Mapping[str, str]:
        """Those of a recommendation."""
        return self.signals.recommend_parts

    @property
    def history(self) -> Items:
        """What was seen, oldest first, (t,)."""
        return self.seen

    @property
    def recent(self) -> Items:
        """The newest of it, oldest first, (at most 20,)."""
        return self.seen[-RECENT:]

    def ranked(self, found: Candidates, wanted: Mask | None = None) -> Ranked:
        """With what its scores promise, where that is known."""
        ranked = super().ranked(found, wanted)
        return replace(ranked, promise=self.chances.of) if self.chances else ranked

    def candidates(self, n: int, also: Sequence[int] = ()) -> Candidates:
        """By everything that knows histories."""
        one = Ragged.of([self.seen.tolist()])
        more = Ragged.of([also])
        return next(iter(self.signals.for_histories(one, n, self.moments, self.interests, more)))

    def proposed(self, n: int) -> dict[str, NDArray[np.integer]]:
        """By everything that knows histories."""
        found = self.signals.proposed(Ragged.of([self.seen.tolist()]), n, self.interests)
        return {name: items[0] for name, items in found.items()}

    def one_less(self, n: int, also: Sequence[int]) -> Iterator[Candidates]:
        """Find candidates for the history without each of `recent`, in its order, in one batch."""
        places = np.arange(len(self.seen) - len(self.recent), len(self.seen))
        session = self.moments[SESSION].item()
        running = places >= len(self.seen) - session
        moments = pl.concat([self.moments] * len(places)) if len(places) else self.moments.clear()
        return self.signals.for_histories(
            Ragged.of([np.delete(self.seen, place).tolist() for place in places]),
            n,
            moments.with_columns(pl.Series(SESSION, session - running, pl.Int32)),
            np.repeat(self.interests, len(places), axis=0),
            Ragged.of([also] * len(places)),
        )

    def reasons(self, say: Reasons, items: Items, parts: Sequence[Parts]) -> list[tuple[str, ...]]:
        """What of the history they rest on, and what of the moment."""
        return say.recommend(items, self.recent, parts, self.moments)


def best_first(ranker: Ranker, found: Candidates, seen: Items) -> Ranked:
    """Return the candidates as the ranker orders them."""
    scores = ranker.score(found.features)
    order = np.argsort(-scores, kind="stable")
    return Ranked(found.items[order], scores[order], seen)
