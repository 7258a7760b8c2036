"""Rules that remove items: what must not be shown is not shown, whatever else is declared."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from corank.rank.rules.base import Conditional, Mask, Ranked, Rule, Shelf


@dataclass(frozen=True, eq=False)
class Exclude(Conditional):
    """Never show items for which a condition holds.

    What is not known of whoever asks excludes nothing: for what must be known, `Require` it.
    """

    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Remove them."""
        return ranked.drop(shelf.held(self.when, ranked.items), self.name)

    def describe(self) -> str:
        """One line."""
        return f"exclude {self.name}: {self.when}"


@dataclass(frozen=True, eq=False)
class Require(Conditional):
    """Show only items for which a condition holds; null counts as not holding."""

    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Remove the others."""
        return ranked.drop(~shelf.held(self.when, ranked.items), self.name)

    def describe(self) -> str:
        """One line."""
        return f"require {self.name}: {self.when}"


@dataclass(frozen=True, eq=False)
class AlreadySeen(Rule):
    """Do not recommend what the history holds, unless a condition holds (consumables)."""

    unless: pl.Expr | None = None
    name: str = "already_seen"
    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Remove them."""
        gone = np.isin(ranked.items, ranked.seen) & ~self.repeatable(shelf)[ranked.items]
        return ranked.drop(gone, self.name)

    def repeatable(self, shelf: Shelf) -> Mask:
        """Items that may be recommended again, (n_items,)."""
        if self.unless is None:
            return np.zeros(shelf.items.height, np.bool_)
        return shelf.mask(self.unless)

    def columns(self) -> tuple[str, ...]:
        """Columns of the condition."""
        return () if self.unless is None else tuple(self.unless.meta.root_names())

    def describe(self) -> str:
        """One line."""
        return self.name if self.unless is None else f"{self.name} unless {self.unless}"
