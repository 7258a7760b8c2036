"""Answers that say why: the score's parts, what they rest on, and what the rules did.

The parts of an answer add up to its model score; the reasons turn the largest ones into
sentences about things a person can check (a history item, a shared word, a count).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.data.context import PREFIX, SESSION, Moments, nothing_known
from corank.rank.signals import Signals

REASONS = 3
"""At most so many reasons for one answer."""


@dataclass(frozen=True)
class Answer:
    """One ranked item and why it stands where it stands."""

    item_id: str
    title: str
    score: float
    parts: dict[str, float]  # add up to the score that the model gave, before soft rules
    reasons: tuple[str, ...]
    rules: tuple[str, ...]  # soft rules that moved it
    chance: float | None = None  # that it is chosen, of a recommendation; see `rank.chances`


@dataclass(frozen=True)
class Answers(Sequence[Answer]):
    """A ranked list, best first, with how many candidates each hard rule removed."""

    answers: tuple[Answer, ...]
    removed: dict[str, int]

    def __getitem__(self, place: Any) -> Any:
        return self.answers[place]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def add_up(
    names: Sequence[str], part_of: Mapping[str, str], values: NDArray[np.float64]
) -> list[dict[str, float]]:
    """Sum feature contributions (m, f + 1) into named parts; the last column is the constant."""
    parts = []
    for row in values:
        summed: dict[str, float] = {}
        for name, value in zip((*names, "base"), row.tolist(), strict=True):
            part = part_of.get(name, name)
            summed[part] = summed.get(part, 0.0) + value
        parts.append(summed)
    return parts


class Reasons:
    """Writes the sentences. Knows the titles of the catalogue."""

    def __init__(self, signals: Signals, titles: Sequence[str]) -> None:
        self.signals = signals
        self.titles = titles

    def recommend(
        self,
        item: int,
        history: NDArray[np.int32],
        parts: Mapping[str, float],
        moment: Moments | None = None,
    ) -> tuple[str, ...]:
        """Say what the largest positive parts of a recommendation rest on.

        ``moment`` is one row. The item itself is no reason for it.
        """
        others = history != item
        moment = nothing_known(1) if moment is None else moment
        running = history[max(len(history) - moment[SESSION].item(), 0) :]
        session, history = running[running != item], history[others]
        said: dict[str, Callable[[], str]] = {
            "sequence": lambda: "continues what was chosen so far" if len(history) else "",
            "together": lambda: self._together(item, history),
            "text": lambda: self._reads_like(item, history),
            "words": lambda: self._shares_words(item, history),
            "popularity": lambda: self._popular(item),
            "price": lambda: self._priced_alike(item, history),
            "session": lambda: self._fits(item, session),
        }
        for name in self.signals.lifts.keys() & {c.removeprefix(PREFIX) for c in moment.columns}:
            said[name] = partial(self._chosen_then, item, name, moment)
        return _first(said[part]() for part in _largest(parts) if part in said)

    def search(
        self, item: int, query: str, vector: NDArray[np.float32], parts: Mapping[str, float]
    ) -> tuple[str, ...]:
        """Say what the largest positive parts of a search answer rest on.

        ``vector`` is the query's, (d_text,).
        """
        said: dict[str, Callable[[], str]] = {
            "words": lambda: _matched(self.signals.bm25.matched(query, item)),
            "text": lambda: self._means(item, vector),
            "reading": lambda: "reads like an answer to the query",
            "popularity": lambda: self._popular(item),
        }
        return _first(said[part]() for part in _largest(parts) if part in said)

    def _means(self, item: int, query: NDArray[np.float32]) -> str:
        cosine = float(self.signals.text_vectors[item] @ query)
        if cosine <= max(self._usual(query), 0):
            return ""
        return f"means something close to the query (cosine {cosine:.2f})"

    def _together(self, item: int, history: NDArray[np.int32]) -> str:
        weights = self._chosen_with(item, history)  # (t,)
        if weights.max(initial=0) <= 0:
            return ""
        return f"chosen together with {self.titles[history[weights.argmax()]]!r}"

    def _chosen_with(self, item: int, history: NDArray[np.int32]) -> NDArray[np.float32]:
        """What co-occurrence says, (t,); 0 where nobody chose both.

        EASE alone does not know: it also puts weight on pairs that nobody chose.
        """
        similar = self.signals.neighbours.between(history, item)
        both = similar + self.signals.together.between(history, item)
        return np.where(similar > 0, both, np.float32(0))

    def _reads_like(self, item: int, history: NDArray[np.int32]) -> str:
        vectors = self.signals.text_vectors
        cosine = vectors[history] @ vectors[item]  # (t,)
        if cosine.max(initial=0) <= max(self._usual(vectors[item]), 0):
            return ""
        nearest = int(cosine.argmax())
        return f"reads like {self.titles[history[nearest]]!r} (cosine {cosine[nearest]:.2f})"

    def _usual(self, vector: NDArray[np.float32]) -> float:
        """Mean cosine of a text to the catalogue: what is no nearer is not like it."""
        return float(self._mean_text @ vector)

    @cached_property
    def _mean_text(self) -> NDArray[np.float32]:
        return np.asarray(self.signals.text_vectors.mean(axis=0))

    def _fits(self, item: int, session: NDArray[np.int32]) -> str:
        fits = self._reads_like(item, session) or self._together(item, session)
        return "fits what was chosen a moment ago" if fits else ""

    def _shares_words(self, item: int, history: NDArray[np.int32]) -> str:
        cosine = self.signals.lexical(history, item)  # (t,)
        if cosine.max(initial=0) <= 0:
            return ""
        nearest = int(history[cosine.argmax()])
        shared = ", ".join(word for word, _ in self.signals.shared_words(nearest, item)[:3])
        return f"shares words with {self.titles[nearest]!r}: {shared}"

    def _priced_alike(self, item: int, history: NDArray[np.int32]) -> str:
        paid, asked = self.signals.log_price[history], self.signals.log_price[item]
        paid = paid[~np.isnan(paid)]
        if not len(paid) or not abs(asked - paid.mean()) <= paid.std() + 0.5:
            return ""
        return "is in the usual price range"

    def _chosen_then(self, item: int, name: str, moment: Moments) -> str:
        chosen_in = moment[PREFIX + name]
        lift = self.signals.lifts[name]
        times = math.exp(
            lift.of_items(np.array([item], np.int32), int(lift.codes(chosen_in)[0]))[0]
        )
        what = f"{name.replace('_', ' ')} {chosen_in.item()}"
        return f"chosen {times:.1f} times as often with {what}" if times >= 1.05 else ""

    def _popular(self, item: int) -> str:
        count = int(self.signals.counts[item])
        return f"chosen by {count:,} people" if count > 1 else ""


def _largest(parts: Mapping[str, float]) -> list[str]:
    return sorted((p for p, value in parts.items() if value > 0), key=lambda p: -parts[p])


def _first(sentences: Iterator[str]) -> tuple[str, ...]:
    """The first few that hold; what comes after them is not asked."""
    return tuple(islice(filter(None, sentences), REASONS))


def _matched(words: Sequence[tuple[str, float]]) -> str:
    strongest = sorted(words, key=lambda match: -match[1])[:5]
    return (
        "matches " + ", ".join(f"{word} ({score:.1f})" for word, score in strongest)
        if words
        else ""
    )
