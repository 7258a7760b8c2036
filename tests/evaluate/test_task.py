"""What a test asks, on four items that can be ranked by hand."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.data.context import nothing_known
from corank.data.dataset import Cases
from corank.data.ragged import Ragged
from corank.errors import DataError
from corank.evaluate import task as module
from corank.evaluate.task import DEPTH, Task

N = 4
ONCE = np.zeros(N, np.bool_)  # nothing is recommended twice
AGAIN = np.array([True, False, False, False])  # but item 0


def cases(histories: list[list[int]], relevant: list[list[int]]) -> Cases:
    users = pl.Series([f"u{row}" for row in range(len(histories))])
    n = len(histories)
    return Cases(users, Ragged.of(histories), Ragged.of(relevant), nothing_known(n))


def falling(histories: Ragged) -> NDArray[np.float32]:
    """Score item 0 best and item 3 worst, for everybody."""
    return np.tile(np.arange(N, 0, -1, dtype=np.float32), (len(histories), 1))


def test_what_was_seen_before_is_no_answer_and_is_counted() -> None:
    task = Task.of(cases([[0, 1], [2], []], [[1, 3], [2], [0]]), ONCE)
    assert task.dropped == 2
    assert task.users.to_list() == ["u0", "u2"]
    assert [task.histories[row].tolist() for row in range(2)] == [[0, 1], []]
    assert task.qrels.items.tolist() == [3, 0]
    assert task.qrels.indptr.tolist() == [0, 1, 2]


def test_what_may_be_repeated_is_an_answer_although_it_was_seen() -> None:
    task = Task.of(cases([[0, 1]], [[0, 1]]), AGAIN)
    assert task.dropped == 1
    assert task.qrels.items.tolist() == [0]
    assert task.run(falling)[0, :4].tolist() == [0, 2, 3, -1]


def test_a_history_masks_its_own_case_alone() -> None:
    task = Task.of(cases([[0], [3, 1]], [[1], [0]]), ONCE)
    assert task.run(falling)[:, :4].tolist() == [[1, 2, 3, -1], [0, 2, -1, -1]]


def test_nothing_to_ask_is_an_error() -> None:
    with pytest.raises(DataError, match="No case holds a relevant item that was not seen before"):
        Task.of(cases([[0, 1]], [[1]]), ONCE)


def test_grades_and_order_of_the_answers_are_kept() -> None:
    relevant = Ragged(
        np.array([0, 3]), np.array([3, 0, 2], np.int32), np.array([2, 1, 3], np.float32)
    )
    task = Task.of(Cases(pl.Series(["u"]), Ragged.of([[0]]), relevant, nothing_known(1)), ONCE)
    assert task.qrels.items.tolist() == [3, 2]
    assert task.qrels.grades.tolist() == [2, 3]
    # items 1, 2, 3 are ranked: gains 0, 2**3 - 1, 2**2 - 1 at ranks 1, 2, 3
    earned = 7 / np.log2(3) + 3 / np.log2(4)
    assert task.mean(falling, "ndcg@10") == pytest.approx(earned / (7 + 3 / np.log2(3)))
    assert task.mean(falling, "mrr@1") == 0


def test_a_run_is_as_deep_as_metrics_may_look() -> None:
    task = Task.of(cases([[0]], [[1]]), ONCE)
    assert task.run(falling).shape == (1, DEPTH)
    assert (task.run(falling)[0, 3:] == -1).all()


def test_the_scorer_keeps_its_scores() -> None:
    scores = np.ones((1, N), np.float32)
    Task.of(cases([[0]], [[1]]), ONCE).run(lambda _: scores)
    assert scores.tolist() == [[1, 1, 1, 1]]


rows = st.lists(
    st.tuples(
        st.lists(st.integers(0, N - 1), max_size=5),
        st.lists(st.integers(0, N - 1), min_size=1, max_size=N, unique=True),
        st.lists(st.integers(-3, 3), min_size=N, max_size=N),
    ),
    min_size=1, max_size=7,
)  # fmt: skip


@settings(deadline=None)
@given(rows, st.integers(1, 20))
def test_ranking_is_what_sorting_the_whole_catalogue_gives(
    rows: list[tuple[list[int], list[int], list[int]]], cells: int
) -> None:
    repeatable = AGAIN
    expected, dropped = {}, 0
    for row, (history, relevant, scores) in enumerate(rows):
        hidden = {item for item in history if not repeatable[item]}
        dropped += len(hidden & set(relevant))
        if set(relevant) - hidden:
            shown = sorted(set(range(N)) - hidden, key=lambda item: (-scores[item], item))
            expected[f"u{row}"] = (sorted(set(relevant) - hidden), shown)
    asked = cases([history for history, _, _ in rows], [relevant for _, relevant, _ in rows])
    if not expected:
        with pytest.raises(DataError):
            Task.of(asked, repeatable)
        return
    task = Task.of(asked, repeatable)
    assert task.dropped == dropped
    assert task.users.to_list() == list(expected)
    table = {f"u{row}": scores for row, (_, _, scores) in enumerate(rows)}
    matrix = np.array([table[user] for user in task.users], np.float32)
    start = 0

    def score(histories: Ragged) -> NDArray[np.float32]:
        nonlocal start
        start += len(histories)
        return matrix[start - len(histories) : start]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CELLS", cells)  # so that cases come in blocks of 1 to 5
        run = task.run(score)
    for row, (relevant, shown) in enumerate(expected.values()):
        assert run[row][run[row] >= 0].tolist() == shown
        judged = task.qrels.items[task.qrels.indptr[row] : task.qrels.indptr[row + 1]]
        assert sorted(judged.tolist()) == relevant


def test_a_sample_keeps_each_case_whole() -> None:
    histories = [[row % N] for row in range(20)]
    relevant = [[(row + 1) % N] for row in range(20)]
    task = Task.of(cases(histories, relevant), ONCE)
    some = task.sample(6, seed=1)
    assert len(some) == len(some.users) == len(some.histories) == 6
    for row, user in enumerate(some.users):
        number = int(user[1:])
        assert some.histories[row].tolist() == histories[number]
        assert some.qrels.items[row] == relevant[number][0]
    assert some.users.to_list() == task.sample(6, seed=1).users.to_list()
    assert some.users.to_list() != task.sample(6, seed=2).users.to_list()
    assert task.sample(20, seed=1) is task


def test_cases_that_ask_for_some_items_ask_for_nothing_else() -> None:
    relevant = [[1, 2], [3], [2], [4, 1]]
    task = Task.of(cases([[0], [0], [5], []], relevant), np.zeros(6, np.bool_))
    wanted = np.isin(np.arange(6), [1, 4])
    some = task.asking(wanted)
    assert [some.qrels.items[a:b].tolist() for a, b in pairwise(some.qrels.indptr)] == [[1], [4, 1]]
    assert some.users.to_list() == task.users.gather([0, 3]).to_list()
    assert [some.histories[row].tolist() for row in range(2)] == [[0], []]
    assert some.moments.equals(task.moments[[0, 3]])
    assert len(task.asking(np.zeros(6, np.bool_))) == 0
