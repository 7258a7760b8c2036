"""Probabilities against what came, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.evaluate.probabilities import calibration_error, log_loss


def test_promises_that_come_true_have_no_error() -> None:
    came = np.array([True, True, True, False] * 10)
    assert calibration_error(np.full(40, 0.75), came) == 0.0  # four in a bin
    assert calibration_error(np.full(40, 0.5), came) == 0.25
    assert calibration_error(np.array([1.0, 0.0]), np.array([False, True])) == 1.0
    assert calibration_error(np.empty(0), np.empty(0, bool)) == 0.0


def test_log_loss_by_hand() -> None:
    found = log_loss(np.array([0.5, 0.25, 0.0]), np.array([True, False, False]))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 3)
    assert np.isfinite(log_loss(np.array([0.0]), np.array([True])))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_the_error_is_a_share(seen: list[tuple[float, bool]]) -> None:
    promised, came = (np.array(part) for part in zip(*seen, strict=True))
    assert 0 <= calibration_error(promised, came) <= 1
