"""The contract test of a vertical: what its declaration and its sample have to keep.

For the tests of a vertical's own package:

    def test_my_vertical_keeps_the_contract() -> None:
        check_vertical(corank.load_vertical("mine"))

Knows declarations and data; fits nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl

from corank.data.context import ASKER
from corank.data.dataset import Dataset
from corank.data.labels import vote
from corank.data.schema import Edge, Interaction, Item, Label, Query, User
from corank.data.text import render
from corank.errors import DataError, DeclarationError, RequestError
from corank.guarding import check_words, known_words
from corank.rank.rules import Ranked, Rule, Shelf, apply_rules
from corank.vertical import Vertical

SHOWN = 20
"""Items in the random history that rules are tried with."""


def check_vertical(vertical: Vertical) -> None:
    """Check everything that the SDK takes for granted about a vertical.

    - Each schema keeps the columns of the base it extends, with their types, keys and required
      values.
    - It ships a sample, and every row of it is accepted.
    - Every labelling function votes on some event of the sample and abstains on some other.
    - Some event is positive, and the sample can be split and carved as ``corank demo`` does.
    - Its visitors have looked at items of the sample, and tell of themselves what makes sense.
    - Where the sample holds queries, one at least has a relevant item.
    - Every item's text says something.
    - On a random ranking and on an empty one the rules do not fail, invent or repeat items, or
      leave scores out of order; no hard rule is broken afterwards, and something is left.

    A `Vertical` checks the rest when it is made: columns that exist, metrics that parse.

    Raises:
        DeclarationError: one of these does not hold; the message says which, and where.
    """
    try:
        _check_schemas(vertical)
        data = _read(vertical)
        _check_labels(data)
        _check_queries(vertical, data)
        _check_visitors(vertical, data)
        _check_texts(vertical, data)
        _check_rules(vertical, data)
    except DeclarationError as error:
        raise DeclarationError(f"Vertical {vertical.name!r}: {error}") from error


def _check_schemas(vertical: Vertical) -> None:
    bases: tuple[type[dy.Schema], ...] = (Item, User, Interaction, Query, Label, Edge)
    for schema, base in zip(vertical.schemas.values(), bases, strict=False):
        columns = schema.columns()
        for name, column in base.columns().items():
            if columns[name].nullable:
                raise DeclarationError(f"{schema.__name__}.{name} must not be nullable.")
            narrowed = name in ("event", "relation")
            if not narrowed and columns[name].dtype != column.dtype:
                raise DeclarationError(
                    f"{schema.__name__}.{name} holds {columns[name].dtype}; {base.__name__} "
                    f"declares {column.dtype}."
                )
        if set(schema.primary_key()) != set(base.primary_key()):
            raise DeclarationError(
                f"{schema.__name__} has the primary key {schema.primary_key()}; {base.__name__} "
                f"declares {base.primary_key()}."
            )


def _read(vertical: Vertical) -> Dataset:
    if vertical.sample is None:
        raise DeclarationError("it ships no sample. Give it one: sample=Path(...).")
    with TemporaryDirectory() as folder:
        try:
            data = vertical.read(vertical.sample, rejects=Path(folder) / "rejects.parquet")
        except DataError as error:
            raise DeclarationError(f"its sample cannot be read: {error}") from error
    tables = data.intake.tables.values() if data.intake else ()
    if reasons := [f"{table.file}: {reason}" for table in tables for reason in table.reasons]:
        raise DeclarationError(f"rows of its sample are rejected: {'; '.join(reasons)}.")
    return data


def _check_labels(data: Dataset) -> None:
    for votes in vote(data.labeling_functions, data.interactions):
        abstained = votes.null_count()
        if abstained == len(votes):
            raise DeclarationError(f"labelling function {votes.name!r} votes on no sample event.")
        if not abstained:
            raise DeclarationError(
                f"labelling function {votes.name!r} votes on every sample event; leave what it "
                "cannot judge null, as in pl.when(...).then(3)."
            )
    if data.positives.is_empty():
        raise DeclarationError("no sample event is graded above 0.")
    try:
        train, test = data.split("time")
        train.carve().train.carve()
        asked = len(test.cases().users)
    except DataError as error:
        raise DeclarationError(f"its sample is too small: {error}") from error
    if not asked:
        raise DeclarationError("its sample is too small: nothing is relevant in its last fifth.")


def _check_queries(vertical: Vertical, data: Dataset) -> None:
    if data.queries.height and not (data.queries["grade"] > 0).any():
        raise DeclarationError("its sample holds queries, and none has an item graded above 0.")
    if not all(query.strip() for query in vertical.example_queries):
        raise DeclarationError("one of its example queries is blank.")


def _check_visitors(vertical: Vertical, data: Dataset) -> None:
    for visitor in vertical.visitors:
        try:
            data.index_of(visitor.history)
            _said(vertical, data, visitor.known)
        except RequestError as error:
            raise DeclarationError(f"its visitor {visitor.name!r}: {error}") from error


def _check_texts(vertical: Vertical, data: Dataset) -> None:
    silent = data.items.filter(render(vertical.item_text, data.items) == "")
    if silent.height:
        raise DeclarationError(
            f"item_text {vertical.item_text!r} renders nothing for item {silent['item_id'][0]!r}."
        )


def _check_rules(vertical: Vertical, data: Dataset) -> None:
    rng = np.random.default_rng(0)
    n = data.items.height
    vectors = rng.normal(size=(n, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    anybody = Shelf(data.items, vectors, vertical.nobody)
    seen = rng.permutation(n)[:SHOWN].astype(np.int32)
    given = Ranked(rng.permutation(n).astype(np.int32), np.sort(rng.normal(size=n))[::-1], seen)
    example = _example(vertical, data)
    for asker in (vertical.nobody, example, *_askers(vertical, data)):
        shelf = anybody.asked_by(asker)
        for rule in vertical.rules:
            for ranked in (given, given.head(1), given.head(0)):
                _check_rule(rule, ranked, shelf)
        answer = apply_rules(vertical.rules, given, shelf)
        for rule in vertical.rules:
            if rule.hard and len(rule.apply(answer, shelf).items) < len(answer.items):
                raise DeclarationError(f"hard rule {rule.name!r} is broken by the finished answer.")
    if not len(apply_rules(vertical.rules, given, anybody.asked_by(example)).items):
        whom = " to its example_asker" if vertical.asked else ""
        raise DeclarationError(f"its rules leave nothing of the sample to show{whom}.")


def _said(vertical: Vertical, data: Dataset, known: Mapping[str, Any]) -> pl.DataFrame:
    """Somebody who says so much of themselves, as rules see them."""
    moment = vertical.moment(known)
    words = known_words(data.items, vertical.vocabulary, vertical.joins)
    check_words(known, vertical.vocabulary, words)
    return moment


def _example(vertical: Vertical, data: Dataset) -> pl.DataFrame:
    """Who asks in the demo, as rules see them."""
    try:
        return _said(vertical, data, vertical.example_asker)
    except RequestError as error:
        raise DeclarationError(f"its example_asker makes no sense: {error}") from error


def _askers(vertical: Vertical, data: Dataset) -> Iterator[pl.DataFrame]:
    """Some of the sample's users, as rules see them."""
    known = [pl.col(name).alias(ASKER + name) for name in vertical.asked if name in data.users]
    yield from data.users.head(SHOWN).select(known).iter_slices(1) if known else ()


def _check_rule(rule: Rule, ranked: Ranked, shelf: Shelf) -> None:
    try:
        left = rule.apply(ranked, shelf)
    except Exception as error:  # a stranger's rule may raise anything
        raise DeclarationError(
            f"rule {rule.name!r} fails on {len(ranked.items)} items: {error!r}."
        ) from error
    if len(np.unique(left.items)) < len(left.items) or not np.isin(left.items, ranked.items).all():
        raise DeclarationError(f"rule {rule.name!r} repeats items or brings in new ones.")
    if len(left.scores) != len(left.items) or (np.diff(left.scores) > 0).any():
        raise DeclarationError(f"rule {rule.name!r} leaves scores that do not descend.")
    if not rule.describe().strip():
        raise DeclarationError(f"rule {rule.name!r} does not describe itself.")
