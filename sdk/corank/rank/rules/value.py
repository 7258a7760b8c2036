"""The rule of auctions: what an answer is expected to bring comes before how well it fits."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from corank.data.context import ASKER
from corank.errors import DeclarationError
from corank.rank.rules.base import Ranked, Rule, Shelf, asks


@dataclass(frozen=True, eq=False)
class ExpectedValue(Rule):
    """Order by the chance that an item is chosen times what that is worth.

    The new score is that product: with a bid for a click, the revenue that showing the item once
    is expected to bring. Of a search it is the chance that an item answers it. Where nobody knows
    chances (too little to learn them from) a score is taken for the logarithm of one, up to a
    constant, as the ranker's softmax has it; then the logarithm of the value is added. Items of no
    known value, or of none, come last. No soft rule may stand before it: it reads the model's
    scores. Source: ranking by bid times click rate, Varian, "Position Auctions", IJIO 2007.

    Args:
        name: the rule's name in answers.
        value: what choosing the item is worth, over item columns and whoever asks.
    """

    reads_scores: ClassVar[bool] = True
    name: str
    value: pl.Expr

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Multiply and sort again; ties keep their order."""
        if not len(ranked.items):
            return ranked
        value = np.nan_to_num(shelf.amounts(self.value, ranked.items))
        if (value < 0).any():
            raise DeclarationError(f"ExpectedValue {self.name!r}: {self.value} is below 0.")
        if ranked.promise:
            scores = ranked.promise(ranked.scores) * value
        else:
            worth = np.log(np.maximum(value, 1e-9))
            scores = ranked.scores + worth
        order = np.argsort(-scores, kind="stable")
        moved = ranked.items[order][order != np.arange(len(order))]
        return ranked.order(order, scores).note(moved.tolist(), self.name)

    def columns(self) -> tuple[str, ...]:
        """Item columns of the value."""
        return tuple(n for n in self.value.meta.root_names() if not n.startswith(ASKER))

    def asks(self) -> tuple[str, ...]:
        """Columns of whoever asks that the value names."""
        return asks(self.value)

    def describe(self) -> str:
        """One line."""
        return f"order by the chance of being chosen times {self.name}: {self.value}"
