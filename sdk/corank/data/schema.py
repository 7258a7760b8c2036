"""The tables a domain has; a vertical extends each with its own columns.

    items          what can be ranked                        items.{parquet,csv,jsonl}
    users          who acts (optional)                       users.*
    interactions   who did what to which item, and when      interactions.*
    queries        judged search answers                     queries.*
    labels         grades given by hand (optional)           labels.*
    edges          a knowledge graph (where one is declared) edges.*

Of interactions and queries one is enough.

The classes are dataframely schemas: a column may carry bounds, and a ``@dy.rule()`` may
relate several. Rows that break a rule are quarantined by `corank.data.read`, never dropped
silently. Checks that need two tables or the clock live there too; this module knows one row.
"""

from typing import Literal

import dataframely as dy
import polars as pl

TableName = Literal["items", "users", "interactions", "queries", "labels", "edges"]

MAX_GRADE = 3
"""Relevance grades run from 0 (not relevant) to 3 (exactly what was wanted)."""


class Item(dy.Schema):
    """Something that can be ranked. Extend it with the domain's own columns."""

    item_id = dy.String(primary_key=True, min_length=1)
    title = dy.String()

    @dy.rule()
    def title_not_blank(cls) -> pl.Expr:  # noqa: N805, D102
        return pl.col("title").str.strip_chars() != ""


class User(dy.Schema):
    """Somebody who acts."""

    user_id = dy.String(primary_key=True, min_length=1)


class Interaction(dy.Schema):
    """One event: a user did something to an item at a time (UTC, microseconds)."""

    user_id = dy.String(min_length=1)
    item_id = dy.String(min_length=1)
    event: dy.Column = dy.String(min_length=1)  # a vertical may narrow it to an Enum
    timestamp = dy.Datetime(time_unit="us")


class Query(dy.Schema):
    """One judgement: how well an item answers a query, graded 0..3; one for each pair."""

    query = dy.String(primary_key=True)
    item_id = dy.String(primary_key=True, min_length=1)
    grade = dy.Int64(min=0, max=MAX_GRADE)

    @dy.rule()
    def query_not_blank(cls) -> pl.Expr:  # noqa: N805, D102
        return pl.col("query").str.strip_chars() != ""


class Label(dy.Schema):
    """A grade that somebody gave by hand to what a user did to an item: it overrules every vote."""

    user_id = dy.String(primary_key=True, min_length=1)
    item_id = dy.String(primary_key=True, min_length=1)
    grade = dy.Int64(min=0, max=MAX_GRADE)


class Edge(dy.Schema):
    """One line of a knowledge graph; see `corank.data.graph`."""

    source = dy.String(primary_key=True, min_length=1)
    relation: dy.Column = dy.String(primary_key=True, min_length=1)  # may be narrowed to an Enum
    target = dy.String(primary_key=True, min_length=1)
