"""How relevant an event makes its product: 0 (regretted) to 3 (taken and kept).

One event may say several things: what says more weighs more. An application that the house declines
was still wanted.
"""

import polars as pl

from corank import labeling_function

SOON = 60
"""Days; what is closed within them was not what was wanted."""
_pair = ("user_id", "item_id")


def _event(*names: str) -> pl.Expr:
    return pl.col("event").cast(pl.String).is_in(names)


@labeling_function(weight=4)
def opened() -> pl.Expr:
    """Taken out: exactly what was wanted."""
    return pl.when(_event("open")).then(3)


@labeling_function(weight=2)
def applied() -> pl.Expr:
    """Applied for, whether or not the house agreed."""
    return pl.when(_event("apply")).then(2)


@labeling_function
def compared() -> pl.Expr:
    """Set beside others: one of a few that were in question."""
    return pl.when(_event("compare")).then(1)


@labeling_function
def read() -> pl.Expr:
    """Read what it costs and what can go wrong."""
    return pl.when(_event("details")).then(1)


@labeling_function
def viewed_again() -> pl.Expr:
    """Came back to it on another day."""
    days = pl.col("timestamp").dt.date().n_unique().over(_pair)
    return pl.when(_event("view") & (days > 1)).then(1)


@labeling_function(weight=12)
def closed_soon() -> pl.Expr:
    """Closed within two months of being opened: overrules all that led to it."""
    at = pl.col("timestamp")
    began = pl.when(_event("open")).then(at).forward_fill()  # the last time before each event
    lasted = pl.when(_event("close")).then(at - began).min().over(_pair, order_by="timestamp")
    return pl.when(lasted.dt.total_days() <= SOON).then(0)


@labeling_function(weight=12)
def complained() -> pl.Expr:
    """Complained about: overrules all that led to it."""
    return pl.when(_event("complain").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (opened, applied, compared, read, viewed_again, closed_soon, complained)
