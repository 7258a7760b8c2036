"""Each baseline on five items, against numbers worked out by hand."""

import math

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from corank.data.context import nothing_known
from corank.data.dataset import Cases
from corank.data.ragged import Ragged
from corank.evaluate.baselines import Baseline, Known, TextMean, fit_baselines
from corank.evaluate.task import Task
from corank.retrieve.lexical import BM25

TEXTS = ["red apple", "red apple pie", "green pear", "blue car", "blue van"]
# Counts are 3, 2, 1, 1, 0; the only event with 2 is the last of all.
TRAIN = Known(Ragged.of([[0, 1], [0, 1], [0, 2], [3]]), np.array([1, 2, 3, 4, 5, 7, 6]) / 7)
# Unit vectors in the plane, at these degrees.
ANGLES = np.radians([0.0, 90.0, 36.0, 57.0, 180.0])
FROZEN = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
# Who liked 0 and then 1 wants 2, nearest to their mean at 45 degrees; a mean that fades says 3.
ASKED = Cases(pl.Series(["u"]), Ragged.of([[0, 1]]), Ragged.of([[2]]), nothing_known(1))


@pytest.fixture(scope="module")
def baselines() -> dict[str, Baseline]:
    validation = Task.of(ASKED, np.zeros(5, np.bool_))
    words = BM25.build(TEXTS)
    found = fit_baselines(TRAIN, validation, pl.Series(TEXTS), words, FROZEN, seed=0)
    return {baseline.name: baseline for baseline in found}


def score(baseline: Baseline, *history: int) -> NDArray[np.float32]:
    scores = baseline.score(Ragged.of([list(history)]))
    assert scores.shape == (1, 5)
    return scores.ravel()


def test_refitted_they_keep_what_was_tuned_and_know_the_later_events(
    baselines: dict[str, Baseline],
) -> None:
    validation = Task.of(ASKED, np.zeros(5, np.bool_))
    later = Known(Ragged.of([[3, 4], [3, 4], [3]]), np.array([1, 2, 3, 4, 5]) / 5)
    found = fit_baselines(
        TRAIN, validation, pl.Series(TEXTS), BM25.build(TEXTS), FROZEN, seed=0, refit=later
    )
    assert [b.settings for b in found] == [b.settings for b in baselines.values()]
    again = {baseline.name: baseline for baseline in found}
    assert score(again["popularity"]).tolist() == [0, 0, 0, 3, 2]
    for name in ("item-knn", "item-knn/recency", "ease", "ease/recency"):
        assert score(baselines[name], 3)[4] == 0 < score(again[name], 3)[4], name


def test_what_many_chose_lately_is_a_baseline_with_a_tuned_half_life(
    baselines: dict[str, Baseline],
) -> None:
    """The case asks for what came last of all: the shorter the half-life, the better."""
    assert baselines["popularity/recency"].settings == "half-life 0.02 of all events"
    found = score(baselines["popularity/recency"], 0, 1)
    assert found.argmax() == 2 and found[2] == pytest.approx(1, abs=1e-4)
    assert score(baselines["popularity"], 0, 1).tolist() == [3, 2, 1, 1, 0]


def test_every_baseline_of_the_report_is_there(baselines: dict[str, Baseline]) -> None:
    assert list(baselines) == [
        "popularity",
        "popularity/recency",
        "bm25",
        "item-knn",
        "item-knn/recency",
        "ease",
        "ease/recency",
        "frozen-encoder",
        "ease+frozen-encoder",
    ]


def test_popularity_is_the_same_for_everybody(baselines: dict[str, Baseline]) -> None:
    scores = baselines["popularity"].score(Ragged.of([[], [4, 3]]))
    assert scores.tolist() == [[3, 2, 1, 1, 0]] * 2


def test_a_history_that_says_nothing_is_answered_by_what_sells(
    baselines: dict[str, Baseline],
) -> None:
    for name in baselines.keys() - {"popularity/recency"}:
        assert score(baselines[name]).tolist() == [3, 2, 1, 1, 0], name
    assert score(baselines["item-knn"], 3).tolist() == [3, 2, 1, 1, 0]  # bought with nothing else


def test_bm25_searches_for_the_newest_items_text(baselines: dict[str, Baseline]) -> None:
    scores = score(baselines["bm25"], 0, 3)  # "blue car"; the apple is not asked for
    assert scores[3] > scores[4] > 0
    assert scores[:3].tolist() == [0, 0, 0]


def test_item_knn_is_the_shrunk_cosine_of_users(baselines: dict[str, Baseline]) -> None:
    shrink = float(baselines["item-knn"].settings.removeprefix("shrink "))
    near, far = 2 / (math.sqrt(3 * 2) + shrink), 1 / (math.sqrt(3 * 1) + shrink)
    expected = [0, near, far, 0, 0]
    assert score(baselines["item-knn"], 0) == pytest.approx(expected, rel=1e-6)
    assert score(baselines["item-knn"], 0, 3) == pytest.approx(expected, rel=1e-6)
    assert score(baselines["item-knn"], 1, 2) == pytest.approx([near + far, 0, 0, 0, 0], rel=1e-6)


def test_ease_is_steck_s_closed_form(baselines: dict[str, Baseline]) -> None:
    x = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])  # item 4 is new
    l2 = float(baselines["ease"].settings.removeprefix("l2 "))
    precision = np.linalg.inv(x.T @ x + l2 * np.eye(4))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    expected = [*(weights[0] + weights[2]), 0]
    assert score(baselines["ease"], 0, 2) == pytest.approx(expected, abs=1e-7)


def test_fading_weighs_an_older_item_by_the_decay(baselines: dict[str, Baseline]) -> None:
    for name in ("item-knn", "ease"):
        faded = baselines[f"{name}/recency"]
        decay = float(faded.settings.rpartition("decay ")[2])
        plain = baselines[name]
        both = decay * score(plain, 0) + score(plain, 1)
        assert score(faded, 0, 1) == pytest.approx(both.tolist(), abs=1e-7)


def test_frozen_text_is_the_cosine_with_the_mean_of_the_history(
    baselines: dict[str, Baseline],
) -> None:
    between = np.cos(ANGLES - np.radians(45.0))
    assert score(baselines["frozen-encoder"], 0, 1) == pytest.approx(between.tolist(), abs=1e-6)
    faded = TextMean(FROZEN, decay=0.5).score(Ragged.of([[0, 1]]))[0]
    towards = np.cos(ANGLES - np.arctan2(1.0, 0.5))
    assert faded == pytest.approx(towards.tolist(), abs=1e-6)


def test_validation_chooses_the_decay(baselines: dict[str, Baseline]) -> None:
    assert baselines["frozen-encoder"].settings == "decay 1.0"
    for decay, best in {1.0: 2, 0.9: 3, 0.5: 3}.items():
        scores = TextMean(FROZEN, decay).score(Ragged.of([[0, 1]]))[0]
        assert scores[2:].argmax() + 2 == best


def test_the_sum_adds_text_with_the_weight_that_it_names(baselines: dict[str, Baseline]) -> None:
    both = baselines["ease+frozen-encoder"]
    weight = float(both.settings.removeprefix("ease/recency + ").removesuffix(" x text"))
    ease, text = baselines["ease/recency"], baselines["frozen-encoder"]
    for history in ([0, 1], [0]):
        expected = score(ease, *history) + weight * score(text, *history)
        assert score(both, *history) == pytest.approx(expected.tolist(), abs=1e-6)
