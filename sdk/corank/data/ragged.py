"""Lists of different lengths in three flat arrays: histories and what was relevant to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of catalogue indices with a value each, in CSR form.

    Row ``r`` holds ``items[indptr[r]:indptr[r + 1]]``.
    """

    indptr: NDArray[np.int64]  # (rows + 1,)
    items: NDArray[np.int32]  # (total,)
    values: NDArray[np.float32]  # (total,)

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Build from lists; every value is 1."""
        items = np.array([item for row in rows for item in row], np.int32)
        lengths = np.array([len(row) for row in rows], np.int64)
        return cls(_offsets(lengths), items, np.ones(len(items), np.float32))

    @classmethod
    def from_grouped(cls, items: pl.Series, values: pl.Series) -> "Ragged":
        """Build from two list columns, each row as long in one as in the other."""
        lengths = items.list.len().to_numpy().astype(np.int64)
        filled = pl.Series(lengths > 0)  # exploding an empty list would make a null
        return cls(
            _offsets(lengths),
            items.filter(filled).explode().to_numpy().astype(np.int32),
            values.filter(filled).explode().to_numpy().astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.items[self.indptr[row] : self.indptr[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of each row, (rows,)."""
        return np.diff(self.indptr)

    def rows(self) -> NDArray[np.int64]:
        """Row number of each entry, (total,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: NDArray[np.int64]) -> "Ragged":
        """Return the given rows, in the given order."""
        return self.slices(rows, np.zeros_like(rows), self.lengths[rows])

    def slices(
        self, rows: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> "Ragged":
        """Return entries ``start`` to ``end``, without the latter, of the given rows, (n,) each."""
        lengths = end - start
        indptr = _offsets(lengths)
        entry = np.repeat(self.indptr[rows] + start - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Ragged(indptr, self.items[entry], self.values[entry])

    def last(self, n: int) -> NDArray[np.int32]:
        """Return each row's last ``n`` items, newest last, -1 padding on the left: (rows, n)."""
        age = self.ages()
        recent = age < n
        padded = np.full((len(self), n), -1, np.int32)
        padded[self.rows()[recent], n - 1 - age[recent]] = self.items[recent]
        return padded

    def ages(self) -> NDArray[np.int64]:
        """Age of each entry within its row, 0 for the newest, (total,)."""
        return np.repeat(self.indptr[1:], self.lengths) - 1 - np.arange(len(self.items))


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each row starts, and where the last one ends, (rows + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
