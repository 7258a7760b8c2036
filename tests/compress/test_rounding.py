"""What is rounded multiplies to the same; channels that stick out are smoothed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.compress.rounding import Matrix, Rounding, columns, rounding


def plain(rows: Matrix, weights: Matrix) -> float:
    """The error of rounding without any care."""
    step = np.abs(rows).max() / 127
    codes, steps = columns(weights)
    exact = rows @ weights
    return float(((np.round(rows / step) * step @ (codes * steps) - exact) ** 2).mean()) / float(
        (exact**2).mean()
    )


def products(rows: Matrix, how: Rounding) -> Matrix:
    """What the graph computes, in integers."""
    smooth = rows if how.smooth is None else rows / how.smooth
    codes = np.clip(np.round(smooth / how.step) + how.zero, 0, 255).astype(np.int32) - how.zero
    return np.asarray((codes @ how.codes.astype(np.int32)) * how.step * how.steps, np.float32)


@pytest.fixture
def rows() -> Matrix:
    """Like what leaves a GELU: little below 0, and three channels far above."""
    random = np.random.default_rng(0)
    values = np.maximum(random.standard_normal((500, 40)), -0.17)
    values[:, [3, 17, 30]] *= 60
    return values.astype(np.float32)


@pytest.fixture
def weights() -> Matrix:
    return np.random.default_rng(1).standard_normal((40, 12)).astype(np.float32)


def test_the_products_are_what_they_were(rows: Matrix, weights: Matrix) -> None:
    how = rounding(rows, weights)
    exact = rows @ weights
    error = ((products(rows, how) - exact) ** 2).mean() / (exact**2).mean()
    assert error == pytest.approx(how.error, rel=1e-3)
    small = rows.copy()
    small[:, [3, 17, 30]] = 0  # what the large channels would drown
    apart = ((products(small, how) - small @ weights) ** 2).mean() / ((small @ weights) ** 2).mean()
    assert apart < 0.01 < plain(rows, weights) * ((exact**2).mean() / (small @ weights).var())
    assert how.error < plain(rows, weights) / 4
    assert 0 < how.zero < 40  # the range is not symmetric, and neither are the steps


def test_it_holds_for_rows_that_were_not_seen(rows: Matrix, weights: Matrix) -> None:
    how = rounding(rows[::2], weights)
    exact = rows[1::2] @ weights
    assert ((products(rows[1::2], how) - exact) ** 2).mean() / (exact**2).mean() < 1e-3


def test_some_of_the_products_alone(rows: Matrix, weights: Matrix) -> None:
    how = rounding(rows, weights)
    assert products(rows, how.of(slice(4, 7))) == pytest.approx(products(rows, how)[:, 4:7])


@given(
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    empty=st.booleans(),
    n=st.integers(1, 30),
)
def test_nothing_breaks_it(scale: float, empty: bool, n: int) -> None:
    random = np.random.default_rng(n)
    some = (scale * random.standard_normal((n, 8))).astype(np.float32)
    by = random.standard_normal((8, 5)).astype(np.float32)
    if empty:
        some[:, 2] = 0
        by[:, 1] = 0
    how = rounding(some, by)
    assert 0 <= how.zero <= 255 and np.isfinite(how.error)
    assert np.isfinite(products(some, how)).all()
    assert np.abs(how.codes).max() <= 127


def test_columns_are_rounded_each_by_its_own_step() -> None:
    codes, steps = columns(np.array([[1.0, 0.0, 100.0], [-2.0, 0.0, 50.0]], np.float32))
    assert codes.tolist() == [[64, 0, 127], [-127, 0, 64]]
    assert steps == pytest.approx([2 / 127, 1, 100 / 127])
