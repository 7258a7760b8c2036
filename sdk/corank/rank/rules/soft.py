"""Rules that raise, sink and limit: promotions, variants of one product, a floor of exposure."""

from dataclasses import dataclass

import numpy as np

from corank.errors import DeclarationError
from corank.rank.rules.base import Conditional, Ranked, Rule, Shelf


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
        held = shelf.held(self.when, ranked.items)
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


@dataclass(frozen=True, eq=False)
class Floor(Conditional):
    """Hold a minimum of exposure for items for which a condition holds: small sellers, new items.

    Counted from the top, ``share`` of what is shown are such items, rounded down: with 0.2, one
    of the first five and two of the first ten, whatever number is asked for up to ``top``. Where
    one is due and the next is none, the best that still waits is lifted to that place. So the
    floor is held early enough to be seen, and nothing moves where it is held already. Where too
    few were found, it holds as far as they reach; the search is not widened for them, because
    what no retriever found has nothing to do with what was asked. Declare it after caps and
    boosts: the last soft rule wins. Source: the prefixes of Zehlike et al., "FA*IR", CIKM 2017,
    with the minimum of Geyik et al., "Fairness-Aware Ranking in Search & Recommendation
    Systems", KDD 2019.

    Args:
        name: the rule's name in answers.
        when: which items are lifted; null counts as not holding.
        share: of what is shown, above 0 and at most 1.
        top: how many places the floor looks after.

    Raises:
        DeclarationError: a value is out of range, or the share of ``top`` is less than one item.
    """

    share: float = 0.2
    top: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.top < 1:
            raise DeclarationError(
                f"Floor {self.name!r}: share={self.share} must lie above 0 and be at most 1, and "
                f"top={self.top} be at least 1."
            )
        if not self.due(self.top):
            raise DeclarationError(
                f"Floor {self.name!r}: {self.share:.1%} of the first {self.top} is less than one "
                "item, so nothing would be lifted. Raise share or top."
            )

    def due(self, n: int) -> int:
        """How many of the first ``n`` it asks for."""
        return int(self.share * n + 1e-9)  # 0.29 * 100 is 28.999...

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Walk down the list and lift where one is due."""
        held = shelf.held(self.when, ranked.items).tolist()
        waiting = list(range(len(held)))
        shown: list[int] = []
        count = 0
        for n in range(1, min(self.top, len(held)) + 1):
            place = waiting[0]
            if count < self.due(n):
                place = next((each for each in waiting if held[each]), place)
            waiting.remove(place)
            shown.append(place)
            count += held[place]
        return ranked.lead(shown, self.name)

    def describe(self) -> str:
        """One line."""
        return f"floor {self.name}: {self.share:.0%} of the first {self.top}: {self.when}"
