"""A small library written down: documents, visitors, a year of events, judged queries."""

from pathlib import Path


def folder() -> Path:
    """Return the folder that holds items, users, interactions and queries as CSV files."""
    return Path(__file__).parent
