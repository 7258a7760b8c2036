"""A vertical: everything a domain declares, and nothing it computes.

A vertical package holds schemas, labelling functions, rules and a sample; what is common lives in
the SDK. How those that are there are found, see `corank.installed`.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

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
from corank.errors import ConfigError, DataError, DeclarationError, nearest
from corank.evaluate.metrics import parse_metric
from corank.evaluate.task import DEPTH
from corank.guarding import Vocabulary
from corank.policy import Policy
from corank.rank.rules import Rule
from corank.visitor import Visitor

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
        vocabulary: of whoever asks, the columns whose words rules guard by -> the item columns that
            know them; a word that stands in none of these is refused. See `corank.guarding`.
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
    vocabulary: Vocabulary = field(default_factory=dict)
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
        self._check_schemas()
        for what, column, known, table in self._names():
            if column not in known:
                self._refuse(
                    f"{what} names {column!r}, which is no column of {table}."
                    + nearest(column, known)
                )
        self._check_roles()
        self._check_metrics()
        self._check_rules()
        self._check_joins()
        contexts = [context.name for context in self.contexts]
        for name in contexts:
            if contexts.count(name) > 1:
                self._refuse(f"two contexts are called {name!r}.")

    def _refuse(self, why: str) -> NoReturn:
        raise DeclarationError(f"Vertical {self.name!r}: {why}")

    def _check_schemas(self) -> None:
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
                self._refuse(
                    f"{table}={schema.__name__} must extend corank.{bases[table].__name__}."
                )

    def _names(self) -> Iterator[tuple[str, str, Collection[str], str]]:
        """Yield what names a column, the column, those there are, and of which table."""
        items, users, events = (
            (schema.column_names(), schema.__name__)
            for schema in (self.items, self.users, self.interactions)
        )
        asker = (self.moment_columns, f"{events[1]} or {users[1]}")
        stated = template_columns(self.user_text) if self.user_text else ()
        shown = self.exposure.meta.root_names() if self.exposure is not None else ()
        roles = {"price": self.price, "provider": self.provider, "genre": self.genre}
        named = [
            ("its item text", template_columns(self.item_text), items),
            ("its user text", stated, users),
            ("its exposure", shown, events),
            *((f"its {role}", (column,), items) for role, column in roles.items() if column),
            *((f"the rule {rule.name!r}", rule.columns(), items) for rule in self.rules),
            *((f"the rule {rule.name!r}", rule.asks(), asker) for rule in self.rules),
            *(("a join", (each.column, each.of), items) for each in self.joins),
            *(
                (f"the context {each.name!r}", each.category.meta.root_names(), asker)
                for each in self.contexts
            ),
            ("its example asker", self.example_asker, asker),
            ("its policy's mask", self.policy.masked, asker),
            ("its vocabulary", self.vocabulary, asker),
            *(("its vocabulary", columns, items) for columns in self.vocabulary.values()),
            *((f"the visitor {each.name!r}", each.known, asker) for each in self.visitors),
        ]
        for what, columns, (known, table) in named:
            for column in columns:
                yield what, column, known, table

    def _check_roles(self) -> None:
        kinds = {name: column.dtype for name, column in self.items.columns().items()}
        if self.price and not kinds[self.price].is_numeric():
            self._refuse(f"price={self.price!r} holds no numbers.")
        for role, given in (("provider", self.provider), ("genre", self.genre)):
            if given and not countable(kinds[given]):
                self._refuse(
                    f"{role}={given!r} must hold text, whole numbers or lists of them; it holds "
                    f"{kinds[given]}."
                )
        if not self.labeling_functions:
            self._refuse("it declares no labelling function.")

    def _check_metrics(self) -> None:
        for metric in self.metrics:
            try:
                _, k = parse_metric(metric)
            except ConfigError as error:
                raise DeclarationError(f"Vertical {self.name!r}: {error}") from error
            if k > DEPTH:
                self._refuse(
                    f"{metric!r} looks deeper than the {DEPTH} ranks that are kept of an answer."
                )

    def _check_rules(self) -> None:
        soft = [rule for rule in self.rules if not rule.hard]
        for rule in soft[1:]:
            if rule.reads_scores:
                self._refuse(
                    f"the rule {rule.name!r} reads the model's scores, which {soft[0].name!r} "
                    "changes before it. Declare it as the first soft rule."
                )

    def _check_joins(self) -> None:
        if self.joins and self.edges is None:
            self._refuse("it joins along edges and declares none: edges=corank.Edge.")
        for each in self.joins:
            if each.column in {other.of for other in self.joins}:
                self._refuse(
                    f"a join fills {each.column!r}, from which another starts; edges are followed "
                    "one step. Fill a column of its own."
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
