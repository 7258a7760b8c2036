"""Nearest items by inner product: exact, approximate with FAISS, or found by Milvus.

On vectors of length 1 the inner product is the cosine. An index knows positions, not items,
and neither makes nor scales vectors.
"""

import json
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from corank.errors import BundleError, ConfigError, nearest
from corank.retrieve.approximate import BinaryIndex, FaissIndex
from corank.retrieve.exact import ExactIndex
from corank.retrieve.hits import Hits
from corank.retrieve.library import faiss
from corank.retrieve.milvus import PREFIX, MilvusIndex, address, reach

KINDS = ("auto", "exact", "faiss", "binary")

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


def check_kind(kind: str) -> None:
    """Check that there is such an index: one of `KINDS`, or ``milvus:ADDRESS``.

    Raises `ConfigError` when there is none.
    """
    if address(kind) is None and kind not in KINDS:
        raise ConfigError(
            f"a vector index of kind {kind!r} was asked for; there are {', '.join(KINDS)} and "
            f"{PREFIX}ADDRESS." + nearest(kind, KINDS)
        )


def check_reachable(kind: str) -> None:
    """Check that what an index of this kind would be kept in answers.

    Raises `UnreachableError` when it does not, `MissingExtraError` when its client is missing.
    """
    if uri := address(kind):
        reach(uri)


def build_index(
    vectors: NDArray[np.float32], kind: str = "auto"
) -> ExactIndex | FaissIndex | BinaryIndex:
    """Index ``vectors`` (size, dim); "auto" is exact below `EXACT_BELOW` vectors, FAISS from there.

    So is what will be found by Milvus, until it is saved: fitting indexes much that nobody keeps.
    Raises `DataError` when they are not a finite (size, dim), `ConfigError` for another kind.
    """
    check_kind(kind)
    if kind == "binary":
        return BinaryIndex.build(vectors)
    if kind == "exact" or (kind != "faiss" and len(vectors) < EXACT_BELOW):
        return ExactIndex(vectors)
    return FaissIndex.build(vectors)


def save_index(index: VectorIndex, folder: Path, name: str) -> None:
    """Write what `load_index` needs beside the vectors; of an exact index, nothing.

    Args:
        index: of the vectors.
        folder: where they lie.
        name: what they are called there.
    """
    if isinstance(index, FaissIndex | BinaryIndex):
        index.save(folder / f"{name}.faiss")
    elif isinstance(index, MilvusIndex):
        (folder / f"{name}.milvus.json").write_text(json.dumps({"uri": index.uri}), "utf-8")


def load_index(folder: Path, name: str, vectors: NDArray[np.float32]) -> VectorIndex:
    """Read what `save_index` wrote of these vectors, (size, dim).

    Raises `BundleError` when it is damaged, or of vectors of another shape, and `UnreachableError`
    when a Milvus does not answer.
    """
    elsewhere, file = folder / f"{name}.milvus.json", folder / f"{name}.faiss"
    if elsewhere.exists():
        uri = str(json.loads(elsewhere.read_text("utf-8"))["uri"])
        try:
            address(PREFIX + uri)
        except ConfigError as error:
            raise BundleError(f"{elsewhere} names no Milvus ({error}); save it again") from error
        return MilvusIndex(vectors, uri)
    return _read(file, vectors) if file.exists() else ExactIndex(vectors)


def _read(path: Path, vectors: NDArray[np.float32]) -> FaissIndex | BinaryIndex:
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
