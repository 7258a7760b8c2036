"""What the vectors of an encoder are worth: a set of texts, and the metric that they give.

The encoder is as it came, so that every engine that runs it can be asked: what differs between two
of them is what their arithmetic loses.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks import upworthy
from benchmarks.reranking import PASSAGES
from benchmarks.sets.amazon_beauty import AMAZON_BEAUTY
from benchmarks.sets.crowdflower import CROWDFLOWER, judged_products
from benchmarks.sets.datasets import PublicSet
from benchmarks.sets.labelled import BANKING77
from benchmarks.sets.liveqa import LIVEQA
from corank.data.text import render
from corank.evaluate.baselines import TextMean
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Qrels, judge
from corank.evaluate.task import Task
from corank.fitting import DECAY
from corank.retrieve.hits import Hits

Floats = NDArray[np.float64]
INVERSE_L2 = 30.0
HISTORIES = 5_000


@dataclass(frozen=True)
class TextTask:
    """Texts to encode, and what their vectors are worth."""

    dataset: PublicSet
    known: list[str]  # may be learned from
    asked: list[str]  # may not
    metric: str
    values: Callable[[NDArray[np.float32]], Floats]
    """Unit vectors of known and asked, (n, d) -> the metric for each case of the test, (cases,)."""


def crowdflower(seed: int) -> TextTask:
    """Every judged query, its products by cosine; nothing is drawn by the seed."""
    products = judged_products(CROWDFLOWER.source())
    texts = render(PASSAGES.item_text, products.items).to_list()
    queries, judged = products.judged_queries()

    def values(vectors: NDArray[np.float32]) -> Floats:
        items, asked = vectors[: len(texts)], vectors[len(texts) :]
        scores = (asked[judged.rows()] * items[judged.items]).sum(1)
        found = Hits.of(judged.rows(), judged.items, scores, n=len(queries), k=10)
        return compute("ndcg@10", judge(found.items, Qrels.of(judged)))

    return TextTask(CROWDFLOWER, texts, queries, "ndcg@10", values)


def amazon_beauty(seed: int) -> TextTask:
    """The last item of some histories, by the faded mean of the titles before it."""
    split = AMAZON_BEAUTY.split("leave-one-out")
    texts = render(AMAZON_BEAUTY.vertical.item_text, split.train.items).to_list()
    task = Task.of(split.test.cases(), np.zeros(len(texts), np.bool_)).sample(HISTORIES, seed)

    def values(vectors: NDArray[np.float32]) -> Floats:
        return compute("ndcg@10", task.judge(task.run(TextMean(vectors, DECAY).score)))

    return TextTask(AMAZON_BEAUTY, texts, [], "ndcg@10", values)


def banking77(seed: int) -> TextTask:
    """The official test, by a logistic regression on the training texts."""
    fold = next(BANKING77.folds(BANKING77.source(), "full", seed))

    def values(vectors: NDArray[np.float32]) -> Floats:
        known, asked = vectors[: len(fold.texts)], vectors[len(fold.texts) :]
        head = LogisticRegression(C=INVERSE_L2, max_iter=1_000).fit(known, fold.labels)
        return np.asarray(head.predict(asked) == np.array(fold.test_labels), np.float64)

    return TextTask(BANKING77, list(fold.texts), list(fold.test_texts), "accuracy", values)


def liveqa(seed: int) -> TextTask:
    """The judged answers to what patients asked, by cosine; nothing is learned or drawn."""
    fold = next(LIVEQA.folds(LIVEQA.source(), LIVEQA.protocols[0], seed))
    items, judged = np.unique(fold.judged.items, return_inverse=True)
    texts = render(PASSAGES.item_text, fold.train.items[items.tolist()]).to_list()

    def values(vectors: NDArray[np.float32]) -> Floats:
        answers, asked = vectors[: len(texts)], vectors[len(texts) :]
        rows = fold.judged.rows()
        scores = (asked[rows] * answers[judged]).sum(1)
        found = Hits.of(rows, fold.judged.items, scores, n=len(fold.queries), k=10)
        return compute("ndcg@10", judge(found.items, Qrels.of(fold.judged)))

    return TextTask(LIVEQA, texts, list(fold.queries), "ndcg@10", values)


def headlines(seed: int) -> TextTask:
    """Which of two headlines is clicked more, by ridge regression; one fold of tests is asked."""
    known = upworthy.read(upworthy.UPWORTHY.source())
    tests = next(upworthy.folds(known, seed))
    duels, _ = upworthy.pairs(known.trials)
    test_of = np.repeat(np.arange(len(known.groups)), np.diff(known.trials.offsets))
    asked = np.isin(test_of[duels.first], tests)
    seen, arms = known.trials.take(np.setdiff1d(np.arange(len(known.groups)), tests))
    others = np.setdiff1d(np.arange(len(known.texts)), arms)
    order = np.concatenate([arms, others])
    texts = [known.texts[arm] for arm in order.tolist()]
    place = np.argsort(order)
    first, second = place[duels.first[asked]], place[duels.second[asked]]

    def values(vectors: NDArray[np.float32]) -> Floats:
        said = upworthy.ridge(vectors[: len(arms)], seen, vectors[first], vectors[second])
        return np.asarray((said.margin > 0) == duels.won[asked], np.float64)

    told = texts[: len(arms)], texts[len(arms) :]
    return TextTask(upworthy.UPWORTHY, *told, "pair_accuracy", values)


TASKS: dict[str, Callable[[int], TextTask]] = {
    CROWDFLOWER.name: crowdflower,
    AMAZON_BEAUTY.name: amazon_beauty,
    BANKING77.name: banking77,
    LIVEQA.name: liveqa,
    upworthy.UPWORTHY.name: headlines,
}
