"""Which items are chosen when: how much more often an item is chosen in one category of a context.

The logarithm of an item's share of the category over everybody's, both smoothed: what naive
Bayes would add to an item's score for the moment. Knows categories and catalogue indices; knows
nothing of what they stand for (see `corank.data.context`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

PRIOR = 10.0
"""An item's own share counts as much as everybody's after so many events."""


@dataclass(frozen=True, eq=False)
class Lift:
    """Log-lift of every item in every category of one context."""

    categories: tuple[str, ...]
    table: NDArray[np.float32]  # (n_items, n_categories)

    @classmethod
    def of(cls, items: NDArray[np.int32], chosen_in: pl.Series, n_items: int) -> "Lift":
        """Learn from events; where they never differ, every lift is 0.

        Args:
            items: (m,) what was chosen.
            chosen_in: (m,) the category it was chosen in, null where unknown.
            n_items: size of the catalogue.
        """
        names = chosen_in.drop_nulls().unique().sort().to_list()
        code = _codes(chosen_in, names)
        known = code >= 0
        count = np.zeros((n_items, len(names)))
        np.add.at(count, (items[known], code[known]), 1)
        everybody = count.sum(0) / max(count.sum(), 1)  # (n_categories,)
        share = (count + PRIOR * everybody) / (count.sum(1, keepdims=True) + PRIOR)
        return cls(tuple(names), np.log(share / everybody).astype(np.float32))

    def codes(self, chosen_in: pl.Series) -> NDArray[np.int64]:
        """Number each category, (n,); -1 where it is null or was never seen."""
        return _codes(chosen_in, self.categories)

    def of_items(self, items: NDArray[np.int32], code: int) -> NDArray[np.float32]:
        """Log-lift of some items in one category, (m,); zeros where it is unknown."""
        return np.asarray(self._with_unknown[items, code])

    @cached_property
    def _with_unknown(self) -> NDArray[np.float32]:
        return np.pad(self.table, ((0, 0), (0, 1))).astype(np.float32)  # -1 picks the zeros


def _codes(values: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    number = {name: code for code, name in enumerate(names)}  # of one request a join takes a ms
    return np.array([number.get(each, -1) for each in values.cast(pl.String).to_list()], np.int64)
