"""How relevant an event makes its product: 0 (turned down) to 3 (bought and kept)."""

import datetime as dt

import polars as pl

from corank import labeling_function

VISIT = dt.timedelta(minutes=30)

_pair = ("user_id", "item_id")


def _event(name: str) -> pl.Expr:
    return pl.col("event").cast(pl.String) == name


@labeling_function
def purchased() -> pl.Expr:
    """Bought: exactly what was wanted."""
    return pl.when(_event("purchase")).then(3)


@labeling_function
def added_to_cart() -> pl.Expr:
    """Put into the cart: wanted, though perhaps not bought."""
    return pl.when(_event("add_to_cart")).then(2)


@labeling_function
def clicked() -> pl.Expr:
    """Opened from a list: worth a look."""
    return pl.when(_event("click")).then(1)


@labeling_function
def viewed_again() -> pl.Expr:
    """Came back to look at it on another day: interest without a click."""
    days = pl.col("timestamp").dt.date().n_unique().over(_pair)
    return pl.when(_event("view") & (days > 1)).then(1)


@labeling_function(weight=2)
def bounced() -> pl.Expr:
    """Left at once, and never did more with it: overrules the click that led there."""
    more = pl.col("event").cast(pl.String).is_in(["add_to_cart", "purchase"]).any().over(_pair)
    bounce = pl.when(_event("bounce")).then(pl.col("timestamp")).backward_fill()
    until = bounce.over(_pair, order_by="timestamp") - pl.col("timestamp")  # the next one
    led_there = _event("click") & until.is_between(dt.timedelta(), VISIT)
    return pl.when((_event("bounce") | led_there) & ~more).then(0)


@labeling_function(weight=4)
def returned() -> pl.Expr:
    """Sent back: overrules the purchase and all that led to it."""
    return pl.when(_event("return").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (purchased, added_to_cart, clicked, viewed_again, bounced, returned)
