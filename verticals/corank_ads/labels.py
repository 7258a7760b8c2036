"""How relevant an event makes its creative: 0 (not wanted) to 3 (what it was shown for).

A conversion counts for a creative that was clicked, or merely seen, before it and not too long ago:
the attribution window. One event may say several things: what says more weighs more.
"""

import polars as pl

from corank import labeling_function

AFTER_CLICK = pl.duration(days=7)
AFTER_VIEW = pl.duration(days=1)
"""Attribution windows."""
STAYED = 30
BOUNCED = 5
"""Seconds on the page behind the click."""
OFTEN = 4
"""Impressions without a click that say something."""
_pair = ("user_id", "item_id")


def _event(*names: str) -> pl.Expr:
    return pl.col("event").cast(pl.String).is_in(names)


def _since(event: str) -> pl.Expr:
    """How long ago the pair's latest such event was; the log is in the order of time."""
    latest = pl.when(_event(event)).then(pl.col("timestamp")).forward_fill().over(_pair)
    return pl.col("timestamp") - latest


@labeling_function(weight=4)
def converted() -> pl.Expr:
    """Bought, signed up, asked, within a week of the click."""
    return pl.when(_event("conversion") & (_since("click") <= AFTER_CLICK)).then(3)


@labeling_function(weight=2)
def converted_after_view() -> pl.Expr:
    """The same within a day of seeing it, without any click."""
    unclicked = _since("click").is_null() & (_since("impression") <= AFTER_VIEW)
    return pl.when(_event("conversion") & unclicked).then(2)


@labeling_function
def clicked() -> pl.Expr:
    """Clicked."""
    return pl.when(_event("click")).then(1)


@labeling_function(weight=2)
def stayed() -> pl.Expr:
    """Stayed on the page behind the click."""
    return pl.when(_event("click") & (pl.col("dwell_seconds") >= STAYED)).then(2)


@labeling_function(weight=4)
def bounced() -> pl.Expr:
    """Back at once: the headline promised something else, or a finger slipped."""
    return pl.when(_event("click") & (pl.col("dwell_seconds") < BOUNCED)).then(0)


@labeling_function
def passed_over() -> pl.Expr:
    """Seen again and again, and never clicked."""
    seen = _event("impression").cum_sum().over(_pair)
    unclicked = ~_event("click").any().over(_pair)
    return pl.when(_event("impression") & unclicked & (seen >= OFTEN)).then(0)


@labeling_function(weight=12)
def hidden() -> pl.Expr:
    """Hidden or reported: overrules all that led to it."""
    return pl.when(_event("hide").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (
    converted, converted_after_view, clicked, stayed, bounced, passed_over, hidden,
)  # fmt: skip

EXPOSURE = pl.when(_event("impression")).then(
    (pl.col("event").cast(pl.String).shift(-1).over(_pair) == "click").fill_null(False)
)
"""Of an impression, whether the pair's next event is a click."""
