"""The e-commerce sample is whole, consistent, and what its generator writes."""

import datetime as dt
from itertools import pairwise

import polars as pl
import pytest

from corank_ecommerce.sample import folder
from corank_ecommerce.sample.generate import Shop
from corank_ecommerce.sample.personas import GOES_WITH, PERSONAS, THEMES

EVENTS = {"view", "click", "add_to_cart", "purchase", "return", "bounce"}
LAST_TENTH = dt.date(2025, 11, 25)


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    return pl.read_csv(folder() / "items.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def users() -> pl.DataFrame:
    return pl.read_csv(folder() / "users.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def interactions() -> pl.DataFrame:
    return pl.read_csv(folder() / "interactions.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def queries() -> pl.DataFrame:
    return pl.read_csv(folder() / "queries.csv")


def test_the_catalogue_is_large_enough_and_nobody_is_repeated(items: pl.DataFrame) -> None:
    assert items.height >= 320
    for column in ("item_id", "title", "description"):
        assert items[column].is_unique().all(), column
    assert 35 <= items["brand"].n_unique() <= 45
    assert 8 <= items["category"].str.split(" > ").list.first().n_unique() <= 10


def test_every_item_is_filled_in(items: pl.DataFrame) -> None:
    assert items.drop("parent_id").null_count().sum_horizontal().item() == 0
    assert items["price"].min() > 0  # type: ignore[operator]
    assert items["description"].str.len_chars().is_between(60, 400).all()
    assert 0.04 <= (items["stock"] == 0).mean() <= 0.08  # type: ignore[operator]
    assert 0.08 <= items["on_promotion"].mean() <= 0.12  # type: ignore[operator]


def test_a_variant_group_holds_two_or_more_items_of_one_brand_and_shelf(
    items: pl.DataFrame,
) -> None:
    groups = items.drop_nulls("parent_id").group_by("parent_id")
    sizes = groups.agg(pl.len(), pl.col("brand", "category").n_unique())
    assert sizes.height >= 12
    assert (sizes["len"] >= 2).all()
    assert (sizes["brand"] == 1).all()
    assert (sizes["category"] == 1).all()


def test_there_are_shoppers_with_long_and_with_short_histories(
    users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    assert users.height == 400
    assert users["user_id"].is_unique().all()
    lengths = interactions.group_by("user_id").len()["len"]
    assert (lengths >= 5).mean() > 0.9  # type: ignore[operator]
    assert lengths.min() < 5  # type: ignore[operator]
    assert lengths.max() > 80  # type: ignore[operator]


def test_every_event_names_a_known_shopper_item_and_kind(
    items: pl.DataFrame, users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    assert 9_000 <= interactions.height <= 12_000
    assert set(interactions["event"]) == EVENTS
    assert set(interactions["item_id"]) <= set(items["item_id"])
    assert set(interactions["user_id"]) <= set(users["user_id"])
    assert interactions.is_unique().all()
    assert interactions["timestamp"].is_sorted()
    assert interactions["timestamp"].dt.year().unique().to_list() == [2025]


def test_nothing_happens_before_an_item_is_released_or_a_shopper_signs_up(
    items: pl.DataFrame, users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    events = interactions.join(items, on="item_id").join(users, on="user_id")
    day = events["timestamp"].dt.date()
    assert (day >= events["released"]).all()
    assert (day >= events["signup"]).all()


def test_each_step_of_the_funnel_has_the_one_before_it(interactions: pl.DataFrame) -> None:
    steps = ("view", "click", "add_to_cart", "purchase", "return")
    for before, after in pairwise(steps):
        earlier = interactions.filter(event=before).group_by("user_id", "item_id")
        first = earlier.agg(pl.col("timestamp").min().alias("first"))
        later = interactions.filter(event=after)
        joined = later.join(first, on=("user_id", "item_id"))
        assert joined.height == later.height
        assert (joined["first"] < joined["timestamp"]).all()


def test_the_last_tenth_of_the_year_brings_items_nobody_has_seen(
    interactions: pl.DataFrame,
) -> None:
    firsts = interactions.group_by("item_id").agg(pl.col("timestamp").min().dt.date())
    assert (firsts["timestamp"] >= LAST_TENTH).sum() >= 8


def test_every_word_the_personas_know_is_in_the_catalogue(items: pl.DataFrame) -> None:
    shop = Shop(pl.read_csv(folder() / "items.csv"))
    missing = [term for term, hit in shop.hits.items() if not hit.any()]
    assert missing == []
    assert len(PERSONAS) >= 16
    text = " ".join(
        items.select(pl.concat_str("title", "category", "description", separator=". "))
        .to_series()
        .str.to_lowercase()
    )
    assert [w for words in THEMES.values() for w in words if w not in text] == []
    assert len(set(GOES_WITH)) == len(GOES_WITH)
