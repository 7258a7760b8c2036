"""The contract that every vertical keeps, and what this one says of its own events."""

import polars as pl

import corank
from corank.testing import check_vertical


def test_the_vertical_is_found_and_keeps_the_contract() -> None:
    check_vertical(corank.load_vertical("starter"))


def test_what_was_taken_home_helped_and_what_was_dismissed_did_not() -> None:
    vertical = corank.load_vertical("starter")
    data = vertical.read_sample()
    told = {name: data.interactions.filter(pl.col("event").cast(pl.String) == name) for name in
            ("download", "dismiss")}  # fmt: skip
    key = ["user_id", "item_id"]
    taken = data.positives.join(told["download"], on=key, how="semi")
    sent_away = data.negatives.join(told["dismiss"], on=key, how="semi")
    assert taken.height and (taken["grade"] == 3).all()
    assert sent_away.height == told["dismiss"].select(key).unique().height
