"""Lexical search: BM25 over the tokens of `analyze`.

Lucene's variant, as in Kamphuis et al., "Which BM25 do you mean?", ECIR 2020: a query scores
an item with the sum, over the query's tokens ``t`` (repeats count), of

    ln(1 + (N - df + .5) / (df + .5)) * tf / (tf + k1 * (1 - b + b * length / mean length))

A word of a title counts as if the text held it more often, which is the weighting of fields by
Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004.

bm25s works out every (token, item) term of that sum once; a search adds up columns. bm25s is
loaded to build an index, not to search one. The module knows texts and positions, not what
the items are.
"""

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.errors import BundleError, ConfigError
from corank.retrieve.analyze import analyze
from corank.retrieve.hits import Hits

TITLE = 2
"""How often a title is read besides the text."""
_ARRAYS = ("offsets", "items", "weights")


@dataclass(frozen=True, kw_only=True)
class BM25:
    """An index of texts: a sparse (items, tokens) matrix of scores, one column for each token."""

    k1: float  # 0 or more: how many repeats of a token go on counting
    b: float  # 0 to 1: how far a long text is marked down
    size: int  # items, those without a text too
    vocabulary: dict[str, int]  # token -> column, in order
    offsets: NDArray[np.int64]  # (tokens + 1,) column t is entries offsets[t]:offsets[t + 1]
    items: NDArray[np.int32]  # (entries,) ascending within a column
    weights: NDArray[np.float32]  # (entries,)

    @classmethod
    def build(
        cls,
        texts: Sequence[str],
        titles: Sequence[str] | None = None,
        *,
        k1: float = 1.2,
        b: float = 0.75,
    ) -> "BM25":
        """Index texts, one for each item in catalogue order; an empty one is never found.

        Args:
            texts: all that is known of an item in words, its title too.
            titles: of the same items: what a text shares with its title is read `TITLE` times
                more. Where no text says more than its title there is nothing to tell apart.
            k1, b: see `BM25`.

        Raises:
            ConfigError: ``k1`` is below 0 or ``b`` is outside 0 to 1.
        """
        if not (k1 >= 0 and 0 <= b <= 1):
            raise ConfigError(f"BM25 takes a k1 of 0 or more and a b from 0 to 1, not {k1=}, {b=}")
        vocabulary: dict[str, int] = {}
        tokens = [[vocabulary.setdefault(t, len(vocabulary)) for t in analyze(x)] for x in texts]
        if titles is not None:
            named = [[t for t in map(vocabulary.get, analyze(x)) if t is not None] for x in titles]
            if named != tokens:
                tokens = [_weighted(*both) for both in zip(tokens, named, strict=True)]
        columns = _weigh(tokens, vocabulary, k1, b)
        return cls(k1=k1, b=b, size=len(texts), vocabulary=vocabulary, **columns)

    def search(self, queries: Sequence[str], k: int) -> Hits:
        """Return the ``k`` best items of each query, (n, k). A hit shares a token with its query.

        Raises `RequestError` when ``k`` is below 1.
        """

        def score(block: slice) -> NDArray[np.float32]:
            scores = self.score_all(queries[block])
            scores[scores == 0] = -np.inf
            return scores

        return Hits.in_blocks(score, n=len(queries), size=self.size, k=k)

    def score_all(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return what each query scores every item, (n, size): 0 without a match."""
        scores = np.zeros((len(queries), self.size), np.float32)
        for row, query in zip(scores, queries, strict=True):
            self._add(query, row)
        return scores

    def scores(self, query: str, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what ``query`` scores each of ``items``, (m,): 0 without a match, and for -1."""
        scores = np.zeros(self.size + 1, np.float32)  # one more, for -1
        self._add(query, scores)
        return scores[items]

    def matched(self, query: str, item: int) -> tuple[tuple[str, float], ...]:
        """Return the query's tokens that ``item`` holds, each with its part of the score.

        They come in the query's order, and the parts add up to the score. A token is a word's
        stem, not always the word.
        """
        found = []
        for token, times, column in self._columns(query):
            at = column.start + np.searchsorted(self.items[column], item)
            if at < column.stop and self.items[at] == item:
                found.append((token, times * float(self.weights[at])))
        return tuple(found)

    def covered(self, query: str, item: int) -> float:
        """Return the share of the query's tokens that ``item`` holds, 0 to 1.

        A token counts by how rare it is, ``log(1 + size / items that hold it)``; one that the
        index does not know counts as if half an item held it.
        """
        held = {token for token, _ in self.matched(query, item)}
        rarity = {token: self._rarity(token) for token in analyze(query)}
        return sum(rarity[t] for t in held) / max(sum(rarity.values()), 1e-9)

    def _rarity(self, token: str) -> float:
        t = self.vocabulary.get(token)
        held_by = 0.5 if t is None else int(self.offsets[t + 1] - self.offsets[t])
        return math.log1p(self.size / held_by)

    def save(self, folder: Path) -> None:
        """Write the index into ``folder``, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        about = {"k1": self.k1, "b": self.b, "size": self.size, "tokens": list(self.vocabulary)}
        (folder / "bm25.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "BM25":
        """Read what `save` wrote. Raises `BundleError` when a file is missing or damaged."""
        try:
            about = json.loads((folder / "bm25.json").read_text("utf-8"))
            vocabulary = {token: column for column, token in enumerate(about.pop("tokens"))}
            arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
            return cls(**about, vocabulary=vocabulary, **arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(
                f"{folder} holds no BM25 index that can be read ({error}); save it again"
            ) from error

    def _add(self, query: str, scores: NDArray[np.float32]) -> None:
        """Add what ``query`` scores every item to ``scores``, in place."""
        for _, times, column in self._columns(query):
            scores[self.items[column]] += times * self.weights[column]

    def _columns(self, query: str) -> Iterator[tuple[str, int, slice]]:
        """Yield each token of ``query`` that the index knows, how often it comes, its column."""
        for token, times in Counter(analyze(query)).items():
            if (t := self.vocabulary.get(token)) is not None:
                yield token, times, slice(int(self.offsets[t]), int(self.offsets[t + 1]))


def _weighted(text: list[int], title: list[int]) -> list[int]:
    held = set(text)
    return text + TITLE * [token for token in title if token in held]


def _weigh(
    tokens: list[list[int]], vocabulary: dict[str, int], k1: float, b: float
) -> dict[str, NDArray[Any]]:
    """Return the three arrays of the index, by name."""
    if not vocabulary:  # bm25s divides by the mean length
        arrays = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        return dict(zip(_ARRAYS, arrays, strict=True))
    with _hidden("jax.lax"):  # bm25s would have jax take most of a GPU's memory, for nothing here
        import bm25s

    model = bm25s.BM25(k1=k1, b=b, method="lucene", backend="numpy", csc_backend="numpy")
    model.index((tokens, vocabulary), create_empty_token=False, show_progress=False)
    return {
        "offsets": model.scores["indptr"],
        "items": model.scores["indices"],
        "weights": model.scores["data"],
    }


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Make an import of the module fail inside."""
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before:
            sys.modules[module] = before
