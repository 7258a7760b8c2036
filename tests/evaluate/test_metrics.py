"""Every metric against a sum done by hand, against ranx and scikit-learn, and against its laws."""

import importlib
from collections.abc import Iterator, Sequence
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from corank.errors import ConfigError, DataError
from corank.evaluate.metrics import (
    METRICS,
    average_precision,
    compute,
    hit_rate,
    mrr,
    ndcg,
    parse_metric,
    precision,
    recall,
)
from corank.evaluate.relevance import Judged, Qrels, Run, judge


def run_of(*rows: Sequence[int]) -> Run:
    return np.array(rows, np.int32)


@pytest.fixture
def judged() -> Judged:
    """Three cases, four ranks: a mixed one, one without a hit, one without an answer."""
    qrels = Qrels.from_lists([[7, 3, 9, 5], [1, 2], [4]], [[3, 1, 0, 2], [1, 1], [0]])
    return judge(run_of([9, 3, 8, 7], [5, 6, -1, -1], [4, 1, 2, 3]), qrels)


def random_task(
    seed: int, *, cases: int = 60, depth: int = 20, catalogue: int = 50
) -> tuple[Run, list[dict[int, int]]]:
    """Random rankings, some of them short, and grades 1 to 3 for one to fifteen items a case."""
    random = np.random.default_rng(seed)
    run = np.array([random.permutation(catalogue)[:depth] for _ in range(cases)], np.int32)
    run[np.arange(depth) >= random.integers(1, depth + 1, size=cases)[:, None]] = -1
    relevant = [
        {
            int(item): int(random.integers(1, 4))
            for item in random.permutation(catalogue)[: random.integers(1, 16)]
        }
        for _ in range(cases)
    ]
    return run, relevant


def qrels_of(relevant: Sequence[dict[int, int]]) -> Qrels:
    return Qrels.from_lists([list(case) for case in relevant], [list(c.values()) for c in relevant])


# Judgements


def test_judging_finds_each_grade_its_ideal_and_the_number_of_relevant_items(
    judged: Judged,
) -> None:
    assert judged.grades.tolist() == [[0, 1, 0, 3], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert judged.ideal.tolist() == [[3, 2, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert judged.n_relevant.tolist() == [3, 2, 0]
    assert judged.grades.dtype == judged.ideal.dtype == np.float32


def test_the_ideal_is_cut_at_the_depth_of_the_run_and_the_count_is_not() -> None:
    judged = judge(run_of([5, 6]), Qrels.from_lists([[1, 2, 3]], [[1, 3, 2]]))
    assert judged.ideal.tolist() == [[3, 2]]
    assert judged.n_relevant.tolist() == [3]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_judging_agrees_with_looking_up_one_item_at_a_time(seed: int) -> None:
    run, relevant = random_task(seed, cases=8)
    expected = [
        [case.get(int(item), 0) for item in row] for row, case in zip(run, relevant, strict=True)
    ]
    assert judge(run, qrels_of(relevant)).grades.tolist() == expected


def test_judging_no_cases_and_cases_without_judgements_works() -> None:
    none = judge(np.zeros((0, 5), np.int32), Qrels.from_lists([]))
    assert len(none) == 0
    assert compute("ndcg@5", none).shape == (0,)
    assert np.isnan(compute("ndcg@2", judge(run_of([0, 1]), Qrels.from_lists([[]])))).all()


def test_a_run_may_not_rank_an_item_twice_but_may_pad_twice() -> None:
    qrels = Qrels.from_lists([[1], [2]])
    judge(run_of([1, -1, -1], [-1, -1, -1]), qrels)
    with pytest.raises(DataError, match="Case 1 ranks item 4 more than once"):
        judge(run_of([1, 2, 3], [4, 2, 4]), qrels)


@pytest.mark.parametrize(
    "run",
    [
        run_of([1, 2]),
        np.array([[1.0], [2.0]]),
        np.array([1, 2], np.int32),
        run_of([1, -2], [0, 3]),
    ],
    ids=["cases", "type", "dimensions", "negative"],
)
def test_a_run_of_another_shape_type_or_range_is_refused(run: Run) -> None:
    with pytest.raises(DataError, match="A run"):
        judge(run, Qrels.from_lists([[1], [2]]))


def test_subset_keeps_the_masked_cases_in_order() -> None:
    qrels = Qrels.from_lists([[1, 2], [], [3], [4, 5]], [[1, 2], [], [3], [0, 1]])
    kept = qrels.subset(np.array([True, True, False, True]))
    assert len(kept) == 3
    assert kept.indptr.tolist() == [0, 2, 2, 4]
    assert kept.items.tolist() == [1, 2, 4, 5]
    assert kept.grades.tolist() == [1, 2, 0, 1]
    with pytest.raises(DataError, match="boolean mask of 4 cases"):
        qrels.subset(np.array([0, 1, 3]))


def test_grades_default_to_one() -> None:
    assert Qrels.from_lists([[4, 2], [1]]).grades.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("items", "grades", "message"),
    [
        ([[1], [2]], [[1]], "items for 2 cases but grades for 1"),
        ([[1], [2, 3]], [[1], [1]], "Case 1 has 2 items but 1 grades"),
        ([[1], [2, 2]], None, "judged twice"),
        ([[-1]], None, "0 or more"),
        ([[1]], [[-1]], r"\[0, 64\]"),
        ([[1]], [[float("nan")]], r"\[0, 64\]"),
        ([[1]], [[1000]], "Bucket counts"),
    ],
)
def test_judgements_that_cannot_be_are_refused(
    items: list[list[int]], grades: list[list[float]] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Qrels.from_lists(items, grades)


@pytest.mark.parametrize(
    ("indptr", "items", "grades", "message"),
    [
        ([0, 2], [4, 5], [1], "one grade"),
        ([0, 1], [[4]], [[1]], "one grade"),
        ([0, 2, 1, 2], [4, 5], [1, 1], "non-decreasing"),
        ([], [], [], "non-decreasing"),
        ([1, 2], [4, 5], [1, 1], "runs from 1 to 2"),
        ([0, 1], [4, 5], [1, 1], "runs from 0 to 1"),
    ],
)
def test_offsets_items_and_grades_that_do_not_fit_together_are_refused(
    indptr: list[int], items: list[int], grades: list[float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Qrels(np.array(indptr, np.int64), np.array(items, np.int32), np.array(grades, np.float32))


# Metrics by hand. The mixed case ranks grades 0, 1, 0, 3 and could have had 3, 2, 1.


def test_ndcg_by_hand(judged: Judged) -> None:
    dcg = 1 / np.log2(3) + 7 / np.log2(5)
    ideal = 7 + 3 / np.log2(3) + 1 / 2
    np.testing.assert_allclose(ndcg(judged, 4), [dcg / ideal, 0, np.nan])
    at_two = (1 / np.log2(3)) / (7 + 3 / np.log2(3))
    np.testing.assert_allclose(ndcg(judged, 2), [at_two, 0, np.nan])


def test_recall_is_over_all_relevant_items_even_when_k_is_smaller(judged: Judged) -> None:
    np.testing.assert_allclose(recall(judged, 4), [2 / 3, 0, np.nan])
    np.testing.assert_allclose(recall(judged, 2), [1 / 3, 0, np.nan])


def test_hit_rate_by_hand(judged: Judged) -> None:
    np.testing.assert_array_equal(hit_rate(judged, 1), [0, 0, np.nan])
    np.testing.assert_array_equal(hit_rate(judged, 2), [1, 0, np.nan])


def test_precision_counts_empty_ranks_as_misses(judged: Judged) -> None:
    np.testing.assert_allclose(precision(judged, 4), [2 / 4, 0, np.nan])
    short = judge(run_of([1, -1, -1, -1]), Qrels.from_lists([[1]]))
    assert precision(short, 4).tolist() == [1 / 4]


def test_mrr_is_cut_at_k(judged: Judged) -> None:
    np.testing.assert_allclose(mrr(judged, 4), [1 / 2, 0, np.nan])
    np.testing.assert_allclose(mrr(judged, 1), [0, 0, np.nan])


def test_average_precision_by_hand(judged: Judged) -> None:
    np.testing.assert_allclose(average_precision(judged, 4), [(1 / 2 + 2 / 4) / 3, 0, np.nan])
    np.testing.assert_allclose(average_precision(judged, 2), [(1 / 2) / 2, 0, np.nan])


def test_tiny_grades_still_count() -> None:
    judged = judge(run_of([5, 1]), Qrels.from_lists([[1]], [[1e-20]]))
    np.testing.assert_allclose(ndcg(judged, 2), [1 / np.log2(3)])


# Metrics against other people's code


@pytest.fixture(scope="module")
def ranx() -> Iterator[ModuleType]:
    """ranx as plain Python: compiling it takes a minute, these few cases take a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numba.config.DISABLE_JIT", True)
        yield importlib.import_module("ranx")


@pytest.mark.parametrize("k", [1, 5, 20])
def test_metrics_agree_with_ranx(k: int, ranx: ModuleType) -> None:
    run, relevant = random_task(k)
    names = [f"q{case:03}" for case in range(len(run))]
    theirs = ranx.evaluate(
        ranx.Qrels(
            {q: {str(i): g for i, g in c.items()} for q, c in zip(names, relevant, strict=True)}
        ),
        ranx.Run(
            {
                q: {str(item): 1.0 / rank for rank, item in enumerate(row, 1) if item >= 0}
                for q, row in zip(names, run, strict=True)
            }
        ),
        [f"{m}@{k}" for m in ("ndcg_burges", "recall", "hit_rate", "precision", "mrr", "map")],
        return_mean=False,
    )
    judged = judge(run, qrels_of(relevant))
    np.testing.assert_allclose(ndcg(judged, k), theirs[f"ndcg_burges@{k}"])
    np.testing.assert_allclose(recall(judged, k), theirs[f"recall@{k}"])
    np.testing.assert_allclose(hit_rate(judged, k), theirs[f"hit_rate@{k}"])
    np.testing.assert_allclose(precision(judged, k), theirs[f"precision@{k}"])
    np.testing.assert_allclose(mrr(judged, k), theirs[f"mrr@{k}"])
    over_all = np.minimum(judged.n_relevant, k) / judged.n_relevant  # ranx divides by all of them
    np.testing.assert_allclose(average_precision(judged, k) * over_all, theirs[f"map@{k}"])


def test_ndcg_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    grades = random.integers(0, 4, size=(40, 30))
    scores = random.random((40, 30))
    qrels = Qrels.from_lists([range(30)] * 40, grades.tolist())
    run = np.argsort(-scores, axis=1).astype(np.int32)
    expected = [
        sklearn_metrics.ndcg_score([2.0**g - 1], [s], k=10)
        for g, s in zip(grades, scores, strict=True)
    ]
    np.testing.assert_allclose(ndcg(judge(run, qrels), 10), expected)


# Laws

rankings = st.integers(0, 10_000).map(lambda seed: random_task(seed, cases=5))


@given(task=rankings, k=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_every_metric_lies_between_zero_and_one(
    task: tuple[Run, list[dict[int, int]]], k: int
) -> None:
    judged = judge(task[0], qrels_of(task[1]))
    for name in METRICS:
        values = compute(f"{name}@{k}", judged)
        assert values.shape == (5,)
        assert values.dtype == np.float64
        assert ((values >= 0) & (values <= 1)).all(), name


@given(task=rankings, k=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_perfect_ranking_scores_exactly_one(
    task: tuple[Run, list[dict[int, int]]], k: int
) -> None:
    run = np.full((5, 20), -1, np.int32)
    for row, case in zip(run, task[1], strict=True):
        row[: len(case)] = sorted(case, key=lambda item: -case[item])
    judged = judge(run, qrels_of(task[1]))
    for metric in (ndcg, average_precision, mrr, hit_rate):
        assert metric(judged, k).tolist() == [1.0] * 5
    assert recall(judged, 20).tolist() == [1.0] * 5


@given(task=rankings, k=st.integers(1, 19), seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_what_is_below_k_does_not_matter(
    task: tuple[Run, list[dict[int, int]]], k: int, seed: int
) -> None:
    run, qrels = task[0], qrels_of(task[1])
    shuffled = run.copy()
    shuffled[:, k:] = np.random.default_rng(seed).permutation(run[:, k:], axis=1)
    for metric in METRICS.values():
        np.testing.assert_array_equal(
            metric(judge(run, qrels), k), metric(judge(shuffled, qrels), k)
        )


@given(
    seed=st.integers(0, 10_000),
    k=st.integers(1, 20),
    ranks=st.lists(st.integers(0, 19), min_size=2, max_size=2, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_moving_a_better_item_up_never_lowers_a_metric(seed: int, k: int, ranks: list[int]) -> None:
    task = random_task(seed)
    upper, lower = sorted(ranks)
    before = judge(task[0], qrels_of(task[1]))
    better = before.grades[:, lower] > before.grades[:, upper]
    run = task[0].copy()
    run[better, upper], run[better, lower] = task[0][better, lower], task[0][better, upper]
    after = judge(run, qrels_of(task[1]))
    for name, metric in METRICS.items():
        assert (metric(after, k) >= metric(before, k) - 1e-12).all(), name
    if upper < k:
        assert (ndcg(after, k)[better] > ndcg(before, k)[better]).all()


# The metric's spelling


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ndcg@2", (1 / np.log2(3)) / (7 + 3 / np.log2(3))),
        ("recall@2", 1 / 3),
        ("hr@2", 1),
        ("precision@2", 1 / 2),
        ("mrr@2", 1 / 2),
        ("map@4", (1 / 2 + 2 / 4) / 3),
    ],
)
def test_compute_reads_the_metric_and_its_cut_off(
    spec: str, expected: float, judged: Judged
) -> None:
    np.testing.assert_allclose(compute(spec, judged), [expected, 0, np.nan])


def test_a_spelling_splits_into_name_and_cut_off() -> None:
    assert parse_metric("recall@100") == ("recall", 100)


def test_a_misspelt_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'ndcg'\?"):
        parse_metric("ndgc@10")


@pytest.mark.parametrize("spec", ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@1.5"])
def test_a_cut_off_must_be_a_positive_whole_number(spec: str) -> None:
    with pytest.raises(ConfigError, match="cut-off of 1 or more"):
        parse_metric(spec)


@pytest.mark.parametrize("k", [0, 5])
@pytest.mark.parametrize("name", list(METRICS))
def test_a_cut_off_outside_the_depth_of_the_run_is_refused(
    name: str, k: int, judged: Judged
) -> None:
    with pytest.raises(ConfigError, match="between 1 and the run's depth of 4"):
        METRICS[name](judged, k)
