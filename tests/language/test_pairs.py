"""Training pairs by hand."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.language.pairs import Pairs, build_pairs

N_ITEMS = 5
SEQUENCES = Ragged.of([[0, 1, 2], [3], [2, 2, 4]])
JUDGED = Ragged(
    np.array([0, 2, 3, 4]),
    np.array([1, 4, 2, 0], np.int32),
    np.array([3, 1, 2, 0], np.float32),
)  # three queries: 1 is very good and 4 fair; 2 is good; 0 is bad
NO_QUERIES = Ragged.of([])


def build(
    sequences: Ragged = SEQUENCES,
    judged: Ragged = NO_QUERIES,
    *,
    window: int = 1,
    max_pairs: int = 100,
    min_grade: float = 2,
    seed: int = 0,
) -> Pairs:
    return build_pairs(
        sequences,
        judged,
        N_ITEMS,
        window=window,
        max_pairs=max_pairs,
        min_grade=min_grade,
        seed=seed,
    )


def unordered(pairs: Pairs) -> Counter[tuple[int, ...]]:
    both = zip(pairs.anchors.tolist(), pairs.positives.tolist(), strict=True)
    return Counter(tuple(sorted(pair)) for pair in both)


def test_neighbours_of_one_history_make_pairs() -> None:
    assert unordered(build(window=1)) == Counter([(0, 1), (1, 2), (2, 4)])


def test_a_wider_window_reaches_further() -> None:
    assert unordered(build(window=2)) == Counter([(0, 1), (1, 2), (2, 4), (0, 2), (2, 4)])


def test_no_window_leaves_the_queries() -> None:
    assert unordered(build(judged=JUDGED, window=0)) == Counter([(1, 5), (2, 6)])


def test_queries_are_numbered_after_the_items() -> None:
    pairs = build(judged=JUDGED)
    assert pairs.anchors[-2:].tolist() == [N_ITEMS + 0, N_ITEMS + 1]
    assert pairs.positives[-2:].tolist() == [1, 2]
    assert len(pairs) == 5


@pytest.mark.parametrize(("min_grade", "queries"), [(3, 1), (2, 2), (1, 3)])
def test_only_good_judgements_make_pairs(min_grade: float, queries: int) -> None:
    pairs = build(judged=JUDGED, min_grade=min_grade)
    assert (pairs.anchors >= N_ITEMS).sum() == queries


@pytest.mark.parametrize(("max_pairs", "items"), [(1, 0), (2, 0), (3, 1), (4, 2), (99, 3)])
def test_too_many_pairs_leave_items_out_never_queries(max_pairs: int, items: int) -> None:
    pairs = build(judged=JUDGED, max_pairs=max_pairs)
    queries = pairs.anchors >= N_ITEMS
    assert (int((~queries).sum()), int(queries.sum())) == (items, 2)


def test_what_is_known_holds_both_ways_and_of_itself() -> None:
    known: NDArray[np.bool_] = build(judged=JUDGED, max_pairs=2).known.toarray()
    items = np.eye(N_ITEMS, dtype=bool)
    for a, b in [(0, 1), (1, 2), (2, 4)]:  # pairs that were left out are known all the same
        items[a, b] = items[b, a] = True
    queries = np.zeros((3, N_ITEMS), bool)
    queries[0, [1, 4]] = queries[1, 2] = True  # 4 is a fair answer: no pair, but no negative
    assert known.dtype == bool
    assert known.tolist() == [*items.tolist(), *queries.tolist()]


def test_frequency_is_the_share_of_pairs_an_item_is_the_positive_of() -> None:
    pairs = build(judged=JUDGED, window=2)
    assert pairs.frequency.sum() == pytest.approx(1)
    assert pairs.frequency == pytest.approx(np.bincount(pairs.positives, minlength=5) / len(pairs))


def test_either_of_two_items_may_be_the_anchor() -> None:
    long = Ragged.of([[0, 1]] * 50)
    anchors = build(long).anchors
    assert 10 < anchors.sum() < 40
    assert build(long).anchors.tolist() == anchors.tolist()
    assert build(long, seed=1).anchors.tolist() != anchors.tolist()


def test_no_events_make_no_pairs() -> None:
    pairs = build(Ragged.of([[], [3]]))
    assert len(pairs) == 0 and pairs.frequency.tolist() == [0] * 5
