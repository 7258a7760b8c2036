"""Lists to rank: a query with documents of known grade, and others that stand for no good ones.

Judged documents are dealt out by grade, so that each list of a query holds better and worse ones.
What is left of a list is filled with negatives, from the query's pool of documents that look
relevant, or at random. Where only clicks are known, a list is the clicked and negatives: Gao,
Dai and Callan, "Rethink Training of BERT Rerankers in Multi-Stage Retrieval Pipeline" (LCE), ECIR
2021. Torch-free.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.errors import DataError
from corank.language.negatives import mine
from corank.language.pairs import Pairs

NONE = -1  # in a pool: no document


class Lists(NamedTuple):
    """Queries with as many documents each; a query may come up more than once."""

    queries: NDArray[np.int64]  # (n,)
    documents: NDArray[np.int64]  # (n, size)
    grades: NDArray[np.float32]  # (n, size) 0 for a negative


def build_lists(
    judged: Ragged,
    n_documents: int,
    *,
    size: int,
    negatives: int,
    pools: NDArray[np.int64] | None = None,
    seed: int,
) -> Lists:
    """Make lists of each query's documents; a list in which all are equally good is left out.

    Args:
        judged: each query's documents, grades as values.
        n_documents: how many documents there are.
        size: of a list.
        negatives: so many of a list are never judged ones, and more where too few are judged.
        pools: (n_queries, p) what each query's negatives are drawn from, padded with -1; see
            `mined_pools`. Where it has too few, the rest is any documents; where there are too
            few of those, some of the list are named twice.
        seed: of every draw.
    """
    rng = np.random.default_rng(seed)
    queries: list[int] = []
    documents: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float32]] = []
    for query in range(len(judged)):
        known = judged[query].astype(np.int64)
        grades = judged.values[judged.indptr[query] : judged.indptr[query + 1]]
        order = np.lexsort((rng.random(len(known)), -grades))  # best first, ties by chance
        room = size - negatives
        count = min(-(-len(known) // room), int((grades > 0).sum()))
        pool = np.empty(0, np.int64) if pools is None else pools[query]
        for first in range(count):
            dealt = order[first::count][:room]
            drawn = _draw(size - len(dealt), known, pool, n_documents, rng)
            grade = np.concatenate([grades[dealt], np.zeros(len(drawn), np.float32)])
            if grade.min() < grade.max():
                queries.append(query)
                documents.append(np.resize(np.concatenate([known[dealt], drawn]), size))
                values.append(np.resize(grade, size))
    return Lists(
        np.array(queries, np.int64),
        np.array(documents, np.int64).reshape(-1, size),
        np.array(values, np.float32).reshape(-1, size),
    )


def teaching(lists: Lists, judged: Ragged) -> Lists:
    """Return these lists, made of these judgements, if there are any.

    Raises:
        DataError: there are none.
    """
    if not len(lists.queries):
        raise DataError(
            f"None of {len(judged):,} queries has a document above grade 0 and another to compare "
            "it with: there is no order to learn. Bring judged queries, or leave out what learns "
            "from them: the reranker, or objective='judgements'."
        )
    return lists


def targets(grades: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of each document in its list's gain, as NDCG counts it, (n, size)."""
    gain = np.exp2(grades) - 1
    return np.asarray(gain / gain.sum(1, keepdims=True), np.float32)


def _draw(
    n: int,
    known: NDArray[np.int64],
    pool: NDArray[np.int64],
    n_documents: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw ``n`` documents that are not known, of the pool as far as it goes; or all there are."""
    wanted = rng.permutation(np.setdiff1d(pool, [*known, NONE]))[:n]
    taken = np.concatenate([known, wanted])
    others = rng.choice(n_documents, min(n + len(taken), n_documents), replace=False)
    others = others[~np.isin(others, taken)][: n - len(wanted)]
    return np.concatenate([wanted, others])


def mined_pools(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    judged: Ragged,
    n: int,
    *,
    seed: int,
) -> NDArray[np.int64]:
    """Return what looks relevant to each query and is not judged, (n_queries, n), -1 where none.

    Args:
        queries: (n_queries, d) unit vectors.
        documents: (n_documents, d) unit vectors.
        judged: each query's documents, grades as values; the best one says how close is too
            close (see `negatives.mine`). A query without a good one has an empty pool.
        n: size of a pool.
        seed: of `negatives.mine`.
    """
    pools = np.full((len(judged), n), NONE, np.int64)
    best_last = np.lexsort((judged.values, judged.rows()))
    filled = np.flatnonzero(judged.lengths)
    best = best_last[judged.indptr[filled + 1] - 1]
    good = judged.values[best] > 0
    asked, best = filled[good], judged.items[best[good]].astype(np.int64)
    shape = (len(judged), len(documents))
    known = sp.csr_array(
        (np.ones(len(judged.items), np.bool_), judged.items, judged.indptr), shape=shape
    )
    pairs = Pairs(asked, best, known, np.zeros(len(documents)))
    found = mine(queries[asked], documents, pairs, n, seed=seed)
    pools[asked] = np.where(found == best[:, None], NONE, found)
    return pools
