"""What lists are like: each measure against a sum done by hand."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from corank.data.ragged import Ragged
from corank.data.values import share_out
from corank.errors import ConfigError, DataError
from corank.evaluate.lists import (
    calibration,
    coverage,
    diversity,
    exposure,
    gini,
    inequality,
    novelty,
    relative_exposure,
)
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


BRANDS = share_out(pl.Series("brand", ["A", "A", "A|B", "B", None, "C"]))


def test_exposure_fades_with_the_place_and_is_shared_by_an_items_providers() -> None:
    run = run_of([0, 2, 4], [3, -1, -1], [1, 0, 5])
    second, third = 1 / np.log2(3), 0.5
    np.testing.assert_allclose(exposure(run, BRANDS, 2), [2 + 1.5 * second, 1 + second / 2, 0])
    np.testing.assert_allclose(exposure(run, BRANDS, 3), [2 + 1.5 * second, 1 + second / 2, third])


def test_relative_exposure_is_one_where_every_item_is_shown_alike() -> None:
    alike = run_of([0], [1], [2], [3], [4], [5])
    np.testing.assert_allclose(relative_exposure(alike, BRANDS, 1), [1, 1, 1])
    one_alone = run_of([5], [5])  # C has one of the five items that have a brand
    np.testing.assert_allclose(relative_exposure(one_alone, BRANDS, 1), [0, 0, 5])
    assert np.isnan(relative_exposure(run_of([4], [-1]), BRANDS, 1)).all()


def test_inequality_of_exposure_counts_providers_that_are_never_shown() -> None:
    assert inequality(np.array([1.0, 1.0, 1.0])) == 0
    assert inequality(exposure(run_of([5], [5]), BRANDS, 1)) == pytest.approx(2 / 3)
    assert np.isnan(inequality(exposure(run_of([4]), BRANDS, 1)))


def test_calibration_is_the_divergence_from_the_history() -> None:
    histories = Ragged.of([[0, 1, 3], [0, 0, 3, 3, 4], [4], [], [5], [0]])
    run = run_of([0, 3, 4], [2, -1, -1], [0, 1, 2], [0, 1, 2], [0, 3, 1], [4, 4, -1])
    p, q = np.array([2 / 3, 1 / 3]), np.array([1 / 2, 1 / 2])
    expected = [
        (p * np.log(p / (0.99 * q + 0.01 * p))).sum(),  # half A, half B against two thirds A
        0,  # item 2 is half of each
        np.nan,  # the history says nothing
        np.nan,
        np.log(100),  # the history's C is not in the list at all
        np.nan,  # the list says nothing
    ]
    np.testing.assert_allclose(calibration(run, histories, BRANDS, 3), expected, atol=1e-12)


def test_a_column_without_a_value_exposes_nobody() -> None:
    nobody = share_out(pl.Series("brand", [None, None], pl.String))
    run = run_of([0, 1])
    assert exposure(run, nobody, 2).tolist() == []
    assert np.isnan(inequality(exposure(run, nobody, 2)))
    assert np.isnan(calibration(run, Ragged.of([[0]]), nobody, 2)).all()


def test_list_metrics_refuse_items_outside_the_catalogue_and_cuts_below_the_run() -> None:
    with pytest.raises(DataError, match="the catalogue holds 0 to 3"):
        coverage(run_of([0, 4]), 4, 2)
    with pytest.raises(DataError, match="the catalogue holds 0 to 3"):
        diversity(run_of([0, -2]), np.eye(4), 2)
    with pytest.raises(DataError, match="the catalogue holds 0 to 5"):
        exposure(run_of([6]), BRANDS, 1)
    with pytest.raises(DataError, match="the catalogue holds 0 to 5"):
        calibration(run_of([6]), Ragged.of([[0]]), BRANDS, 1)
    with pytest.raises(ConfigError, match="depth of 2"):
        novelty(run_of([0, 1]), np.ones(4, np.int64), 3)
