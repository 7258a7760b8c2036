"""Item-to-item models against sums by hand and closed forms."""

import numpy as np
import pytest
from numpy.typing import NDArray

import corank.retrieve.cooccurrence as module
from corank.data.ragged import Ragged
from corank.retrieve.cooccurrence import ItemItem, ease, history_matrix, item_knn

N = 5  # item 4 is chosen by nobody
HISTORIES = Ragged.of([[0, 1], [2, 0, 1], [1, 2], [3]])
COUNTS = [2, 3, 2, 1, 0]
SHARED = {(0, 1): 2, (0, 2): 1, (1, 2): 2}


def dense(model: ItemItem) -> NDArray[np.float32]:
    return np.asarray(model.weights.toarray(), np.float32)


def many(seed: int = 0) -> Ragged:
    rng = np.random.default_rng(seed)
    return Ragged.of([rng.permutation(12)[: rng.integers(1, 6)].tolist() for _ in range(40)])


def test_a_history_fades_with_age() -> None:
    faded = history_matrix(Ragged.of([[2, 0, 1], []]), 4, decay=0.5).toarray()
    assert faded.tolist() == [[0.5, 1, 0.25, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("shrink", [0.0, 5.0])
def test_knn_by_hand(shrink: float) -> None:
    expected = np.zeros((N, N))
    for (a, b), users in SHARED.items():
        expected[a, b] = expected[b, a] = users / (np.sqrt(COUNTS[a] * COUNTS[b]) + shrink)
    assert dense(item_knn(HISTORIES, N, shrink=shrink, decay=1.0)) == pytest.approx(expected)


def test_truncation_keeps_the_largest_and_the_lower_index_of_equals() -> None:
    kept = dense(item_knn(HISTORIES, N, neighbours=1, shrink=0.0, decay=1.0))
    whole = 2 / np.sqrt(6)
    assert kept == pytest.approx(
        np.array([[0, whole, 0, 0, 0], [whole, 0, 0, 0, 0], [0, whole, 0, 0, 0], [0] * 5, [0] * 5])
    )


def test_ease_is_its_closed_form() -> None:
    histories = many()
    x = history_matrix(histories, 12).toarray().astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 10 * np.eye(12))
    expected = np.eye(12) - inverse / np.diag(inverse)[None, :]  # Steck 2019, equation 8
    assert dense(ease(histories, 12, l2=10, decay=1.0)) == pytest.approx(expected, abs=1e-5)


def test_ease_does_not_see_what_nobody_chose() -> None:
    weights = dense(ease(HISTORIES, N, l2=1, decay=1.0))
    assert not weights[4].any() and not weights[:, 4].any()
    assert np.diag(weights).tolist() == [0] * N
    assert weights[0, 1] > 0


def test_ease_truncated_keeps_the_largest() -> None:
    whole, kept = (dense(ease(many(), 12, l2=10, neighbours=n, decay=1.0)) for n in (12, 3))
    for row, some in zip(whole, kept, strict=True):
        largest = np.sort(np.argsort(-row)[:3])
        assert np.flatnonzero(some).tolist() == largest.tolist()
        assert some[largest].tolist() == row[largest].tolist()


def test_ease_reads_the_most_popular_items_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EASE_LIMIT", 2)
    weights = dense(ease(HISTORIES, N, l2=1, decay=1.0))
    assert np.argwhere(weights).tolist() == [[0, 1], [1, 0]]  # 1, then the first of two equals


def test_scores_add_up_the_rows_of_a_faded_history() -> None:
    rows, columns = np.array([0, 0, 1]), np.array([1, 2, 2])
    model = ItemItem.of(rows, columns, np.array([1.0, 2.0, 4.0]), 4, decay=0.5)
    scores = model.score(Ragged.of([[0, 1], [1, 0], [3], []]))
    assert scores.tolist() == [[0, 0.5, 5, 0], [0, 1, 4, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert scores.dtype == np.float32


def test_weights_from_some_items_are_added_up() -> None:
    model = ItemItem.of(
        np.array([0, 0, 2]), np.array([1, 2, 1]), np.array([1.0, 2.0, 4.0]), 4, decay=0.5
    )
    assert model.added_up(np.array([0, 2, 3], np.int32)).tolist() == [0, 5, 2, 0]
    assert model.added_up(np.array([], np.int32)).tolist() == [0] * 4


def test_weights_between_some_items_and_others() -> None:
    rows, columns = np.array([[1, 0, 0], [2, 3, 2]])
    model = ItemItem.of(rows, columns, np.array([4.0, 5.0, 1.0]), 4, decay=1.0)
    some, others, none = (np.array(items, np.int32) for items in ([1, 3, 0], [2, 3, 0], []))
    assert model.between(some, others).tolist() == [[4, 0, 0], [0, 0, 0], [1, 5, 0]]
    assert model.between(none, others).shape == (0, 3)
    assert model.between(some, none).shape == (3, 0)


def test_it_is_the_same_every_time() -> None:
    for learn in (item_knn, ease):
        first, again = (learn(many(), 12, decay=0.65) for _ in range(2))
        assert dense(first).tolist() == dense(again).tolist()
