"""Why one item stands where it stands, in full: what `corank.explaining` finds out.

Plain data; knows nothing of where it comes from.
"""

from dataclasses import asdict, dataclass
from typing import Any

from corank.rank.occlusion import WordEffects


@dataclass(frozen=True)
class Feature:
    """One raw feature: its value, and what it adds to the score."""

    name: str
    part: str
    value: float | None  # None where unknown, such as an item without a price
    adds: float


@dataclass(frozen=True)
class HistoryItem:
    """An item of the history: how near it is, and what the score would be without it."""

    item_id: str
    title: str
    cosine: float  # of the two texts
    weight: float  # EASE: what it predicts of the other; below 0 it speaks against it
    similarity: float  # item-kNN: above 0 only where somebody chose both
    sequence: float  # what the user model's score loses without it
    effect: float  # what the model score loses without it


@dataclass(frozen=True)
class RuleEffect:
    """What a rule did to the item's place."""

    rule: str
    says: str
    before: int
    after: int | None  # None where it removed the item
    itself: bool  # it was this item that the rule moved or removed, not those around it


@dataclass(frozen=True)
class Why:
    """One item of the catalogue under one request: would it be shown, where, and why.

    Args:
        item_id, title: the item.
        query: what was searched for; None for a recommendation.
        history: the history's item ids, oldest first; empty for a search.
        proposed_by: retrievers that proposed it. If none did it is no candidate: all that follows
            is what it would have got as one more.
        candidates: how many there were, with this one.
        parts: of the model score, which they add up to, as in an answer.
        features: what the parts are made of, largest first.
        model_score: before rules.
        score: after soft rules, as in an answer; None where it is removed.
        rank_before: among the candidates by model score, from 1.
        rank: after rules; None where it is removed.
        rules: those that changed its place, in the order they ran.
        removed_by: the rule that removed it, or ``where``.
        reasons: sentences, as in an answer.
        words: what the words of some texts do to the feature ``text``. In a search they are the
            query's and the item's; for a recommendation the item's, those of the two items of the
            history that add most to it, and what is stated of interests.
        items: the newest 20 of the history, oldest first, and what each does to the score.
    """

    item_id: str
    title: str
    query: str | None
    history: tuple[str, ...]
    proposed_by: tuple[str, ...]
    candidates: int
    parts: dict[str, float]
    features: tuple[Feature, ...]
    model_score: float
    score: float | None
    rank_before: int
    rank: int | None
    rules: tuple[RuleEffect, ...]
    removed_by: str | None
    reasons: tuple[str, ...]
    words: tuple[WordEffects, ...]
    items: tuple[HistoryItem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)
