"""How sure a mean, or a difference of two systems, is: percentile bootstrap intervals.

Cases are drawn again with replacement; where several belong together (one user's queries), whole
groups are drawn, because cases of one user are alike and count for less than as many strangers.
Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; for comparing two
rankers on the same cases, Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR
2006; for whole groups, Field and Welsh, "Bootstrapping clustered data", JRSS B 2007.

This module sees numbers, one a case. It does not know which metric or system they come from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corank.errors import ConfigError, DataError

Floats = NDArray[np.float64]
DRAWS_AT_ONCE = 2**21  # bounds memory to some 50 MB


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it; low and high are nan when they are unknown."""

    value: float
    low: float
    high: float

    @property
    def clear_of_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def bootstrap_mean(
    values: Floats,
    *,
    groups: NDArray[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Mean over the cases, with its percentile bootstrap interval.

    Args:
        values: one number a case, (n,); nan cases are skipped.
        groups: which group, such as a user, each case belongs to, (n,); whole groups are drawn.
        resamples: how many times to draw.
        seed: the same seed draws the same cases.
        level: the share of intervals that should hold the true mean, between 0 and 1.

    Returns:
        The interval; its ends are nan when there is a single case or group, since one
        observation says nothing about spread.

    Raises:
        DataError: no value is left, one is infinite, or the groups do not fit.
        ConfigError: resamples or level is out of range.
    """
    if resamples < 1:
        raise ConfigError(f"resamples must be 1 or more; got {resamples}.")
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, such as 0.95; got {level}.")
    if values.ndim != 1 or np.isinf(values).any():
        raise DataError(f"Expected one finite or nan value a case; got shape {values.shape}.")
    if groups is not None and groups.shape != values.shape:
        raise DataError(f"Each of the {len(values)} cases needs a group; got {groups.shape}.")
    kept = ~np.isnan(values)
    if not kept.any():
        raise DataError("There is nothing to average: no case has a value that is not nan.")

    sums = values[kept].astype(np.float64)  # (g,) of each group
    sizes = np.ones_like(sums)  # (g,)
    if groups is not None:
        _, member = np.unique(groups[kept], return_inverse=True)
        sums = np.bincount(member, sums).astype(np.float64)
        sizes = np.bincount(member).astype(np.float64)
    value = float(sums.sum() / sizes.sum())
    if len(sums) == 1:
        return Interval(value, float("nan"), float("nan"))

    random = np.random.default_rng(seed)
    at_once = max(1, DRAWS_AT_ONCE // len(sums))
    means = np.empty(resamples)
    for start in range(0, resamples, at_once):
        part = means[start : start + at_once]
        drawn = random.integers(len(sums), size=(len(part), len(sums)))
        part[:] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def paired_difference(
    a: Floats,
    b: Floats,
    *,
    groups: NDArray[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Mean of ``a - b`` over the same cases, (n,) each, with its interval; as `bootstrap_mean`.

    A case that is nan in either is skipped. The pairing takes out what makes a case easy or
    hard for both systems, so the interval is narrower than that of two separate means.

    Raises:
        DataError: a and b differ in shape, or as `bootstrap_mean`.
        ConfigError: as `bootstrap_mean`.
    """
    if a.shape != b.shape:
        raise DataError(f"Pairs need the same cases in a and b; got {a.shape} and {b.shape}.")
    return bootstrap_mean(a - b, groups=groups, resamples=resamples, seed=seed, level=level)
