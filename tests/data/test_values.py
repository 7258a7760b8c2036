"""Cells with several values: shared evenly, mixed evenly, compared as Steck does."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import entropy

from corank.data.values import SMOOTHING, countable, divergence, mixtures, share_out
from corank.errors import DeclarationError

GENRES = pl.Series("genre", ["Comedy", "Action|Comedy", None, " Drama | Action|Drama", " ", "|"])
LISTS = pl.Series(
    "genre", [["Comedy"], ["Action", "Comedy"], None, ["Drama", None, "Action", "Drama"], [], [" "]]
)


@pytest.mark.parametrize("column", [GENRES, LISTS, LISTS.cast(pl.List(pl.Categorical))])
def test_an_item_is_shared_evenly_among_its_values(column: pl.Series) -> None:
    shares = share_out(column)
    assert shares.names == ("Action", "Comedy", "Drama")
    assert shares.weights.toarray().tolist() == [
        [0, 1, 0],
        [0.5, 0.5, 0],
        [0, 0, 0],
        [0.5, 0, 0.5],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_whole_numbers_are_values_and_nothing_at_all_is_none() -> None:
    numbers = share_out(pl.Series("seller", [7, None, 12, 7]))
    assert numbers.names == ("12", "7")
    assert numbers.weights.toarray().tolist() == [[0, 1], [0, 0], [1, 0], [0, 1]]
    for empty in (pl.Series("x", [None, None]), pl.Series("x", [None, None], pl.List(pl.String))):
        shares = share_out(empty)
        assert (shares.names, shares.weights.shape) == ((), (2, 0))


@pytest.mark.parametrize(
    "dtype", [pl.Float64(), pl.Boolean(), pl.Date(), pl.List(pl.Float32), pl.List(pl.List(pl.Int8))]
)
def test_what_cannot_be_counted_is_refused(dtype: pl.DataType) -> None:
    assert not countable(dtype)
    with pytest.raises(DeclarationError, match=r"Column 'x' holds .*; its values cannot be shared"):
        share_out(pl.Series("x", [], dtype))


def test_a_mixture_is_the_mean_of_the_items_that_say_something() -> None:
    shares = share_out(GENRES)
    rows, items = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 3, 2, 1, 4])
    mixed = mixtures(rows, items, 4, shares).toarray()
    np.testing.assert_allclose(mixed[0], [0.5 / 3, 2 / 3, 0.5 / 3])  # item 0 counts twice
    assert mixed[1:].tolist() == [[0, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]


def test_the_divergence_is_scipys_of_the_smoothed_mixture() -> None:
    random = np.random.default_rng(2)
    p, q = random.dirichlet(np.ones(6), (2, 50))
    p[:, 0], q[:, 1] = 0, 0
    p /= p.sum(axis=1, keepdims=True)
    q /= q.sum(axis=1, keepdims=True)
    found = divergence(p, q).sum(axis=1)
    np.testing.assert_allclose(found, entropy(p, (1 - SMOOTHING) * q + SMOOTHING * p, axis=1))
    assert divergence(p, p).sum() == pytest.approx(0)
    with_all = divergence(np.array([0.5, 0.5]), np.zeros(2)).sum()
    assert with_all == pytest.approx(np.log(1 / SMOOTHING))
