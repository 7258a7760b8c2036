"""What a publisher insists on, whatever the model thinks."""

import polars as pl

from corank import AlreadySeen, Boost, Calibrate, Cap, Exclude, Require, asker

UNKNOWN_AGE = 12
"""Whoever does not say how old they are is shown what is fit from here on, and nothing above."""
UNRATED = 18
NEW = 14  # days

_today = asker("timestamp").dt.date()
_age = asker("age").fill_null(UNKNOWN_AGE)

RULES = (
    Require("age_rating", pl.col("age_rating").fill_null(UNRATED) <= _age),
    Require(
        "language",
        asker("languages").is_null()
        | asker("languages").str.split("|").list.contains(pl.col("language")),
    ),
    Exclude("not_published_yet", pl.col("published") > _today),
    AlreadySeen(),
    Boost("new", (_today - pl.col("published")).dt.total_days() < NEW, by=0.05),
    Calibrate("genre", weight=0.2),
    Cap("publisher", at_most=3, top=10),
)
