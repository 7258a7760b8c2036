"""How relevant an event makes its item: 0 (turned down) to 3 (just what was wanted).

A function that says nothing of an event leaves it null. Where several speak of one, the heavier
counts for more; ``corank demo`` prints how often each of them votes, and against whom.
"""

import polars as pl

from corank import labeling_function

LONG = 60
"""Seconds from which somebody has read on."""
GLANCE = 10
"""Seconds; whoever leaves sooner was looking for something else."""
_pair = ("user_id", "item_id")


def _event(*names: str) -> pl.Expr:
    return pl.col("event").cast(pl.String).is_in(names)


@labeling_function(weight=4)
def downloaded() -> pl.Expr:
    """Taken home."""
    return pl.when(_event("download")).then(3)


@labeling_function(weight=4)
def saved() -> pl.Expr:
    """Kept for later."""
    return pl.when(_event("save")).then(3)


@labeling_function(weight=2)
def read() -> pl.Expr:
    """Open for a minute or more."""
    return pl.when(_event("open") & (pl.col("seconds") >= LONG)).then(2)


@labeling_function(weight=2)
def came_back() -> pl.Expr:
    """Opened on another day too."""
    days = pl.col("timestamp").filter(_event("open")).dt.date().n_unique().over(_pair)
    return pl.when(_event("open") & (days > 1)).then(2)


@labeling_function
def opened() -> pl.Expr:
    """Opened: worth a look, if nothing more is known."""
    return pl.when(_event("open")).then(1)


@labeling_function(weight=2)
def left_at_once() -> pl.Expr:
    """Closed within seconds, and neither kept nor taken."""
    kept = _event("download", "save").any().over(_pair)
    return pl.when(_event("open") & (pl.col("seconds") < GLANCE) & ~kept).then(0)


@labeling_function(weight=12)
def dismissed() -> pl.Expr:
    """Asked not to see it again: overrules all that led to it."""
    return pl.when(_event("dismiss").any().over(_pair)).then(0)


LABELING_FUNCTIONS = (downloaded, saved, read, came_back, opened, left_at_once, dismissed)
