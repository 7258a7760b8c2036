"""The features of a recommendation: what every signal says of each candidate after one history.

Knows what `Signals` hold and one case; knows nothing of who proposed the candidates. Torch-free.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from corank.rank.signals import Signals

Items = NDArray[np.int32]
Floats = NDArray[np.float32]

RECENT = 20  # items of a history that are compared with a candidate one by one

RECOMMEND: Mapping[str, str] = {
    "sequence": "sequence",
    "sequence_z": "sequence",
    "sequence_rank": "sequence",
    "together": "together",
    "together_z": "together",
    "together_rank": "together",
    "neighbours": "together",
    "neighbours_z": "together",
    "text": "text",
    "text_z": "text",
    "text_nearest": "text",
    "text_last": "text",
    "words": "words",
    "words_nearest": "words",
    "words_last": "words",
    "popularity": "popularity",
    "recency": "popularity",
    "trend": "popularity",
    "session_text": "session",
    "session_together": "session",
    "session_length": "session",
    "price": "price",
    "history_length": "history",
    "last_popularity": "history",
}
"""Features of a recommendation -> the part of the score that an explanation puts them under.
Each context that is known adds one of its own name; see `Signals.recommend_parts`."""

SEARCH: Mapping[str, str] = {
    "words": "words",
    "words_share": "words",
    "text": "text",
    "popularity": "popularity",
    "recency": "popularity",
}
"""Features of a search answer -> the part of the score."""


class Case(NamedTuple):
    """One history, and what the block computed for it."""

    history: NDArray[np.int32]  # (t,) oldest first
    user: NDArray[np.float32]  # (d,)
    taste: NDArray[np.float32]  # (d_text,)
    together: NDArray[np.float32]  # (n_items,)
    neighbours: NDArray[np.float32]  # (n_items,)
    words: NDArray[np.float32]  # (n_items,)
    session: int  # how many of the newest items belong to the running session
    chosen_in: dict[str, int]  # context -> number of the category, -1 where unknown
    interests: NDArray[np.float32] | None  # (d_text,)


def recommend_features(known: "Signals", items: Items, case: Case) -> Floats:
    """Return what is known of some items after a history, (m, f), as `recommend_parts` orders it.

    Args:
        known: of the catalogue.
        items: candidates, (m,).
        case: the history, and what was computed for it.
    """
    sequence = known.user_model.candidates[items] @ case.user
    session = case.history[len(case.history) - case.session :][-RECENT:]
    fresh = known.counts[items] == 0  # nobody could have chosen them together with anything
    together, neighbours, session_together = (
        np.where(fresh, np.nan, scores[items]).astype(np.float32)
        for scores in (case.together, case.neighbours, known.together.added_up(session))
    )
    texts = known.text_vectors[items]  # (m, d_text)
    text = texts @ case.taste
    recent = case.history[-RECENT:]
    read = known.text_vectors[recent]  # (t, d_text)
    if case.interests is not None:
        read = np.concatenate([case.interests[None], read])[-RECENT:]
    near = texts @ read.T  # (m, t)
    words = known.lexical(items, recent)  # (m, t)
    if not len(read):
        near = np.zeros((len(items), 1), np.float32)
    if not len(recent):
        words = np.zeros((len(items), 1), np.float32)
    last = known.popularity[recent[-1]] if len(recent) else 0.0
    columns = {
        "sequence": sequence,
        "sequence_z": _z(sequence),
        "sequence_rank": _reciprocal_rank(sequence),
        "together": together,
        "together_z": _z(together),
        "together_rank": _reciprocal_rank(together),
        "neighbours": neighbours,
        "neighbours_z": _z(neighbours),
        "text": text,
        "text_z": _z(text),
        "text_nearest": near.max(1),
        "text_last": near[:, -1],
        "words": case.words[items],
        "words_nearest": words.max(1),
        "words_last": words[:, -1],
        "popularity": known.popularity[items],
        "recency": known.recency[items],
        "trend": known.trend[items],
        "session_text": near[:, near.shape[1] - len(session) :].sum(1) / max(len(session), 1),
        "session_together": session_together,
        "session_length": np.full(len(items), np.log1p(case.session)),
        "price": _price_affinity(known.log_price, items, case.history),
        "history_length": np.full(len(items), np.log1p(len(case.history))),
        "last_popularity": np.full(len(items), last),
    }
    for name, lift in known.lifts.items():
        columns[name] = lift.of_items(items, case.chosen_in.get(name, -1))
    return np.stack([columns[name] for name in known.recommend_parts], axis=1, dtype=np.float32)


def _price_affinity(log_price: Floats, items: Items, history: Items) -> Floats:
    """Minus the distance to the history's mean log price, by its spread; nan if unknown."""
    paid = log_price[history]
    paid = paid[~np.isnan(paid)]
    if not len(paid):
        return np.full(len(items), np.nan, np.float32)
    distance = np.abs(log_price[items] - paid.mean()) / (paid.std() + 0.5)
    return np.asarray(-distance, np.float32)


def _z(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance from the candidates' mean in standard deviations; nan where unknown."""
    told = values[~np.isnan(values)]
    if not len(told):
        return values
    return np.asarray((values - told.mean()) / (told.std() + 1e-6), np.float32)


def _reciprocal_rank(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 for the best candidate, 1/2 for the second, ...; equal ones share their lowest.

    What is unknown comes last, and stays unknown.
    """
    rank = np.searchsorted(np.sort(-values), -values, side="right")
    return np.where(np.isnan(values), np.nan, np.reciprocal(rank, dtype=np.float32))
