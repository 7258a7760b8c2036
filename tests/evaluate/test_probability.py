"""Probabilities and scores against labels: by hand, against scikit-learn, and by their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from corank.errors import ConfigError, DataError
from corank.evaluate.probability import auc, expected_calibration_error, log_loss


def test_auc_by_hand() -> None:
    # Of the pairs (.9, .5), (.9, .1), (.5, .5), (.5, .1): three wins and a tie.
    assert auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1]) == 3.5 / 4
    assert auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1], [1, 1, 2, 1]) == (2 + 2 * 1.5) / 6


@given(
    positive=st.lists(st.integers(-50, 50), min_size=1, max_size=20),
    negative=st.lists(st.integers(-50, 50), min_size=1, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_auc_sees_only_the_order_of_the_scores(positive: list[int], negative: list[int]) -> None:
    y = np.repeat([1, 0], [len(positive), len(negative)])
    score = np.array([*positive, *negative], np.float64)
    value = auc(y, score)
    assert 0 <= value <= 1
    assert auc(y, np.exp(score / 10) + 3) == value
    assert auc(y, score**3) == value
    assert auc(y, -score) == pytest.approx(1 - value)


def test_log_loss_by_hand() -> None:
    assert log_loss([1, 0], [0.8, 0.4]) == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert log_loss([1], [0.0]) == pytest.approx(36.04, abs=0.01)


def test_calibration_error_by_hand() -> None:
    # Two bins of two: predicted .15 against 0, predicted .8 against .5.
    value = expected_calibration_error([0, 0, 1, 0], [0.1, 0.2, 0.7, 0.9], bins=2)
    assert value == pytest.approx((0.15 + 0.3) / 2)


def test_calibration_error_keeps_equal_predictions_together() -> None:
    y = np.array([1, 0, 0, 0] * 25)
    assert expected_calibration_error(y, np.full(100, 0.25)) == pytest.approx(0)
    assert expected_calibration_error(y, np.full(100, 0.75)) == pytest.approx(0.5)


def test_calibration_error_sees_what_is_crowded_near_zero() -> None:
    p = np.repeat([0.001, 0.019], 500)
    y = np.repeat([0, 0, 1, 0, 0], [500, 400, 10, 50, 40])  # both halves average .01 or less
    y_swapped = y[::-1]
    assert expected_calibration_error(y, p) < 0.002
    assert expected_calibration_error(y_swapped, p) > 0.009


@pytest.mark.parametrize("metric", [auc, log_loss, expected_calibration_error])
def test_labels_and_numbers_that_do_not_fit_are_refused(metric: object) -> None:
    assert callable(metric)
    with pytest.raises(DataError, match="one number a row"):
        metric([0, 1], [0.5])
    with pytest.raises(DataError, match="one number a row"):
        metric([], [])
    with pytest.raises(DataError, match=r"0 or 1; got 0\.0 to 2\.0"):
        metric([0, 2], [0.5, 0.5])
    with pytest.raises(DataError, match="1 of 2 scores are nan"):
        metric([0, 1], [0.5, np.nan])


def test_auc_of_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="one of them is missing"):
        auc([1, 1], [0.2, 0.3])
    with pytest.raises(DataError, match="one of them is missing"):
        auc([1, 0], [0.2, 0.3], [1, 0])
    with pytest.raises(DataError, match="Weights must be 2"):
        auc([1, 0], [0.2, 0.3], [1, -1])


@pytest.mark.parametrize("p", [[0.5, 1.2], [-0.1, 0.5]])
def test_a_probability_out_of_range_is_refused(p: list[float]) -> None:
    with pytest.raises(DataError, match="sigmoid"):
        log_loss([0, 1], p)
    with pytest.raises(DataError, match="sigmoid"):
        expected_calibration_error([0, 1], p)
    with pytest.raises(ConfigError, match="bins"):
        expected_calibration_error([0, 1], [0.5, 0.5], bins=0)


@pytest.mark.parametrize("weighted", [False, True])
def test_auc_agrees_with_scikit_learn_with_ties_and_weights(weighted: bool) -> None:
    random = np.random.default_rng(2)
    y = random.integers(0, 2, size=500)
    score = random.integers(0, 20, size=500) + 3 * y
    weight = random.random(500) if weighted else None
    expected = sklearn_metrics.roc_auc_score(y, score, sample_weight=weight)
    assert auc(y, score, weight) == pytest.approx(expected, rel=1e-12)


def test_log_loss_agrees_with_scikit_learn_even_when_certain() -> None:
    random = np.random.default_rng(3)
    y, p = random.integers(0, 2, size=500), random.random(500)
    p[:4] = [0, 1, 0, 1]
    assert log_loss(y, p) == pytest.approx(sklearn_metrics.log_loss(y, p), rel=1e-9)
