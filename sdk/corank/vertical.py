"""A vertical: everything a domain declares, and nothing it computes.

Verticals are found by entry point (group ``corank.verticals``); the built-in ones come through
the same door as a stranger's. A vertical package holds schemas, labelling functions, rules and
a sample; what is common lives in the SDK.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from corank.data.context import ASKER, Context, Moments, moment
from corank.data.dataset import Dataset
from corank.data.graph import Graph, Join
from corank.data.labels import LabelingFunction
from corank.data.read import read_tables
from corank.data.schema import Edge, Interaction, Item, Label, Query, TableName, User
from corank.data.text import template_columns
from corank.data.validate import broken
from corank.data.values import countable
from corank.errors import (
    ConfigError,
    DataError,
    DeclarationError,
    UnknownVerticalError,
    nearest,
)
from corank.evaluate.metrics import parse_metric
from corank.evaluate.task import DEPTH
from corank.policy import Policy
from corank.rank.rules import Rule
from corank.visitor import Visitor

GROUP = "corank.verticals"
TIME = "timestamp"


@dataclass(frozen=True, kw_only=True)
class Vertical:
    """What a domain declares.

    Args:
        name: short and lower case; the word users type.
        items, interactions, users, queries: dataframely schemas, extending `corank.Item`,
            `corank.Interaction`, `corank.User` and `corank.Query`.
        item_text: a template over item columns; what the language model reads.
        labeling_functions: votes on how relevant an event makes its item.
        exposure: of each event, whether what it shows was chosen: true, false, or null where it
            shows nothing. With it, the chance that stands with an answer is that of being chosen
            when shown; without it, that of being what is chosen next.
        user_text: a template over user columns: the interests that somebody has stated.
        contexts: what is asked about the moment of an event; see `corank.data.context`.
        edges: the schema of a knowledge graph, extending `corank.Edge`, if there is one.
        joins: item columns that are filled along its edges when data is read; see
            `corank.data.graph`.
        rules: business rules, applied in order after the model.
        policy: when no ranking is shown, what stands beside one, and what no log holds.
        metrics: what the report leads with, such as ``"ndcg@10"``.
        price: the item column that holds a price, if there is one; price affinity reads it.
        provider: the item column that says whose an item is (brand, advertiser, publisher,
            studio), if there is one; the report says how much of the exposure each has.
        genre: the item column whose mixture in a history a list should reflect, if there is
            one; the report says how far lists are from it. Both may hold several values; see
            `corank.data.values`.
        panels: tabs of its own in the app, ``module:attribute`` of a `corank.serve.panel.Panel`
            each; loaded when the app is.
        models: what it needs beside a ranker, by name: ``module:function``, which takes an
            `EncoderConfig` (or None) and a seed and returns what has a ``save``; fitted by
            ``corank demo`` and kept beside the bundle.
        sample: folder of a small data set that ships with the vertical.
        visitors: people of the sample that the app offers to try it as.
        example_queries: what the demo searches for.
        example_asker: who asks in the demo, and at first in the app, where rules ask who asks:
            columns of users and interactions, as `Engine.search` takes them in ``now``.

    Raises:
        DeclarationError: a part does not fit the others.
    """

    name: str
    items: type[Item]
    interactions: type[Interaction]
    users: type[User] = User
    queries: type[Query] = Query
    item_text: str = "{title}"
    labeling_functions: tuple[LabelingFunction, ...]
    exposure: pl.Expr | None = None
    user_text: str | None = None
    contexts: tuple[Context, ...] = ()
    edges: type[Edge] | None = None
    joins: tuple[Join, ...] = ()
    rules: tuple[Rule, ...] = ()
    policy: Policy = field(default_factory=Policy)
    metrics: tuple[str, ...] = ("ndcg@10", "recall@100")
    price: str | None = None
    provider: str | None = None
    genre: str | None = None
    panels: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    sample: Path | None = None
    visitors: tuple[Visitor, ...] = ()
    example_queries: tuple[str, ...] = field(default=())
    example_asker: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bases: dict[TableName, type[dy.Schema]] = {
            "items": Item,
            "users": User,
            "interactions": Interaction,
            "queries": Query,
            "labels": Label,
            "edges": Edge,
        }
        for table, schema in self.schemas.items():
            if not issubclass(schema, bases[table]):
                raise DeclarationError(
                    f"Vertical {self.name!r}: {table}={schema.__name__} must extend "
                    f"corank.{bases[table].__name__}."
                )
        columns = self.items.column_names()
        roles = (self.price, self.provider, self.genre)
        named = [*template_columns(self.item_text), *(column for column in roles if column)]
        for rule in self.rules:
            named += rule.columns()
        for each in self.joins:
            named += [each.column, each.of]
        for column in named:
            if column not in columns:
                raise DeclarationError(
                    f"Vertical {self.name!r} names the item column {column!r}, which "
                    f"{self.items.__name__} does not have." + nearest(column, columns)
                )
        if not self.labeling_functions:
            raise DeclarationError(f"Vertical {self.name!r} declares no labelling function.")
        if self.price and not self.items.columns()[self.price].dtype.is_numeric():
            raise DeclarationError(
                f"Vertical {self.name!r}: price={self.price!r} holds no numbers."
            )
        for role, given in (("provider", self.provider), ("genre", self.genre)):
            if given and not countable(self.items.columns()[given].dtype):
                raise DeclarationError(
                    f"Vertical {self.name!r}: {role}={given!r} must hold text, whole numbers or "
                    f"lists of them; it holds {self.items.columns()[given].dtype}."
                )
        for metric in self.metrics:
            self._check_metric(metric)
        self._check_exposure()
        soft = [rule for rule in self.rules if not rule.hard]
        for rule in soft[1:]:
            if rule.reads_scores:
                raise DeclarationError(
                    f"Vertical {self.name!r}: the rule {rule.name!r} reads the model's scores, "
                    f"which {soft[0].name!r} changes before it. Declare it as the first soft rule."
                )
        if self.joins and self.edges is None:
            raise DeclarationError(
                f"Vertical {self.name!r} joins along edges and declares none: edges=corank.Edge."
            )
        for each in self.joins:
            if each.column in {other.of for other in self.joins}:
                raise DeclarationError(
                    f"Vertical {self.name!r} fills {each.column!r}, from which a join starts; "
                    "edges are followed one step. Fill a column of its own."
                )
        self._check_user_text()
        self._check_contexts()
        says = {
            "a rule asks for": self.asked,
            "its example tells": tuple(self.example_asker),
            "its policy masks": self.policy.masked,
            "a visitor of its tells": tuple({n for each in self.visitors for n in each.known}),
        }
        for what, told in says.items():
            for column in told:
                if column not in self.moment_columns:
                    raise DeclarationError(
                        f"Vertical {self.name!r}: {what} {column!r} of whoever asks, which is no "
                        f"column of {self.interactions.__name__} or {self.users.__name__}."
                        + nearest(column, self.moment_columns)
                    )

    def _check_metric(self, metric: str) -> None:
        try:
            _, k = parse_metric(metric)
        except ConfigError as error:
            raise DeclarationError(f"Vertical {self.name!r}: {error}") from error
        if k > DEPTH:
            raise DeclarationError(
                f"Vertical {self.name!r}: {metric!r} looks deeper than the {DEPTH} ranks that are "
                "kept of an answer."
            )

    def _check_exposure(self) -> None:
        columns = self.interactions.column_names()
        for column in self.exposure.meta.root_names() if self.exposure is not None else ():
            if column not in columns:
                raise DeclarationError(
                    f"Vertical {self.name!r}: its exposure reads {column!r}, which is no column "
                    f"of {self.interactions.__name__}." + nearest(column, columns)
                )

    def _check_user_text(self) -> None:
        for column in template_columns(self.user_text) if self.user_text else ():
            if column not in self.users.column_names():
                raise DeclarationError(
                    f"Vertical {self.name!r} names the user column {column!r}, which "
                    f"{self.users.__name__} does not have."
                    + nearest(column, self.users.column_names())
                )

    def _check_contexts(self) -> None:
        names = [context.name for context in self.contexts]
        for context in self.contexts:
            if names.count(context.name) > 1:
                raise DeclarationError(
                    f"Vertical {self.name!r} declares two contexts called {context.name!r}."
                )
            for column in context.category.meta.root_names():
                if column not in self.moment_columns:
                    raise DeclarationError(
                        f"Vertical {self.name!r}: context {context.name!r} reads {column!r}, which "
                        f"is no column of {self.interactions.__name__} or {self.users.__name__}."
                        + nearest(column, self.moment_columns)
                    )

    @cached_property
    def moment_columns(self) -> dict[str, dy.Column]:
        """What a request may say about its moment: columns of interactions and users."""
        columns = {**self.users.columns(), **self.interactions.columns()}
        return {n: c for n, c in columns.items() if n not in ("user_id", "item_id", "event")}

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """Columns of interactions and users that its rules ask for."""
        return tuple(sorted({column for rule in self.rules for column in rule.asks()}))

    def moment(
        self, now: Mapping[str, Any] | None = None, session: int = 0, interests: str = ""
    ) -> Moments:
        """Return the moment of a request; the time is the present where rules ask and none is told.

        Args:
            now: what is known of it and of whoever asks: columns of interactions and users.
            session: how many of the history's newest items belong to the running session.
            interests: in words.

        Raises:
            RequestError: a column is unknown, or a value cannot be read or is not allowed in it.
        """
        told = dict(now or {})
        if TIME in self.asked and TIME not in told:
            told[TIME] = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        return moment(self.contexts, self.moment_columns, told, session, interests, self.asked)

    @property
    def nobody(self) -> pl.DataFrame:
        """Somebody of whom nothing is known, as rules see them: one row of nulls."""
        kinds = {ASKER + name: self.moment_columns[name].dtype for name in self.asked}
        return pl.DataFrame({name: [None] for name in kinds}, schema=kinds)

    @property
    def schemas(self) -> dict[TableName, type[dy.Schema]]:
        """The schemas by table, in the order they are read."""
        tables: dict[TableName, type[dy.Schema]] = {
            "items": self.items,
            "users": self.users,
            "interactions": self.interactions,
            "queries": self.queries,
            "labels": Label,
        }
        return tables | {"edges": self.edges} if self.edges else tables

    def read(
        self,
        folder: str | Path,
        *,
        columns: Mapping[str, str] | None = None,
        rejects: str | Path | None = None,
        now: dt.datetime | None = None,
    ) -> Dataset:
        """Read, validate and quarantine a folder of tables (see `corank.data.read`).

        Args:
            folder: holds items, interactions or judged queries or both, and perhaps users,
                labels and edges, each as parquet, csv or jsonl.
            columns: the files' column names -> the schema's.
            rejects: where rejected rows go; ``folder/rejects.parquet`` by default.
            now: events later than this (UTC) are rejected; the present by default.

        Raises:
            DataError: a file is missing, empty or unusable.
            SchemaError: a column is missing, misspelled or of the wrong type.
        """
        tables, intake = read_tables(
            Path(folder),
            self.schemas,
            columns=columns or {},
            rejects=Path(rejects) if rejects else None,
            now=now or dt.datetime.now(dt.UTC).replace(tzinfo=None),
        )
        graph = None
        if self.joins and "edges" in tables:
            graph = Graph(edges=tables["edges"], joins=self.joins, items=self.items)
            intake.tables["edges"].notes += graph.loose_ends(tables["items"])
            tables["items"] = graph.fill(tables["items"])
        elif self.joins:
            filled = ", ".join(each.column for each in self.joins)
            intake.tables["items"].notes.append(
                f"no edges file: {filled} are taken as they stand, and rules know no more"
            )
        events = tables.get("interactions", self.interactions.create_empty())
        return Dataset(
            items=tables["items"],
            users=tables.get("users", self._strangers(events["user_id"])),
            interactions=events,
            queries=tables.get("queries", self.queries.create_empty()),
            labels=tables.get("labels", Label.create_empty()),
            graph=graph,
            labeling_functions=self.labeling_functions,
            contexts=self.contexts,
            asked=self.asked,
            user_text=self.user_text,
            exposure=self.exposure,
            intake=intake,
        )

    def check_items(self, items: pl.DataFrame) -> None:
        """See that a catalogue which was put together is one that the schema allows.

        Raises:
            DataError: it is not: what holds of each part does not hold of both.
        """
        if rules := broken(self.items, items):
            raise DataError(
                f"Old and new items together break {rules} of {self.items.__name__}. Mend the new "
                "ones, or fit on all of them anew."
            )

    def _strangers(self, user_ids: pl.Series) -> pl.DataFrame:
        """Users of whom nothing is known but that they acted."""
        ids = user_ids.unique().sort().to_frame()
        return pl.concat([self.users.create_empty(), ids], how="diagonal_relaxed")

    def read_sample(self) -> Dataset:
        """Read the sample that ships with the vertical.

        Raises:
            DataError: the vertical ships none.
        """
        if self.sample is None:
            raise DataError(f"Vertical {self.name!r} ships no sample. Use read(folder).")
        return self.read(self.sample)


def verticals() -> dict[str, Vertical]:
    """Return every installed vertical by name.

    Raises:
        DeclarationError: an entry point cannot be loaded, or holds something else than a
            `Vertical` of its own name.
    """
    return {name: _load(point) for name, point in sorted(_points().items())}


def load_vertical(name: str) -> Vertical:
    """Return the installed vertical of that name; no other is loaded.

    Raises:
        UnknownVerticalError: there is none; the message names the nearest.
        DeclarationError: as `verticals`.
    """
    points = _points()
    if name not in points:
        raise UnknownVerticalError(
            f"No vertical {name!r}; installed: {', '.join(sorted(points))}." + nearest(name, points)
        )
    return _load(points[name])


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Vertical:
    given = f"Entry point {point.name} = {point.value}"
    try:
        vertical = point.load()
    except (ImportError, AttributeError) as error:
        raise DeclarationError(f"{given} cannot be loaded: {error}.") from error
    if not isinstance(vertical, Vertical):
        raise DeclarationError(
            f"{given} holds a {type(vertical).__name__}; expected a corank.Vertical."
        )
    if vertical.name != point.name:
        raise DeclarationError(
            f"{given} holds the vertical {vertical.name!r}; give both the same name."
        )
    return vertical
