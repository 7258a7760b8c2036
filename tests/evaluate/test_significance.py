"""Intervals that cover what they say they cover."""

import numpy as np
import pytest
from numpy.typing import NDArray

from corank.errors import ConfigError, DataError
from corank.evaluate import significance
from corank.evaluate.significance import Interval, bootstrap_mean, paired_difference


def width(interval: Interval) -> float:
    return interval.high - interval.low


def normal(n: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(n)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = [
        interval.low <= 1 <= interval.high
        for seed in range(400)
        for interval in [bootstrap_mean(random.exponential(1, 100), resamples=400, seed=seed)]
    ]
    assert 0.91 <= np.mean(covered) <= 0.98


def test_the_width_is_that_of_the_normal_theory() -> None:
    values = normal(1000)
    interval = bootstrap_mean(values)
    assert interval.value == pytest.approx(values.mean())
    assert interval.low < interval.value < interval.high
    expected = 2 * 1.96 * values.std() / np.sqrt(1000)
    assert width(interval) == pytest.approx(expected, rel=0.1)


def test_a_higher_level_is_wider() -> None:
    values = normal(200)
    assert width(bootstrap_mean(values, level=0.99)) > width(bootstrap_mean(values, level=0.8))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = normal(50)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_drawing_in_small_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = normal(50)
    whole = bootstrap_mean(values, resamples=101)
    monkeypatch.setattr(significance, "DRAWS_AT_ONCE", 120)
    assert bootstrap_mean(values, resamples=101) == whole


def test_nan_cases_are_skipped_with_their_groups() -> None:
    values = normal(40)
    holed = np.insert(values, [0, 10, 40], np.nan)
    assert bootstrap_mean(holed) == bootstrap_mean(values)
    groups = np.arange(40) // 4
    holed_groups = np.insert(groups, [0, 10, 40], 99)
    assert bootstrap_mean(holed, groups=holed_groups) == bootstrap_mean(values, groups=groups)


def test_groups_widen_the_interval_of_correlated_cases() -> None:
    values = np.repeat(normal(100), 16)  # each user's sixteen cases are alike
    users = np.repeat(np.arange(100), 16)
    alone, grouped = bootstrap_mean(values), bootstrap_mean(values, groups=users)
    assert grouped.value == pytest.approx(alone.value)
    assert width(grouped) == pytest.approx(4 * width(alone), rel=0.15)


def test_a_group_counts_by_its_cases_not_once() -> None:
    interval = bootstrap_mean(np.array([0.0, 0, 0, 1]), groups=np.array(["a", "a", "a", "b"]))
    assert interval.value == 0.25
    assert (interval.low, interval.high) == (0, 1)  # all draws of one group


def test_groups_of_one_are_as_no_groups() -> None:
    values = normal(60)
    assert bootstrap_mean(values, groups=np.arange(60)) == bootstrap_mean(values)


def test_one_case_or_one_group_has_no_known_spread() -> None:
    one_group = bootstrap_mean(np.array([1.0, 2.0]), groups=np.array([7, 7]))
    for interval in (bootstrap_mean(np.array([1.5, np.nan])), one_group):
        assert interval.value == 1.5
        assert np.isnan([interval.low, interval.high]).all()
        assert not interval.clear_of_zero


def test_identical_systems_differ_by_exactly_nothing() -> None:
    a = normal(300)
    a[::7] = np.nan
    interval = paired_difference(a, a)
    assert interval == Interval(0, 0, 0)
    assert not interval.clear_of_zero


def test_pairing_finds_a_small_gain_that_separate_means_cannot_see() -> None:
    difficulty = normal(400)
    b = difficulty + 0.1 * normal(400, seed=1)
    a = difficulty + 0.1 * normal(400, seed=2) + 0.05
    gain = paired_difference(a, b)
    assert gain.clear_of_zero
    assert gain.low > 0
    assert bootstrap_mean(a).low < bootstrap_mean(b).high
    assert paired_difference(b, a).value == pytest.approx(-gain.value)


def test_the_options_of_a_difference_reach_the_bootstrap() -> None:
    a, b, groups = normal(80), normal(80, seed=1), np.arange(80) // 8
    options = {"resamples": 300, "seed": 5}
    expected = bootstrap_mean(a - b, groups=groups, level=0.8, **options)
    assert paired_difference(a, b, groups=groups, level=0.8, **options) == expected


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.1, False), (0, 1, False)],
)
def test_an_interval_is_clear_of_zero_only_when_wholly_on_one_side(
    low: float, high: float, clear: bool
) -> None:
    assert Interval((low + high) / 2, low, high).clear_of_zero is clear


def test_unusable_values_are_refused() -> None:
    with pytest.raises(DataError, match="nothing to average"):
        bootstrap_mean(np.array([np.nan, np.nan]))
    with pytest.raises(DataError, match="nothing to average"):
        bootstrap_mean(np.array([]))
    with pytest.raises(DataError, match="finite"):
        bootstrap_mean(np.array([1, np.inf]))
    with pytest.raises(DataError, match="needs a group"):
        bootstrap_mean(np.ones(3), groups=np.ones(2))
    with pytest.raises(DataError, match="same cases"):
        paired_difference(np.ones(3), np.ones(2))


def test_unusable_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="resamples"):
        bootstrap_mean(np.ones(3), resamples=0)
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ConfigError, match=r"such as 0\.95"):
            bootstrap_mean(np.ones(3), level=level)
