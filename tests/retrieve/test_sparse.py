import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from corank.retrieve.sparse import entries, transposed_sum, weighted_sum


@given(st.data())
def test_rows_are_what_scipy_says(data: st.DataObject) -> None:
    seed, n = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 6))
    dense = sp.random_array((n, 5), density=0.4, rng=seed, dtype=np.float32)
    matrix = sp.csr_array(dense)
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=8)), np.int32)
    found = entries(matrix, rows)
    laid = np.zeros((len(rows), 5), np.float32)
    laid[found.row, found.column] = found.value
    assert laid == pytest.approx(matrix.toarray()[rows])
    weights = np.random.default_rng(seed).standard_normal(len(rows))
    assert weighted_sum(matrix, rows, weights) == pytest.approx(
        weights @ matrix.toarray()[rows], abs=1e-6
    )


@given(st.data())
def test_columns_are_what_scipy_says_however_many(data: st.DataObject) -> None:
    seed, n = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 9))
    matrix = sp.csr_array(sp.random_array((n, 8), density=0.4, rng=seed, dtype=np.float32))
    columns = np.array(sorted(data.draw(st.sets(st.integers(0, 7)))), np.int64)
    weights = np.random.default_rng(seed).standard_normal(len(columns)).astype(np.float32)
    found = transposed_sum(matrix, sp.csr_array(matrix.T), columns, weights)
    assert found == pytest.approx(matrix.toarray()[:, columns] @ weights, abs=1e-5)
    assert found.dtype == np.float32
