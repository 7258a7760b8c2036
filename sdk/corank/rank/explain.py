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

SAMPLED = 10_000  # texts, at most, that say how much alike any two are
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
    provider: str | None = None  # whose it is, where the vertical names a column for that


@dataclass(frozen=True)
class Answers(Sequence[Answer]):
    """A ranked list, best first, with how many candidates each hard rule removed.

    What a domain's `Policy` makes of it stands beside: an alarm is answered by its message alone,
    and where the first answer is too probably wrong all are withheld.
    """

    answers: tuple[Answer, ...]
    removed: dict[str, int]
    confidence: float | None = None  # chance that the first answer of a search is right
    withheld: bool = False  # because of that
    alarm: str | None = None  # what the wording raised
    message: str = ""  # of the alarm
    notice: str = ""  # the disclaimer

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


class Past:
    """What each item of a history, (t,), is to each answer, (m,); computed where it is asked."""

    def __init__(
        self, signals: Signals, items: NDArray[np.int32], history: NDArray[np.int32], session: int
    ) -> None:
        self.items, self.history = items, history
        self.other = history[:, None] != items  # (t, m)
        self._signals = signals
        self._running = np.arange(len(history))[:, None] >= len(history) - session  # (t, 1)

    @cached_property
    def cosine(self) -> NDArray[np.float32]:
        """Of their texts, (t, m)."""
        vectors = self._signals.text_vectors
        return np.asarray(vectors[self.history] @ vectors[self.items].T)

    @cached_property
    def lexical(self) -> NDArray[np.float32]:
        """Of their words, (t, m)."""
        return self._signals.lexical(self.items, self.history).T

    @cached_property
    def chosen_with(self) -> NDArray[np.float32]:
        """What co-occurrence says, (t, m); 0 where nobody chose both.

        EASE alone does not know: it also puts weight on pairs that nobody chose.
        """
        similar = self._signals.neighbours.between(self.history, self.items)
        both = similar + self._signals.together.between(self.history, self.items)
        return np.where(similar > 0, both, np.float32(0))

    def of(
        self, said: NDArray[np.float32], answer: int, running: bool = False
    ) -> NDArray[np.float32]:
        """One answer's column, (t,), 0 where the item is the answer, or not of the session."""
        counts = self.other & self._running if running else self.other
        return np.where(counts[:, answer], said[:, answer], np.float32(0))


class Reasons:
    """Writes the sentences. Knows the titles of the catalogue."""

    def __init__(self, signals: Signals, titles: Sequence[str]) -> None:
        self.signals = signals
        self.titles = titles

    def recommend(
        self,
        items: NDArray[np.int32],
        history: NDArray[np.int32],
        parts: Sequence[Mapping[str, float]],
        moment: Moments | None = None,
    ) -> list[tuple[str, ...]]:
        """Say what the largest positive parts of each recommendation, (m,), rest on.

        ``moment`` is one row. An item is no reason for itself.
        """
        moment = nothing_known(1) if moment is None else moment
        past = Past(self.signals, items, history, moment[SESSION].item())
        told: dict[str, Callable[[int], str]] = {
            "sequence": lambda n: self._continues(past, n),
            "together": lambda n: self._together(past, n),
            "text": lambda n: self._reads_like(past, n),
            "words": lambda n: self._shares_words(past, n),
            "popularity": lambda n: self._popular(int(items[n])),
            "price": lambda n: self._priced_alike(past, n),
            "session": lambda n: self._fits(past, n),
        }
        for name in self.signals.lifts.keys() & {c.removeprefix(PREFIX) for c in moment.columns}:
            told[name] = partial(self._chosen_then, items, name, moment)
        return [
            _first(told[part](n) for part in _largest(each) if part in told)
            for n, each in enumerate(parts)
        ]

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

    @staticmethod
    def _continues(past: "Past", n: int) -> str:
        return "continues what was chosen so far" if past.other[:, n].any() else ""

    def _together(self, past: "Past", n: int, *, running: bool = False) -> str:
        weights = past.of(past.chosen_with, n, running)  # (t,)
        if weights.max(initial=0) <= 0:
            return ""
        return f"chosen together with {self.titles[past.history[weights.argmax()]]!r}"

    def _reads_like(self, past: "Past", n: int, *, running: bool = False) -> str:
        cosine = past.of(past.cosine, n, running)  # (t,)
        usual = self._usual(self.signals.text_vectors[past.items[n]])
        if cosine.max(initial=0) <= max(usual, 0):
            return ""
        nearest = int(cosine.argmax())
        return f"reads like {self.titles[past.history[nearest]]!r} (cosine {cosine[nearest]:.2f})"

    def _usual(self, vector: NDArray[np.float32]) -> float:
        """Mean cosine of a text to the catalogue: what is no nearer is not like it."""
        return float(self._mean_text @ vector)

    @cached_property
    def _mean_text(self) -> NDArray[np.float32]:
        vectors = self.signals.text_vectors
        return np.asarray(vectors[:: max(-(-len(vectors) // SAMPLED), 1)].mean(axis=0))

    def _fits(self, past: "Past", n: int) -> str:
        fits = self._reads_like(past, n, running=True) or self._together(past, n, running=True)
        return "fits what was chosen a moment ago" if fits else ""

    def _shares_words(self, past: "Past", n: int) -> str:
        cosine = past.of(past.lexical, n)  # (t,)
        if cosine.max(initial=0) <= 0:
            return ""
        nearest = int(past.history[cosine.argmax()])
        shared = self.signals.shared_words(nearest, int(past.items[n]))
        words = ", ".join(word for word, _ in shared[:3])
        return f"shares words with {self.titles[nearest]!r}: {words}"

    def _priced_alike(self, past: "Past", n: int) -> str:
        paid = self.signals.log_price[past.history[past.other[:, n]]]
        asked, paid = self.signals.log_price[past.items[n]], paid[~np.isnan(paid)]
        if not len(paid) or not abs(asked - paid.mean()) <= paid.std() + 0.5:
            return ""
        return "is in the usual price range"

    def _chosen_then(self, items: NDArray[np.int32], name: str, moment: Moments, n: int) -> str:
        chosen_in = moment[PREFIX + name]
        lift = self.signals.lifts[name]
        times = math.exp(lift.of_items(items[[n]], int(lift.codes(chosen_in)[0]))[0])
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
