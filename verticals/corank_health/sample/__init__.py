"""A small health service written for this project: items, a year of events, judged queries."""

from pathlib import Path


def folder() -> Path:
    """Return the folder that holds items, users, interactions, queries and edges as CSV files."""
    return Path(__file__).parent
