"""When and on what somebody shops, and what they use to pay."""

import polars as pl

from corank import Context
from corank.data.context import DAYPART, DEVICE, WEEKEND

CONTEXTS = (DAYPART, WEEKEND, DEVICE, Context("price_band", pl.col("price_band")))
