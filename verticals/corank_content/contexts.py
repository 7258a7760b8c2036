"""When and on what somebody reads."""

import polars as pl

from corank import Context

_hour = pl.col("timestamp").dt.hour()

CONTEXTS = (
    Context(
        "daypart",
        pl.when(_hour < 6)
        .then(pl.lit("night"))
        .when(_hour < 12)
        .then(pl.lit("morning"))
        .when(_hour < 18)
        .then(pl.lit("afternoon"))
        .when(_hour < 24)  # not otherwise: an unknown hour is no evening
        .then(pl.lit("evening")),
    ),
    Context("weekend", pl.col("timestamp").dt.weekday() > 5),
    Context("device", pl.col("device")),
)
