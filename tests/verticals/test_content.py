"""Content: what a reader must not be shown is not shown; what readers did is graded as meant."""

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

VERTICAL = load_vertical("content")
TODAY = dt.date(2025, 11, 3)
KINDS = ["article", "video", "film", None]


def catalogue(random: np.random.Generator, n: int) -> pl.DataFrame:
    """Items at random, nulls among them."""

    def column(*values: Any) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), n)]

    frame = pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in range(n)],
            "title": ["t"] * n,
            "kind": column(*KINDS),
            "publisher": column("P", "Q", None),
            "genre": column("drama", "comedy|drama", "science", None),
            "language": column("en", "de", "zh", None),
            "age_rating": column(0, 6, 12, 16, 18, None),
            "published": column(TODAY, TODAY + dt.timedelta(1), TODAY - dt.timedelta(20), None),
        }
    )
    return VERTICAL.items.cast(
        pl.concat([VERTICAL.items.create_empty(), frame], how="diagonal_relaxed")
    )


def may_see(item: dict[str, Any], now: dict[str, Any]) -> bool:
    """What the rules promise, said once more in plain words."""
    age = 12 if now.get("age") is None else now["age"]
    if (18 if item["age_rating"] is None else item["age_rating"]) > age:
        return False
    reads = now.get("languages")
    if reads is not None and item["language"] not in reads.split("|"):
        return False
    when = now.get("timestamp")
    return not (when and item["published"] and item["published"] > when.date())


@given(
    seed=st.integers(0, 10_000),
    age=st.none() | st.integers(0, 90),
    languages=st.none() | st.sampled_from(["en", "de|en", "zh", "fr"]),
    asked=st.booleans(),
)
@settings(max_examples=1_000, deadline=None)
def test_no_reader_is_shown_what_must_not_be_shown(
    seed: int, age: int | None, languages: str | None, asked: bool
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 30))
    items, vectors = catalogue(random, n), np.eye(n, dtype=np.float32)
    given = {"age": age, "languages": languages}
    now: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if asked:
        now["timestamp"] = dt.datetime.combine(TODAY, dt.time(21))
    moments = VERTICAL.moment(now)
    seen = random.permutation(n)[:2].astype(np.int32)
    scores = np.sort(random.normal(size=n))[::-1]
    before = Ranked(random.permutation(n).astype(np.int32), scores, seen)

    shelf = Shelf(items, vectors, VERTICAL.nobody).asked_by(moments)
    answer = apply_rules(VERTICAL.rules, before, shelf)

    allowed = {row for row in range(n) if may_see(items.row(row, named=True), now)}
    assert set(answer.items.tolist()) == allowed - set(seen.tolist())


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
