"""A small ad server written for this project: creatives, a year of impressions, judged searches."""

from pathlib import Path


def folder() -> Path:
    """Return the folder that holds items, users, interactions and queries as CSV files."""
    return Path(__file__).parent
