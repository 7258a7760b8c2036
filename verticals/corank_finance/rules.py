"""Who may be offered what, whatever the model thinks.

What a rule has to know and nobody has said is taken for the worst: no tolerance of risk but for
cash, no status, no age, and no country but where a product is offered everywhere.
"""

import polars as pl

from corank import AlreadySeen, Cap, Diversify, Require, asker

LEAST = 1
"""The risk class of cash."""

_where = pl.col("jurisdictions").str.split("|")
_needs = pl.col("eligibility").str.split("|")
_is = asker("statuses").fill_null("").str.split("|")

RULES = (
    Require("suitable", pl.col("risk_class") <= asker("risk_tolerance").fill_null(LEAST)),
    Require(
        "eligible",
        pl.col("eligibility").is_null() | (_needs.list.set_difference(_is).list.len() == 0),
    ),
    Require(
        "jurisdiction",
        pl.col("jurisdictions").is_null() | _where.list.contains(asker("jurisdiction")),
    ),
    Require("of_age", pl.col("min_age").fill_null(0) <= asker("age").fill_null(0)),
    AlreadySeen(),
    Diversify(relevance=0.8),
    Cap("provider", at_most=3, top=10),
)
