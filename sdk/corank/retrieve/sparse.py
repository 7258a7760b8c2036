"""A few rows of a large sparse matrix, where scipy's own indexing takes many times as long."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


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
