"""What a run is judged by: the grades of the items each case ranks, and the best it could rank.

A *case* is one ranking to be judged: a query, or a user at a moment. A *run* holds the ranked
answers to n cases: catalogue indices, int32 (n, k), best first, -1 where there is no answer.

This module sees rankings and relevance. It does not know which model made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corank.data.ragged import Ragged
from corank.errors import ConfigError, DataError

Run = NDArray[np.int32]
Floats = NDArray[np.float64]
MAX_GRADE = 64.0  # 2**grade is a gain: beyond this, one item drowns every other


@dataclass(frozen=True, eq=False)
class Qrels:
    """Relevance judgements of n cases in CSR form; case i's are ``indptr[i]:indptr[i + 1]``.

    A grade above 0 is relevant, 0 was judged and is not; an item not listed is not relevant.

    Raises:
        DataError: the arrays do not fit together, an index is negative, a grade lies outside
            [0, 64], or an item is judged twice in one case.
    """

    indptr: NDArray[np.int64]  # (n + 1,)
    items: NDArray[np.int32]  # (nnz,) catalogue indices
    grades: NDArray[np.float32]  # (nnz,)

    def __post_init__(self) -> None:
        indptr, items, grades = self.indptr, self.items, self.grades
        if not items.shape == grades.shape == (items.size,):
            raise DataError(f"Each item needs one grade: got {items.shape} and {grades.shape}.")
        if indptr.ndim != 1 or len(indptr) == 0 or (np.diff(indptr) < 0).any():
            raise DataError("indptr must be a non-decreasing vector of n + 1 offsets.")
        if indptr[0] != 0 or indptr[-1] != len(items):
            raise DataError(
                f"indptr must run from 0 to the {len(items)} items; "
                f"it runs from {indptr[0]} to {indptr[-1]}."
            )
        if items.min(initial=0) < 0:
            raise DataError(f"Judged items are catalogue indices, 0 or more; got {items.min()}.")
        if not ((grades >= 0) & (grades <= MAX_GRADE)).all():
            raise DataError(
                f"Grades must lie in [0, {MAX_GRADE:.0f}] because a gain is 2**grade - 1; got "
                f"{grades.min()} to {grades.max()}. Bucket counts or prices into a few grades."
            )
        keys = np.sort(_keys(self.rows(), items, items.max(initial=0)))
        if (keys[1:] == keys[:-1]).any():
            raise DataError("An item is judged twice in one case: keep one grade for each item.")

    def among(self, case: int, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the grades of some items, (m,) ascending, in one case; 0 where not judged."""
        judged = slice(self.indptr[case], self.indptr[case + 1])
        found = np.isin(self.items[judged], items)
        grades = np.zeros(len(items), np.float32)
        grades[np.searchsorted(items, self.items[judged][found])] = self.grades[judged][found]
        return grades

    @classmethod
    def from_lists(
        cls, items: Sequence[Sequence[int]], grades: Sequence[Sequence[float]] | None = None
    ) -> "Qrels":
        """Build from one list of items a case, and their grades (1 when left out)."""
        sizes = np.array([len(case) for case in items], np.int64)
        given = [[1.0] * len(case) for case in items] if grades is None else grades
        if len(given) != len(items):
            raise DataError(f"Got items for {len(items)} cases but grades for {len(given)}.")
        for case, (some, theirs) in enumerate(zip(items, given, strict=True)):
            if len(some) != len(theirs):
                raise DataError(f"Case {case} has {len(some)} items but {len(theirs)} grades.")
        return cls(
            np.concatenate([[0], sizes.cumsum()]).astype(np.int64),
            np.array([item for case in items for item in case], np.int32),
            np.array([grade for case in given for grade in case], np.float32),
        )

    @classmethod
    def of(cls, judged: Ragged) -> "Qrels":
        """Build from each case's items with grades as values."""
        return cls(judged.indptr, judged.items, judged.values)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """The case of each judgement, (nnz,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def subset(self, mask: NDArray[np.bool_]) -> "Qrels":
        """Keep the cases where the mask, bool (n,), is true."""
        if mask.dtype != np.bool_ or mask.shape != (len(self),):
            raise DataError(
                f"subset takes a boolean mask of {len(self)} cases; got {mask.dtype} {mask.shape}."
            )
        kept = mask[self.rows()]
        sizes = np.diff(self.indptr)[mask]
        indptr = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
        return Qrels(indptr, self.items[kept], self.grades[kept])


@dataclass(frozen=True, eq=False)
class Judged:
    """What a run of depth k earned, and the most it could have: all that the metrics need."""

    grades: NDArray[np.float32]  # (n, k) of the item at each rank; 0 where not relevant or pad
    ideal: NDArray[np.float32]  # (n, k) of the best k relevant items, descending, 0 beyond
    n_relevant: NDArray[np.int64]  # (n,) relevant items, found or not

    def __len__(self) -> int:
        return len(self.n_relevant)


def judge(run: Run, qrels: Qrels) -> Judged:
    """Look up the grade of every ranked item.

    Args:
        run: ranked catalogue indices, (n, k), best first, padded with -1.
        qrels: the judgements of the same n cases.

    Raises:
        DataError: the run has another shape or type, or ranks an item twice in one case.
    """
    n = len(qrels)
    if run.ndim != 2 or len(run) != n or run.dtype.kind != "i":
        raise DataError(
            f"A run for {n} cases is an integer array ({n}, k); got {run.dtype} {run.shape}."
        )
    if run.min(initial=-1) < -1:
        raise DataError(f"A run holds catalogue indices padded with -1; got {run.min()}.")
    ordered = np.sort(run, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        case, place = np.argwhere(twice)[0]
        raise DataError(
            f"Case {case} ranks item {ordered[case, place]} more than once; rank each item once."
        )

    rows, depth = qrels.rows(), run.shape[1]
    largest = max(run.max(initial=0), qrels.items.max(initial=0))
    keys = _keys(rows, qrels.items, largest)
    order = np.argsort(keys)
    keys = np.append(keys[order], np.iinfo(np.int64).max)  # a key beyond every other, grade 0
    known = np.append(qrels.grades[order], np.float32(0))
    wanted = _keys(np.arange(n)[:, None], run, largest)  # (n, k)
    at = np.searchsorted(keys, wanted)
    grades = np.where(keys[at] == wanted, known[at], np.float32(0))

    relevant = qrels.grades > 0
    rows, positive = rows[relevant], qrels.grades[relevant]
    n_relevant = np.bincount(rows, minlength=n)
    best = positive[np.lexsort((-positive, rows))]  # rows ascend, so they need no reordering
    rank = np.arange(len(rows)) - np.repeat(n_relevant.cumsum() - n_relevant, n_relevant)
    ideal = np.zeros_like(grades)
    ideal[rows[rank < depth], rank[rank < depth]] = best[rank < depth]
    return Judged(grades, ideal, n_relevant)


def cut(ranked: NDArray[Any], k: int) -> NDArray[Any]:
    """Return the first k ranks."""
    if not 1 <= k <= ranked.shape[1]:
        raise ConfigError(
            f"The cut-off must lie between 1 and the run's depth of {ranked.shape[1]}; got {k}. "
            "Rank deeper or cut earlier."
        )
    return ranked[:, :k]


def divide(top: ArrayLike, bottom: NDArray[Any]) -> Floats:
    """``top / bottom``, nan where bottom is 0."""
    ratio: Floats = np.full(len(bottom), np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    return ratio


def _keys(
    rows: NDArray[np.int64], items: NDArray[np.int32], largest: int | np.integer
) -> NDArray[np.int64]:
    """One integer for each (case, item), ordered by case; a pad's, -1, equals no item's."""
    return np.asarray(rows * (int(largest) + 2) + items, np.int64)
