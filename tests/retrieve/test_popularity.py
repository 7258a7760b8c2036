"""Counts of which the older events are worth less."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.retrieve.popularity import faded_counts

EVENTS = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), max_size=30)


def test_an_event_is_worth_half_for_each_half_life() -> None:
    items, late = np.array([0, 0, 1, 2]), np.array([0.8, 0.9, 1.0, 0.5])
    found = faded_counts(items, late, 4, half_life=0.1)
    assert found == pytest.approx([0.25 + 0.5, 1, 2**-5, 0])


@given(EVENTS)
def test_without_an_end_to_its_life_every_event_counts_as_one(
    events: list[tuple[int, float]],
) -> None:
    items, late = np.array([i for i, _ in events], np.int64), np.array([t for _, t in events])
    found = faded_counts(items, late, 5, half_life=np.inf)
    assert found.tolist() == np.bincount(items, minlength=5).tolist()


@given(EVENTS, st.floats(0.01, 1))
def test_nothing_counts_for_more_than_one(
    events: list[tuple[int, float]], half_life: float
) -> None:
    items, late = np.array([i for i, _ in events], np.int64), np.array([t for _, t in events])
    found = faded_counts(items, late, 5, half_life)
    assert (found >= 0).all() and (found <= np.bincount(items, minlength=5)).all()
