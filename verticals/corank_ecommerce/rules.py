"""What a shop insists on, whatever the model thinks."""

import polars as pl

from corank import AlreadySeen, Boost, Cap, Exclude

RULES = (
    Exclude("out_of_stock", pl.col("stock") == 0),
    AlreadySeen(unless=pl.col("consumable")),
    Cap("parent_id", at_most=1),
    Boost("promoted", pl.col("on_promotion"), by=0.05),
    Cap("brand", at_most=3, top=10),
)
