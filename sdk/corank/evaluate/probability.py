"""Probabilities and scores against a label of 0 or 1: ranking, likelihood and calibration.

The module knows labels and numbers, not what they are about.
"""

import numpy as np
from numpy.typing import ArrayLike

from corank.errors import ConfigError, DataError
from corank.evaluate.relevance import Floats


def auc(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Chance that a positive outscores a negative, a tie counting half; weights are optional.

    Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982.

    Raises:
        DataError: only one class is present, or the arrays do not fit together.
    """
    label, value = _labelled(y, score)
    w = np.ones_like(value) if weight is None else np.asarray(weight, np.float64)
    if w.shape != label.shape or not ((w >= 0) & np.isfinite(w)).all():
        raise DataError(f"Weights must be {len(label)} finite numbers of 0 or more.")
    _, place = np.unique(value, return_inverse=True)  # equal scores share a place
    positive = np.bincount(place, label * w)
    negative = np.bincount(place, (1 - label) * w)
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        raise DataError("AUC compares positives with negatives, and one of them is missing.")
    below = negative.cumsum() - negative
    return float(positive @ (below + negative / 2) / pairs)


def log_loss(y: ArrayLike, p: ArrayLike) -> float:
    """Mean negative log-likelihood, in nats, of labels of 0 or 1 under probabilities p.

    Probabilities are kept 2.2e-16 away from 0 and 1, so a certain mistake costs 36, not infinity.
    """
    label, chance = _labelled(y, p, probability=True)
    epsilon = np.finfo(np.float64).eps
    chance = chance.clip(epsilon, 1 - epsilon)
    return float(-np.mean(label * np.log(chance) + (1 - label) * np.log1p(-chance)))


def expected_calibration_error(y: ArrayLike, p: ArrayLike, bins: int = 15) -> float:
    """Mean gap between predicted probability and observed rate over equal-mass bins, 0 to 1.

    Bins hold equally many predictions (equal ones stay together), because click and risk
    probabilities crowd near 0, where bins of equal width would hide them. Nixon et al.,
    "Measuring calibration in deep learning", CVPR workshops 2019.
    """
    if bins < 1:
        raise ConfigError(f"bins must be 1 or more; got {bins}.")
    label, chance = _labelled(y, p, probability=True)
    edges = np.quantile(chance, np.arange(1, bins) / bins)
    place = np.searchsorted(edges, chance, side="right")
    return float(np.abs(np.bincount(place, chance - label)).sum() / len(label))


def _labelled(
    y: ArrayLike, value: ArrayLike, *, probability: bool = False
) -> tuple[Floats, Floats]:
    """Check labels of 0 or 1 and a number for each; return both as vectors of float64."""
    label, number = np.asarray(y, np.float64), np.asarray(value, np.float64)
    if label.ndim != 1 or label.shape != number.shape or label.size == 0:
        raise DataError(
            f"Expected one label and one number a row; got {label.shape} and {number.shape}."
        )
    if not ((label == 0) | (label == 1)).all():
        raise DataError(f"Labels must be 0 or 1; got {label.min()} to {label.max()}.")
    if np.isnan(number).any():
        raise DataError(f"{np.isnan(number).sum()} of {number.size} scores are nan; drop the rows.")
    if probability and not ((number >= 0) & (number <= 1)).all():
        raise DataError(
            f"Probabilities must lie in [0, 1]; got {number.min()} to {number.max()}. "
            "Put scores through a sigmoid or a calibrator first."
        )
    return label, number
