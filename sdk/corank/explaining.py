"""One item under one request, taken apart: what spoke for it, and what each rule did to it.

What is said of a word or of a history item is found by leaving it out and computing everything
again, through the same code that answers. The last items of the history and the words are tried
one at a time; what two of them do together is not known. Torch-free.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.context import STATED, Moments
from corank.errors import RequestError
from corank.rank.occlusion import Matrix, Read, WordEffects, word_effects
from corank.rank.request import Query, Request, Visit
from corank.rank.rules import Ranked, in_order
from corank.rank.signals import Candidates
from corank.rank.why import Feature, HistoryItem, RuleEffect, Why

if TYPE_CHECKING:
    from corank.engine import Engine

LOUDEST = 2
"""So many texts of the history, those that add most to the similarity, are read word by word."""


def explain(
    engine: "Engine", item_id: str, request: Query | Visit, k: int, where: pl.Expr | None
) -> Why:
    """Explain an item's place among ``k`` answers; see `Engine.why`."""
    item = int(engine.positions([item_id])[0])
    wanted = engine.wanted(where)
    best, found, n = engine.widen(request, k, wanted)
    if engine.withholds(sure := request.sure(best.items, found)):
        raise RequestError(
            f"No answer is shown here, and so none explained: the first of them is right with a "
            f"probability of {sure:.2f}, below the {engine.vertical.policy.abstain_below:.2f} that "
            f"the vertical {engine.vertical.name!r} asks for."
        )
    if item not in found.items:
        found = request.candidates(n, (item,))
    meets = wanted is None or bool(wanted[item])
    ranked = request.ranked(found, wanted if meets else None)
    place = _place(ranked, item)
    assert place is not None  # noqa: S101  it is a candidate, and no rule has run
    model_score = float(ranked.scores[place - 1])
    rules, ruled = _ruled(engine, item, ranked, request.moments) if meets else ((), None)
    rank = _place(ruled, item) if ruled else None
    (parts,) = request.parts(np.array([item], np.int32), found)
    visit = request if isinstance(request, Visit) else None
    return Why(
        item_id=item_id,
        title=engine.titles[item],
        query=request.text if isinstance(request, Query) else None,
        history=tuple(engine.ids[one] for one in request.history),
        proposed_by=tuple(name for name, those in request.proposed(n).items() if item in those),
        candidates=len(found.items),
        parts=parts,
        features=_features(request, item, found),
        model_score=model_score,
        score=float(ruled.scores[rank - 1]) if ruled and rank else None,
        rank_before=place,
        rank=rank,
        rules=rules,
        removed_by=(rules[-1].rule if rank is None else None) if meets else "where",
        reasons=request.reasons(engine.reasons, np.array([item], np.int32), [parts])[0],
        words=_words(engine, item, request),
        items=_items(engine, item, visit, n, found, model_score) if visit else (),
    )


def _place(ranked: Ranked, item: int) -> int | None:
    """Return where an item stands, from 1; None where it does not."""
    found = np.flatnonzero(ranked.items == item)
    return int(found[0]) + 1 if len(found) else None


def _ruled(
    engine: "Engine", item: int, ranked: Ranked, moments: Moments
) -> tuple[tuple[RuleEffect, ...], Ranked | None]:
    """Run the rules one by one; None in place of the answer where one removes the item."""
    effects = []
    before, shelf = _place(ranked, item), engine.shelf.asked_by(moments)
    for rule in in_order(engine.vertical.rules):
        ruled = rule.apply(ranked, shelf)
        after = _place(ruled, item)
        itself = after is None or ruled.moved.get(item, ()) != ranked.moved.get(item, ())
        if before is not None and (after != before or itself):
            effects.append(RuleEffect(rule.name, rule.describe(), before, after, itself))
        if after is None:
            return tuple(effects), None
        ranked, before = ruled, after
    return tuple(effects), ranked


def _features(request: Request, item: int, found: Candidates) -> tuple[Feature, ...]:
    scored = request.scored(item, found)
    features = [
        Feature(name, scored.part_of.get(name, name), value if value == value else None, adds)
        for name, value, adds in zip(
            scored.names, scored.values.tolist(), (scored.adds[:-1] + 0.0).tolist(), strict=True
        )
    ]
    return tuple(sorted(features, key=lambda feature: -abs(feature.adds)))


def _words(engine: "Engine", item: int, request: Query | Visit) -> tuple[WordEffects, ...]:
    vector = engine.signals.text_vectors[item]
    if isinstance(request, Query):
        asked = Read("query", request.text, lambda vectors: vectors @ vector, query=True)
        texts = [asked, _own(engine, item, request.vector)]
    else:
        texts = list(_read(engine, item, vector, request))
    return word_effects(texts, engine.encoder)


def _own(engine: "Engine", item: int, other: NDArray[np.float32]) -> Read:
    (text,) = engine.texts(np.array([item]))
    return Read(engine.items["item_id"][item], text, lambda vectors: vectors @ other)


def _read(engine: "Engine", item: int, vector: NDArray[np.float32], visit: Visit) -> Iterator[Read]:
    """What is read of a visit: the item, the loudest of the history, what is stated."""
    signals, seen, stated = engine.signals, visit.seen, visit.interests[0]
    fading = signals.decay ** np.arange(len(seen))[::-1]  # (t,)
    oldest = signals.decay ** len(seen)
    mean = fading @ signals.text_vectors[seen] + oldest * stated
    if not mean.any():
        return

    def in_mean(own: NDArray[np.float32], weight: float) -> Callable[[Matrix], Matrix]:
        """The item's cosine to the mean, with other vectors in one text's place."""

        def cosine(vectors: Matrix) -> Matrix:
            means = mean + weight * (vectors - own)
            return _unit(means) @ vector

        return cosine

    yield _own(engine, item, _unit(mean))
    adds = fading * (signals.text_vectors[seen] @ vector)  # (t,)
    others = np.unique(seen[seen != item])
    adding = np.array([adds[seen == each].sum() for each in others])
    loudest = others[np.argsort(-adding, kind="stable")[:LOUDEST]]
    for each, text in zip(loudest.tolist(), engine.texts(loudest), strict=True):
        weight = float(fading[seen == each].sum())
        own = signals.text_vectors[each]
        yield Read(engine.items["item_id"][each], text, in_mean(own, weight))
    if stated.any():
        yield Read("interests", visit.moments[STATED].item(), in_mean(stated, oldest), query=True)


def _unit(vectors: Matrix) -> Matrix:
    return np.asarray(
        vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float32
    )


def _items(
    engine: "Engine", item: int, visit: Visit, n: int, found: Candidates, model_score: float
) -> tuple[HistoryItem, ...]:
    signals, recent = engine.signals, visit.recent
    cosine = signals.text_vectors[recent] @ signals.text_vectors[item]
    one = np.array([item], np.int32)
    weight = signals.together.between(recent, one)[:, 0]
    similarity = signals.neighbours.between(recent, one)[:, 0]
    sequence = _sequence(visit, item, found)
    told = []
    for place, less in enumerate(visit.one_less(n, (item,))):
        features = less.features[[np.searchsorted(less.items, item)]]
        told.append(
            HistoryItem(
                item_id=engine.ids[recent[place]],
                title=engine.titles[recent[place]],
                cosine=float(cosine[place]),
                weight=float(weight[place]),
                similarity=float(similarity[place]),
                sequence=sequence - _sequence(visit, item, less),
                effect=model_score - float(visit.ranker.score(features)[0]),
            )
        )
    return tuple(told)


def _sequence(visit: Visit, item: int, found: Candidates) -> float:
    """What the user model scores the item; 0 where it is left out."""
    if "sequence" not in visit.part_of:
        return 0.0
    column = list(visit.part_of).index("sequence")
    return float(found.features[np.searchsorted(found.items, item), column])
