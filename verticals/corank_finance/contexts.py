"""How customers come, and when they need their money."""

import polars as pl

from corank import Context
from corank.data.context import DEVICE, WEEKEND

CONTEXTS = (DEVICE, Context("horizon", pl.col("horizon")), WEEKEND)
