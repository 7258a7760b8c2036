"""Updates that may be published, and those that may not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.errors import ConfigError, DataError
from corank.evaluate.gate import Gate, Slice


def slice_of(difference: float, n: int = 400, noise: float = 0.1, seed: int = 0) -> Slice:
    rng = np.random.default_rng(seed)
    current = rng.random(n)
    return Slice(current + difference + noise * rng.standard_normal(n), current)


@pytest.mark.parametrize(
    ("new", "old", "publish", "says"),
    [
        (0.05, 0.0, True, "Published. NDCG"),
        (0.05, 0.05, True, "Published"),
        (0.0, 0.0, False, "does not gain clearly on the new slice."),
        (-0.05, 0.0, False, "does not gain clearly on the new slice."),
        (0.05, -0.05, False, "Not published: it may lose more than 0.02 on the old one."),
        (0.0, -0.05, False, "new slice and it may lose more"),
    ],
)
def test_it_asks_for_a_gain_and_for_little_loss(
    new: float, old: float, publish: bool, says: str
) -> None:
    judged = Gate().judge("NDCG", new=slice_of(new), old=slice_of(old, seed=1))
    assert judged.publish == publish and says in judged.why
    assert judged.new.value == pytest.approx(new, abs=0.02)


def test_a_loss_within_the_budget_is_only_believed_with_enough_cases() -> None:
    gain = slice_of(0.1)
    assert Gate(budget=0.02).judge("x", new=gain, old=slice_of(-0.01, 4000)).publish
    assert not Gate(budget=0.02).judge("x", new=gain, old=slice_of(-0.01, 20)).publish


def test_one_case_decides_nothing() -> None:
    judged = Gate().judge("x", new=slice_of(0.5, 1), old=slice_of(0.0))
    assert not judged.publish
    said = judged.to_dict()
    assert said["new"]["low"] is None and said["old"]["low"] < 0  # JSON has no nan


def test_cases_of_one_user_count_as_one() -> None:
    user = np.arange(400) // 200
    new = Slice(np.where(user == 0, 0.6, 0.45), np.full(400, 0.5))  # one gains, one loses
    assert Gate().judge("x", new=new, old=slice_of(0.0)).publish
    together = new._replace(groups=user)
    assert not Gate().judge("x", new=together, old=slice_of(0.0)).publish


@given(st.floats(0.0, 0.2), st.floats(0.0, 0.2), st.floats(-0.3, 0.3))
def test_a_larger_budget_never_refuses_what_a_smaller_one_let_pass(
    a: float, b: float, old: float
) -> None:
    low, high = sorted((a, b))
    new, kept = slice_of(0.1, 50), slice_of(old, 50)
    passed = [Gate(budget=x).judge("x", new=new, old=kept).publish for x in (low, high)]
    assert passed[0] <= passed[1]


def test_empty_slices_and_wrong_budgets_are_refused() -> None:
    with pytest.raises(DataError, match="nothing to average"):
        Gate().judge("x", new=slice_of(0.1, 0), old=slice_of(0.0))
    with pytest.raises(ConfigError, match="budget"):
        Gate(budget=-0.1)
