"""A knowledge graph as a table of edges, and item columns that follow from it.

    source      relation   target
    ibuprofen   harms      stomach_ulcer
    ibuprofen   interacts  warfarin

A `Join` writes where the edges lead from what an item holds into one of its columns: a tablet that
holds ibuprofen is then not for who takes warfarin, though no line of the catalogue says so. Rules,
texts and mixtures read such a column like any other. The module knows tables, not what they mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from corank.data.schema import Item
from corank.data.validate import broken
from corank.data.values import SEPARATOR
from corank.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Join:
    """Fill an item column along the edges of one relation.

    What the column already holds stays, and comes first to nothing twice.

    Args:
        column: the item column that is filled; several values with ``|`` between them.
        of: the item column from whose values the edges start; several in the same way.
        along: the relation.
        none: what the column holds where it is known that there is none; it gives way to what
            the edges lead to. With it, null says that nobody knows, and stays null whatever the
            edges say: what is half known is not known.
    """

    column: str
    of: str
    along: str
    none: str | None = None


def join(items: pl.DataFrame, edges: pl.DataFrame, joins: Sequence[Join]) -> pl.DataFrame:
    """Return the items with what follows from the edges, row by row as they were."""
    for each in joins:
        led = _led(items, edges, each)
        held = pl.col(each.column).str.split(SEPARATOR)
        if each.none is not None:
            held = held.list.set_difference([each.none])
        both = held.fill_null([]).list.set_union(pl.col("led").fill_null([]))
        told = both.list.sort().list.join(SEPARATOR)
        filled = pl.when(told != "").then(told).otherwise(pl.col(each.column))
        if each.none is not None:
            filled = pl.when(pl.col(each.column).is_not_null()).then(filled)
        items = items.with_columns(led).with_columns(filled.alias(each.column)).drop("led")
    return items


def _led(items: pl.DataFrame, edges: pl.DataFrame, how: Join) -> pl.Series:
    """Where the edges lead from each item, (n_items,) lists; null where nowhere."""
    here = edges.filter(pl.col("relation").cast(pl.String) == how.along)
    found = (
        items.select(row=pl.int_range(pl.len()), source=pl.col(how.of).str.split(SEPARATOR))
        .explode("source")
        .join(here.select("source", "target"), on="source")
        .group_by("row")
        .agg(pl.col("target").unique())
    )
    rows = pl.DataFrame({"row": range(items.height)}, schema={"row": pl.Int64})
    return rows.join(found, on="row", how="left", maintain_order="left")["target"].alias("led")


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """The edges of a domain, and what follows from them for its items.

    Args:
        edges: source, relation, target, each line once.
        joins: the columns that are filled.
        items: the schema that filled columns must fit.
    """

    edges: pl.DataFrame
    joins: tuple[Join, ...]
    items: type[Item]

    def fill(self, items: pl.DataFrame) -> pl.DataFrame:
        """Return the items with what follows from the edges; filling them again changes nothing.

        Raises:
            DataError: the edges lead to what the schema does not allow.
        """
        filled = join(items, self.edges, self.joins)
        if rules := broken(self.items, filled):
            raise DataError(
                f"The edges lead to what the items' schema does not allow: {rules}. Mend the "
                "targets of edges.*, or the schema."
            )
        return filled

    def with_more(self, newer: "Graph | None") -> "Graph":
        """Return a graph with the edges of both; what led somewhere still does."""
        if newer is None:
            return self
        return replace(
            newer, edges=pl.concat([self.edges, newer.edges]).unique(maintain_order=True)
        )

    def loose_ends(self, items: pl.DataFrame) -> list[str]:
        """Say which values no edge starts from, column by column: perhaps they are misspelled."""
        said = []
        for column in sorted({each.of for each in self.joins}):
            values = items[column].drop_nulls().str.split(SEPARATOR).explode().unique()
            lost = values.filter(~values.is_in(self.edges["source"].implode())).sort().to_list()
            if lost:
                few = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
                said.append(f"{len(lost)} values of items.{column} start no edge: {few}")
        return said
