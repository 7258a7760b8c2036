"""The content sample is whole, consistent, and what its generator writes."""

from itertools import pairwise

import polars as pl
import pytest

from corank_content.sample import folder
from corank_content.sample.generate import Shelves
from corank_content.sample.personas import CLICKBAIT, PERSONAS, THEMES


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


def test_the_catalogue_is_large_enough_filled_in_and_nothing_is_repeated(
    items: pl.DataFrame,
) -> None:
    assert items.height >= 300
    for column in ("item_id", "title", "description"):
        assert items[column].is_unique().all(), column
    assert items.null_count().sum_horizontal().item() == 0
    assert items["publisher"].n_unique() >= 20
    assert items["kind"].value_counts()["count"].min() >= 70  # type: ignore[operator]
    assert items.group_by("language").len().sort("len")["len"].to_list()[0] >= 10


def test_nobody_sees_what_is_not_out_yet_or_not_for_them(
    items: pl.DataFrame, users: pl.DataFrame, interactions: pl.DataFrame
) -> None:
    events = interactions.join(items, on="item_id").join(users, on="user_id")
    assert (events["timestamp"].dt.date() >= events["published"]).all()
    told = events.filter(pl.col("age").is_not_null())
    assert (told["age"] >= told["age_rating"]).all()
    assert events["languages"].str.split("|").list.contains(events["language"]).all()


def test_each_step_has_the_one_before_it(interactions: pl.DataFrame) -> None:
    for before, after in pairwise(("view", "open", "finish", "like")):
        earlier = interactions.filter(event=before).group_by("user_id", "item_id")
        first = earlier.agg(pl.col("timestamp").min().alias("first"))
        later = interactions.filter(event=after)
        joined = later.join(first, on=("user_id", "item_id"))
        assert joined.height == later.height and (joined["first"] <= joined["timestamp"]).all()


def test_titles_that_promise_too_much_are_opened_more_and_left_at_once(
    interactions: pl.DataFrame,
) -> None:
    kinds = interactions.with_columns(bait=pl.col("item_id").is_in(sorted(CLICKBAIT)))
    share = kinds.group_by("bait").agg(
        opened=(pl.col("event") == "open").sum() / (pl.col("event") == "view").sum(),
        left=(pl.col("completion") < 0.1).sum() / (pl.col("event") == "open").sum(),
    )
    plain, bait = share.sort("bait").rows(named=True)
    assert bait["opened"] > plain["opened"] and bait["left"] > 3 * plain["left"]


def test_every_word_the_personas_know_is_in_the_catalogue() -> None:
    shelves = Shelves(pl.read_csv(folder() / "items.csv"))
    assert [term for term, hit in shelves.hits.items() if not hit.any()] == []
    for theme in THEMES:
        hit = shelves.hits[theme] > 0
        kinds = {kind for kind, one in zip(shelves.kinds, hit, strict=True) if one}
        assert hit.sum() >= 5 and len(kinds) >= 2, theme
    assert len(PERSONAS) >= 24 and set(shelves.ids) >= CLICKBAIT
