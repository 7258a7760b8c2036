"""The systems a tuned ranker has to beat, fitted on the same split and tuned on validation.

Each is a few lines of linear algebra, and on sparse data such baselines beat most published
models (Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.evaluate.task import Scorer, Task
from corank.retrieve.cooccurrence import ItemItem, ease, history_matrix, item_knn
from corank.retrieve.lexical import BM25
from corank.retrieve.popularity import faded_counts

DECAYS = (0.5, 0.65, 0.8, 0.9, 1.0)
HALF_LIVES = (0.02, 0.05, 0.1, 0.2, 0.5)
TEXT_WEIGHTS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)
METRIC = "ndcg@10"
MAX_TUNING_CASES = 5_000


@dataclass(frozen=True)
class Baseline:
    """A named scorer and the settings that validation chose."""

    name: str
    score: Scorer
    settings: str = ""


@dataclass(frozen=True)
class TextMean:
    """Cosine of an item's text with the faded mean of the history's texts."""

    vectors: NDArray[np.float32]  # (n_items, d) unit length
    decay: float

    def score(self, histories: Ragged) -> NDArray[np.float32]:
        """Score the catalogue, (n, n_items)."""
        mean = history_matrix(histories, len(self.vectors), self.decay) @ self.vectors  # (n, d)
        norm = np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        return np.asarray((mean / norm) @ self.vectors.T, np.float32)


Faded = TypeVar("Faded", ItemItem, TextMean)


class Known(NamedTuple):
    """What the baselines learn from."""

    histories: Ragged  # (n,) each user's positive items, oldest first
    late: NDArray[np.floating]  # (m,) share of all those events that each came after


def fit_baselines(
    train: Known,
    validation: Task,
    texts: pl.Series,
    bm25: BM25,
    frozen: NDArray[np.float32],
    *,
    seed: int,
    refit: Known | None = None,
) -> list[Baseline]:
    """Fit every baseline on the training histories and tune it on validation.

    Where a history says nothing to one of them, it answers with the bestsellers.

    Args:
        train: what they learn from.
        validation: what decays and weights are chosen on.
        texts: the items' texts, (n_items,).
        bm25: the index over those texts.
        frozen: text vectors of the encoder before any tuning, (n_items, d).
        seed: of the validation sample (at most 5,000 cases).
        refit: what they are fitted on again once they are tuned, where the system they stand
            beside was.
    """
    n_items = len(texts)
    tuning = validation.sample(MAX_TUNING_CASES, seed)
    plain_knn = item_knn(train.histories, n_items, decay=1.0)
    plain_ease = ease(train.histories, n_items, decay=1.0)
    knn = _best(tuning, [ItemItem(plain_knn.weights, d) for d in DECAYS])
    faded = _best(tuning, [ItemItem(plain_ease.weights, d) for d in DECAYS])
    text = _best(tuning, [TextMean(frozen, d) for d in DECAYS])
    words = texts.to_list()

    def plus_text(weight: float) -> Scorer:
        return lambda histories: faded.score(histories) + weight * text.score(histories)

    weight = max(TEXT_WEIGHTS, key=lambda w: tuning.mean(plus_text(w), METRIC))
    half_life = max(
        HALF_LIVES, key=lambda h: tuning.mean(_everybody(_counts(train, n_items, h)), METRIC)
    )
    if refit is not None:
        train = refit
        plain_knn = item_knn(train.histories, n_items, decay=1.0)
        plain_ease = ease(train.histories, n_items, decay=1.0)
        knn = ItemItem(plain_knn.weights, knn.decay)
        faded = ItemItem(plain_ease.weights, faded.decay)
    count = _counts(train, n_items)

    def lexical(histories: Ragged) -> NDArray[np.float32]:
        newest = histories.last(1)[:, 0]  # (n,) -1 where the history is empty
        return bm25.score_all(["" if item < 0 else words[item] for item in newest])

    def spoken(score: Scorer) -> Scorer:
        def filled(histories: Ragged) -> NDArray[np.float32]:
            scores = score(histories)
            return np.where(scores.any(axis=1, keepdims=True), scores, count)

        return filled

    found = [
        Baseline("popularity", _everybody(count)),
        Baseline(
            "popularity/recency",
            _everybody(_counts(train, n_items, half_life)),
            f"half-life {half_life} of all events",
        ),
        Baseline("bm25", lexical, "query: the last item's text"),
        Baseline("item-knn", plain_knn.score),
        Baseline("item-knn/recency", knn.score, f"decay {knn.decay}"),
        Baseline("ease", plain_ease.score, "l2 100"),
        Baseline("ease/recency", faded.score, f"l2 100, decay {faded.decay}"),
        Baseline("frozen-encoder", text.score, f"decay {text.decay}"),
        Baseline("ease+frozen-encoder", plus_text(weight), f"ease/recency + {weight} x text"),
    ]
    return [Baseline(each.name, spoken(each.score), each.settings) for each in found]


def _counts(known: Known, n_items: int, half_life: float = np.inf) -> NDArray[np.float32]:
    return faded_counts(known.histories.items, known.late, n_items, half_life)


def _everybody(scores: NDArray[np.float32]) -> Scorer:
    """Answer every history alike."""
    return lambda histories: np.tile(scores, (len(histories), 1))


def _best(tuning: Task, choices: Sequence[Faded]) -> Faded:
    """Return the choice that ranks the validation cases best."""
    return max(choices, key=lambda choice: tuning.mean(choice.score, METRIC))
