"""Nearest items by inner product, with time or memory for a few of them that are missed.

Both indexes hold vectors in short: they find more than is asked for, and what they find is compared
in full. They keep no vectors of their own but borrow the catalogue's. Give them vectors of one
length: by inner product alone the long ones would be everybody's neighbours.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from corank.retrieve.hits import Hits
from corank.retrieve.library import Borrowed, as_queries, as_vectors, faiss

Floats = NDArray[np.float32]


class FaissIndex(Borrowed):
    """A navigable graph over vectors in 8 bits: time hardly grows with the catalogue.

    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs", TPAMI 2018.

    Args:
        index: FAISS's, with the inner product as metric.
        vectors: what it was built of, (size, dim).
    """

    oversampled = 2  # so many times as many are compared in full as are asked for

    def __init__(self, index: Any, vectors: Floats) -> None:
        super().__init__(vectors)
        self._index = index

    @classmethod
    def build(
        cls, vectors: Floats, *, M: int = 32, ef_construction: int = 200, ef_search: int = 128
    ) -> Self:
        """Index ``vectors``, (size, dim).

        ``M`` is the links of a node (memory: 8M bytes a vector beside a byte for each of its
        numbers), ``ef_construction`` the candidates weighed for each link, ``ef_search`` those a
        query weighs (at least twice ``k``). More of each finds more, more slowly. With several
        threads FAISS links nodes in the order they finish, so two builds may differ a little.
        """
        vectors, library = as_vectors(vectors), faiss()
        index = library.IndexHNSWSQ(
            vectors.shape[1], library.ScalarQuantizer.QT_8bit, M, library.METRIC_INNER_PRODUCT
        )
        index.hnsw.efConstruction = ef_construction
        index.hnsw.efSearch = ef_search
        if len(vectors):
            index.train(vectors)
            index.add(vectors)
        return cls(index, vectors)

    def search(self, queries: Floats, k: int) -> Hits:
        """See `VectorIndex.search`; a few of the best may be missing."""
        queries = as_queries(queries, self.dim)
        if not self.size:  # it has not learned its steps
            return Hits.nothing(len(queries), k)
        width = max(1, min(self.oversampled * k, self.size))
        effort = max(self._index.hnsw.efSearch, width)
        how = faiss().SearchParametersHNSW(efSearch=effort)
        _, found = self._index.search(queries, width, params=how)  # (n, width), -1 pads
        return compared(self._vectors, queries, found, k)

    def save(self, path: Path) -> None:
        """Write graph and short vectors to ``path`` in FAISS's own format."""
        faiss().write_index(self._index, str(path))


class BinaryIndex(Borrowed):
    """A bit for each number of a vector, its sign: a thirty-second of the memory, scanned whole.

    The nearest by bits that differ are compared in full. Of texts' vectors one in eight of the
    true neighbours is missed; what it is for are catalogues whose vectors do not fit in memory.

    Yamada, Asai and Hajishirzi, "Efficient Passage Retrieval with Hashing for Open-domain Question
    Answering", ACL 2021.

    Args:
        index: FAISS's.
        vectors: what it was built of, (size, dim).
    """

    oversampled = 16

    def __init__(self, index: Any, vectors: Floats) -> None:
        super().__init__(vectors)
        self._index = index

    @classmethod
    def build(cls, vectors: Floats) -> Self:
        """Index ``vectors``, (size, dim)."""
        vectors = as_vectors(vectors)
        signs = _signs(vectors)
        index = faiss().IndexBinaryFlat(8 * signs.shape[1])
        index.add(signs)
        return cls(index, vectors)

    def search(self, queries: Floats, k: int) -> Hits:
        """See `VectorIndex.search`; some of the best may be missing."""
        queries = as_queries(queries, self.dim)
        width = max(1, min(self.oversampled * k, self.size))
        _, found = self._index.search(_signs(queries), width)
        return compared(self._vectors, queries, found, k)

    def save(self, path: Path) -> None:
        """Write the bits to ``path`` in FAISS's own format."""
        faiss().write_index_binary(self._index, str(path))


def compared(vectors: Floats, queries: Floats, found: NDArray[np.int64], k: int) -> Hits:
    """Return the best of what was found for each query, by full products.

    Args:
        vectors: (size, dim).
        queries: (n, dim).
        found: positions, (n, width), -1 for none.
        k: how many.
    """
    hits = Hits.nothing(len(queries), k)
    for row, query in enumerate(queries):
        items = np.sort(found[row][found[row] >= 0])
        scores = vectors[items] @ query
        best = np.argsort(-scores, kind="stable")[:k]  # equal ones by position
        hits.scores[row, : len(best)] = scores[best]
        hits.items[row, : len(best)] = items[best]
    return hits


def _signs(vectors: Floats) -> NDArray[np.uint8]:
    """A bit for each number, filled up to whole bytes, (n, ceil(dim / 8))."""
    return np.packbits(vectors > 0, axis=1)
