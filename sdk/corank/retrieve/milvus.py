"""Nearest items by inner product, found by Milvus: a server, a cluster, or Milvus Lite in a file.

What Milvus finds is compared in full with the catalogue's own vectors, so that scores are those of
every other index. A collection is named by what it holds and never changed, so that bundles may
share one and an older bundle keeps its own; what is missing of it is put there when it is opened.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.errors import ConfigError, MissingExtraError, UnreachableError
from corank.progress import track
from corank.retrieve.approximate import compared
from corank.retrieve.exact import ExactIndex
from corank.retrieve.hits import Hits
from corank.retrieve.library import Borrowed, as_queries, as_vectors

PREFIX = "milvus:"
TOKEN = "CORANK_MILVUS_TOKEN"  # noqa: S105  the name of a variable
"""The environment variable that holds what a server wants to see: ``user:password`` or a key."""
SERVER = "CORANK_MILVUS_SERVER"
"""The one that names the only server which is shown it, as an index is named: an address may come
with a bundle that somebody else has made."""
SECONDS = 10.0
"""That a server may take to answer, and six times as long to take vectors in."""
AT_ONCE = 1_000  # vectors sent in one message
MOST = 16_384  # that Milvus returns of one query; who wants more has all compared
ITEM, VECTOR = "item", "vector"
LITE = ".db"
"""How a file of Milvus Lite ends. It compares all vectors; a server, what it thinks is enough."""

Floats = NDArray[np.float32]


def address(kind: str) -> str | None:
    """Return where ``milvus:ADDRESS`` leads; None for another kind of index.

    Raises:
        ConfigError: it leads nowhere, or a password stands in it.
    """
    if not kind.startswith(PREFIX):
        return None
    uri = kind.removeprefix(PREFIX)
    if uri.startswith("//"):
        uri = f"http:{uri}"
    if re.match(r"\w+://[^/]*@", uri):
        raise ConfigError(
            "an index's address is written into bundles, so no password may stand in it; put "
            f"user:password into the environment variable {TOKEN}, and the address into {SERVER}."
        )
    if not re.match(r"https?://[^/]+", uri) and not uri.endswith(LITE):
        raise ConfigError(
            f"{kind!r} names no Milvus; expected milvus://host:19530 for a server, "
            "milvus:https://... for one behind TLS, or milvus:FILE.db for Milvus Lite."
        )
    return uri


class MilvusIndex(Borrowed):
    """Vectors in a collection of their own.

    Args:
        vectors: (size, dim), which are put there unless they are.
        uri: as `address` returns it.

    Raises:
        UnreachableError: nobody answers there, or not as Milvus does.
        MissingExtraError: pymilvus is not installed.
        DataError: see `as_vectors`.
    """

    oversampled = 2  # so many times as many are compared in full as are asked for

    def __init__(self, vectors: Floats, uri: str) -> None:
        super().__init__(as_vectors(vectors))
        self.uri = uri
        digest = hashlib.sha256(repr(self._vectors.shape).encode())
        digest.update(self._vectors.data)
        self.collection = f"corank_{digest.hexdigest()[:24]}"
        self._client = reach(uri)
        if self.size:
            self._fill()

    def search(self, queries: Floats, k: int) -> Hits:
        """See `VectorIndex.search`; a few of the best may be missing.

        Raises `UnreachableError` when nobody answers.
        """
        queries = as_queries(queries, self.dim)
        hits = Hits.nothing(len(queries), k)
        if k > MOST:  # a condition that few items meet
            return ExactIndex(self._vectors).search(queries, k)
        width = min(self.oversampled * k, self.size, MOST)
        if not width or not len(queries):
            return hits
        with _asked(self.uri):
            answers = self._client.search(
                self.collection, [*queries], anns_field=VECTOR, limit=width, output_fields=[ITEM],
                timeout=SECONDS,
            )  # fmt: skip
        found = np.full((len(queries), width), -1, np.int64)
        for row, answer in enumerate(answers):
            found[row, : len(answer)] = [hit[ITEM] for hit in answer]
        return compared(self._vectors, queries, found, k)

    def _fill(self) -> None:
        """Put there what is missing; a second process that does the same does no harm."""
        client, name = self._client, self.collection
        with _asked(self.uri):
            if not client.has_collection(name, timeout=SECONDS):
                self._create()
            client.load_collection(name, timeout=6 * SECONDS)
            if self._held() == self.size:
                return
            for start in track(range(0, self.size, AT_ONCE), "vectors to Milvus"):
                block = self._vectors[start : start + AT_ONCE]
                client.upsert(
                    name, [{ITEM: item, VECTOR: each} for item, each in enumerate(block, start)],
                    timeout=6 * SECONDS,
                )  # fmt: skip
            client.flush(name, timeout=6 * SECONDS)
            held = self._held()
        if held != self.size:
            raise UnreachableError(
                f"Milvus at {self.uri} holds {held:,} of {self.size:,} vectors in {name} after all "
                "were sent. Look at its logs, and try again: what is missing will be sent."
            )

    def _create(self) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False)
        schema.add_field(ITEM, DataType.INT64, is_primary=True)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=self.dim)
        index = self._client.prepare_index_params()
        lite = self.uri.endswith(LITE)
        index.add_index(VECTOR, index_type="FLAT" if lite else "AUTOINDEX", metric_type="IP")
        self._client.create_collection(
            self.collection, schema=schema, index_params=index, timeout=SECONDS
        )

    def _held(self) -> int:
        counted = self._client.query(
            self.collection, output_fields=["count(*)"], consistency_level="Strong",
            timeout=SECONDS,
        )  # fmt: skip
        return int(counted[0]["count(*)"])


def reach(uri: str) -> Any:
    """Connect to a Milvus, or keep the connection, and see whether it answers.

    Raises:
        UnreachableError: nobody answers there.
        MissingExtraError: pymilvus is not installed.
    """
    try:
        import pymilvus  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("A Milvus index", "milvus") from error
    with _asked(uri):
        client = _connected(uri, token_for(uri))
        client.list_collections(timeout=SECONDS)
        return client


def token_for(uri: str) -> str:
    """Return what a server is shown: the token if it is the one that `SERVER` names."""
    named = os.environ.get(SERVER, "")
    return os.environ.get(TOKEN, "") if named and address(named) == uri else ""


@lru_cache
def _connected(uri: str, token: str) -> Any:
    from pymilvus import MilvusClient

    return MilvusClient(uri, token=token, timeout=SECONDS)


@contextmanager
def _asked(uri: str) -> Iterator[None]:
    """Say in words what went wrong between us and Milvus."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        raise UnreachableError(
            f"Milvus at {uri} does not answer as it should: {error.message} Start it, or fit with "
            f"another index; {TOKEN} holds what it wants to see, and goes to no other server than "
            f"{SERVER} names."
        ) from error
