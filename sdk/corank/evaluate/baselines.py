"""The systems a tuned ranker has to beat, fitted on the same split and tuned on validation.

Each is a few lines of linear algebra, and on sparse data such baselines beat most published
models (Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.dataset import Dataset
from corank.data.ragged import Ragged
from corank.evaluate.task import Scorer, Task
from corank.retrieve.cooccurrence import ItemItem, ease, history_matrix, item_knn
from corank.retrieve.lexical import BM25
from corank.retrieve.popularity import faded_counts

DECAYS = (0.5, 0.65, 0.8, 0.9, 1.0)
HALF_LIVES = (0.02, 0.05, 0.1, 0.2, 0.5)
L2 = (100.0, 300.0, 1000.0)
SHRINK = (0.0, 5.0, 20.0, 80.0)
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


class Known(NamedTuple):
    """What the baselines learn from."""

    histories: Ragged  # (n,) each user's positive items, oldest first
    late: NDArray[np.floating]  # (m,) share of all those events that each came after

    @classmethod
    def of(cls, data: Dataset) -> "Known":
        """Return what there is to learn from in some data."""
        _, histories = data.sequences()
        return cls(histories, data.lateness())


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

    Where a history says nothing to one of them, it answers with `usual_answer`.

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

    def neighbours(known: Known, shrink: float) -> ItemItem:
        return item_knn(known.histories, n_items, shrink=shrink, decay=1.0)

    def linear(known: Known, l2: float) -> ItemItem:
        return ease(known.histories, n_items, l2=l2, decay=1.0)

    shrink = _best(tuning, SHRINK, lambda value: neighbours(train, value).score)
    l2 = _best(tuning, L2, lambda value: linear(train, value).score)
    plain_knn, plain_ease = neighbours(train, shrink), linear(train, l2)
    fading = _best(tuning, DECAYS, lambda decay: ItemItem(plain_knn.weights, decay).score)
    knn = ItemItem(plain_knn.weights, fading)
    fading = _best(tuning, DECAYS, lambda decay: ItemItem(plain_ease.weights, decay).score)
    faded = ItemItem(plain_ease.weights, fading)
    text = TextMean(frozen, _best(tuning, DECAYS, lambda decay: TextMean(frozen, decay).score))
    words = texts.to_list()

    def plus_text(weight: float) -> Scorer:
        return lambda histories: faded.score(histories) + weight * text.score(histories)

    weight = _best(tuning, TEXT_WEIGHTS, plus_text)
    half_life = _half_life(train, tuning, HALF_LIVES)
    usual_life = _half_life(train, tuning, (np.inf, half_life))
    if refit is not None:
        train = refit
        plain_knn, plain_ease = neighbours(train, shrink), linear(train, l2)
        knn = ItemItem(plain_knn.weights, knn.decay)
        faded = ItemItem(plain_ease.weights, faded.decay)
    usual = _counts(train, n_items, usual_life)

    def lexical(histories: Ragged) -> NDArray[np.float32]:
        newest = histories.last(1)[:, 0]  # (n,) -1 where the history is empty
        return bm25.score_all(["" if item < 0 else words[item] for item in newest])

    def spoken(score: Scorer) -> Scorer:
        def filled(histories: Ragged) -> NDArray[np.float32]:
            scores = score(histories)
            return np.where(scores.any(axis=1, keepdims=True), scores, usual)

        return filled

    found = [
        Baseline("popularity", _everybody(_counts(train, n_items))),
        Baseline(
            "popularity/recency",
            _everybody(_counts(train, n_items, half_life)),
            f"half-life {half_life} of all events",
        ),
        Baseline("bm25", lexical, "query: the last item's text"),
        Baseline("item-knn", plain_knn.score, f"shrink {shrink:g}"),
        Baseline("item-knn/recency", knn.score, f"shrink {shrink:g}, decay {knn.decay}"),
        Baseline("ease", plain_ease.score, f"l2 {l2:g}"),
        Baseline("ease/recency", faded.score, f"l2 {l2:g}, decay {faded.decay}"),
        Baseline("frozen-encoder", text.score, f"decay {text.decay}"),
        Baseline("ease+frozen-encoder", plus_text(weight), f"ease/recency + {weight} x text"),
    ]
    return [Baseline(each.name, spoken(each.score), each.settings) for each in found]


def usual_answer(train: Known, tuning: Task) -> NDArray[np.float32]:
    """What to answer where nothing is known of somebody: scores, (n_items,).

    The bestsellers, or those of late, as validation prefers.
    """
    half_life = _half_life(train, tuning, (np.inf, *HALF_LIVES))
    return _counts(train, tuning.n_items, half_life)


def _half_life(train: Known, tuning: Task, choices: Sequence[float]) -> float:
    return _best(tuning, choices, lambda life: _everybody(_counts(train, tuning.n_items, life)))


def _counts(known: Known, n_items: int, half_life: float = np.inf) -> NDArray[np.float32]:
    return faded_counts(known.histories.items, known.late, n_items, half_life)


def _everybody(scores: NDArray[np.float32]) -> Scorer:
    """Answer every history alike."""
    return lambda histories: np.tile(scores, (len(histories), 1))


def _best(tuning: Task, choices: Sequence[float], scorer: Callable[[float], Scorer]) -> float:
    """Return the choice whose scorer ranks the validation cases best."""
    return max(choices, key=lambda choice: tuning.mean(scorer(choice), METRIC))
