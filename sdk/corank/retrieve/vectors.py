"""Nearest items by inner product: exact, or approximate with FAISS.

On vectors of length 1 the inner product is the cosine. An index knows positions, not items,
and neither makes nor scales vectors.
"""

from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from corank.errors import BundleError, ConfigError, nearest
from corank.retrieve.approximate import BinaryIndex, FaissIndex
from corank.retrieve.exact import ExactIndex
from corank.retrieve.hits import Hits
from corank.retrieve.library import faiss

Kind = Literal["auto", "exact", "faiss", "binary"]

EXACT_BELOW = 50_000  # vectors; under that an exact search takes a few milliseconds
_BITS = b"IBxF"  # how a file of a `BinaryIndex` begins


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


def build_index(
    vectors: NDArray[np.float32], kind: Kind = "auto"
) -> ExactIndex | FaissIndex | BinaryIndex:
    """Index ``vectors`` (size, dim); "auto" is exact below `EXACT_BELOW` vectors, FAISS from there.

    Raises `DataError` when they are not a finite (size, dim), `ConfigError` for another kind.
    """
    if kind not in get_args(Kind):
        raise ConfigError(
            f"a vector index of kind {kind!r} was asked for; there are {', '.join(get_args(Kind))}."
            + nearest(kind, get_args(Kind))
        )
    if kind == "binary":
        return BinaryIndex.build(vectors)
    if kind == "exact" or (kind == "auto" and len(vectors) < EXACT_BELOW):
        return ExactIndex(vectors)
    return FaissIndex.build(vectors)


def load_index(path: Path, vectors: NDArray[np.float32]) -> FaissIndex | BinaryIndex:
    """Read what an approximate index of these vectors saved.

    Raises `BundleError` when it is missing or damaged, or of vectors of another shape.
    """
    try:
        with path.open("rb") as file:
            binary = file.read(len(_BITS)) == _BITS
        read = faiss().read_index_binary if binary else faiss().read_index
        index = read(str(path))
    except (OSError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"{path} holds no vector index that can be read ({error}); save it again"
        ) from error
    size, dim = vectors.shape
    if (index.ntotal, index.d) != (size, 8 * -(-dim // 8) if binary else dim):
        raise BundleError(
            f"{path} is an index of {index.ntotal:,} vectors of {index.d} numbers, and {size:,} of "
            f"{dim} lie beside it; save them together"
        )
    return BinaryIndex(index, vectors) if binary else FaissIndex(index, vectors)
