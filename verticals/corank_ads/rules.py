"""Which creatives may be shown to whom, and in which order they bring most.

Hard: the campaign's budget and flight, its targeting, the frequency cap, what the page or the
person has blocked, and age where the category asks for it. What a rule has to know of somebody and
nobody has said is taken for the worst: who has not said how old they are is shown no creative that
asks for an age. Soft: by expected revenue, a campaign that spends ahead of the clock bidding less;
variants of one campaign count once, and competitors stand apart.
"""

import polars as pl

from corank import Cap, ExpectedValue, Require, asker

ADULT = 18
RESTRICTED = ("alcohol", "betting", "dating", "investing", "lending")
"""Categories for adults, whatever a campaign targets."""
PACE = 4.0
"""A campaign that is a tenth of its budget ahead of the clock bids exp(-0.4) of its bid."""

_category = pl.col("category").cast(pl.String)
_age = asker("age")
_today = asker("timestamp").dt.date()
_spent = pl.col("spent_today").fill_null(0)
_hours = asker("timestamp").dt.hour() + asker("timestamp").dt.minute() / 60
_ahead = (_spent / pl.col("daily_budget") - _hours / 24).clip(0, 1)
PACED_BID = pl.col("bid") * (-PACE * _ahead.fill_null(0)).exp()


def _targets(column: str, said: str) -> pl.Expr:
    """Whether one of a creative's values is among what is known; null targets everybody."""
    theirs = asker(said).fill_null("").str.split("|")
    met = pl.col(column).str.split("|").list.set_intersection(theirs).list.len() > 0
    return pl.col(column).is_null() | met


_shown = asker("shown_today").fill_null("").str.split("|")
_times = (
    pl.concat_list(pl.col("item_id"), _shown)
    .list.eval((pl.element() == pl.element().first()).sum() - 1)
    .list.first()
)

RULES = (
    Require("in_budget", _spent < pl.col("daily_budget").fill_null(float("inf"))),
    Require(
        "in_flight",
        (pl.col("starts").is_null() | (pl.col("starts") <= _today))
        & (pl.col("ends").is_null() | (pl.col("ends") >= _today)),
    ),
    Require("country", _targets("countries", "country")),
    Require("device", _targets("devices", "device")),
    Require("segment", _targets("segments", "segments")),
    Require(
        "audience_age",
        (pl.col("min_age").is_null() | (_age >= pl.col("min_age")))
        & (pl.col("max_age").is_null() | (_age <= pl.col("max_age"))),
    ),
    Require(
        "adults_only", ~_category.is_in(RESTRICTED).fill_null(True) | (_age.fill_null(0) >= ADULT)
    ),
    Require(
        "not_blocked",
        ~asker("blocked").fill_null("").str.split("|").list.contains(_category).fill_null(False),
    ),
    Require("frequency", _times < pl.col("frequency_cap").fill_null(1_000)),
    ExpectedValue("bid", PACED_BID),
    Cap("campaign", at_most=1),
    Cap("category", at_most=1, top=4),
)
