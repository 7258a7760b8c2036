"""Nearest items by inner product: exact, or approximate with FAISS.

On vectors of length 1 the inner product is the cosine. An index knows positions, not items,
and neither makes nor scales vectors. FAISS is loaded only where it is used.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

from corank.errors import BundleError, ConfigError, DataError, RequestError, nearest
from corank.retrieve.hits import Hits

Kind = Literal["auto", "exact", "faiss"]

EXACT_BELOW = 50_000  # vectors; under that an exact search takes a few milliseconds
SKETCHED = 4_096  # vectors; fewer are compared in full as fast
OVERSAMPLED = 4  # so many times as many are looked at in full as are asked for
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
    """Nothing is missed, and time grows with the number of vectors.

    Equal scores go to the lower index. Many queries at once are compared with every vector. One
    alone would wait for memory, so it is compared with every vector in 8 bits, and with those in
    full that can be among the best.
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
        alone = len(queries) == 1 and 1 <= k < self.size / OVERSAMPLED and self.size >= SKETCHED
        if alone and (hits := self._sketch.search(queries, k)):
            return hits

        def score(block: slice) -> NDArray[np.float32]:
            return queries[block] @ self._vectors.T  # (rows, dim) @ (dim, size)

        return Hits.in_blocks(score, n=len(queries), size=self.size, k=k)

    @cached_property
    def _sketch(self) -> "Sketch":
        return Sketch(self._vectors)

    def save(self, path: Path) -> None:
        """Write the vectors to ``path`` in numpy's .npy format."""
        with path.open("wb") as file:  # np.save(path) would add a suffix
            np.save(file, self._vectors, allow_pickle=False)


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
        faiss = _faiss()
        eight_bits = faiss.ScalarQuantizer.QT_8bit_direct_signed
        self._index = faiss.IndexScalarQuantizer(
            vectors.shape[1], eight_bits, faiss.METRIC_INNER_PRODUCT
        )
        self._index.add(codes)

    def search(self, query: NDArray[np.float32], k: int) -> Hits | None:
        """Return the ``k`` best for one query, (1, dim); None if others could be among them."""
        codes, step = _rounded(query)
        with _one_thread():
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


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep FAISS from sharing out work that is done before other threads wake up."""
    faiss = _faiss()
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


@cache
def _faiss() -> Any:
    with warnings.catch_warnings():  # SWIG's types name no module, which Python 3.12 resents
        warnings.filterwarnings("ignore", "builtin type ", DeprecationWarning)
        import faiss
    return faiss
