"""What another policy would have earned: where it is known, and where it cannot be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import ConfigError, DataError
from corank.evaluate.off_policy import Floats, Log, cross_fitted, estimate

RATES = np.array([0.1, 0.3, 0.6])


def logged(n: int, seed: int, policy: Floats) -> Log:
    """Rounds of a policy over three actions whose click rates are known."""
    random = np.random.default_rng(seed)
    action = random.choice(3, size=n, p=policy)
    reward = (random.random(n) < RATES[action]).astype(float)
    return Log(action=action, reward=reward, propensity=policy[action])


UNIFORM, KEEN = np.full(3, 1 / 3), np.array([0.1, 0.2, 0.7])


def every_round(policy: Floats, n: int) -> Floats:
    return np.tile(policy, (n, 1))


def test_the_same_policy_earned_what_it_earned() -> None:
    log = logged(500, 0, UNIFORM)
    found = estimate(log, every_round(UNIFORM, 500), resamples=50)
    assert found.ips.value == pytest.approx(log.reward.mean())
    assert found.snips.value == pytest.approx(log.reward.mean())
    assert found.effective_rounds == pytest.approx(500) and found.largest_weight == pytest.approx(1)
    assert found.dm is None and found.dr is None


def test_another_policy_is_worth_what_it_is_worth() -> None:
    n, truth = 20_000, float(KEEN @ RATES)
    believed = every_round(RATES, n)
    found = estimate(logged(n, 1, UNIFORM), every_round(KEEN, n), believed=believed, resamples=300)
    assert found.dm and found.dr
    for each in (found.ips, found.snips, found.dr):
        assert each.low < truth < each.high and each.value == pytest.approx(truth, abs=0.02)
    assert found.dm.value == pytest.approx(truth)
    assert found.dr.high - found.dr.low < found.ips.high - found.ips.low


def test_doubly_robust_forgives_a_wrong_model_and_wrong_propensities_but_not_both() -> None:
    n, truth = 50_000, float(KEEN @ RATES)
    log, target = logged(n, 2, UNIFORM), every_round(KEEN, n)
    wrong = every_round(np.full(3, 0.9), n)
    lied = Log(action=log.action, reward=log.reward, propensity=np.full(n, 0.9))
    right = every_round(RATES, n)
    of = {"believed": wrong, "resamples": 20}
    assert _dr(log, target, wrong) == pytest.approx(truth, abs=0.02)
    assert _dr(lied, target, right) == pytest.approx(truth, abs=0.02)
    assert abs(_dr(lied, target, wrong) - truth) > 0.1
    assert abs(estimate(lied, target, **of).ips.value - truth) > 0.1  # type: ignore[arg-type]


def _dr(log: Log, target: Floats, believed: Floats) -> float:
    found = estimate(log, target, believed=believed, resamples=20).dr
    assert found
    return found.value


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth, n, held = float(KEEN @ RATES), 400, 0
    for seed in range(100):
        found = estimate(logged(n, seed, UNIFORM), every_round(KEEN, n), resamples=200).snips
        held += found.low <= truth <= found.high
    assert 88 <= held <= 100


def test_a_cross_fitted_model_knows_which_action_is_clicked_and_not_its_own_round() -> None:
    n = 6_000
    log, random = logged(n, 3, UNIFORM), np.random.default_rng(0)
    believed = cross_fitted(random.normal(size=(n, 2)), log, 3)
    assert believed.mean(axis=0) == pytest.approx(RATES, abs=0.04)
    chance = Log(
        action=log.action, reward=random.permutation(log.reward), propensity=log.propensity
    )
    own = cross_fitted(random.normal(size=(n, 40)), chance, 3)[np.arange(n), log.action]
    assert abs(np.corrcoef(own, chance.reward)[0, 1]) < 0.05
    never = Log(action=log.action, reward=np.zeros(n), propensity=log.propensity)
    assert (cross_fitted(np.zeros((n, 1)), never, 3) == 0).all()


rounds = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.floats(0.05, 1)), min_size=2, max_size=30
)
policies = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda raw: np.array(raw) / sum(raw)
)


@given(rounds, policies, st.none() | st.floats(0.1, 5))
@settings(max_examples=200)
def test_snips_never_leaves_the_rewards_and_weights_are_clipped(
    given_rounds: list[tuple[int, int, float]], policy: Floats, clip: float | None
) -> None:
    action, reward, propensity = map(np.array, zip(*given_rounds, strict=True))
    log = Log(action=action, reward=reward.astype(float), propensity=propensity)
    found = estimate(log, every_round(policy, len(action)), clip=clip, resamples=20)
    assert reward.min() - 1e-9 <= found.snips.value <= reward.max() + 1e-9
    assert 1 - 1e-9 <= found.effective_rounds <= len(action) + 1e-9
    assert clip is None or found.largest_weight <= clip
    assert found.ips.low - 1e-9 <= found.ips.high + 1e-9


def test_what_is_no_log_or_no_policy_is_refused() -> None:
    log, target = logged(10, 0, UNIFORM), every_round(UNIFORM, 10)
    one = np.ones(1)
    for action, reward, propensity in (
        (np.zeros(1, int), one, 0 * one), (np.zeros(1, int), one, 2 * one),
        (np.zeros(1, int), np.nan * one, one), (np.zeros(2, int), one, one),
        (np.zeros(0, int), np.ones(0), np.ones(0)),
    ):  # fmt: skip
        with pytest.raises(DataError):
            Log(action=action, reward=reward, propensity=propensity)
    for wrong in (target[:5], 2 * target, target[:, :1], -target):
        with pytest.raises(DataError):
            estimate(log, wrong)
    with pytest.raises(DataError, match="believed rewards"):
        estimate(log, target, believed=target[:, :2])
    with pytest.raises(ConfigError, match="clip"):
        estimate(log, target, clip=0)
    with pytest.raises(ConfigError, match="resamples"):
        estimate(log, target, resamples=0)
    with pytest.raises(DataError, match="a context"):
        cross_fitted(np.zeros((3, 1)), log, 3)
    half = Log(action=log.action, reward=log.reward + 0.5, propensity=log.propensity)
    with pytest.raises(DataError, match="0 or 1"):
        cross_fitted(np.zeros((10, 1)), half, 3)
