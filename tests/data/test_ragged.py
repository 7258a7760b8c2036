"""Ragged rows against plain lists."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.data.ragged import Ragged

lists = st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6)


def test_rows_by_hand() -> None:
    ragged = Ragged.of([[3, 1], [], [4]])
    assert ragged.indptr.tolist() == [0, 2, 2, 3]
    assert ragged.lengths.tolist() == [2, 0, 1]
    assert ragged.rows().tolist() == [0, 0, 2]
    assert ragged.ages().tolist() == [1, 0, 0]
    assert ragged.last(3).tolist() == [[-1, 3, 1], [-1, -1, -1], [-1, -1, 4]]
    assert ragged.last(1).tolist() == [[1], [-1], [4]]
    assert ragged.values.tolist() == [1, 1, 1]


def test_no_rows_at_all() -> None:
    none = Ragged.of([])
    assert len(none) == 0
    assert none.indptr.dtype == np.int64
    assert none.last(3).shape == (0, 3)
    assert len(none.take(np.array([], np.int64))) == 0


@given(rows=lists, data=st.data())
@settings(max_examples=60, deadline=None)
def test_it_does_what_lists_do(rows: list[list[int]], data: st.DataObject) -> None:
    ragged = Ragged.of(rows)
    assert [ragged[i].tolist() for i in range(len(ragged))] == rows
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6) if rows else st.just([]))
    taken = ragged.take(np.array(chosen, np.int64))
    assert [taken[i].tolist() for i in range(len(taken))] == [rows[i] for i in chosen]
    padded = [([-1] * 3 + row)[-3:] for row in rows]
    assert ragged.last(3).tolist() == padded
    assert ragged.items.dtype == np.int32
    assert ragged.values.dtype == np.float32


@given(rows=lists)
@settings(max_examples=60, deadline=None)
def test_list_columns_keep_their_empty_rows_and_their_values(rows: list[list[int]]) -> None:
    values = [[item / 2 for item in row] for row in rows]
    ragged = Ragged.from_grouped(
        pl.Series(rows, dtype=pl.List(pl.Int32)), pl.Series(values, dtype=pl.List(pl.Float32))
    )
    assert [ragged[i].tolist() for i in range(len(ragged))] == rows
    assert ragged.values.tolist() == [item / 2 for row in rows for item in row]
    assert ragged.items.dtype == np.int32
    assert ragged.values.dtype == np.float32


def test_take_brings_the_values_along() -> None:
    ragged = Ragged(
        np.array([0, 1, 3]), np.array([5, 6, 7], np.int32), np.array([0.1, 0.2, 0.3], np.float32)
    )
    assert ragged.take(np.array([1, 0])).values.tolist() == ragged.values[[1, 2, 0]].tolist()
    part = ragged.slices(np.array([1, 0, 1]), np.array([1, 0, 0]), np.array([2, 0, 2]))
    assert part.lengths.tolist() == [1, 0, 2] and part.items.tolist() == [7, 6, 7]
    assert part.values.tolist() == ragged.values[[2, 1, 2]].tolist()
