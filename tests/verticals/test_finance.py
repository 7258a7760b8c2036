"""Finance: nobody is offered what does not suit them; what customers did is graded as meant."""

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank import load_vertical
from corank.data.labels import combine
from corank.rank.rules import Ranked, Shelf, apply_rules

VERTICAL = load_vertical("finance")
CASH = 1
SOME = st.lists(st.sampled_from(["resident", "student", "business"]), unique=True, min_size=1)


def catalogue(random: np.random.Generator, n: int) -> pl.DataFrame:
    """Products at random, nulls among them."""

    def column(*values: Any) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), n)]

    frame = pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in range(n)],
            "title": ["t"] * n,
            "provider": column("P", "Q", None),
            "risk_class": column(1, 2, 4, 7, None),
            "jurisdictions": column("GB", "GB|IE", "US", None),
            "eligibility": column("resident", "resident|student", "business", None),
            "min_age": column(0, 18, 55, None),
        },
        schema_overrides={"risk_class": pl.Int64, "min_age": pl.Int64},
    )
    return VERTICAL.items.cast(
        pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    )


def may_be_offered(item: dict[str, Any], now: dict[str, Any]) -> bool:
    """What the rules promise, said once more in plain words."""
    if item["risk_class"] is None or item["risk_class"] > now.get("risk_tolerance", CASH):
        return False
    if (item["min_age"] or 0) > now.get("age", 0):
        return False
    if item["jurisdictions"] and now.get("jurisdiction") not in item["jurisdictions"].split("|"):
        return False
    held = set(now.get("statuses", "").split("|"))
    return not item["eligibility"] or set(item["eligibility"].split("|")) <= held


@given(
    seed=st.integers(0, 10_000),
    tolerance=st.none() | st.integers(1, 7),
    age=st.none() | st.integers(0, 90),
    country=st.none() | st.sampled_from(["GB", "IE", "FR"]),
    statuses=st.none() | SOME.map("|".join),
)
@settings(max_examples=1_000, deadline=None)
def test_nobody_is_offered_what_does_not_suit_them(
    seed: int, tolerance: int | None, age: int | None, country: str | None, statuses: str | None
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    items, vectors = catalogue(random, n), np.eye(n, dtype=np.float32)
    given = {
        "risk_tolerance": tolerance, "age": age, "jurisdiction": country, "statuses": statuses,
    }  # fmt: skip
    now = {name: value for name, value in given.items() if value is not None}
    moments = VERTICAL.moment(now)
    seen = random.permutation(n)[:2].astype(np.int32)
    scores = np.sort(random.normal(size=n))[::-1]
    before = Ranked(random.permutation(n).astype(np.int32), scores, seen)

    shelf = Shelf(items, vectors, VERTICAL.nobody).asked_by(moments)
    answer = apply_rules(VERTICAL.rules, before, shelf)

    allowed = {row for row in range(n) if may_be_offered(items.row(row, named=True), now)}
    assert set(answer.items.tolist()) == allowed - set(seen.tolist())
    hard = {rule.name for rule in VERTICAL.rules if rule.hard}
    assert len(answer.items) + sum(answer.removed.values()) == n
    assert set(answer.removed) <= hard


def graded(*events: tuple[str, int]) -> float | None:
    """The grade of one product: event, day."""
    rows = [("u", "i", event, dt.datetime(2025, 1, 1) + dt.timedelta(day)) for event, day in events]
    frame = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    found = combine(VERTICAL.labeling_functions, frame)
    return float(found["grade"].item()) if found.height else None


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
        ([("open", 0), ("complain", 200)], 0),
    ],
)
def test_what_customers_did_is_graded_as_meant(
    events: list[tuple[str, int]], grade: float | None
) -> None:
    assert graded(*events) == grade


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
