"""When not to answer: selective classification, and spotting what fits no class.

A selective classifier answers where its confidence reaches a threshold; its *coverage* is the
share it answers, its *selective risk* the share of those it gets wrong (El-Yaniv and Wiener, JMLR
2010). What is out of scope has no right class: a scope score, higher for what fits, has to tell.
This module sees numbers, not models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.special import betaincinv, logsumexp

from corank.errors import ConfigError, DataError
from corank.evaluate.probability import auc
from corank.evaluate.relevance import Floats

CUTS = 20  # thresholds that share one promise: those that answer 5%, 10%, ... of the cases


@dataclass(frozen=True, kw_only=True)
class Abstention:
    """Answer where confidence >= threshold; what that does on the data it was chosen on."""

    threshold: float  # inf: abstain always
    coverage: float  # share of the cases answered
    precision: float  # share of the answers that are right; nan where none is given
    bound: float  # the precision's lower bound at the stated level; itself where none is


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskCoverage:
    """Selective risk against coverage, from the strictest threshold to answering always."""

    threshold: Floats  # (t,) each distinct confidence, descending
    coverage: Floats  # (t,) share answered at it
    risk: Floats  # (t,) share of those answers that are wrong
    area: float  # AURC: mean selective risk of the 1, 2, ..., n most confident answers


@dataclass(frozen=True, kw_only=True)
class ScopeReport:
    """How well a scope score tells, and what a threshold makes of it."""

    auroc: float  # chance that an input in scope outscores one out of scope
    recall: float  # share of what is out of scope that scores below the threshold
    kept: float  # share of what is in scope that does not


def abstain_threshold(
    confidence: ArrayLike,
    correct: ArrayLike,
    precision: float,
    *,
    level: float | None = 0.95,
    weight: ArrayLike | None = None,
) -> Abstention:
    """Find the smallest threshold whose answers are right often enough, on validation cases.

    The promise: with probability ``level`` over the draw of the cases, the true precision at the
    threshold is at least ``precision``. Its Clopper-Pearson lower bound (Biometrika 1934) has to
    reach that at a level shared among `CUTS` candidates, the best being taken (as Geifman and
    El-Yaniv, NIPS 2017, share theirs): .95 so asks for 117 right answers of 117. ``level=None``
    promises nothing: it takes the plain precision at each distinct confidence.

    Args:
        confidence: of each answer, (n,), such as its probability.
        correct: whether the answer is right, (n,) of 0 or 1.
        precision: the share of given answers that must be right, above 0, at most 1.
        level: between 0 and 1, or None.
        weight: how many cases each stands for, (n,), where the cases met in use are of another
            mixture; only without a level, whose promise is about the cases that were drawn.

    Returns:
        The threshold, at which precision holds on these cases too; inf where none passes.

    Raises:
        ConfigError, DataError: an option, or the arrays, are not as described, or hold nan.
    """
    if not 0 < precision <= 1 or not 0 < (0.5 if level is None else level) < 1:
        raise ConfigError(f"Expected 0 < precision <= 1, 0 < level < 1; got {precision}, {level}.")
    if level is not None and weight is not None:
        raise ConfigError("A level and weights do not go together: set level=None.")
    threshold, answers, right = _curve(confidence, correct, weight)
    n, bound = answers[-1], right / answers
    if level is not None:
        cuts = np.unique(np.searchsorted(answers, np.arange(1, CUTS + 1) * n / CUTS))
        threshold, answers, right = threshold[cuts], answers[cuts], right[cuts]
        some = betaincinv(right.clip(1), answers - right + 1, (1 - level) / CUTS)
        bound = some * (right > 0)
    passing = np.flatnonzero(bound >= precision)
    if len(passing) == 0:
        return Abstention(threshold=np.inf, coverage=0.0, precision=np.nan, bound=np.nan)
    at = passing[-1]
    return Abstention(
        threshold=float(threshold[at]),
        coverage=float(answers[at] / n),
        precision=float(right[at] / answers[at]),
        bound=float(bound[at]),
    )


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Return the risk-coverage curve and the area under it; arguments as `abstain_threshold`.

    Geifman, Uziel and El-Yaniv, ICLR 2019. Equal confidences count as if in random order.
    """
    threshold, answers, right = _curve(confidence, correct)
    wrong, ranks = answers - right, np.arange(1, answers[-1] + 1)
    expected = np.interp(ranks, np.append(0, answers), np.append(0, wrong))
    coverage, area = answers / answers[-1], float(np.mean(expected / ranks))
    return RiskCoverage(threshold=threshold, coverage=coverage, risk=wrong / answers, area=area)


def max_probability(logits: NDArray[np.floating]) -> Floats:
    """Largest softmax probability of each row, (n, k) -> (n,). Hendrycks and Gimpel, ICLR 2017."""
    return np.asarray(np.exp(logits.max(axis=1) - logsumexp(logits, axis=1)), np.float64)


def centroid_score(
    vectors: NDArray[np.floating], known: NDArray[np.floating], labels: ArrayLike
) -> Floats:
    """Minus the squared distance to the nearest class's centroid, (n, d) -> (n,).

    Centroids are of ``known``, (r, d), by its labels, (r,). Lee et al., NeurIPS 2018, with a
    spherical covariance: a few vectors a class do not estimate a full one.
    """
    _, place, size = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if place.shape != known.shape[:1] or vectors.shape[1:] != known.shape[1:]:
        given = f"{vectors.shape}, {known.shape} and {place.shape}"
        raise DataError(f"Expected vectors (n, d), known (r, d), labels (r,); got {given}.")
    centroids = np.zeros((len(size), known.shape[1]))
    np.add.at(centroids, place, known / size[place, None])
    return np.asarray(-cdist(vectors, centroids, "sqeuclidean").min(axis=1))


def judge_scope(score: ArrayLike, in_scope: ArrayLike, threshold: float) -> ScopeReport:
    """Judge a scope score, (n,), by inputs known to be in scope, 1, or out of it, 0, (n,).

    Raises:
        DataError: one of the two is missing, or as `corank.evaluate.probability.auc`.
    """
    auroc = auc(in_scope, score)
    refused, inside = np.asarray(score) < threshold, np.asarray(in_scope, np.bool_)
    recall, kept = float(refused[~inside].mean()), float((~refused)[inside].mean())
    return ScopeReport(auroc=auroc, recall=recall, kept=kept)


def _curve(
    confidence: ArrayLike, correct: ArrayLike, weight: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return distinct confidences, descending, and how many answers, and right ones, reach each."""
    value, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    fits = value.shape == right.shape == (value.size,) and value.size > 0
    if not fits or np.isnan(value).any() or not np.isin(right, (0, 1)).all():
        given = f"{value.shape} with {np.isnan(value).sum()} nan and {right.shape}"
        raise DataError(f"Expected a confidence, not nan, and a 0 or 1 for each case; got {given}.")
    w = np.ones_like(value) if weight is None else np.asarray(weight, np.float64)
    if w.shape != value.shape or not ((w > 0) & np.isfinite(w)).all():
        raise DataError(f"Weights must be {len(value)} finite numbers above 0.")
    distinct, place = np.unique(-value, return_inverse=True)
    return -distinct, np.bincount(place, w).cumsum(), np.bincount(place, right * w).cumsum()
