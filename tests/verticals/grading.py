"""What the tests of labelling functions share."""

import datetime as dt

import polars as pl

from corank import Vertical
from corank.data.labels import combine


def graded(vertical: Vertical, *events: tuple[str, int]) -> float | None:
    """Return the grade of one item to one user: events, and the day of each."""
    rows = [("u", "i", event, dt.datetime(2025, 1, 1) + dt.timedelta(day)) for event, day in events]
    frame = pl.DataFrame(rows, ["user_id", "item_id", "event", "timestamp"], orient="row")
    found = combine(vertical.labeling_functions, frame)
    return float(found["grade"].item()) if found.height else None
