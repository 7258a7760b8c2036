"""Business rules: applied after the model, and never overruled by it.

Hard rules (`Exclude`, `Require`, `AlreadySeen`) remove items. They run before the soft ones, so
that a cap or a boost never spends a place on an item that must not be shown, and run again on
the finished answer, so that nothing a soft rule did can bring one back. Soft rules (`Boost`,
`Cap`, `Diversify`) reorder. Every answer keeps what each rule did to it.

Rules see catalogue indices, scores and item columns; they do not know models.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.errors import DeclarationError

Mask = NDArray[np.bool_]

_HELD = "__held"


class Shelf:
    """The catalogue as rules see it: item columns, and vectors for `Diversify`.

    A rule's expression is evaluated once over the whole catalogue and kept.
    """

    def __init__(self, items: pl.DataFrame, vectors: NDArray[np.float32]) -> None:
        self.items = items
        self.vectors = vectors  # (n_items, d), unit length
        self._masks: dict[int, tuple[pl.Expr, Mask]] = {}
        self._codes: dict[str, NDArray[np.int64]] = {}

    def mask(self, when: pl.Expr) -> Mask:
        """Where the expression holds, (n_items,); null counts as false."""
        if id(when) not in self._masks:
            self._masks[id(when)] = (when, self.evaluate(when))
        return self._masks[id(when)][1]

    def evaluate(self, when: pl.Expr) -> Mask:
        """Like `mask`, without keeping the answer: for expressions that come with a request.

        Raises:
            DeclarationError: it names a missing column or is not true or false.
        """
        try:
            held = self.items.with_columns(when.alias(_HELD)).get_column(_HELD)
        except pl.exceptions.PolarsError as error:
            raise DeclarationError(f"The condition {when} cannot be evaluated: {error}") from error
        if held.dtype not in (pl.Boolean, pl.Null):
            raise DeclarationError(
                f"The condition {when} holds {held.dtype}; it must be true or false, as in "
                "pl.col('stock') == 0."
            )
        return held.cast(pl.Boolean).fill_null(False).to_numpy()

    def codes(self, column: str) -> NDArray[np.int64]:
        """The column as integers, equal where its values are equal; null is -1, (n_items,)."""
        if column not in self._codes:
            ranks = self.items[column].rank("dense").cast(pl.Int64).fill_null(-1)
            self._codes[column] = ranks.to_numpy()
        return self._codes[column]


@dataclass(frozen=True, eq=False)
class Ranked:
    """An answer in the making: items with scores, best first, and what the rules did."""

    items: NDArray[np.int32]  # (m,)
    scores: NDArray[np.float64]  # (m,) descending
    seen: NDArray[np.int32] = field(default_factory=lambda: np.array([], np.int32))
    removed: dict[str, int] = field(default_factory=dict)  # rule -> how many it removed
    moved: dict[int, tuple[str, ...]] = field(default_factory=dict)  # item -> rules that moved it

    def drop(self, gone: Mask, rule: str) -> "Ranked":
        """Remove where ``gone`` (m,) holds, and remember which rule did it."""
        if not gone.any():
            return self
        removed = {**self.removed, rule: self.removed.get(rule, 0) + int(gone.sum())}
        return replace(self, items=self.items[~gone], scores=self.scores[~gone], removed=removed)

    def order(self, order: NDArray[np.int64], scores: NDArray[np.float64]) -> "Ranked":
        """Reorder by ``order`` (m,), with the new scores in the old order."""
        return replace(self, items=self.items[order], scores=scores[order])

    def head(self, k: int) -> "Ranked":
        """Keep the first ``k``."""
        return replace(self, items=self.items[:k], scores=self.scores[:k])

    def note(self, items: Sequence[int], rule: str) -> "Ranked":
        """Remember that ``rule`` moved these items."""
        return replace(self, moved=self.moved | {i: (*self.moved.get(i, ()), rule) for i in items})


class Rule(ABC):
    """What every rule can do."""

    hard: ClassVar[bool] = False
    name: str

    @abstractmethod
    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Return the answer with the rule applied."""

    def columns(self) -> tuple[str, ...]:
        """Item columns the rule reads; a vertical checks that it has them."""
        return ()

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what the rule does; kept in bundles."""


@dataclass(frozen=True, eq=False)
class Conditional(Rule):
    """A rule about the items for which a condition holds; null counts as not holding."""

    name: str
    when: pl.Expr

    def columns(self) -> tuple[str, ...]:
        """Columns of the condition."""
        return tuple(self.when.meta.root_names())


@dataclass(frozen=True, eq=False)
class Exclude(Conditional):
    """Never show items for which a condition holds."""

    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Remove them."""
        return ranked.drop(shelf.mask(self.when)[ranked.items], self.name)

    def describe(self) -> str:
        """One line."""
        return f"exclude {self.name}: {self.when}"


@dataclass(frozen=True, eq=False)
class Require(Conditional):
    """Show only items for which a condition holds; null counts as not holding."""

    hard: ClassVar[bool] = True

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Remove the others."""
        return ranked.drop(~shelf.mask(self.when)[ranked.items], self.name)

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


@dataclass(frozen=True, eq=False)
class Boost(Conditional):
    """Raise items for which a condition holds by a share of the spread of scores."""

    by: float = 0.05

    def __post_init__(self) -> None:
        if not -1 <= self.by <= 1:
            raise DeclarationError(f"Boost {self.name!r}: by={self.by} must lie in -1..1.")

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Add ``by`` times (best - worst score) and sort again; ties keep their order."""
        if not len(ranked.items):
            return ranked
        held = shelf.mask(self.when)[ranked.items]
        scores = ranked.scores + held * (self.by * np.ptp(ranked.scores))
        order = np.argsort(-scores, kind="stable")
        return ranked.order(order, scores).note(ranked.items[held].tolist(), self.name)

    def describe(self) -> str:
        """One line."""
        return f"boost {self.name} by {self.by:+.0%} of the score range: {self.when}"


@dataclass(frozen=True)
class Cap(Rule):
    """Show at most so many items with one value of a column among the first ``top``.

    Items over the cap move behind the first ``top``, or behind all others if those are fewer;
    without ``top`` they are removed, which makes variants of one product count once. Null
    values are never capped.
    """

    column: str
    at_most: int
    top: int | None = None

    def __post_init__(self) -> None:
        if self.at_most < 1 or (self.top is not None and self.top < 1):
            raise DeclarationError(f"Cap({self.column!r}): at_most and top must be at least 1.")

    @property
    def name(self) -> str:  # type: ignore[override]
        """The rule's name in answers."""
        return f"{self.column}_cap"

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Walk down the list, passing over items whose value is used up."""
        values = shelf.codes(self.column)[ranked.items].tolist()
        top = len(values) if self.top is None else self.top
        used: dict[int, int] = {}
        shown: list[int] = []
        over: list[int] = []
        for place, value in enumerate(values):
            if len(shown) >= top:
                break
            if value != -1 and used.get(value, 0) >= self.at_most:
                over.append(place)
            else:
                shown.append(place)
                used[value] = used.get(value, 0) + 1
        if not over:
            return ranked
        if self.top is None:
            gone = np.zeros(len(values), np.bool_)
            gone[over] = True
            return ranked.drop(gone, self.name)
        rest = np.setdiff1d(np.arange(len(values)), shown)
        order = np.concatenate([np.array(shown, np.int64), rest])
        scores = ranked.scores.copy()
        ceiling = scores[shown[-1]]
        scores[rest] = np.minimum(scores[rest], ceiling)
        moved = order != np.arange(len(order))
        later = np.intersect1d(order[moved], over)
        return ranked.order(order, scores).note(ranked.items[later].tolist(), self.name)

    def columns(self) -> tuple[str, ...]:
        """The capped column."""
        return (self.column,)

    def describe(self) -> str:
        """One line."""
        where = "" if self.top is None else f" among the first {self.top}"
        return f"at most {self.at_most} per {self.column}{where}"


@dataclass(frozen=True)
class Diversify(Rule):
    """Trade relevance for variety among the first ``top`` by maximal marginal relevance.

    Source: Carbonell and Goldstein, "The Use of MMR", SIGIR 1998. Scores are scaled to 0..1
    over the list; similarity is the cosine of text vectors.
    """

    relevance: float = 0.8
    top: int = 10
    name: str = "diversify"

    def __post_init__(self) -> None:
        if not 0 <= self.relevance <= 1 or self.top < 1:
            raise DeclarationError("Diversify: relevance must lie in 0..1 and top be at least 1.")

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Pick greedily among the best ``4 * top``; what lies below keeps its order."""
        m = min(len(ranked.items), 4 * self.top)
        if m < 3:
            return ranked
        spread = np.ptp(ranked.scores[:m]) or 1.0
        relevance = (ranked.scores[:m] - ranked.scores[m - 1]) / spread
        vectors = shelf.vectors[ranked.items[:m]]
        similarity = vectors @ vectors.T  # (m, m)
        picked = [0]
        closest = similarity[0].astype(np.float64)
        while len(picked) < min(self.top, m):
            gain = self.relevance * relevance - (1 - self.relevance) * closest
            gain[picked] = -np.inf
            picked.append(int(gain.argmax()))
            closest = np.maximum(closest, similarity[picked[-1]])
        rest = np.setdiff1d(np.arange(len(ranked.items)), picked)
        order = np.concatenate([np.array(picked, np.int64), rest])
        moved = [int(ranked.items[p]) for place, p in enumerate(picked) if p != place]
        scores = np.sort(ranked.scores)[::-1][np.argsort(order)]
        return ranked.order(order, scores).note(moved, self.name) if moved else ranked

    def describe(self) -> str:
        """One line."""
        return f"diversify the first {self.top} (relevance {self.relevance:.0%})"


def apply_rules(rules: Sequence[Rule], ranked: Ranked, shelf: Shelf) -> Ranked:
    """Apply hard rules, then soft ones, then the hard ones again."""
    hard = [rule for rule in rules if rule.hard]
    soft = [rule for rule in rules if not rule.hard]
    for rule in (*hard, *soft, *hard):
        ranked = rule.apply(ranked, shelf)
    return ranked
