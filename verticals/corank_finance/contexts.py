"""How customers come, and when they need their money."""

import polars as pl

from corank import Context

CONTEXTS = (
    Context("device", pl.col("device")),
    Context("horizon", pl.col("horizon")),
    Context("weekend", pl.col("timestamp").dt.weekday() > 5),
)
