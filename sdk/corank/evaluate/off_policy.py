"""What another policy would have earned, from a log of what one policy showed and what came of it.

A log holds, for each round, the action that was taken, how probably it was (its *propensity*), and
the reward. What is estimated is the mean reward of a *target* policy that would have taken each
action with other probabilities. It cannot be known where the target does what the log never did.

    ips      importance weighting: unbiased, wide where the policies differ (Horvitz and Thompson,
             JASA 1952)
    snips    the same divided by the mean weight: a little biased, narrower, never beyond the
             rewards that were seen (Swaminathan and Joachims, NIPS 2015)
    dm       the direct method: believes a model of rewards
    dr       doubly robust: the model's belief, corrected by weighting where it was wrong; right
             if either the propensities or the model are (Dudik, Langford and Li, ICML 2011)

Intervals are percentile bootstrap over rounds, all estimators on the same draws. They know of no
reward that was not seen: where the effective rounds hold a handful, they are too narrow. Knows
numbers; no items, no models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corank.errors import ConfigError, DataError
from corank.evaluate.significance import Interval

Floats = NDArray[np.float64]
DRAWS_AT_ONCE = 2**21  # bounds memory to some 50 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Log:
    """What a policy did, n rounds of it.

    Raises:
        DataError: the arrays do not fit together, a propensity is not above 0 and at most 1, or a
            reward is not finite.
    """

    action: NDArray[np.integer]  # (n,) 0 .. n_actions - 1
    reward: Floats  # (n,)
    propensity: Floats  # (n,) of the action that was taken

    def __post_init__(self) -> None:
        shapes = {self.action.shape, self.reward.shape, self.propensity.shape}
        if len(shapes) > 1 or self.action.ndim != 1 or not len(self.action):
            raise DataError(f"A log holds three vectors of one length, 1 or more; got {shapes}.")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise DataError(
                "A propensity is the chance of what was done: above 0 and at most 1. Got "
                f"{self.propensity.min()} to {self.propensity.max()}."
            )
        if not np.isfinite(self.reward).all():
            raise DataError("A reward must be a finite number.")


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """What a policy would have earned a round, by each estimator, and how far the log can tell."""

    ips: Interval
    snips: Interval
    dm: Interval | None  # without a model of rewards there is none
    dr: Interval | None
    effective_rounds: float  # Kish: so many rounds of the target itself would say as much
    largest_weight: float


def estimate(
    log: Log,
    target: Floats,
    *,
    believed: Floats | None = None,
    clip: float | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimates:
    """Estimate what a target policy would have earned.

    Args:
        log: what was done.
        target: how probably the policy takes each action in each round, (n, n_actions); each row
            sums to 1.
        believed: the reward that a model expects of each action in each round, (n, n_actions); it
            must not have learned from the round itself: see `cross_fitted`.
        clip: weights above it count as much as it: biased, and less wild.
        resamples, seed, level: of the intervals.

    Raises:
        DataError: an array is not as described.
        ConfigError: an option is out of range.
    """
    n = len(log.action)
    _check(log, target, believed)
    if clip is not None and clip <= 0:
        raise ConfigError(f"clip={clip} must lie above 0.")
    if resamples < 1 or not 0 < level < 1:
        raise ConfigError(f"Expected resamples >= 1 and 0 < level < 1; got {resamples}, {level}.")
    rows = np.arange(n)
    weight = target[rows, log.action] / log.propensity
    if clip is not None:
        weight = np.minimum(weight, clip)
    weighted = weight * log.reward
    terms = {"ips": weighted}
    if believed is not None:
        expected = (target * believed).sum(axis=1)
        terms["dm"] = expected
        terms["dr"] = expected + weight * (log.reward - believed[rows, log.action])
    found = _intervals({**terms, "weight": weight}, resamples, seed, level)
    return Estimates(
        ips=found["ips"],
        snips=found["snips"],
        dm=found.get("dm"),
        dr=found.get("dr"),
        effective_rounds=float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300)),
        largest_weight=float(weight.max()),
    )


def _check(log: Log, target: Floats, believed: Floats | None) -> None:
    n = len(log.action)
    if target.ndim != 2 or len(target) != n:
        raise DataError(f"Expected a target of ({n}, n_actions); got {target.shape}.")
    if log.action.min() < 0 or log.action.max() >= target.shape[1]:
        raise DataError(f"An action lies outside the target's {target.shape[1]} actions.")
    if (target < 0).any() or not np.allclose(target.sum(axis=1), 1, atol=1e-6):
        raise DataError("Each row of the target is a probability of every action; rows sum to 1.")
    if believed is not None and (believed.shape != target.shape or not np.isfinite(believed).all()):
        raise DataError(f"Expected believed rewards, finite, {target.shape}; got {believed.shape}.")


def _intervals(
    terms: dict[str, Floats], resamples: int, seed: int, level: float
) -> dict[str, Interval]:
    """Means of the terms, and their ratio ``snips``, with intervals on the same draws."""
    names = list(terms)
    table = np.stack([terms[name] for name in names])  # (t, n)
    random, n = np.random.default_rng(seed), table.shape[1]
    means = np.empty((resamples, len(names)))
    at_once = max(1, DRAWS_AT_ONCE // n)
    for start in range(0, resamples, at_once):
        part = means[start : start + at_once]
        times = random.multinomial(n, np.full(n, 1 / n), size=len(part))  # how often each is drawn
        part[:] = times @ table.T / n
    drawn = dict(zip(names, means.T, strict=True))
    value = dict(zip(names, table.mean(axis=1).tolist(), strict=True))
    with np.errstate(invalid="ignore"):
        drawn["snips"] = drawn["ips"] / drawn["weight"]
    value["snips"] = value["ips"] / value["weight"] if value["weight"] else float("nan")
    ends = (1 - level) / 2, (1 + level) / 2
    return {
        name: Interval(value[name], *(float(each) for each in np.nanquantile(drawn[name], ends)))
        if n > 1 and np.isfinite(drawn[name]).any()
        else Interval(value[name], float("nan"), float("nan"))
        for name in drawn
    }


def cross_fitted(
    context: Floats, log: Log, n_actions: int, *, folds: int = 3, seed: int = 0
) -> Floats:
    """Return the reward that a model expects of each action in each round, (n, n_actions).

    Logistic regression on the context and the action, fitted on the rounds of the other folds, so
    that no round is judged by a model that has seen it. For rewards of 0 and 1.

    Args:
        context: what was known in each round, (n, d).
        log: what was done; rewards are 0 or 1.
        n_actions: how many there are.
        folds, seed: of the split.

    Raises:
        DataError: the rewards are something else, or the context does not fit.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    n = len(log.action)
    if context.ndim != 2 or len(context) != n:
        raise DataError(f"Expected a context of ({n}, d); got {context.shape}.")
    if not np.isin(log.reward, (0, 1)).all():
        raise DataError("The model is one of rewards that are 0 or 1.")
    context = (context - context.mean(axis=0)) / (context.std(axis=0) + 1e-9)
    actions = np.eye(n_actions)
    believed = np.empty((n, n_actions))
    for learn, judge in KFold(folds, shuffle=True, random_state=seed).split(context):
        rewards = log.reward[learn]
        if rewards.min() == rewards.max():
            believed[judge] = rewards[0]
            continue
        model = LogisticRegression(C=0.1, max_iter=200)
        model.fit(np.hstack([context[learn], actions[log.action[learn]]]), rewards)
        of_context, of_action = np.split(model.coef_[0], [context.shape[1]])
        logits = (context[judge] @ of_context)[:, None] + of_action + model.intercept_
        believed[judge] = 1 / (1 + np.exp(-logits))
    return believed
