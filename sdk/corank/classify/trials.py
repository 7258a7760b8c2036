"""Tests in which one audience saw several texts: what they show, and a linear model of it.

The clicks of arm i of a test are a Poisson count whose rate is its impressions, times what its
audience is worth, times exp(appeal of its text). Given all clicks of the test they are
multinomial, with shares in proportion to impressions x exp(appeal): the audience cancels, and
tests of good and bad days can be learned from together.

Source: the conditional likelihood of Poisson counts with group effects, Hausman, Hall and
Griliches, "Econometric Models for Count Data", Econometrica 1984. Torch-free; knows vectors and
counts, not texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from corank.errors import DataError

Floats = NDArray[np.float64]


class Duels(NamedTuple):
    """Two arms of one test, each pair once."""

    first: NDArray[np.int64]  # (m,) arms
    second: NDArray[np.int64]  # (m,)
    won: NDArray[np.bool_]  # (m,) the first was clicked more often; ties are left out

    def only(self, kept: NDArray[np.bool_]) -> "Duels":
        """Return some of them, (m,)."""
        return Duels(self.first[kept], self.second[kept], self.won[kept])


@dataclass(frozen=True, eq=False)
class Trials:
    """Arms of many tests; those of a test stand together.

    Args:
        tests: what test each arm belongs to, (n,), any values.
        clicks, impressions: of each arm, (n,).

    Raises:
        DataError: lengths differ, a test's arms do not stand together, or a count is impossible.
    """

    tests: Sequence[object]
    clicks: NDArray[np.int64]
    impressions: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.tests)
        if not len(self.clicks) == len(self.impressions) == n:
            raise DataError(
                f"{n:,} arms came with {len(self.clicks):,} clicks and {len(self.impressions):,} "
                "impressions; bring one of each for every arm."
            )
        wrong = np.flatnonzero((self.clicks < 0) | (self.clicks > self.impressions))
        if len(wrong):
            arm = wrong[0]
            raise DataError(
                f"Arm {arm} has {self.clicks[arm]} clicks of {self.impressions[arm]} impressions; "
                f"expected 0 to as many as were shown ({len(wrong):,} such arms)."
            )
        if len(set(self.tests)) != len(self.offsets) - 1:
            raise DataError("The arms of a test must stand together: sort them by test.")

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where each test starts, and where the last one ends, (n_tests + 1,)."""
        tests = list(self.tests)
        new = [row for row in range(len(tests)) if not row or tests[row] != tests[row - 1]]
        return np.array([*new, len(tests)], np.int64)

    def informative(self) -> NDArray[np.bool_]:
        """Whether a test has two arms that were shown, and a click, (n_tests,)."""
        starts = self.offsets[:-1]
        shown = np.add.reduceat((self.impressions > 0).astype(np.int64), starts)
        return np.asarray((shown > 1) & (np.add.reduceat(self.clicks, starts) > 0))

    def take(self, tests: NDArray[np.int64]) -> tuple["Trials", NDArray[np.int64]]:
        """Return these tests, by number and in this order, and which arms they are made of."""
        offsets = self.offsets
        parts = [np.arange(offsets[test], offsets[test + 1]) for test in tests]
        arms = np.concatenate(parts) if parts else np.empty(0, np.int64)
        names = [self.tests[arm] for arm in arms.tolist()]
        return Trials(names, self.clicks[arms], self.impressions[arms]), arms

    def duels(self) -> Duels:
        """Every two arms of a test whose click rates differ."""
        pairs = [
            np.stack(np.triu_indices(end - start, 1)) + start
            for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        ]
        first, second = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
        rate = self.clicks / np.maximum(self.impressions, 1)
        differ = rate[first] != rate[second]
        first, second = first[differ], second[differ]
        return Duels(first, second, rate[first] > rate[second])


def fit_linear(
    vectors: NDArray[np.float32], trials: Trials, *, full_weight: int, l2: float
) -> Floats:
    """Return the weights under which the clicks of each test fall as they did, (d,).

    Args:
        vectors: of each arm, (n, d).
        trials: every test is informative.
        full_weight: a test with this many clicks counts 1, with fewer in proportion.
        l2: pulls the weights towards 0.
    """
    x, starts = vectors.astype(np.float64), trials.offsets[:-1]
    row = np.repeat(np.arange(len(starts)), np.diff(trials.offsets))
    total = np.add.reduceat(trials.clicks, starts)
    weight = np.minimum(total / full_weight, 1.0)
    share = trials.clicks / total[row]
    offset = np.log(np.maximum(trials.impressions, 1e-9))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = x @ weights + offset
        logits -= np.maximum.reduceat(logits, starts)[row]
        exp = np.exp(logits)
        norm = np.add.reduceat(exp, starts)
        log_p = logits - np.log(norm)[row]
        value = -(weight[row] * share) @ log_p / len(starts) + l2 * weights @ weights
        gradient = x.T @ (weight[row] * (exp / norm[row] - share)) / len(starts)
        return float(value), gradient + 2 * l2 * weights

    found = scipy.optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x)


def calibrate_duels(scores: Floats, duels: Duels) -> tuple[Floats, Floats]:
    """Return margins and chances, (knots,) each: how often the higher score won, isotonic.

    Both sides of every duel count, so that the chance of a margin and of its opposite add up to 1.

    Args:
        scores: of each arm, (n,).
        duels: between them; without any there are no knots.
    """
    if not len(duels.won):
        return np.empty(0), np.empty(0)
    margin = scores[duels.first] - scores[duels.second]
    both = np.concatenate([margin, -margin])
    won = np.concatenate([duels.won, ~duels.won]).astype(np.float64)
    fitted = IsotonicRegression(y_min=0.01, y_max=0.99).fit(both, won)
    return fitted.X_thresholds_, fitted.y_thresholds_
