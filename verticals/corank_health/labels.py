"""How relevant an event makes its item: 0 (of no use) to 3 (of use).

One event may say several things: what says more weighs more.
"""

import polars as pl

from corank import labeling_function

READ = 30
"""Seconds in which something was read."""
GLANCE = 6
"""Seconds in which it was left again."""
_pair = ("user_id", "item_id")


def _event(*names: str) -> pl.Expr:
    return pl.col("event").cast(pl.String).is_in(names)


@labeling_function(weight=4)
def helped() -> pl.Expr:
    """Said to have been of help."""
    return pl.when(_event("helpful")).then(3)


@labeling_function(weight=4)
def bought() -> pl.Expr:
    """Bought."""
    return pl.when(_event("buy")).then(3)


@labeling_function(weight=2)
def saved() -> pl.Expr:
    """Kept for later."""
    return pl.when(_event("save")).then(2)


@labeling_function
def read_through() -> pl.Expr:
    """Open for half a minute or more."""
    return pl.when(_event("read") & (pl.col("dwell_seconds") >= READ)).then(2)


@labeling_function
def looked_at_again() -> pl.Expr:
    """Came back to it on another day."""
    days = pl.col("timestamp").dt.date().n_unique().over(_pair)
    return pl.when(_event("view") & (days > 1)).then(1)


@labeling_function
def left_at_once() -> pl.Expr:
    """Opened and left within a few seconds."""
    return pl.when(_event("read") & (pl.col("dwell_seconds") < GLANCE)).then(0)


@labeling_function(weight=12)
def no_help() -> pl.Expr:
    """Said to have been of no help: overrules all that led to it."""
    return pl.when(_event("unhelpful").any().over(_pair)).then(0)


@labeling_function(weight=12)
def sent_back() -> pl.Expr:
    """Sent back, or reported as wrong or harmful: overrules all that led to it."""
    return pl.when(_event("return", "report").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (
    helped, bought, saved, read_through, looked_at_again, left_at_once, no_help, sent_back,
)  # fmt: skip
