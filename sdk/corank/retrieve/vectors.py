"""Nearest items by inner product: exact, or approximate with FAISS.

On vectors of length 1 the inner product is the cosine. An index knows positions, not items,
and neither makes nor scales vectors. FAISS is loaded only where its index is used.
"""

import warnings
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

from corank.errors import BundleError, ConfigError, DataError, RequestError, nearest
from corank.retrieve.hits import Hits

Kind = Literal["auto", "exact", "faiss"]

EXACT_BELOW = 50_000  # vectors; under that an exact search takes a few milliseconds
_NPY = b"\x93NUMPY"  # how every .npy file begins


class VectorIndex(Protocol):
    """What a search engine for vectors can do. Vectors are numbered from 0 as they were given."""

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        ...

    @property
    def dim(self) -> int:
        """How long each vector is."""
        ...

    def search(self, queries: NDArray[np.float32], k: int) -> Hits:
        """Return the ``k`` vectors with the greatest inner product, (n, d) -> (n, k).

        Raises `RequestError` when ``k`` is below 1 or ``queries`` is not a finite (n, dim).
        """
        ...

    def save(self, path: Path) -> None:
        """Write the index to the one file ``path``, for `load_index`."""
        ...


class ExactIndex:
    """Every vector is compared: nothing is missed, and time grows with their number.

    Equal scores go to the lower index.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = as_vectors(vectors)  # (size, dim)

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors)

    @property
    def dim(self) -> int:
        """How long each vector is."""
        return int(self._vectors.shape[1])

    def search(self, queries: NDArray[np.float32], k: int) -> Hits:
        """See `VectorIndex.search`. Needs 64 MiB, or one score for each vector if that is more."""
        queries = as_queries(queries, self.dim)

        def score(block: slice) -> NDArray[np.float32]:
            return queries[block] @ self._vectors.T  # (rows, dim) @ (dim, size)

        return Hits.in_blocks(score, n=len(queries), size=self.size, k=k)

    def save(self, path: Path) -> None:
        """Write the vectors to ``path`` in numpy's .npy format."""
        with path.open("wb") as file:  # np.save(path) would add a suffix
            np.save(file, self._vectors, allow_pickle=False)


class FaissIndex:
    """A navigable graph: time hardly grows with the catalogue; now and then one is missed.

    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs", TPAMI 2018. Give it vectors of one length: by
    inner product alone the long ones would be everybody's neighbours.
    """

    def __init__(self, index: Any) -> None:
        self._index = index  # a faiss index with the inner product metric

    @classmethod
    def build(
        cls,
        vectors: NDArray[np.float32],
        *,
        M: int = 32,
        ef_construction: int = 200,
        ef_search: int = 128,
    ) -> Self:
        """Index ``vectors``, (size, dim).

        ``M`` is the links of a node (memory: 8M bytes a vector beside the vector itself),
        ``ef_construction`` the candidates weighed for each link, ``ef_search`` those a query
        weighs (at least ``k``). More of each finds more, more slowly. With several threads
        FAISS links nodes in the order they finish, so two builds may differ a little.
        """
        vectors = as_vectors(vectors)
        faiss = _faiss()
        index = faiss.IndexHNSWFlat(vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = ef_construction
        index.hnsw.efSearch = ef_search
        index.add(vectors)
        return cls(index)

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """How long each vector is."""
        return int(self._index.d)

    def search(self, queries: NDArray[np.float32], k: int) -> Hits:
        """See `VectorIndex.search`; a few of the best may be missing."""
        queries = as_queries(queries, self.dim)
        width = max(1, min(k, self.size))
        scores, found = self._index.search(queries, width)  # both (n, width), -1 pads
        rows, columns = np.nonzero(found >= 0)
        items, values = found[rows, columns], scores[rows, columns]
        return Hits.of(rows, items, values, n=len(queries), k=k)

    def save(self, path: Path) -> None:
        """Write graph and vectors to ``path`` in FAISS's own format."""
        _faiss().write_index(self._index, str(path))


def build_index(vectors: NDArray[np.float32], kind: Kind = "auto") -> ExactIndex | FaissIndex:
    """Index ``vectors`` (size, dim); "auto" is exact below `EXACT_BELOW` vectors, FAISS from there.

    Raises `DataError` when they are not a finite (size, dim), `ConfigError` for another kind.
    """
    if kind not in get_args(Kind):
        raise ConfigError(
            f"a vector index of kind {kind!r} was asked for; there are {', '.join(get_args(Kind))}."
            + nearest(kind, get_args(Kind))
        )
    if kind == "exact" or (kind == "auto" and len(vectors) < EXACT_BELOW):
        return ExactIndex(vectors)
    return FaissIndex.build(vectors)


def load_index(path: Path) -> ExactIndex | FaissIndex:
    """Read what either index saved. Raises `BundleError` when it is missing or damaged."""
    try:
        with path.open("rb") as file:
            if file.read(len(_NPY)) == _NPY:
                file.seek(0)
                return ExactIndex(np.load(file, allow_pickle=False))
        return FaissIndex(_faiss().read_index(str(path)))
    except (OSError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"{path} holds no vector index that can be read ({error}); save it again"
        ) from error


def as_vectors(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return ``vectors`` as C-contiguous float32, copied only if they are not.

    Raises `DataError` unless they are (size, dim), with a dim of 1 or more, and finite.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise DataError(f"vectors must be of shape (size, dim), not {vectors.shape}")
    if len(bad := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
        raise DataError(
            f"{len(bad)} vectors hold NaN or infinity, the first at row {bad[0]}; "
            "drop them or find what made them"
        )
    return vectors


def as_queries(queries: NDArray[np.floating], dim: int) -> NDArray[np.float32]:
    """Return ``queries`` as C-contiguous float32, copied only if they are not.

    Raises `RequestError` unless they are (n, dim) and finite.
    """
    queries = np.ascontiguousarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise RequestError(
            f"the index takes queries of shape (n, {dim}), not {queries.shape}; "
            "one query is queries[None, :], and index and queries come from one encoder"
        )
    if not np.isfinite(queries).all():
        raise RequestError("a query vector holds NaN or infinity; find what made it")
    return queries


@cache
def _faiss() -> Any:
    with warnings.catch_warnings():  # SWIG's types name no module, which Python 3.12 resents
        warnings.filterwarnings("ignore", "builtin type ", DeprecationWarning)
        import faiss
    return faiss
