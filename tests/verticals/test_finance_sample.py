"""The finance sample is whole, consistent, and what its generator writes."""

from pathlib import Path

import polars as pl
import pytest

from corank_finance.sample import folder
from corank_finance.sample.generate import Counter, write
from corank_finance.sample.personas import PERSONAS, THEMES
from corank_finance.schema import EVENTS, KINDS, STATUSES


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


def test_every_event_names_a_known_customer_product_and_kind(
    items: pl.DataFrame, users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    assert 9_000 <= interactions.height <= 14_000
    assert set(interactions["event"]) == set(EVENTS)
    assert set(interactions["item_id"]) <= set(items["item_id"])
    assert set(interactions["user_id"]) <= set(users["user_id"])
    assert interactions.is_unique().all() and interactions["timestamp"].is_sorted()


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


def test_judgements_are_graded_and_name_known_products(items: pl.DataFrame) -> None:
    queries = pl.read_csv(folder() / "queries.csv")
    assert set(queries["grade"]) == {0, 1, 2, 3}
    assert set(queries["item_id"]) <= set(items["item_id"])
    assert queries.select("query", "item_id").is_unique().all()
    each = queries.group_by("query").agg(pl.len(), pl.col("grade").max())
    assert each.height >= 70 and (each["grade"] == 3).all()
    assert each["len"].is_between(8, 25).all()


def test_every_word_the_personas_know_is_in_the_catalogue(items: pl.DataFrame) -> None:
    counter = Counter(items)
    assert [term for term, hit in counter.hits.items() if not hit.any()] == []
    assert all(counter.hits[theme].sum() >= 5 for theme in THEMES)
    assert len(PERSONAS) >= 24
    assert {status for one in PERSONAS for status in one.statuses} <= set(STATUSES)


def test_the_generator_writes_the_committed_files_to_the_byte(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("users.csv", "interactions.csv"):
        assert (tmp_path / name).read_bytes() == (folder() / name).read_bytes(), name
