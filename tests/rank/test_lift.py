"""Lifts on counts that are known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.rank.lift import PRIOR, Lift

CHOSEN = np.array([0, 0, 0, 1, 1, 1], np.int32)
DEVICE = pl.Series(["phone", "phone", "phone", "tv", "tv", None])


def test_an_item_chosen_on_phones_is_lifted_there_and_lowered_elsewhere() -> None:
    lift = Lift.of(CHOSEN, DEVICE, 3)
    phone, tv = lift.codes(pl.Series(["phone", "tv"])).tolist()
    share = 3 / 5  # of phones among what is known
    expected = np.log((3 + PRIOR * share) / (3 + PRIOR) / share)
    items = np.array([0, 1, 2], np.int32)
    assert lift.of_items(items, phone)[0] == pytest.approx(expected, rel=1e-6)
    assert lift.of_items(items, tv)[0] < 0 < lift.of_items(items, tv)[1]
    assert lift.of_items(items, phone)[2] == 0  # nobody chose it: it is like everybody


def test_what_is_unknown_or_new_lifts_nothing() -> None:
    lift = Lift.of(CHOSEN, DEVICE, 3)
    codes = lift.codes(pl.Series([None, "watch"], dtype=pl.String))
    assert codes.tolist() == [-1, -1]
    assert lift.of_items(np.array([0, 1], np.int32), -1).tolist() == [0, 0]


@pytest.mark.parametrize("same", ["phone", None])
def test_a_context_that_never_differs_lifts_nothing(same: str | None) -> None:
    lift = Lift.of(CHOSEN, pl.Series([same] * 6, dtype=pl.String), 3)
    code = int(lift.codes(pl.Series(["phone"]))[0])
    assert lift.of_items(np.arange(3, dtype=np.int32), code).tolist() == [0, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", None])), min_size=1))
def test_an_items_smoothed_shares_add_up_to_one(events: list[tuple[int, str | None]]) -> None:
    items = np.array([item for item, _ in events], np.int32)
    chosen_in = pl.Series([category for _, category in events], dtype=pl.String)
    lift = Lift.of(items, chosen_in, 5)
    everybody = chosen_in.drop_nulls().value_counts(sort=False).sort("").get_column("count")
    if not lift.categories:
        return
    share = everybody.to_numpy() / everybody.sum()
    np.testing.assert_allclose(np.exp(lift.table) @ share, 1, rtol=1e-5)
