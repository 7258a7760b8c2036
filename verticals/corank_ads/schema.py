"""What an ad server knows: creatives, the audience, and what became of each impression.

Only ids, titles, events and times are required; every other column may be absent or null. A title
is the headline. Money is in one currency, the account's.
"""

import dataframely as dy
import polars as pl

from corank import Interaction, Item, User

CATEGORIES = (
    "alcohol", "apparel", "automotive", "beauty", "betting", "books", "charity", "crafts",
    "dating", "education", "electronics", "energy", "entertainment", "fitness", "food", "games",
    "garden", "home", "insurance", "investing", "jobs", "lending", "pets", "pharmacy", "politics",
    "property", "software", "telecoms", "toys", "travel",
)  # fmt: skip
FORMATS = ("text", "native", "image", "video", "audio")
DEVICES = ("phone", "tablet", "desktop", "television")
EVENTS = ("impression", "click", "conversion", "hide")

COUNTRY = "[A-Z]{2}"
_categories = "|".join(CATEGORIES)
SOME_CATEGORIES = rf"^({_categories})(\|({_categories}))*$"
COUNTRIES = rf"^{COUNTRY}(\|{COUNTRY})*$"
WORDS = r"^[a-z0-9-]+(\|[a-z0-9-]+)*$"


class Creative(Item):
    """One advertisement as it can be shown."""

    advertiser = dy.String(nullable=True)
    campaign = dy.String(nullable=True)
    category = dy.Enum(CATEGORIES, nullable=True, description="what is advertised")
    format = dy.Enum(FORMATS, nullable=True)
    description = dy.String(nullable=True, description="the text below the headline")
    bid = dy.Float64(nullable=True, min_exclusive=0, description="what a click is worth, at most")
    currency = dy.String(nullable=True, regex="^[A-Z]{3}$", description="ISO 4217, such as EUR")
    daily_budget = dy.Float64(nullable=True, min_exclusive=0, description="of the campaign")
    spent_today = dy.Float64(nullable=True, min=0, description="of that budget")
    frequency_cap = dy.Int64(nullable=True, min=1, description="impressions a person and day")
    countries = dy.String(nullable=True, regex=COUNTRIES, description="null: everywhere")
    min_age = dy.Int64(nullable=True, min=0, max=120, description="of the audience, in years")
    max_age = dy.Int64(nullable=True, min=0, max=120, description="of the audience, in years")
    devices = dy.String(nullable=True, description="null: any; several with | between them")
    segments = dy.String(nullable=True, regex=WORDS, description="whom it is for; null: anybody")
    starts = dy.Date(nullable=True, description="the first day")
    ends = dy.Date(nullable=True, description="the last day")

    @dy.rule()
    def ends_after_it_starts(cls) -> pl.Expr:  # noqa: N805, D102
        return pl.col("ends") >= pl.col("starts")

    @dy.rule()
    def currency_of_the_account(cls) -> pl.Expr:  # noqa: N805, D102
        # Bids are compared with one another: what most are in is the account's.
        known = pl.col("currency").drop_nulls()
        return pl.col("currency").is_null() | (pl.col("currency") == known.mode().sort().first())

    @dy.rule()
    def ages_in_order(cls) -> pl.Expr:  # noqa: N805, D102
        return pl.col("max_age") >= pl.col("min_age")


class Person(User):
    """One of the audience, as far as they agreed to be known."""

    joined = dy.Date(nullable=True)
    country = dy.String(nullable=True, regex=f"^{COUNTRY}$", description="ISO 3166, such as GB")
    age = dy.Int64(nullable=True, min=0, max=120, description="in years")
    segments = dy.String(nullable=True, regex=WORDS, description="several with | between them")
    interests = dy.String(nullable=True, description="in their own words")
    blocked = dy.String(
        nullable=True, regex=SOME_CATEGORIES, description="categories that are not wanted here"
    )
    shown_today = dy.String(
        nullable=True, description="ids of creatives, | between them, again for each impression"
    )


class Event(Interaction):
    """One thing that became of a creative that somebody was shown."""

    event = dy.Enum(EVENTS)
    device = dy.String(nullable=True, description="phone, tablet, desktop or television")
    slot = dy.Int64(nullable=True, min=1, description="its place on the page, from 1")
    paid = dy.Float64(nullable=True, min=0, description="for the click, by the advertiser")
    dwell_seconds = dy.Float64(nullable=True, min=0, description="on the page behind the click")
