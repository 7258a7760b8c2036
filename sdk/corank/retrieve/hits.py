"""The one form in which every search answers, and how a top k is picked.

It does not know what a score means, only that more is better.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.errors import RequestError

BLOCK = 1 << 24  # scores worked on at a time: 64 MiB of float32


class Hits(NamedTuple):
    """The best items of ``n`` queries. A row with fewer than ``k`` ends in -inf and -1."""

    scores: NDArray[np.float32]  # (n, k) descending
    items: NDArray[np.int32]  # (n, k) catalogue indices, each at most once in a row

    @classmethod
    def nothing(cls, n: int, k: int) -> "Hits":
        """Return room for ``k`` hits of each of ``n`` queries.

        Raises `RequestError` when ``k`` is below 1.
        """
        if k < 1:
            raise RequestError(f"k is {k}; at least 1 item must be asked for")
        return cls(np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.int32))

    @classmethod
    def of(
        cls,
        rows: NDArray[np.integer],
        items: NDArray[np.integer],
        scores: NDArray[np.floating],
        *,
        n: int,
        k: int,
    ) -> "Hits":
        """Rank loose (row, item, score) entries, (m,) each, in any order.

        Equal scores go to the lower index. Raises `RequestError` when ``k`` is below 1.
        """
        hits = cls.nothing(n, k)
        order = np.lexsort((items, -scores, rows))
        rows, items, scores = rows[order], items[order], scores[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)  # 0 is the row's best
        kept = rank < k
        hits.scores[rows[kept], rank[kept]] = scores[kept]
        hits.items[rows[kept], rank[kept]] = items[kept]
        return hits

    @classmethod
    def of_matrix(cls, scores: NDArray[np.float32], k: int) -> "Hits":
        """Rank every column of ``scores`` (n, items); -inf is no hit.

        Equal scores go to the lower index. Raises `RequestError` when ``k`` is below 1.
        """
        hits = cls.nothing(len(scores), k)
        for place, row in enumerate(scores):
            found = np.flatnonzero(row > -np.inf)
            values = row[found]
            if k < len(found):  # leave the k-th best and what ties with it
                kept = values >= np.partition(values, -k)[-k]
                found, values = found[kept], values[kept]
            best = np.argsort(-values, kind="stable")[:k]
            hits.scores[place, : len(best)] = values[best]
            hits.items[place, : len(best)] = found[best]
        return hits

    @classmethod
    def in_blocks(
        cls, score: Callable[[slice], NDArray[np.float32]], *, n: int, size: int, k: int
    ) -> "Hits":
        """Rank ``size`` items for ``n`` queries, a few queries at a time.

        ``score`` is asked for a slice of the queries and returns their (rows, size) scores, as
        `of_matrix` takes them. A block is 64 MiB, or one query where that is more.
        """
        step = max(1, BLOCK // max(1, size))
        blocks = [
            cls.of_matrix(score(slice(start, start + step)), k) for start in range(0, n or 1, step)
        ]
        return cls(*map(np.concatenate, zip(*blocks, strict=True)))
