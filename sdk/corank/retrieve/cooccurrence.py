"""Item-to-item models: who found this relevant also found that relevant.

Two ways to weigh a pair of items, one way to score: a history's items, each weighted by
``decay ** age``, add up their rows. Both are baselines that bite, and features of the ranker.
Knows catalogue indices and histories; knows no text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.retrieve.sparse import weighted_sum

EASE_LIMIT = 20_000
"""EASE inverts a dense matrix of this many items at most (the most popular ones)."""


@dataclass(frozen=True)
class ItemItem:
    """Weights between items, and how fast a history fades."""

    weights: sp.csr_array  # (n_items, n_items) float32; row: item of the history
    decay: float

    def __post_init__(self) -> None:
        self.weights.sort_indices()  # within a row, for `between`

    @classmethod
    def of(
        cls,
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
        values: NDArray[np.floating],
        n_items: int,
        decay: float,
    ) -> "ItemItem":
        """Build from loose (row, column, weight) entries, (m,) each."""
        entries = (values.astype(np.float32), (rows, columns))
        return cls(sp.csr_array(entries, shape=(n_items, n_items)), decay)

    def between(self, items: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.float32]:
        """Weights from each of some items, (t,), to each of others, (m,): (t, m)."""
        found = np.zeros((len(items), len(others)), np.float32)
        for place, row in enumerate(items.tolist()):  # scipy's indexing takes many times as long
            stored = slice(*self.weights.indptr[[row, row + 1]])
            columns, weights = self.weights.indices[stored], self.weights.data[stored]
            at = np.minimum(np.searchsorted(columns, others), max(len(columns) - 1, 0))
            if len(columns):
                found[place] = np.where(columns[at] == others, weights[at], 0)
        return found

    def added_up(self, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Add up the weights from some items to each of the catalogue, (n_items,), none faded."""
        return weighted_sum(self.weights, items, np.ones(len(items)))

    def score(self, histories: Ragged) -> NDArray[np.float32]:
        """Score the catalogue for each history, (n, n_items)."""
        scores = np.empty((len(histories), self.weights.shape[0]), np.float32)
        for row, (items, fading) in enumerate(faded(histories, self.decay)):
            scores[row] = weighted_sum(self.weights, items, fading)
        return scores


def faded(
    histories: Ragged, decay: float
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
    """Yield each history's items and what each counts, ``decay ** age``, (t,) both."""
    fading = np.power(np.float32(decay), histories.ages(), dtype=np.float32)
    for start, end in pairwise(histories.indptr.tolist()):
        yield histories.items[start:end], fading[start:end]


def history_matrix(histories: Ragged, n_items: int, decay: float = 1.0) -> sp.csr_array:
    """Return histories as a sparse matrix of ``decay ** age``, (n, n_items) float32."""
    fading = np.power(np.float32(decay), histories.ages(), dtype=np.float32)
    shape = (len(histories), n_items)
    return sp.csr_array((fading, histories.items, histories.indptr), shape=shape)


def item_knn(
    histories: Ragged, n_items: int, *, neighbours: int = 200, shrink: float = 5.0, decay: float
) -> ItemItem:
    """Cosine of the users two items share, shrunk towards 0 where they are few.

    Source: Sarwar et al., "Item-Based Collaborative Filtering", WWW 2001; shrinkage as in Bell
    and Koren, KDD Cup Workshop 2007.
    """
    users = history_matrix(histories, n_items)
    shared = (users.T @ users).tocoo()
    count = shared.diagonal()
    row, column = shared.coords
    cosine = shared.data / (np.sqrt(count[row] * count[column]) + shrink)
    cosine[row == column] = 0
    weights = sp.csr_array((cosine.astype(np.float32), (row, column)), shape=shared.shape)
    weights.eliminate_zeros()
    return ItemItem(_strongest(weights, neighbours), decay)


def ease(
    histories: Ragged, n_items: int, *, l2: float = 100.0, neighbours: int = 200, decay: float
) -> ItemItem:
    """The closed-form linear autoencoder over the ``EASE_LIMIT`` most popular items.

    Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. Takes
    n_items ** 3 operations and a dense (n_items, n_items) float32 matrix; the ``neighbours``
    largest weights of each row are kept (on Amazon Beauty 200 rank as well as all 12,101).
    """
    users = history_matrix(histories, n_items)
    count = np.asarray(users.sum(0)).ravel()
    items = np.sort(np.argsort(-count, kind="stable")[: min(EASE_LIMIT, np.count_nonzero(count))])
    if not len(items):
        return ItemItem(sp.csr_array((n_items, n_items), dtype=np.float32), decay)
    gram = (users[:, items].T @ users[:, items]).toarray()
    gram[np.diag_indices_from(gram)] += l2
    inverse = scipy.linalg.inv(gram, overwrite_a=True, check_finite=False, assume_a="pos")
    inverse /= -np.diag(inverse)[None, :].copy()
    inverse[np.diag_indices_from(inverse)] = 0
    n = min(neighbours, len(items))
    column = np.argpartition(-inverse, n - 1, axis=1)[:, :n]  # (len(items), n)
    value = np.take_along_axis(inverse, column, axis=1)
    row = np.repeat(items, n)
    weights = sp.csr_array((value.ravel(), (row, items[column.ravel()])), shape=(n_items, n_items))
    weights.eliminate_zeros()
    return ItemItem(weights, decay)


def _strongest(weights: sp.csr_array, n: int) -> sp.csr_array:
    """Keep the ``n`` largest weights of each row; ties go to the lower index."""
    row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    order = np.lexsort((weights.indices, -weights.data, row))
    rank = np.arange(len(order)) - weights.indptr[row]
    kept = np.sort(order[rank < n])
    return sp.csr_array(
        (weights.data[kept], (row[kept], weights.indices[kept])), shape=weights.shape
    )
