"""A domain's data in memory: four tables, their labels, and how they were split.

A `Dataset` is either training data or test data. Test data also carries ``history``: the
events a system may look at when it answers, which can be more than it was trained on (under
leave-one-out a model never sees the validation event, and is shown it at test time). The
module does not know models, and never changes a table it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.context import (
    ASKER,
    SESSION,
    SESSION_GAP,
    STATED,
    Context,
    Moments,
    circumstances,
    in_session,
)
from corank.data.graph import Graph
from corank.data.labels import CHOSEN, LabelingFunction, combine, disputed, exposed, label_table
from corank.data.ragged import Ragged
from corank.data.read import Intake
from corank.data.split import (
    Protocol,
    ProtocolName,
    Tables,
    find_leaks,
    sample,
    split_tables,
    warn_leaks,
)
from corank.data.text import render
from corank.errors import DataError, UnknownItemError, nearest


class Cases(NamedTuple):
    """What a test asks: given each history, rank the catalogue; these items were relevant."""

    users: pl.Series  # (n,) user ids; a user may come up more than once
    histories: Ragged  # (n,) positive items before the test event, oldest first
    relevant: Ragged  # (n,) relevant items, their grades as values
    moments: Moments  # (n,) what is known of the moment of asking


class Exposures(NamedTuple):
    """What was shown to whom, and whether it was chosen then."""

    histories: Ragged  # (n,) positive items before it was shown, oldest first
    items: NDArray[np.int32]  # (n,)
    chosen: NDArray[np.bool_]  # (n,)
    moments: Moments  # (n,) what is known of the moment

    def __len__(self) -> int:
        return len(self.items)

    def sample(self, n: int, seed: int) -> "Exposures":
        """Return ``n`` of them, or all when there are no more."""
        if len(self) <= n:
            return self
        rows = np.sort(np.random.default_rng(seed).permutation(len(self))[:n])
        histories, moments = self.histories.take(rows), self.moments[rows]
        return Exposures(histories, self.items[rows], self.chosen[rows], moments)


class Split(NamedTuple):
    """Training and test data, in that order."""

    train: "Dataset"
    test: "Dataset"


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Validated tables with the labelling functions that grade their events."""

    items: pl.DataFrame
    users: pl.DataFrame
    interactions: pl.DataFrame
    queries: pl.DataFrame
    labeling_functions: tuple[LabelingFunction, ...]
    contexts: tuple[Context, ...] = ()
    labels: pl.DataFrame | None = None  # grades given by hand
    graph: Graph | None = None  # what the items' columns were filled from
    asked: tuple[str, ...] = ()  # columns of interactions and users that rules ask for
    user_text: str | None = None
    exposure: pl.Expr | None = None  # of an event, whether what it shows was chosen; null: no show
    history: pl.DataFrame | None = None
    protocol: Protocol | None = None
    leaks: tuple[str, ...] = ()
    intake: Intake | None = None

    @cached_property
    def positives(self) -> pl.DataFrame:
        """One row per (user, item) graded above 0, by user and time (see `labels.combine`).

        Columns: user_id, item_id, timestamp, grade, weight, item (catalogue index, Int32), and
        the category of each context and what rules ask for.
        """
        return self._graded(self.interactions).filter(pl.col("grade") > 0)

    @cached_property
    def negatives(self) -> pl.DataFrame:
        """One row per (user, item) graded 0: seen and turned down. Columns as `positives`."""
        return self._graded(self.interactions).filter(pl.col("grade") == 0)

    def label_table(self, truth: pl.Series | None = None) -> pl.DataFrame:
        """Coverage, overlaps, conflicts and accuracy of each labelling function."""
        return label_table(self.labeling_functions, self.interactions, truth)

    def disputed(self, n: int, seed: int = 0) -> pl.DataFrame:
        """Events whose grade is most in doubt, of those not graded by hand; see `labels`."""
        events = self.interactions
        if self.labels is not None:
            events = events.join(
                self.labels, on=["user_id", "item_id"], how="anti", maintain_order="left"
            )
        return disputed(self.labeling_functions, events, n, seed)

    def index_of(self, item_ids: Sequence[str]) -> NDArray[np.int32]:
        """Return the catalogue indices of these items, (n,).

        Raises:
            UnknownItemError: an id is not in the catalogue.
        """
        return lookup(self._positions, item_ids)

    def sequences(self) -> tuple[pl.Series, Ragged]:
        """Return (user ids, each user's positive items, oldest first, label weights)."""
        grouped = self.positives.group_by("user_id", maintain_order=True).agg("item", "weight")
        return grouped["user_id"], Ragged.from_grouped(grouped["item"], grouped["weight"])

    def lateness(self) -> NDArray[np.float64]:
        """Share of `positives` that each of them came after or with, 0 to 1, in their order.

        They are also the order of the items in `sequences`.
        """
        return self.positives["timestamp"].rank("average").to_numpy() / self.positives.height

    def item_counts(self) -> NDArray[np.int64]:
        """How many users found each item relevant, (n_items,)."""
        return np.bincount(self.positives["item"].to_numpy(), minlength=self.items.height)

    def cases(self) -> Cases:
        """Return one case per user and history: test events that follow the same one merge.

        Raises:
            DataError: this is training data, with no history to answer from.
        """
        shown = self._shown()
        asked = (
            self._placed(self.positives, shown)
            .sort("user_id", "seen", "timestamp", maintain_order=True)
            .group_by("user_id", "seen", maintain_order=True)
            .agg("item", "grade", pl.col(SESSION, *self._circumstances).first())
        )
        asked = self._remembering(asked, shown)
        return Cases(
            asked["user_id"],
            Ragged.from_grouped(asked["history"], asked["weight"]),
            Ragged.from_grouped(asked["item"], asked["grade"]),
            asked.select(SESSION, STATED, *self._circumstances),
        )

    def exposures(self) -> Exposures:
        """Return what was shown, by user and time, where the domain says which events show.

        Raises:
            DataError: this is training data, with no history to answer from.
            DeclarationError: the domain's expression is not true, false or null of each event.
        """
        shown, events = self._shown(), self.interactions
        told = circumstances(self.contexts, events, self.users, self.asked)
        chosen = exposed(self.exposure, events)
        placed = events.select("user_id", "item_id", "timestamp").hstack(told).hstack([chosen])
        placed = placed.filter(pl.col(CHOSEN).is_not_null()).join(self._positions, on="item_id")
        placed = self._placed(placed, shown).sort("user_id", "timestamp", maintain_order=True)
        placed = self._remembering(placed, shown)
        return Exposures(
            Ragged.from_grouped(placed["history"], placed["weight"]),
            placed["item"].to_numpy(),
            placed[CHOSEN].to_numpy(),
            placed.select(SESSION, STATED, *self._circumstances),
        )

    def _shown(self) -> pl.DataFrame:
        """The positives of the history, by user and time."""
        if self.history is None:
            raise DataError("This dataset has no history: take the test side of data.split(...).")
        return self._graded(self.history).filter(pl.col("grade") > 0)

    def _placed(self, events: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
        """Events with how many items of the history came before each, and of the session."""
        moments = shown.select(
            "user_id",
            "timestamp",
            last=pl.col("timestamp"),
            seen=pl.int_range(1, pl.len() + 1).over("user_id"),
        )
        moments = moments.hstack(in_session(shown)).sort("timestamp", maintain_order=True)
        goes_on = pl.col("timestamp") - pl.col("last") <= SESSION_GAP
        return (
            events.sort("timestamp", maintain_order=True)
            .join_asof(moments, on="timestamp", by="user_id", check_sortedness=False)
            .with_columns(pl.col("seen").fill_null(0), pl.when(goes_on).then(SESSION).otherwise(0))
        )

    def _remembering(self, asked: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
        """Rows with the history that each has seen so much of, and the interests stated."""
        histories = shown.group_by("user_id").agg(history="item", weight="weight")
        return (
            asked.join(histories, on="user_id", how="left", maintain_order="left")
            .with_columns(pl.col("history", "weight").list.head("seen").fill_null([]))
            .join(self._stated, on="user_id", how="left", maintain_order="left")
            .with_columns(pl.col(STATED).fill_null(""))
        )

    def judged_queries(self) -> tuple[list[str], Ragged]:
        """Return (distinct queries, their judged items with grades as values)."""
        grouped = (
            self.queries.join(self._positions, on="item_id", maintain_order="left")
            .group_by("query", maintain_order=True)
            .agg("item", "grade")
        )
        return grouped["query"].to_list(), Ragged.from_grouped(grouped["item"], grouped["grade"])

    def split(self, protocol: ProtocolName = "time", *, test: float = 0.2, seed: int = 0) -> Split:
        """Split into training and test data.

        Args:
            protocol: ``"time"``: everything from one global moment on is test;
                ``"leave-one-out"``: each user's last relevant item;
                ``"cold-items"``: all events on a random share of the items;
                ``"cold-users"``: the last relevant item of a random share of the users, none of
                whose events are trained on.
            test: the share that is test (of events, items or users); unused by leave-one-out.
            seed: of the random choice of items, users and queries.

        Warns:
            LeakageWarning: training sees what it is tested on; the report is stamped with it.

        Raises:
            DataError: one side would be empty.
        """
        how = Protocol(protocol, test, seed)
        train, held = self._split(how)
        leaks = find_leaks(train._tables, held._tables, how)
        warn_leaks(leaks)
        return Split(
            replace(train, protocol=how, leaks=leaks), replace(held, protocol=how, leaks=leaks)
        )

    def carve(self) -> Split:
        """Split training data once more, the way it was split before (by time if it never was).

        Data without its cold items is carved by leave-one-out: were every held-out item new, a
        ranker would learn that new items are the right answer. Used inside fitting, for
        validation: it raises no warning, because the outer split did.
        """
        protocol = self.protocol or Protocol("time", 0.1, 0)
        if protocol.name == "cold-items":
            protocol = replace(protocol, name="leave-one-out")
        return self._split(protocol)

    def rehearse(self) -> Split:
        """Carve, for a ranker to learn on: with as many new items as the test will have.

        Where the outer split held out a share of the items, so does this one, but what is asked
        is each user's last item, new or not: a new item is the answer as often as any other of
        its popularity. Splits by time bring new items of themselves.
        """
        base, held = self.carve()
        if self.protocol is None or self.protocol.name != "cold-items" or held.history is None:
            return Split(base, held)
        new = pl.col("item_id").is_in(sample(self.positives["item_id"], self.protocol).implode())
        return Split(
            replace(base, interactions=base.interactions.filter(~new)),
            replace(held, history=held.history.filter(~new)),
        )

    def _split(self, protocol: Protocol) -> Split:
        train, test, history = split_tables(self._tables, self.positives, protocol)
        part = replace(self, history=None)
        return Split(
            replace(part, interactions=train.events, queries=train.queries),
            replace(part, interactions=test.events, queries=test.queries, history=history),
        )

    @property
    def _stated(self) -> pl.DataFrame:
        """What users have said of themselves: user_id, stated."""
        said = render(self.user_text, self.users) if self.user_text else pl.lit("")
        return self.users.select("user_id", said.alias(STATED))

    @property
    def _circumstances(self) -> list[str]:
        return [*(context.column for context in self.contexts), *(ASKER + n for n in self.asked)]

    @property
    def _tables(self) -> Tables:
        return Tables(self.interactions, self.queries)

    def _by_hand(self, events: pl.DataFrame) -> pl.Series | None:
        """The grade that somebody gave to what each event is about, (n,)."""
        if self.labels is None or self.labels.is_empty():
            return None
        pair = ["user_id", "item_id"]
        return events.select(pair).join(self.labels, on=pair, how="left", maintain_order="left")[
            "grade"
        ]

    @cached_property
    def _positions(self) -> pl.DataFrame:
        return positions(self.items["item_id"])

    def _graded(self, events: pl.DataFrame) -> pl.DataFrame:
        moments = circumstances(self.contexts, events, self.users, self.asked)
        graded = combine(self.labeling_functions, events, moments, self._by_hand(events))
        return graded.join(self._positions, on="item_id", maintain_order="left")


def positions(item_ids: pl.Series) -> pl.DataFrame:
    """Return the catalogue's ids with their indices: columns item_id, item (Int32)."""
    return pl.DataFrame(
        {"item_id": item_ids, "item": pl.int_range(len(item_ids), dtype=pl.Int32, eager=True)}
    )


def lookup(known: pl.DataFrame, item_ids: Sequence[str]) -> NDArray[np.int32]:
    """Return catalogue indices for ids, (n,), by a table from `positions`.

    Raises:
        UnknownItemError: an id is not in the catalogue.
    """
    asked = pl.DataFrame({"item_id": list(item_ids)}, schema={"item_id": pl.String})
    found = asked.join(known, on="item_id", how="left", maintain_order="left")
    unknown = found.filter(pl.col("item").is_null())["item_id"]
    if len(unknown):
        raise UnknownItemError(
            f"Item {unknown[0]!r} is not among the {known.height:,} items of the catalogue."
            + nearest(unknown[0], known["item_id"].head(20_000))
        )
    return found["item"].to_numpy().astype(np.int32)
