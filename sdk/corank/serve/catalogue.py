"""The catalogue as the app shows it: which facts of an item go on its card, and finding titles.

Knows item columns and the vertical's declaration; knows neither models nor markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from corank.data.text import template_columns
from corank.engine import Engine

LONG = 60  # characters from which a text is a description
WORDS = 8  # words of a typed title that are looked for


@dataclass(frozen=True)
class Facts:
    """What a card says of an item besides its title."""

    short: tuple[str, ...] = ()  # brand, category, price
    long: tuple[str, ...] = ()  # a description
    flags: tuple[str, ...] = ()  # columns that are true


class Catalogue:
    """Looks up what to show of items."""

    def __init__(self, engine: Engine) -> None:
        self.items = engine.items
        self._price = engine.vertical.price
        whose, kinds = engine.vertical.provider, engine.vertical.genre
        self._several = {column for column in (whose, kinds) if column}  # may hold some with |
        read = template_columns(engine.vertical.item_text)
        named = [*([whose] if whose else []), *read]
        self._texts = [column for column in dict.fromkeys(named) if column != "title"]
        self._flags = [name for name, kind in self.items.schema.items() if kind == pl.Boolean]
        order = np.argsort(-engine.signals.counts, kind="stable")
        by_popularity = self.items.select("item_id", "title")[order.tolist()]
        key = pl.concat_str("item_id", pl.lit(" "), "title").str.to_lowercase()
        self._keys = by_popularity.with_columns(key=key)

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the titles of items of the catalogue, by id and in the order given."""
        return {id_: row["title"] for id_, row in self._rows(ids).items()}

    def facts(self, ids: Sequence[str]) -> dict[str, Facts]:
        """Return what a card says, by id."""
        return {id_: self._facts(row) for id_, row in self._rows(ids).items()}

    def find(self, typed: str, n: int) -> dict[str, str]:
        """Return id -> title of at most ``n`` items that hold every word typed, popular first."""
        words = typed.lower().split()[:WORDS]
        if not words:
            return {}
        held = [pl.col("key").str.contains(word, literal=True) for word in words]
        return dict(self._keys.filter(held).head(n).select("item_id", "title").iter_rows())

    def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        wanted = pl.DataFrame({"item_id": ids}, schema={"item_id": pl.String})
        rows = wanted.join(self.items, on="item_id", how="inner", maintain_order="left")
        return {row["item_id"]: row for row in rows.iter_rows(named=True)}

    def _facts(self, row: dict[str, Any]) -> Facts:
        texts = [self._said(column, row[column]) for column in self._texts]
        price = None if self._price is None else row[self._price]
        named = [] if price is None else [f"{_plain(str(self._price))} {price:,.2f}"]
        return Facts(
            short=(*(text for text in texts if text and len(text) < LONG), *named),
            long=tuple(text for text in texts if len(text) >= LONG),
            flags=tuple(_plain(name) for name in self._flags if row[name]),
        )

    def _said(self, column: str, value: Any) -> str:
        if value is None:
            return ""
        if column not in self._several:
            return str(value)
        each = value if isinstance(value, list) else str(value).split("|")
        return ", ".join(map(str, each))


def _plain(column: str) -> str:
    return column.replace("_", " ")
