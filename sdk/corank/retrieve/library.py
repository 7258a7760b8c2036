"""What every vector index checks of what it is given, and FAISS, loaded only where it is used."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.errors import DataError, RequestError


class Borrowed:
    """What every index has: the vectors that it is of, (size, dim), which are the catalogue's."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors)

    @property
    def dim(self) -> int:
        """How long each vector is."""
        return int(self._vectors.shape[1])


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
def one_thread() -> Iterator[None]:
    """Keep FAISS from sharing out work that is done before other threads wake up."""
    library = faiss()
    threads = library.omp_get_max_threads()
    library.omp_set_num_threads(1)
    try:
        yield
    finally:
        library.omp_set_num_threads(threads)


@cache
def faiss() -> Any:
    """Return the library."""
    with warnings.catch_warnings():  # SWIG's types name no module, which Python 3.12 resents
        warnings.filterwarnings("ignore", "builtin type ", DeprecationWarning)
        import faiss as library
    return library
