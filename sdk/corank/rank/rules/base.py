"""What rules work on, what every rule can do, and the order they run in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.context import ASKER, Moments
from corank.data.values import Shares, share_out
from corank.errors import DeclarationError

Mask = NDArray[np.bool_]
Promise = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Scores (m,) -> chances (m,)."""

_HELD = "__held"


class Shelf:
    """The catalogue as rules see it: item columns, vectors for `Diversify`, and who asks.

    A condition on items is evaluated once over the whole catalogue and kept; one on whoever asks
    once for each asker and item in question, with all others of its kind.

    Args:
        items: the catalogue.
        vectors: of its texts, (n_items, d), unit length.
        asker: one row of what rules ask for, ``asker:<name>`` each; null where it is not known.
        rules: whose conditions will be asked about.
    """

    def __init__(
        self,
        items: pl.DataFrame,
        vectors: NDArray[np.float32],
        asker: pl.DataFrame | None = None,
        rules: Sequence["Rule"] = (),
    ) -> None:
        self.items = items
        self.vectors = vectors
        self._asker = pl.DataFrame() if asker is None else asker
        self._asking = [r.when for r in rules if isinstance(r, Conditional) and r.asks()]
        self._told: dict[int, _Told] = {}
        self._masks: dict[int, tuple[pl.Expr, Mask]] = {}
        self._codes: dict[str, NDArray[np.int64]] = {}
        self._shares: dict[str, Shares] = {}

    def asked_by(self, moments: Moments) -> "Shelf":
        """Return the same shelf as somebody sees it of whom one row of moments tells."""
        told = [name for name in self._asker.columns if name in moments.columns]
        if not told:
            return self
        other = copy(self)
        other._asker = self._asker.with_columns(moments.select(told))
        other._told = {}
        return other

    def held(self, when: pl.Expr, items: NDArray[np.int32]) -> Mask:
        """Where a condition on items, and perhaps on whoever asks, holds, (m,).

        Null counts as false, and what is not known of whoever asks is null.
        """
        if id(when) not in self._told and not asks(when):
            return self.mask(when)[items]
        group = self._asking if any(when is each for each in self._asking) else [when]
        for each in group:
            self._told.setdefault(id(each), _Told.nothing(each, self.items.height))
        told = self._told[id(when)]
        if len(new := items[~told.known[items]]):
            for each, held in zip(group, _all_hold(self._beside(new, group), group), strict=True):
                self._told[id(each)].fill(new, held)
        return told.held[items]

    def amounts(self, of: pl.Expr, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """What an expression over items, and perhaps whoever asks, comes to, (m,); null is nan.

        Raises:
            DeclarationError: it names a missing column or holds no numbers.
        """
        rows = self._beside(items, [of])
        try:
            found = rows.with_columns(of.cast(pl.Float64).alias(_HELD)).get_column(_HELD)
        except pl.exceptions.PolarsError as error:
            raise DeclarationError(f"The amount {of} cannot be evaluated: {error}") from error
        return found.to_numpy()

    def _beside(self, items: NDArray[np.int32], conditions: Sequence[pl.Expr]) -> pl.DataFrame:
        """A row for each item, with what the conditions name of it and of whoever asks, (m,)."""
        named = {name for when in conditions for name in when.meta.root_names()}
        one = pl.int_range(pl.len()).alias(_HELD)  # they may name no item column at all
        rows = self.items.select(one, *sorted(n for n in named if not n.startswith(ASKER)))
        wanted: pl.DataFrame = rows[items.tolist()]
        if not self._asker.width:  # no rule asks anything: nobody to stand beside the items
            return wanted
        return wanted.join(self._asker, how="cross")

    def mask(self, when: pl.Expr) -> Mask:
        """Where a condition on items alone holds, (n_items,); null counts as false."""
        if id(when) not in self._masks:
            self._masks[id(when)] = (when, self.evaluate(when))
        return self._masks[id(when)][1]

    def evaluate(self, when: pl.Expr) -> Mask:
        """Like `mask`, without keeping the answer: for expressions that come with a request.

        Raises:
            DeclarationError: it names a missing column or is not true or false.
        """
        return _holds(self.items, when)

    def codes(self, column: str) -> NDArray[np.int64]:
        """The column as integers, equal where its values are equal; null is -1, (n_items,)."""
        if column not in self._codes:
            ranks = self.items[column].rank("dense").cast(pl.Int64).fill_null(-1)
            self._codes[column] = ranks.to_numpy()
        return self._codes[column]

    def shares(self, column: str) -> Shares:
        """How each item is shared among the column's values; see `corank.data.values`.

        Raises:
            DeclarationError: the column holds no values that can be counted.
        """
        if column not in self._shares:
            self._shares[column] = share_out(self.items[column])
        return self._shares[column]


class _Told(NamedTuple):
    """Of which items it is known whether a condition on whoever asks holds, and where it does."""

    when: pl.Expr  # kept alive, as it is known by its id
    known: Mask  # (n_items,)
    held: Mask  # (n_items,)

    @classmethod
    def nothing(cls, when: pl.Expr, n_items: int) -> "_Told":
        return cls(when, np.zeros(n_items, np.bool_), np.zeros(n_items, np.bool_))

    def fill(self, items: NDArray[np.int32], held: Mask) -> None:
        self.held[items] = held  # first: another thread may be asking
        self.known[items] = True


def asks(when: pl.Expr) -> tuple[str, ...]:
    """Return the columns of whoever asks that a condition names."""
    named = when.meta.root_names()
    return tuple(name.removeprefix(ASKER) for name in named if name.startswith(ASKER))


def _all_hold(rows: pl.DataFrame, conditions: Sequence[pl.Expr]) -> list[Mask]:
    """Where each condition holds, (m,) each; in one go, as each go takes its time."""
    names = [f"{_HELD}{n}" for n in range(len(conditions))]
    together = [when.alias(name) for when, name in zip(conditions, names, strict=True)]
    try:
        found = rows.select(together)
        if found.height == rows.height and all(kind == pl.Boolean for kind in found.dtypes):
            return [found[name].fill_null(False).to_numpy() for name in names]
    except pl.exceptions.PolarsError:
        pass  # one by one, so that the error names the one that is wrong
    return [_holds(rows, when) for when in conditions]


def _holds(rows: pl.DataFrame, when: pl.Expr) -> Mask:
    try:
        held = rows.with_columns(when.alias(_HELD)).get_column(_HELD)
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(f"The condition {when} cannot be evaluated: {error}") from error
    if held.dtype not in (pl.Boolean, pl.Null):
        raise DeclarationError(
            f"The condition {when} holds {held.dtype}; it must be true or false, as in "
            "pl.col('stock') == 0."
        )
    return held.cast(pl.Boolean).fill_null(False).to_numpy()


@dataclass(frozen=True, eq=False)
class Ranked:
    """An answer in the making: items with scores, best first, and what the rules did."""

    items: NDArray[np.int32]  # (m,)
    scores: NDArray[np.float64]  # (m,) descending
    seen: NDArray[np.int32] = field(default_factory=lambda: np.array([], np.int32))  # the history
    removed: dict[str, int] = field(default_factory=dict)  # rule -> how many it removed
    moved: dict[int, tuple[str, ...]] = field(default_factory=dict)  # item -> rules that moved it
    promise: Promise | None = None  # how probably a model's score is chosen, where that is known

    def drop(self, gone: Mask, rule: str) -> "Ranked":
        """Remove where ``gone`` (m,) holds, and remember which rule did it."""
        if not gone.any():
            return self
        removed = {**self.removed, rule: self.removed.get(rule, 0) + int(gone.sum())}
        return replace(self, items=self.items[~gone], scores=self.scores[~gone], removed=removed)

    def order(self, order: NDArray[np.int64], scores: NDArray[np.float64]) -> "Ranked":
        """Reorder by ``order`` (m,), with the new scores in the old order."""
        return replace(self, items=self.items[order], scores=scores[order])

    def lead(self, places: Sequence[int], rule: str) -> "Ranked":
        """Put the items at these places first, in that order; the others follow in theirs.

        An item that passes better ones takes the score of the best it passes, and ``rule`` is
        noted; every other keeps its score.
        """
        rest = np.setdiff1d(np.arange(len(self.items)), places)
        order = np.concatenate([np.array(places, np.int64), rest])
        best = np.minimum.accumulate(order[::-1])[::-1]  # of what stands here or lower
        lifted = order > best
        if not lifted.any():
            return self
        items = self.items[order]
        ahead = replace(self, items=items, scores=self.scores[best])
        return ahead.note(items[lifted].tolist(), rule)

    def head(self, k: int) -> "Ranked":
        """Keep the first ``k``."""
        return replace(self, items=self.items[:k], scores=self.scores[:k])

    def note(self, items: Sequence[int], rule: str) -> "Ranked":
        """Remember that ``rule`` moved these items."""
        return replace(self, moved=self.moved | {i: (*self.moved.get(i, ()), rule) for i in items})


class Rule(ABC):
    """What every rule can do."""

    hard: ClassVar[bool] = False
    reads_scores: ClassVar[bool] = False  # as the model gave them, so no soft rule may come before
    name: str

    @abstractmethod
    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Return the answer with the rule applied."""

    def columns(self) -> tuple[str, ...]:
        """Item columns the rule reads; a vertical checks that it has them."""
        return ()

    def asks(self) -> tuple[str, ...]:
        """Columns of whoever asks that the rule reads: of the vertical's users or interactions."""
        return ()

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what the rule does; kept in bundles."""


@dataclass(frozen=True, eq=False)
class Conditional(Rule):
    """A rule about the items for which a condition holds; null counts as not holding.

    The condition may name what is known of whoever asks; see `corank.asker`.
    """

    name: str
    when: pl.Expr

    def columns(self) -> tuple[str, ...]:
        """Item columns of the condition."""
        return tuple(n for n in self.when.meta.root_names() if not n.startswith(ASKER))

    def asks(self) -> tuple[str, ...]:
        """Columns of whoever asks that the condition names."""
        return asks(self.when)


def in_order(rules: Sequence[Rule]) -> Sequence[Rule]:
    """Return hard rules, then soft ones, then the hard ones again: the order they run in."""
    hard = [rule for rule in rules if rule.hard]
    soft = [rule for rule in rules if not rule.hard]
    return (*hard, *soft, *hard)


def apply_rules(rules: Sequence[Rule], ranked: Ranked, shelf: Shelf) -> Ranked:
    """Apply the rules, one after the other; see `in_order`."""
    for rule in in_order(rules):
        ranked = rule.apply(ranked, shelf)
    return ranked
