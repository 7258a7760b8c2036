"""Rules about the list as a whole: variety among its items, and the balance of a history.

Both pick the first ``top`` greedily among the best ``4 * top``, with scores scaled to 0..1 over
those; what lies below keeps its order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corank.data.values import SMOOTHING, divergence
from corank.errors import DeclarationError
from corank.rank.rules.base import Ranked, Rule, Shelf

POOL = 4
TINY = 1e-9  # a gain that rounding could make


@dataclass(frozen=True)
class Diversify(Rule):
    """Trade relevance for variety among the first ``top`` by maximal marginal relevance.

    Each place goes to the item of the largest ``relevance * score - (1 - relevance) * cosine``,
    the cosine being that of its text with the most similar item above it. Source: Carbonell and
    Goldstein, "The Use of MMR", SIGIR 1998.

    Args:
        relevance: the source's lambda: 1 changes nothing, 0 looks at variety alone; the best
            item stays first all the same.
        top: how many places are filled so.
        name: the rule's name in answers.

    Raises:
        DeclarationError: a value is out of range.
    """

    relevance: float = 0.8
    top: int = 10
    name: str = "diversify"

    def __post_init__(self) -> None:
        if not 0 <= self.relevance <= 1 or self.top < 1:
            raise DeclarationError("Diversify: relevance must lie in 0..1 and top be at least 1.")

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Pick greedily."""
        relevance = _relevance(ranked, self.top)
        m = len(relevance)
        if m < 3:
            return ranked
        vectors = shelf.vectors[ranked.items[:m]]
        similarity = vectors @ vectors.T  # (m, m)
        picked = [0]
        closest = similarity[0].astype(np.float64)
        while len(picked) < min(self.top, m):
            gain = self.relevance * relevance - (1 - self.relevance) * closest
            gain[picked] = -np.inf
            picked.append(int(gain.argmax()))
            closest = np.maximum(closest, similarity[picked[-1]])
        return ranked.lead(picked, self.name)

    def describe(self) -> str:
        """One line."""
        return f"diversify the first {self.top} (relevance {self.relevance:.0%})"


@dataclass(frozen=True)
class Calibrate(Rule):
    """Draw the first ``top`` towards the mixture of values that the history holds.

    Who chose seven comedies and three thrillers is shown about as many of each, where scores
    alone would show comedies. The list is picked greedily for the largest
    ``(1 - weight) * sum of scores - weight * KL(history, list)``; where the given order has no
    less of that, it stays. Items without a value count in neither mixture. Source: Steck,
    "Calibrated Recommendations", RecSys 2018.

    Args:
        column: an item column such as the genre: one value, several with ``|`` between them, or
            a list; see `corank.data.values`.
        weight: 0 changes nothing, 1 looks at the mixture alone.
        top: how many places are filled so.
        min_history: a history with fewer items that have a value says too little: nothing is
            done. A search has none.
        smoothing: the share of the history's mixture that is mixed into the list's, so that a
            value which the list lacks costs much, and not infinitely much.

    Raises:
        DeclarationError: a value is out of range.
    """

    column: str
    weight: float = 0.5
    top: int = 10
    min_history: int = 5
    smoothing: float = SMOOTHING

    def __post_init__(self) -> None:
        given = f"Calibrate({self.column!r})"
        if not 0 <= self.weight <= 1:
            raise DeclarationError(f"{given}: weight={self.weight} must lie in 0..1.")
        if not 0 < self.smoothing < 1:
            raise DeclarationError(
                f"{given}: smoothing={self.smoothing} must lie between 0 and 1, such as 0.01."
            )
        if self.top < 1 or self.min_history < 1:
            raise DeclarationError(f"{given}: top and min_history must be at least 1.")

    @property
    def name(self) -> str:  # type: ignore[override]
        """The rule's name in answers."""
        return f"{self.column}_calibration"

    def apply(self, ranked: Ranked, shelf: Shelf) -> Ranked:
        """Pick greedily, and keep what comes out where it is better than what came in."""
        relevance = _relevance(ranked, self.top)
        shares = shelf.shares(self.column).weights
        history = shares[ranked.seen]  # (h, n_values)
        known = np.count_nonzero(np.diff(history.indptr))
        if known < self.min_history or not len(relevance):
            return ranked
        wanted = np.unique(history.indices)
        target = history[:, wanted].sum(axis=0) / known  # (w,)
        pool = shares[ranked.items[: len(relevance)]]
        tells = np.diff(pool.indptr) > 0  # (m,)
        values = pool[:, wanted].toarray()  # (m, w)

        def worth(picked: list[int]) -> NDArray[np.float64]:
            """What the list would be worth with each item of the pool added, (m,)."""
            total = values[picked].sum(axis=0) + values
            mixture = total / np.maximum(tells[picked].sum() + tells, 1)[:, None]
            gap = divergence(target, mixture, self.smoothing).sum(axis=1)
            scores = relevance[picked].sum() + relevance
            return np.asarray((1 - self.weight) * scores - self.weight * gap)

        n = min(self.top, len(relevance))
        picked: list[int] = []
        while len(picked) < n:
            gain = worth(picked)
            gain[picked] = -np.inf
            picked.append(int(gain.argmax()))
        best, given = (worth(order[:-1])[order[-1]] for order in (picked, list(range(n))))
        return ranked.lead(picked, self.name) if best > given + TINY else ranked

    def columns(self) -> tuple[str, ...]:
        """The column of the mixture."""
        return (self.column,)

    def describe(self) -> str:
        """One line."""
        return (
            f"calibrate the first {self.top} to the history's {self.column} "
            f"(weight {self.weight:.0%})"
        )


def _relevance(ranked: Ranked, top: int) -> NDArray[np.float64]:
    """Scores of the items that may be picked, scaled so that they run from 1 down to 0, (m,)."""
    scores = ranked.scores[: POOL * top]
    if not len(scores):
        return scores
    return np.asarray((scores - scores[-1]) / (np.ptp(scores) or 1.0))
