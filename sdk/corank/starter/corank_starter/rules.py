"""What holds whatever the model thinks: hard rules first, then what is only preferred."""

import polars as pl

from corank import AlreadySeen, Boost, Cap, Exclude, asker

NEW = 30  # days

_today = asker("timestamp").dt.date()

RULES = (
    Exclude("not_published_yet", pl.col("published") > _today),
    AlreadySeen(),
    Boost("new", (_today - pl.col("published")).dt.total_days() < NEW, by=0.05),
    Cap("topic", at_most=4, top=10),
)
