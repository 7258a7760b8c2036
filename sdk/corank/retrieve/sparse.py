"""A few rows of a large sparse matrix, where scipy's own indexing takes many times as long."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MUCH = 0.25
"""Share of a matrix from which on reading all of it is faster than picking its parts."""


class Entries(NamedTuple):
    """What is stored in some rows, one row after the other."""

    row: NDArray[np.int64]  # (m,) place of the row among those that were asked for
    column: NDArray[np.int32]  # (m,)
    value: NDArray[np.float32]  # (m,)


def entries(matrix: sp.csr_array, rows: NDArray[np.integer]) -> Entries:
    """Return what is stored in some rows, (n,), which may repeat."""
    starts, lengths = matrix.indptr[rows], matrix.indptr[rows + 1] - matrix.indptr[rows]
    row = np.repeat(np.arange(len(rows)), lengths)
    place = np.arange(len(row)) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return Entries(row, matrix.indices[place], matrix.data[place])


def weighted_sum(
    matrix: sp.csr_array, rows: NDArray[np.integer], weights: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Add up some rows, (n,), each times its weight: (columns,)."""
    found = entries(matrix, rows)
    return np.bincount(
        found.column, found.value * weights[found.row], minlength=matrix.shape[1]
    ).astype(np.float32)


def transposed_sum(
    matrix: sp.csr_array,
    transposed: sp.csr_array,
    columns: NDArray[np.integer],
    weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Add up some columns, (n,), none of them twice, each times its weight: (rows,).

    ``transposed`` is the matrix turned over, whose rows are what is added up; where they hold much
    of it, the matrix is read as it lies instead.
    """
    held = transposed.indptr[columns + 1] - transposed.indptr[columns]
    if held.sum() < MUCH * matrix.nnz:
        return weighted_sum(transposed, columns, weights)
    by_column = np.zeros(matrix.shape[1], np.float32)
    by_column[columns] = weights
    return np.asarray(matrix @ by_column, np.float32)
