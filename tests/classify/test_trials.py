"""Tests of creatives, simulated with a known appeal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank.classify.trials import (
    Duels,
    Trials,
    calibrate_duels,
    fit_linear,
)
from corank.errors import DataError

TRUE = np.array([0.8, -0.5, 0.0])


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, Trials]:
    """n tests of four arms, each with an audience of its own."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(4 * n, 3)).astype(np.float32)
    tests = np.repeat(np.arange(n), 4)
    audience = rng.lognormal(-4, 1, n)[tests]
    impressions = rng.integers(1_000, 9_000, 4 * n)
    clicks = rng.poisson(np.minimum(impressions * audience * np.exp(vectors @ TRUE), 900))
    return vectors, Trials(tests.tolist(), np.minimum(clicks, impressions), impressions)


def counts(*given: int) -> np.ndarray:
    return np.array(given, np.int64)


def test_the_appeal_is_found_whatever_the_audiences_are_worth() -> None:
    vectors, trials = simulated(400)
    found = fit_linear(vectors, trials, full_weight=50, l2=0.0)
    assert found == pytest.approx(TRUE, abs=0.1)
    pulled = fit_linear(vectors, trials, full_weight=50, l2=10.0)
    assert np.abs(pulled).max() < 0.1


def test_twice_the_audience_in_one_test_changes_nothing() -> None:
    vectors, trials = simulated(30)
    more = np.where(np.array(trials.tests) == 3, 2, 1)
    twice = Trials(trials.tests, trials.clicks * more, trials.impressions * more)
    assert trials.clicks[12:16].sum() > 50  # so that its weight is full before
    one, two = (fit_linear(vectors, each, full_weight=50, l2=1e-3) for each in (trials, twice))
    assert one == pytest.approx(two, abs=1e-4)


def test_two_arms_by_hand() -> None:
    # one feature, 1 in the first arm alone: the odds of its share are exp(weight), 3 to 1
    vectors = np.array([[1.0], [0.0]], np.float32)
    trials = Trials(["a", "a"], counts(30, 10), counts(1_000, 1_000))
    assert fit_linear(vectors, trials, full_weight=1, l2=0.0) == pytest.approx(
        [np.log(3)], abs=1e-4
    )
    shown_less = Trials(["a", "a"], counts(30, 10), counts(500, 1_000))
    found = fit_linear(vectors, shown_less, full_weight=1, l2=0.0)
    assert found == pytest.approx([np.log(6)], abs=1e-4)


def test_duels_are_within_a_test_and_never_tied() -> None:
    trials = Trials([*"aaabb"], counts(1, 2, 1, 5, 4), counts(10, 10, 10, 10, 10))
    duels = trials.duels()
    assert list(zip(*(part.tolist() for part in duels), strict=True)) == [
        (0, 1, False), (1, 2, True), (3, 4, True)
    ]  # fmt: skip


def test_what_a_test_has_to_hold_to_say_something() -> None:
    tests = [*"aabbccd"]
    trials = Trials(tests, counts(1, 0, 0, 0, 2, 0, 1), counts(9, 9, 9, 9, 9, 0, 9))
    assert trials.informative().tolist() == [True, False, False, False]
    some, arms = trials.take(np.array([2, 0]))
    assert some.tests == [*"ccaa"] and arms.tolist() == [4, 5, 0, 1]
    assert some.clicks.tolist() == [2, 0, 1, 0]


@pytest.mark.parametrize(
    ("tests", "clicks", "shown", "message"),
    [
        ("ab", (1,), (1, 1), r"2 arms came with 1 clicks and 2 impressions"),
        ("ab", (1, 5), (1, 4), r"Arm 1 has 5 clicks of 4 impressions"),
        ("ab", (-1, 5), (1, 9), r"Arm 0 has -1 clicks"),
        ("aba", (1, 1, 1), (1, 1, 1), r"must stand together"),
    ],
)
def test_impossible_counts_are_refused(
    tests: str, clicks: tuple[int, ...], shown: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Trials([*tests], counts(*clicks), counts(*shown))


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=1, max_size=40))
def test_chances_rise_with_the_margin_and_of_both_sides_add_up_to_one(
    seen: list[tuple[float, bool]],
) -> None:
    scores = np.array([value for margin, _ in seen for value in (margin, 0.0)])
    first = np.arange(0, len(scores), 2)
    duels = Duels(first, first + 1, np.array([won for _, won in seen]))
    margins, chances = calibrate_duels(scores, duels)
    grid = np.linspace(-4, 4, 41)
    chance = np.interp(grid, margins, chances)
    assert (np.diff(chance) >= 0).all() and chance.min() >= 0.01 and chance.max() <= 0.99
    assert chance + chance[::-1] == pytest.approx(1)


def test_chances_are_the_share_that_won() -> None:
    # a lead of 1 wins three duels in four
    duels = Duels(np.arange(0, 8, 2), np.arange(1, 8, 2), np.array([True, True, True, False]))
    margins, chances = calibrate_duels(np.tile([1.0, 0.0], 4), duels)
    assert np.interp([-1, 1], margins, chances) == pytest.approx([0.25, 0.75])
    none = calibrate_duels(np.zeros(2), Trials([*"aa"], counts(1, 1), counts(2, 2)).duels())
    assert [len(part) for part in none] == [0, 0]
