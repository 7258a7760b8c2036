"""The finance sample is whole, consistent, and what its generator writes."""

import polars as pl
import pytest

from corank_finance.sample import folder
from corank_finance.sample.generate import Counter
from corank_finance.sample.personas import PERSONAS, THEMES
from corank_finance.schema import KINDS, STATUSES


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    return pl.read_csv(folder() / "items.csv")


@pytest.fixture(scope="module")
def users() -> pl.DataFrame:
    return pl.read_csv(folder() / "users.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def interactions() -> pl.DataFrame:
    return pl.read_csv(folder() / "interactions.csv", try_parse_dates=True)


def test_the_catalogue_is_large_enough_and_nothing_is_repeated(items: pl.DataFrame) -> None:
    assert items.height >= 230
    for column in ("item_id", "title", "description"):
        assert items[column].is_unique().all(), column
    assert set(items["kind"]) == set(KINDS)
    assert set(items["risk_class"]) == set(range(1, 8))


def test_nobody_was_offered_what_the_rules_forbid(
    items: pl.DataFrame, users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    seen = interactions.join(items, on="item_id").join(users, on="user_id")
    told = seen.filter(pl.col("risk_tolerance").is_not_null())
    assert (told["risk_class"] <= told["risk_tolerance"]).all()
    assert (seen["min_age"] <= seen["age"]).all()
    where = seen["jurisdictions"].str.split("|").list.contains(seen["jurisdiction"])
    assert where.all()
    needs = pl.col("eligibility").str.split("|")
    missing = needs.list.set_difference(pl.col("statuses").str.split("|")).list.len()
    assert (seen.filter(pl.col("eligibility").is_not_null()).select(missing)[:, 0] == 0).all()


def test_what_is_opened_was_applied_for_and_what_is_closed_was_open(
    interactions: pl.DataFrame,
) -> None:
    for before, after in (("view", "apply"), ("apply", "open"), ("open", "close")):
        first = interactions.filter(event=before).select("user_id", "item_id", "timestamp")
        later = interactions.filter(event=after)
        joined = later.join(first, on=("user_id", "item_id"), suffix="_before")
        pairs = joined.filter(pl.col("timestamp_before") <= pl.col("timestamp"))
        assert (
            pairs.select("user_id", "item_id").n_unique()
            == later.select("user_id", "item_id").n_unique()
        )


def test_every_word_the_personas_know_is_in_the_catalogue(items: pl.DataFrame) -> None:
    counter = Counter(items)
    assert [term for term, hit in counter.hits.items() if not hit.any()] == []
    assert all(counter.hits[theme].sum() >= 5 for theme in THEMES)
    assert len(PERSONAS) >= 24
    assert {status for one in PERSONAS for status in one.statuses} <= set(STATUSES)
