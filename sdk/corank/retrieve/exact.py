"""Nearest items by inner product, all of them compared: nothing is missed."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from corank.retrieve.hits import Hits
from corank.retrieve.library import Borrowed, as_queries, as_vectors, faiss, one_thread

SKETCHED = 4_096  # vectors; fewer are compared in full as fast
OVERSAMPLED = 4  # so many times as many are looked at in full as are asked for


class ExactIndex(Borrowed):
    """Nothing is missed, and time grows with the number of vectors.

    Equal scores go to the lower index. Many queries at once are compared with every vector. One
    alone would wait for memory, so it is compared with every vector in 8 bits, and with those in
    full that can be among the best.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__(as_vectors(vectors))

    def search(self, queries: NDArray[np.float32], k: int) -> Hits:
        """See `VectorIndex.search`. Needs 64 MiB, or one score for each vector if that is more."""
        queries = as_queries(queries, self.dim)
        alone = len(queries) == 1 and 1 <= k < self.size / OVERSAMPLED and self.size >= SKETCHED
        if alone and (hits := self._sketch.search(queries, k)):
            return hits

        def score(block: slice) -> NDArray[np.float32]:
            return queries[block] @ self._vectors.T  # (rows, dim) @ (dim, size)

        return Hits.in_blocks(score, n=len(queries), size=self.size, k=k)

    @cached_property
    def _sketch(self) -> "Sketch":
        return Sketch(self._vectors)


class Sketch:
    """Vectors in 8 bits: a quarter of the memory to read, and a bound on what that can hide.

    Vectors and query are rounded to steps of their own. A product is off by no more than what
    rounding took from the one times the length of the other.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors  # (size, dim)
        codes, self._step = _rounded(vectors)
        lost = np.linalg.norm(vectors - codes * self._step, axis=1)
        self._lost = float(lost.max(initial=0))
        self._longest = float(np.linalg.norm(codes, axis=1).max(initial=0)) * self._step
        library = faiss()
        eight_bits = library.ScalarQuantizer.QT_8bit_direct_signed
        self._index = library.IndexScalarQuantizer(
            vectors.shape[1], eight_bits, library.METRIC_INNER_PRODUCT
        )
        self._index.add(codes)

    def search(self, query: NDArray[np.float32], k: int) -> Hits | None:
        """Return the ``k`` best for one query, (1, dim); None if others could be among them."""
        codes, step = _rounded(query)
        with one_thread():
            rough, items = self._index.search(codes, k * OVERSAMPLED)  # (1, more than k) descending
        exact = self._vectors[items[0]] @ query[0]
        best = np.lexsort((items[0], -exact))[:k]
        hits = Hits(exact[None, best], items[:, best].astype(np.int32))
        off = self._lost * np.linalg.norm(query) + self._longest * np.linalg.norm(
            query - codes * step
        )
        return hits if hits.scores[0, -1] > rough[0, -1] * step * self._step + off else None


def _rounded(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return whole numbers from -127 to 127, and the step that makes vectors of them."""
    step = float(np.abs(vectors).max(initial=0)) / 127 or 1.0
    return np.round(vectors / step), step
