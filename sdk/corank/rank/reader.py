"""The second stage of search: a cross-encoder reads the first answers, and they are ordered anew.

A ranker picks the first ``depth`` candidates; each is read together with the query, and a second
ranker, which knows the score of that reading as one more feature, orders them. What stands below
keeps its order, and stays below. Torch-free.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corank.compress.pair_scorer import PairScorer
from corank.rank.explain import add_up
from corank.rank.features import SEARCH
from corank.rank.ranker import Matrix, Ranker
from corank.rank.rules import Ranked
from corank.rank.signals import Candidates

Items = NDArray[np.int32]

READ: Mapping[str, str] = {**SEARCH, "reading": "reading"}
"""Features of an answer that was read -> the part of the score."""


def read_features(items: Items, found: Candidates, scores: NDArray[np.float32]) -> Matrix:
    """Features, as `READ` names them, of these of the candidates, (m, f).

    Args:
        items: (m,).
        found: the candidates, with the features that `SEARCH` names.
        scores: of reading each item together with the query, (m,).
    """
    return np.column_stack([found.features[np.searchsorted(found.items, items)], scores])


@dataclass(frozen=True)
class Reader:
    """What the second stage needs.

    Args:
        scorer: reads a query and a text.
        ranker: over the features that `READ` names, in that order.
        depth: so many of the first answers are read.
        reads: of an item, all that the encoder reads, or its title alone.
    """

    scorer: PairScorer
    ranker: Ranker
    depth: int
    reads: Literal["text", "title"] = "text"

    def save(self, folder: Path) -> None:
        """Write ``scorer/``, ``ranker/`` and ``reader.json``."""
        self.scorer.save(folder / "scorer")
        self.ranker.save(folder / "ranker")
        (folder / "reader.json").write_text(
            json.dumps({"depth": self.depth, "reads": self.reads}), "utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> "Reader":
        """Read what `save` wrote.

        Raises:
            BundleError: a graph, tokenizer or ranker cannot be loaded.
            OSError, ValueError, KeyError: a file is missing or malformed.
        """
        about = json.loads((folder / "reader.json").read_text("utf-8"))
        scorer, ranker = PairScorer.load(folder / "scorer"), Ranker.load(folder / "ranker")
        return cls(scorer, ranker, about["depth"], about["reads"])


class Reading:
    """The second stage of one query. It remembers what it has read, and reads nothing twice.

    Args:
        reader: how.
        query: what is asked.
        texts: gives the texts of items.
    """

    def __init__(self, reader: Reader, query: str, texts: Callable[[Items], list[str]]) -> None:
        self.reader, self.query, self.texts = reader, query, texts
        self.read: Items = np.array([], np.int32)
        self.shift = 0.0  # 0 or less; added to the first stage's scores of what was not read
        self._scores: dict[int, float] = {}

    def reorder(self, ranked: Ranked, found: Candidates) -> Ranked:
        """Read the first answers, and order them anew."""
        depth = self.reader.depth
        self.read, rest = ranked.items[:depth], ranked.scores[depth:]
        if not len(self.read):
            return ranked
        scores = self.reader.ranker.score(self.features(self.read, found))
        order = np.argsort(-scores, kind="stable")
        lowest = scores.min()
        self.shift = min(float(lowest - rest[0]), 0.0) if len(rest) else 0.0
        items = np.concatenate([self.read[order], ranked.items[depth:]])
        below = np.minimum(rest + self.shift, lowest)
        return replace(ranked, items=items, scores=np.concatenate([scores[order], below]))

    def parts(self, items: Items, found: Candidates, first: Ranker) -> list[dict[str, float]]:
        """Return the parts of the scores that these items have after `reorder`.

        Args:
            items: (m,) of the answer, read or not.
            found: the candidates that were reordered.
            first: the first stage's ranker.
        """
        read, second = np.isin(items, self.read), self.reader.ranker
        above = second.parts(self.features(items[read], found))
        below = first.parts(found.features[np.searchsorted(found.items, items[~read])])
        parts = iter(add_up(second.features, READ, above))
        unread = iter(add_up(first.features, SEARCH, below))
        return [
            next(parts) if this else next(unread) | {"reading": self.shift}
            for this in read.tolist()
        ]

    def features(self, items: Items, found: Candidates) -> Matrix:
        """Features, as `READ` names them, of these of the candidates, (m, f)."""
        new = np.array([item for item in items.tolist() if item not in self._scores], np.int32)
        if len(new):
            scores = self.reader.scorer.score([self.query] * len(new), self.texts(new))
            self._scores.update(zip(new.tolist(), scores.tolist(), strict=True))
        scores = np.array([self._scores[item] for item in items.tolist()], np.float32)
        return read_features(items, found, scores)
