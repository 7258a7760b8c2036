"""Data that grows: what happened since joins a split that was made before.

What the old test asks is not learned, so that a model fitted on the grown data can be asked it
as the old one was; the last of the new events are the test from now on, and the next time the data
grows, the old test is learned too. Known items keep their catalogue indices and take their newest
description; new ones come after. What a knowledge graph said goes on to hold, of new items too.
Knows tables; knows no models.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import polars as pl

from corank.data.dataset import Dataset, Split
from corank.data.schema import Label
from corank.errors import DataError


class Grown(NamedTuple):
    """A split with newer data in it.

    Args:
        split: training data with the new events in it but for the last, which are the test.
        old_test: what was tested before, over the grown catalogue.
        since: when the first new event happened.
    """

    split: Split
    old_test: Dataset
    since: dt.datetime


def grow(split: Split, new: Dataset, share: float) -> Grown:
    """Join new data to a split.

    Args:
        split: what there was.
        new: the catalogue as it is now, and events; those no later than the last that the split
            holds are not new, and left out, so a full export does as well.
        share: of the new events, the last ones, that are tested on.

    Raises:
        DataError: no event is new, or too few are; or edges lead where the items' schema forbids.
    """
    train, test = split
    shown = train.interactions.clear() if test.history is None else test.history
    learned = pl.concat([train.interactions, shown]).unique(maintain_order=True)
    known = pl.concat([learned, test.interactions])
    last = cast(dt.datetime, known["timestamp"].max())
    events = new.interactions.filter(pl.col("timestamp") > last)
    if events.is_empty():
        raise DataError(
            f"None of the {new.interactions.height:,} events is new: none is later than "
            f"{last:%Y-%m-%d %H:%M:%S}, the last that the model was fitted or tested on. "
            "Bring what happened since."
        )
    fresh, held = replace(new, interactions=events, queries=new.queries.clear()).split(
        "time", test=share
    )
    asked = test.interactions.select("user_id", "item_id")
    items, graph = _newest(train.items, new.items, ["item_id"]), new.graph
    if train.graph is not None:
        graph = train.graph.with_more(new.graph)
    if graph is not None:
        items = graph.fill(items)
    users = _newest(train.users, new.users, ["user_id"])
    labels = _newest(_labels(train), _labels(new), ["user_id", "item_id"])
    grown = replace(
        train,
        labels=labels,
        items=items,
        graph=graph,
        users=users,
        interactions=pl.concat([learned, fresh.interactions]).join(
            asked, on=["user_id", "item_id"], how="anti", maintain_order="left"
        ),
        queries=_newest(train.queries, _unasked(new.queries, test.queries), ["query", "item_id"]),
    )
    history = pl.concat([known, fresh.interactions])
    new_test = replace(
        held, items=items, users=users, labels=labels, history=history, queries=test.queries
    )
    old_test = replace(test, items=items, users=users, labels=labels)
    since = cast(dt.datetime, events["timestamp"].min())
    return Grown(Split(grown, new_test), old_test, since)


def _labels(data: Dataset) -> pl.DataFrame:
    """The grades given by hand, of which there may be none."""
    return Label.create_empty() if data.labels is None else data.labels


def _newest(old: pl.DataFrame, new: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Rows of both, old ones first and in their places; where both have one, the new one."""
    places = pl.concat([old.select(key), new.select(key)]).unique(maintain_order=True)
    rows = pl.concat([new, old]).unique(key, keep="first", maintain_order=True)
    return places.join(rows, on=key, how="left", maintain_order="left").select(old.columns)


def _unasked(queries: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Queries that no test asks."""
    return queries.join(asked, on="query", how="anti", maintain_order="left")
