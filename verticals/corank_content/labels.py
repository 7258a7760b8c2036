"""How relevant an event makes its item: 0 (turned down) to 3 (seen to the end, or passed on).

One event may say several things: what says more weighs more.
"""

import polars as pl

from corank import labeling_function

GLANCE = 15
"""Seconds; whoever leaves sooner was promised something else."""
_pair = ("user_id", "item_id")


def _event(*names: str) -> pl.Expr:
    return pl.col("event").cast(pl.String).is_in(names)


def _engaged() -> pl.Expr:
    """Whether this reader ever took to this item."""
    return (_event("finish", "like", "share") | (pl.col("completion") >= 0.5)).any().over(_pair)


@labeling_function(weight=4)
def finished() -> pl.Expr:
    """Read or watched to the end, or nearly."""
    return pl.when(_event("finish") | (pl.col("completion") >= 0.9)).then(3)


@labeling_function(weight=4)
def recommended() -> pl.Expr:
    """Liked, or passed on to others."""
    return pl.when(_event("like", "share")).then(3)


@labeling_function(weight=2)
def stayed() -> pl.Expr:
    """Saw half of it or more."""
    return pl.when(pl.col("completion").is_between(0.5, 0.9, closed="left")).then(2)


@labeling_function(weight=2)
def came_back() -> pl.Expr:
    """Opened it on another day too."""
    days = pl.col("timestamp").filter(_event("open")).dt.date().n_unique().over(_pair)
    return pl.when(_event("open") & (days > 1)).then(2)


@labeling_function
def opened() -> pl.Expr:
    """Opened it: worth a look, if nothing more is known."""
    return pl.when(_event("open")).then(1)


@labeling_function(weight=2)
def left_at_once() -> pl.Expr:
    """Opened, gone within seconds and never back to it: the title promised something else."""
    glance = (pl.col("dwell_seconds") < GLANCE) & (pl.col("completion").fill_null(0) < 0.5)
    return pl.when(_event("open") & glance & ~_engaged()).then(0)


@labeling_function(weight=12)
def hidden() -> pl.Expr:
    """Asked not to see it: overrules all that led to it."""
    return pl.when(_event("hide").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (finished, recommended, stayed, came_back, opened, left_at_once, hidden)
