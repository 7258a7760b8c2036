"""Lists: whose documents, how good, and what fills them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.data.ragged import Ragged
from corank.language.lists import Lists, build_lists, mined_pools


def judged(*rows: dict[int, float]) -> Ragged:
    """Documents of each query with their grades."""
    bare = Ragged.of([[*row] for row in rows])
    values = np.array([grade for row in rows for grade in row.values()], np.float32)
    return Ragged(bare.indptr, bare.items, values)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.integers(0, 19), st.sampled_from([0.0, 1.0, 3.0]), max_size=12),
        max_size=4,
    ),
    size=st.integers(2, 6),
    negatives=st.integers(0, 4),
    seed=st.integers(0, 3),
)
def test_every_list_has_what_it_should(
    rows: list[dict[int, float]], size: int, negatives: int, seed: int
) -> None:
    negatives = min(negatives, size - 1)
    known = judged(*rows)
    lists = build_lists(known, 40, size=size, negatives=negatives, seed=seed)
    assert lists.documents.shape == lists.grades.shape == (len(lists.queries), size)
    for query, documents, grades in zip(*lists, strict=True):
        truth = rows[query]
        assert len(set(documents)) == size
        assert grades.tolist() == [truth.get(document, 0.0) for document in documents.tolist()]
        assert grades.max() > 0 and grades.min() < grades.max()
        assert sum(document not in truth for document in documents.tolist()) >= negatives
    again = build_lists(known, 40, size=size, negatives=negatives, seed=seed)
    assert [part.tolist() for part in again] == [part.tolist() for part in lists]


def test_judged_documents_are_dealt_out_by_grade_and_each_comes_up_once() -> None:
    grades = {d: float(g) for d, g in enumerate([3, 3, 3, 1, 1, 1, 0, 0, 0])}
    lists = build_lists(judged(grades), 9, size=3, negatives=0, seed=0)
    assert [sorted(row) for row in lists.grades.tolist()] == [[0, 1, 3]] * 3
    assert sorted(lists.documents.ravel().tolist()) == [*range(9)]


def test_clicks_alone_get_negatives_and_none_that_was_clicked() -> None:
    lists = build_lists(judged({0: 1, 1: 1, 2: 1}), 8, size=4, negatives=3, seed=0)
    assert lists.queries.tolist() == [0, 0, 0]
    assert lists.grades.tolist() == [[1, 0, 0, 0]] * 3
    assert sorted(lists.documents[:, 0].tolist()) == [0, 1, 2]
    assert lists.documents[:, 1:].min() >= 3


def test_negatives_come_from_the_pool_as_far_as_it_goes() -> None:
    pools = np.array([[9, 0, 7, 8, -1], [-1, -1, -1, -1, -1]])
    lists = build_lists(
        judged({0: 2}, {1: 2}), 40, size=6, negatives=1, pools=pools, seed=0
    )  # document 0 is known to be good, and -1 is none
    assert set(lists.documents[0, 1:4]) == {7, 8, 9}
    assert len(set(lists.documents[1])) == 6


def test_too_few_documents_are_named_twice() -> None:
    lists = build_lists(judged({0: 2, 1: 0}), 3, size=5, negatives=0, seed=0)
    assert lists.documents.tolist() == [[0, 1, 2, 0, 1]]
    assert lists.grades.tolist() == [[2, 0, 0, 2, 0]]


@pytest.mark.parametrize("row", [{}, {0: 0.0, 1: 0.0}, {0: 2.0, 1: 2.0}])
def test_a_query_without_better_and_worse_teaches_nothing(row: dict[int, float]) -> None:
    lists = build_lists(judged(row), 2, size=2, negatives=0, seed=0)
    assert isinstance(lists, Lists) and len(lists.queries) == 0
    assert lists.documents.shape == (0, 2)


def test_a_pool_holds_what_is_near_and_neither_judged_nor_too_near() -> None:
    angles = np.radians([0, 10, 30, 40, 50, 170])
    documents = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    queries = documents[[0, 0, 0]]
    known = judged({2: 3, 3: 0}, {5: 0}, {})  # of the second query nothing good is known
    pools = mined_pools(queries, documents, known, 2, seed=0)
    assert pools.tolist() == [[4, 5], [-1, -1], [-1, -1]]
    everything = judged({2: 3, 3: 0, 4: 0, 5: 0})  # and the others are nearer than what is good
    assert mined_pools(queries[:1], documents, everything, 2, seed=0).tolist() == [[-1, -1]]
