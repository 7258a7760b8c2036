"""E-commerce: what shoppers did is graded as meant, and what cannot be is set aside."""

import polars as pl
import pytest

from corank import load_vertical
from tests.verticals.grading import graded

VERTICAL = load_vertical("ecommerce")


@pytest.mark.parametrize(
    ("events", "grade"),
    [
        ([("view", 0)], None),
        ([("view", 0), ("view", 2)], 1),
        ([("view", 0), ("click", 0)], 1),
        ([("click", 0), ("bounce", 0)], 0),
        ([("bounce", 0), ("click", 3)], 1),  # and yet
        ([("click", 0), ("bounce", 3)], 1),
        ([("click", 0), ("bounce", 0), ("click", 1), ("bounce", 1)], 0),  # twice
        ([("click", 0), ("bounce", 0), ("add_to_cart", 1)], 2),
        ([("add_to_cart", 0), ("purchase", 0)], 3),
        ([("purchase", 0), ("return", 9)], 0),
        ([("purchase", 0), ("return", 9), ("click", 20)], 0),
    ],
)
def test_what_shoppers_did_is_graded_as_meant(
    events: list[tuple[str, int]], grade: float | None
) -> None:
    assert graded(VERTICAL, *events) == grade


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("items", "price", -1.0), ("items", "stock", -1), ("items", "price", float("nan"))],
)
def test_what_cannot_be_is_set_aside(table: str, column: str, value: float | str) -> None:
    schema = getattr(VERTICAL, table)
    row = schema.sample(1).with_columns(pl.lit(value).alias(column))
    good, why = schema.filter(row, cast=True)
    assert good.height == 0 and any(column in rule for rule in why.counts())
