"""Finance: what customers did is graded as meant, and what cannot be is set aside."""

import polars as pl
import pytest

from corank import load_vertical
from tests.verticals.grading import graded

VERTICAL = load_vertical("finance")


@pytest.mark.parametrize(
    ("events", "grade"),
    [
        ([("view", 0)], None),
        ([("view", 0), ("view", 3)], 1),
        ([("details", 0)], 1),
        ([("details", 0), ("compare", 0), ("apply", 1)], 2),
        ([("apply", 0), ("decline", 3)], 2),
        ([("apply", 0), ("open", 3)], 3),
        ([("open", 0), ("close", 40)], 0),
        ([("open", 0), ("close", 400)], 3),
        ([("close", 0), ("open", 150)], 3),
        ([("close", 0), ("open", 150), ("close", 170)], 0),
        ([("open", 0), ("complain", 200)], 0),
    ],
)
def test_what_customers_did_is_graded_as_meant(
    events: list[tuple[str, int]], grade: float | None
) -> None:
    assert graded(VERTICAL, *events) == grade


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("items", "risk_class", 8), ("items", "risk_class", 0), ("items", "minimum", -5.0),
        ("items", "fee_percent", -0.1), ("items", "currency", "euro"),
        ("items", "jurisdictions", "GB,IE"), ("items", "eligibility", "resident|rich"),
        ("users", "age", 400), ("users", "risk_tolerance", 9), ("users", "jurisdiction", "Britain"),
        ("users", "statuses", "wizard"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_set_aside(table: str, column: str, value: float | str) -> None:
    schema = getattr(VERTICAL, table)
    row = (
        schema.create_empty()
        .clear(1)
        .with_columns(
            *(
                pl.lit("x").alias(key)
                for key in schema.column_names()
                if key in ("item_id", "title")
            ),
            *(pl.lit("x").alias(key) for key in schema.column_names() if key == "user_id"),
            pl.lit(value).alias(column),
        )
    )
    good, why = schema.filter(row, cast=True)
    assert good.height == 0 and any(column in rule for rule in why.counts())
