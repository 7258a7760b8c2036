"""Abstaining and scope scores: by hand, by their laws, and whether the promise is kept."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from corank.errors import ConfigError, DataError
from corank.evaluate.selective import (
    CUTS,
    abstain_threshold,
    centroid_score,
    judge_scope,
    max_probability,
    risk_coverage,
)

cases = st.lists(
    st.tuples(st.integers(0, 12).map(lambda tenth: tenth / 12), st.booleans()),
    min_size=1,
    max_size=60,
)
levels = st.sampled_from([None, 0.5, 0.95])


# The threshold


def test_the_plain_threshold_by_hand() -> None:
    # Precision from the top: 1, 1, 2/3, 3/4, 3/5.
    confidence, correct = [0.5, 0.9, 0.8, 0.7, 0.6], [0, 1, 1, 0, 1]
    found = {p: abstain_threshold(confidence, correct, p, level=None) for p in (0.5, 0.7, 0.8)}
    assert [a.threshold for a in found.values()] == [0.5, 0.6, 0.8]
    assert [a.coverage for a in found.values()] == [1.0, 0.8, 0.4]
    assert [a.precision for a in found.values()] == [0.6, 0.75, 1.0]
    assert [a.bound for a in found.values()] == [0.6, 0.75, 1.0]


def test_equal_confidences_are_answered_or_refused_together() -> None:
    confidence, correct = [0.9, 0.9, 0.9, 0.5], [1, 1, 0, 1]
    assert abstain_threshold(confidence, correct, 0.9, level=None).threshold == math.inf
    assert abstain_threshold(confidence, correct, 0.7, level=None).threshold == 0.5  # 3 of 4
    assert abstain_threshold([0.3] * 4, correct, 0.75, level=None).coverage == 1


def test_the_promise_by_hand() -> None:
    # All n right bounds the precision by a with a**n = .05 / 20, the chance of such luck.
    n = 117
    confidence = np.linspace(0, 1, n)
    found = abstain_threshold(confidence, np.ones(n), 0.95)
    assert (found.threshold, found.coverage, found.precision) == (0.0, 1.0, 1.0)
    assert found.bound == pytest.approx((0.05 / CUTS) ** (1 / n))
    assert abstain_threshold(confidence[1:], np.ones(n - 1), 0.95).threshold == math.inf


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    # At the bound, as many right answers or more come with the chance that was allowed.
    random = np.random.default_rng(0)
    confidence = random.random(400)
    correct = random.random(400) < 0.6 + 0.4 * confidence
    found = abstain_threshold(confidence, correct, 0.8, level=0.9)
    answers = round(found.coverage * 400)
    right = round(found.precision * answers)
    assert (confidence >= found.threshold).sum() == answers
    assert correct[confidence >= found.threshold].sum() == right
    assert binom.sf(right - 1, answers, found.bound) == pytest.approx(0.1 / CUTS)


def test_candidates_answer_every_twentieth_of_the_cases() -> None:
    # The first 905 of 1,000 are right: .98 of 923, and of the candidates, 900 and 950, of 900.
    confidence, correct = -np.arange(1000), np.arange(1000) < 905
    assert abstain_threshold(confidence, correct, 0.98, level=None).threshold == -922
    found = abstain_threshold(confidence, correct, 0.98)
    assert (found.threshold, found.coverage) == (-899, 0.9)


def test_nothing_reaches_the_precision_so_abstain_always() -> None:
    for level in (None, 0.95):
        found = abstain_threshold([0.9, 0.8], [0, 0], 0.1, level=level)
        assert (found.threshold, found.coverage) == (math.inf, 0)
        assert math.isnan(found.precision)
        assert math.isnan(found.bound)
    assert abstain_threshold([0.9] * 1000, [1] * 1000, 1.0).threshold == math.inf  # not promised
    assert abstain_threshold([0.9] * 1000, [1] * 1000, 1.0, level=None).threshold == 0.9


def test_the_promise_is_kept_as_often_as_stated() -> None:
    # An answer is right with the chance of its confidence, which is even over [.75, 1], so the
    # true precision from t up is (1 + t) / 2: .9 at .8. The plain threshold is a coin's toss.
    random, broken, plain, answered = np.random.default_rng(1), 0, 0, []
    for _ in range(200):
        confidence = random.uniform(0.75, 1, size=1000)
        correct = random.random(1000) < confidence
        promised = abstain_threshold(confidence, correct, 0.9)
        answered.append(promised.coverage)
        broken += promised.threshold < 0.8
        plain += abstain_threshold(confidence, correct, 0.9, level=None).threshold < 0.8
    assert broken <= 10  # of 200, at the level of .95
    assert plain > 60
    assert np.mean(answered) > 0.4


@given(cases=cases, level=levels, precisions=st.lists(st.floats(0.01, 1), min_size=2, max_size=5))
@settings(max_examples=80, deadline=None)
def test_the_laws_of_the_threshold(
    cases: list[tuple[float, bool]], level: float | None, precisions: list[float]
) -> None:
    confidence, correct = np.array([c for c, _ in cases]), np.array([right for _, right in cases])
    found = [abstain_threshold(confidence, correct, p, level=level) for p in sorted(precisions)]
    thresholds = [each.threshold for each in found]
    assert thresholds == sorted(thresholds)  # to ask for more never lowers the threshold
    for wanted, each in zip(sorted(precisions), found, strict=True):
        answered = confidence >= each.threshold
        assert each.coverage == pytest.approx(answered.mean())
        if answered.any():
            assert each.precision == pytest.approx(correct[answered].mean())
            assert wanted <= each.bound <= each.precision


# The curve


def test_the_risk_coverage_curve_by_hand() -> None:
    curve = risk_coverage([0.7, 0.9, 0.8, 0.6], [0, 1, 1, 1])
    assert curve.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert curve.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)


def test_ties_count_as_in_random_order() -> None:
    # One of two tied cases is wrong: first or second with equal chance.
    curve = risk_coverage([0.9, 0.5, 0.5], [1, 0, 1])
    assert curve.threshold.tolist() == [0.9, 0.5]
    assert curve.risk == pytest.approx([0, 1 / 3])
    first, second = (0 + 1 / 2 + 1 / 3) / 3, (0 + 0 + 1 / 3) / 3
    assert curve.area == pytest.approx((first + second) / 2)


@given(cases=cases)
@settings(max_examples=60, deadline=None)
def test_the_laws_of_the_curve(cases: list[tuple[float, bool]]) -> None:
    confidence, correct = np.array([c for c, _ in cases]), np.array([right for _, right in cases])
    curve = risk_coverage(confidence, correct)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx(1 - correct.mean())
    assert risk_coverage(np.exp(confidence), correct).area == pytest.approx(curve.area)
    assert risk_coverage(confidence[::-1], correct[::-1]).area == pytest.approx(curve.area)
    best, worst = risk_coverage(correct, correct).area, risk_coverage(~correct, correct).area
    assert best - 1e-12 <= curve.area <= worst + 1e-12


# Scope


def test_max_probability_by_hand() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [1, 1, 1]]))
    assert max_probability(logits) == pytest.approx([0.7, 1 / 3])
    assert max_probability(logits + 1000) == pytest.approx([0.7, 1 / 3])


def test_the_centroid_score_by_hand() -> None:
    known = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 5.0]])
    score = centroid_score(np.array([[1.0, 1.0], [1.0, 3.0]]), known, ["a", "a", "b"])
    assert score.tolist() == [-1.0, -5.0]  # from (1, 0); from (0, 5), the first being 9 away


def test_a_scope_score_is_judged_by_hand() -> None:
    # Pairs in scope over out of scope: .9 beats all three, .4 beats .1 and ties .4.
    report = judge_scope([0.9, 0.4, 0.8, 0.4, 0.1], [1, 1, 0, 0, 0], 0.4)
    assert report.auroc == pytest.approx((3 + 1.5) / 6)
    assert report.recall == pytest.approx(1 / 3)  # .1 alone: the threshold itself is kept
    assert report.kept == 1
    assert judge_scope([0.9, 0.4, 0.1], [1, 1, 0], 0.5).kept == 0.5


# Refusals


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [([], []), ([0.5], [1, 0]), ([[0.5]], [[1]]), ([math.nan], [1]), ([0.5], [2]), ([0.5], [0.5])],
)
def test_cases_that_do_not_fit_are_refused(confidence: list[float], correct: list[float]) -> None:
    with pytest.raises(DataError, match="a confidence, not nan, and a 0 or 1 for each case"):
        abstain_threshold(confidence, correct, 0.9)
    with pytest.raises(DataError, match="a confidence, not nan, and a 0 or 1 for each case"):
        risk_coverage(confidence, correct)


def test_options_out_of_range_are_refused() -> None:
    for precision, level in ((0, 0.9), (1.1, 0.9), (math.nan, 0.9), (0.9, 0), (0.9, 1)):
        with pytest.raises(ConfigError, match=f"got {precision}, {level}"):
            abstain_threshold([0.5], [1], precision, level=level)
    with pytest.raises(DataError, match=r"got \(2, 3\), \(4, 2\) and \(4,\)"):
        centroid_score(np.ones((2, 3)), np.ones((4, 2)), [0, 0, 1, 1])
    with pytest.raises(DataError, match=r"got \(2, 3\), \(4, 3\) and \(2,\)"):
        centroid_score(np.ones((2, 3)), np.ones((4, 3)), [0, 1])
    with pytest.raises(DataError, match="one of them is missing"):
        judge_scope([0.5, 0.6], [1, 1], 0.5)


def test_weights_stand_for_cases() -> None:
    confidence, right = [0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1]
    weight = [1, 3, 2, 4]
    long, true = np.repeat(confidence, weight), np.repeat(right, weight)
    weighed = abstain_threshold(confidence, right, 0.6, level=None, weight=weight)
    assert weighed == abstain_threshold(long, true, 0.6, level=None)
    assert weighed.threshold == 0.6
    assert abstain_threshold(confidence, right, 0.75, level=None).threshold == 0.6
    assert abstain_threshold(confidence, right, 0.75, level=None, weight=weight).threshold == 0.9
    with pytest.raises(ConfigError, match="do not go together"):
        abstain_threshold(confidence, right, 0.6, weight=weight)
    with pytest.raises(DataError, match="Weights must be 4"):
        abstain_threshold(confidence, right, 0.6, level=None, weight=[1, 2, 3, 0])
