"""Content: what readers did is graded as meant, and what cannot be is set aside."""

import datetime as dt

import polars as pl
import pytest

from corank import load_vertical
from corank.data.labels import combine

VERTICAL = load_vertical("content")


def graded(*events: tuple[str, float | None, float | None, int]) -> float | None:
    """The grade of one item: event, seconds open, share seen, day."""
    rows = [
        ("u", "i", event, dt.datetime(2025, 1, 1 + day), dwell, seen)
        for event, dwell, seen, day in events
    ]
    names = ["user_id", "item_id", "event", "timestamp", "dwell_seconds", "completion"]
    frame = pl.DataFrame(rows, names, orient="row").with_columns(
        pl.col("dwell_seconds", "completion").cast(pl.Float64)
    )
    found = combine(VERTICAL.labeling_functions, frame, pl.DataFrame())
    return float(found["grade"].item()) if found.height else None


@pytest.mark.parametrize(
    ("events", "grade"),
    [
        ([("view", None, None, 0)], None),
        ([("open", None, None, 0)], 1),
        ([("open", 6.0, 0.02, 0)], 0),  # gone at once
        ([("open", 6.0, 0.02, 0), ("open", 300.0, 0.95, 1)], 3),  # and yet
        ([("open", 200.0, 0.6, 0)], 2),
        ([("open", 200.0, 0.6, 0), ("finish", None, None, 0)], 3),
        ([("open", 40.0, 0.2, 0), ("open", 40.0, 0.3, 3)], 2),  # came back
        ([("open", 9.0, None, 0), ("share", None, None, 0)], 3),
        ([("finish", None, None, 0), ("hide", None, None, 1)], 0),
    ],
)
def test_what_readers_did_is_graded_as_meant(
    events: list[tuple[str, float | None, float | None, int]], grade: float | None
) -> None:
    assert graded(*events) == grade


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("users", "age", 400), ("users", "age", -1), ("items", "age_rating", -3),
        ("items", "minutes", -1.0), ("items", "language", "english"),
        ("interactions", "completion", 1.2), ("interactions", "dwell_seconds", -4.0),
    ],
)  # fmt: skip
def test_what_cannot_be_is_set_aside(table: str, column: str, value: float | str) -> None:
    schema = getattr(VERTICAL, table)
    row = schema.sample(1).with_columns(pl.lit(value).alias(column))
    good, why = schema.filter(row, cast=True)
    assert good.height == 0 and any(column in rule for rule in why.counts())
