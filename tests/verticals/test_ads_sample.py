"""What is the ads sample's own: flights, caps, targeting, and what leads to what."""

import polars as pl
import pytest

from corank_ads.rules import RESTRICTED
from corank_ads.sample import folder
from corank_ads.schema import CATEGORIES, Creative


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    return Creative.cast(pl.read_csv(folder() / "items.csv", try_parse_dates=True))


@pytest.fixture(scope="module")
def shown(items: pl.DataFrame) -> pl.DataFrame:
    users = pl.read_csv(folder() / "users.csv")
    events = pl.read_csv(folder() / "interactions.csv", try_parse_dates=True)
    return events.join(items, on="item_id").join(users, on="user_id", suffix="_of")


def test_campaigns_share_what_is_theirs(items: pl.DataFrame) -> None:
    assert set(items["category"].cast(pl.String)) == set(CATEGORIES)
    each = items.group_by("advertiser", "campaign").agg(
        pl.col("daily_budget", "spent_today", "category").n_unique(), pl.len()
    )
    assert (each.select("daily_budget", "spent_today", "category") == 1).to_numpy().all()
    assert (each["len"] >= 2).sum() >= 60
    spent = items.filter(pl.col("spent_today") >= pl.col("daily_budget"))
    assert 4 <= spent["campaign"].n_unique() <= 10


def test_nobody_was_shown_what_may_not_be_shown_to_them(shown: pl.DataFrame) -> None:
    impressions = shown.filter(event="impression")
    day = impressions["timestamp"].dt.date()
    assert ((day >= impressions["starts"]) | impressions["starts"].is_null()).all()
    assert ((day <= impressions["ends"]) | impressions["ends"].is_null()).all()
    asked = impressions.filter(
        (pl.col("min_age") > 0) | pl.col("category").cast(pl.String).is_in(RESTRICTED)
    )
    least = pl.max_horizontal(pl.col("min_age").fill_null(0), 13)
    assert asked.height > 500 and asked.select((pl.col("age") >= least).all()).item()
    for column, said in (("countries", "country"), ("segments", "segments_of")):
        told = impressions.filter(pl.col(column).is_not_null())
        both = pl.col(column).str.split("|").list.set_intersection(pl.col(said).str.split("|"))
        assert told.select((both.list.len() > 0).all()).item(), column
    blocked = pl.col("blocked").str.split("|").list.contains(pl.col("category").cast(pl.String))
    assert not impressions.select(blocked.fill_null(False).any()).item()


def test_frequency_caps_were_kept(shown: pl.DataFrame) -> None:
    impressions = shown.filter(event="impression")
    daily = impressions.group_by(
        "user_id", "item_id", "frequency_cap", day=pl.col("timestamp").dt.date()
    ).len()
    assert (daily["len"] <= daily["frequency_cap"]).all()
    assert (daily["len"] == daily["frequency_cap"]).sum() > 50


def test_a_click_follows_its_impression_and_costs_no_more_than_the_bid(shown: pl.DataFrame) -> None:
    pairs = shown.sort("user_id", "item_id", "timestamp", maintain_order=True)
    before = pl.col("event").shift().over("user_id", "item_id")
    clicks = pairs.with_columns(before=before).filter(event="click")
    assert (clicks["before"] == "impression").all()
    assert (clicks["paid"] <= clicks["bid"] + 0.01).all() and (clicks["dwell_seconds"] >= 0).all()
    rate = clicks.height / shown.filter(event="impression").height
    assert 0.05 < rate < 0.2


def test_who_clicked_converts_within_the_window_and_some_do_not(shown: pl.DataFrame) -> None:
    pair = ["user_id", "item_id"]
    bought = shown.filter(event="conversion").select(*pair, "timestamp").sort("timestamp")
    clicked = shown.filter(event="click").select(*pair, at="timestamp").sort("at")
    found = bought.join_asof(
        clicked, left_on="timestamp", right_on="at", by=pair, check_sortedness=False
    )
    days = found.select((pl.col("timestamp") - pl.col("at")).dt.total_hours() / 24)[:, 0]
    assert (days <= 7).sum() > 300 and (days > 7).sum() >= 1
    assert days.null_count() > 5  # without any click
