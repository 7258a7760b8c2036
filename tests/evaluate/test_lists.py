"""What lists are like: each measure against a sum done by hand."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from corank.errors import ConfigError, DataError
from corank.evaluate.lists import coverage, diversity, gini, novelty
from corank.evaluate.relevance import Run


def run_of(*rows: Sequence[int]) -> Run:
    return np.array(rows, np.int32)


def test_coverage_counts_distinct_items_in_the_first_k() -> None:
    run = run_of([0, 1, 9], [1, 2, -1])
    assert coverage(run, 10, 2) == 3 / 10
    assert coverage(run, 10, 3) == 4 / 10


def test_gini_is_zero_when_equal_and_near_one_when_one_item_takes_all() -> None:
    assert gini(run_of([0, 1], [2, 3]), 4, 2) == 0
    assert gini(run_of([7], [7], [7]), 10, 1) == pytest.approx(9 / 10)
    assert np.isnan(gini(run_of([-1]), 10, 1))


def test_gini_is_half_the_mean_relative_difference() -> None:
    run = run_of([0, 1], [0, 2], [0, 1])
    counts = [3, 2, 1, 0]
    gaps = sum(abs(a - b) for a in counts for b in counts)
    assert gini(run, 4, 2) == pytest.approx(gaps / (2 * len(counts) * sum(counts)))


def test_novelty_by_hand() -> None:
    popularity = np.array([5, 1, 0, 6])  # smoothed: 6, 2, 1, 7 of 16
    bits = -np.log2(np.array([6, 2, 1, 7]) / 16)
    run = run_of([0, 2], [1, -1], [-1, -1])
    np.testing.assert_allclose(
        novelty(run, popularity, 2), [(bits[0] + bits[2]) / 2, bits[1], np.nan]
    )


def test_diversity_agrees_with_looking_at_each_pair() -> None:
    random = np.random.default_rng(4)
    vectors = random.standard_normal((12, 5)).astype(np.float32)
    vectors[3] = 0  # an item without text: cosine 0 with all
    vectors[4] = 2 * vectors[5]
    run = run_of([0, 1, 2, 3], [4, 5, -1, -1], [6, -1, 3, 8], [9, -1, -1, -1], [-1, -1, -1, -1])
    unit = np.array([v / np.linalg.norm(v) if v.any() else v for v in vectors])
    expected = []
    for row in run:
        pairs = list(combinations(row[row >= 0], 2))
        cosines = [1 - unit[a] @ unit[b] for a, b in pairs]
        expected.append(np.mean(cosines) if pairs else np.nan)
    np.testing.assert_allclose(diversity(run, vectors, 4), expected, atol=1e-6)
    assert np.isnan(diversity(run, vectors, 1)).all()


def test_list_metrics_refuse_items_outside_the_catalogue_and_cuts_below_the_run() -> None:
    with pytest.raises(DataError, match="the catalogue holds 0 to 3"):
        coverage(run_of([0, 4]), 4, 2)
    with pytest.raises(DataError, match="the catalogue holds 0 to 3"):
        diversity(run_of([0, -2]), np.eye(4), 2)
    with pytest.raises(ConfigError, match="depth of 2"):
        novelty(run_of([0, 1]), np.ones(4, np.int64), 3)
