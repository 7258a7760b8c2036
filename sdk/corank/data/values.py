"""Columns whose cells may hold several values: genres, studios, sellers.

A cell is one value, several with ``|`` between them ("Action|Comedy"), or a list. An item counts
once however many values it has: each gets an equal share of it. An item without a value says
nothing and is left out of every mixture. The module knows columns and catalogue indices, not
what the values mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.errors import DeclarationError

SEPARATOR = "|"
SMOOTHING = 0.01
"""How much of the target is mixed into what is compared with it, so that no value is missing."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Who has how much of each item."""

    names: tuple[str, ...]  # (n_values,) in order
    weights: sp.csr_array  # (n_items, n_values) each row sums to 1, or holds nothing


def countable(dtype: pl.DataType) -> bool:
    """Whether a column of this type can be shared out: text, whole numbers, or lists of them."""
    inner: Any = dtype.inner if isinstance(dtype, pl.List) else dtype
    return inner.is_integer() or inner in (pl.String, pl.Categorical, pl.Enum, pl.Null)


def share_out(column: pl.Series) -> Shares:
    """Share each item, of n, among its values; a value named twice in a cell counts once.

    Raises:
        DeclarationError: the column holds something else than text, whole numbers or lists of
            them.
    """
    if not countable(column.dtype):
        raise DeclarationError(
            f"Column {column.name!r} holds {column.dtype}; its values cannot be shared out. Give "
            "text, whole numbers, or lists of them."
        )
    if isinstance(column.dtype, pl.List):
        cells = column.cast(pl.List(pl.String))
    else:
        cells = column.cast(pl.String).str.split(SEPARATOR)
    filled = pl.DataFrame({"item": np.arange(len(cells)), "value": cells}).filter(
        pl.col("value").list.len() > 0
    )
    values = (
        filled.explode("value")
        .with_columns(pl.col("value").str.strip_chars())
        .filter(pl.col("value") != "")
        .unique()
        .sort("item", "value")
    )
    names = values["value"].unique().sort()
    value = names.search_sorted(values["value"]).to_numpy()
    item = values["item"].to_numpy()
    weight = 1.0 / np.bincount(item, minlength=len(cells))[item]
    weights = sp.csr_array((weight, (item, value)), shape=(len(cells), len(names)))
    return Shares(tuple(names), weights)


def mixtures(
    rows: NDArray[np.integer], items: NDArray[np.integer], n: int, shares: Shares
) -> sp.csr_array:
    """What each of ``n`` lists is made of, (n, n_values): sums to 1, or nothing is known.

    Args:
        rows: the list each entry is in, (total,).
        items: the entries' catalogue indices, (total,); one that comes twice counts twice.
        n: how many lists.
        shares: of the catalogue.
    """
    chosen = sp.csr_array((np.ones(len(items)), (rows, items)), shape=(n, shares.weights.shape[0]))
    mixed = sp.csr_array(chosen @ shares.weights)
    known = np.repeat(mixed.sum(axis=1), np.diff(mixed.indptr))
    mixed.data /= known
    return mixed


def divergence(
    target: NDArray[np.float64], mixture: NDArray[np.float64], smoothing: float = SMOOTHING
) -> NDArray[np.float64]:
    """What each value adds to the Kullback-Leibler divergence, in nats; all of one shape.

    ``target * log(target / near)``, where ``near`` is the mixture with a little of the target
    mixed in. Values that the target lacks add nothing, so they may be left out. Steck,
    "Calibrated Recommendations", RecSys 2018.
    """
    near = (1 - smoothing) * mixture + smoothing * target
    return target * np.log(np.divide(target, near, out=np.ones_like(near), where=target > 0))
