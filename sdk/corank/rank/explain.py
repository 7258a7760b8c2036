"""Answers that say why: the score's parts, what they rest on, and what the rules did.

The parts of an answer add up to its model score; the reasons turn the largest ones into
sentences about things a person can check (a history item, a shared word, a count).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """Writes the sentences. Knows titles and texts of the items it is asked about."""

    def __init__(self, signals: Signals, titles: Sequence[str]) -> None:
        self.signals = signals
        self.titles = titles

    def recommend(
        self,
        item: int,
        history: NDArray[np.int32],
        parts: Mapping[str, float],
        texts: Sequence[str],
    ) -> tuple[str, ...]:
        """Say what the largest positive parts of a recommendation rest on.

        ``texts`` are the history's, in its order. The item itself is no reason for it.
        """
        others = history != item
        texts = [text for text, other in zip(texts, others, strict=True) if other]
        history = history[others]
        said: dict[str, Callable[[], str]] = {
            "sequence": lambda: "continues what was chosen so far" if len(history) else "",
            "together": lambda: self._together(item, history),
            "text": lambda: self._reads_like(item, history),
            "words": lambda: self._shares_words(item, history, texts),
            "popularity": lambda: self._popular(item),
            "price": lambda: self._priced_alike(item, history),
        }
        return _first(said[part]() for part in _largest(parts) if part in said)

    def search(
        self, item: int, query: str, similarity: float, parts: Mapping[str, float]
    ) -> tuple[str, ...]:
        """Say what the largest positive parts of a search answer rest on."""
        said: dict[str, Callable[[], str]] = {
            "words": lambda: _matched(self.signals.bm25.matched(query, item)),
            "text": lambda: f"means something close to the query (cosine {similarity:.2f})",
            "popularity": lambda: self._popular(item),
        }
        return _first(said[part]() for part in _largest(parts) if part in said)

    def _together(self, item: int, history: NDArray[np.int32]) -> str:
        weights = self.signals.together.between(history, item)  # (t,)
        if weights.max(initial=0) <= 0:
            return ""
        return f"often chosen with {self.titles[history[weights.argmax()]]!r}"

    def _reads_like(self, item: int, history: NDArray[np.int32]) -> str:
        vectors = self.signals.text_vectors
        cosine = vectors[history] @ vectors[item]  # (t,)
        if cosine.max(initial=0) <= 0:
            return ""
        nearest = int(cosine.argmax())
        return f"reads like {self.titles[history[nearest]]!r} (cosine {cosine[nearest]:.2f})"

    def _shares_words(self, item: int, history: NDArray[np.int32], texts: Sequence[str]) -> str:
        if not len(history):
            return ""
        found = [self.signals.bm25.matched(text, item) for text in texts]
        best = max(range(len(found)), key=lambda h: sum(score for _, score in found[h]))
        words = sorted(found[best], key=lambda match: -match[1])[:3]
        if not words:
            return ""
        shared = ", ".join(word for word, _ in words)
        return f"shares words with {self.titles[history[best]]!r}: {shared}"

    def _priced_alike(self, item: int, history: NDArray[np.int32]) -> str:
        paid, asked = self.signals.log_price[history], self.signals.log_price[item]
        known = not np.isnan(asked) and not np.isnan(paid).all()
        return "is in the usual price range" if known else ""

    def _popular(self, item: int) -> str:
        count = int(self.signals.counts[item])
        return f"chosen by {count:,} people" if count > 1 else ""


def _largest(parts: Mapping[str, float]) -> list[str]:
    return sorted((p for p, value in parts.items() if value > 0), key=lambda p: -parts[p])


def _first(sentences: Iterator[str]) -> tuple[str, ...]:
    said = [sentence for sentence in sentences if sentence]
    return tuple(said[:REASONS])


def _matched(words: Sequence[tuple[str, float]]) -> str:
    strongest = sorted(words, key=lambda match: -match[1])[:5]
    return (
        "matches " + ", ".join(f"{word} ({score:.1f})" for word, score in strongest)
        if words
        else ""
    )
