"""The linear head of a classifier: fitted on vectors, calibrated on held-out ones.

Sources: temperature, Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; one more
text taken to be wrong, Platt, "Probabilistic Outputs for Support Vector Machines", 1999. Knows
vectors and class numbers; knows nothing of texts.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from corank.errors import DataError
from corank.evaluate.selective import abstain_threshold
from corank.language.encoder import Encoder

NEVER = 2.0  # a threshold that no probability reaches
FOLDS = 5
REGULARISATIONS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of scikit-learn's ``C`` that are tried, the simplest first."""
ABSENT = 20.0  # how far below all others the logit of a class without texts stands


class Calibration(NamedTuple):
    """How far to trust a head, chosen on held-out texts, and what was measured there."""

    temperature: float = 1.0
    threshold: float = 0.0
    measured: dict[str, Any] = {}  # noqa: RUF012  never changed


class Headed(nn.Module):
    """An encoder with a linear head: token ids to logits."""

    def __init__(self, encoder: Encoder, head: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids and mask, both (b, t), to logits (b, n_classes)."""
        logits: Tensor = self.head(self.encoder(ids, mask))
        return logits


def fit_head(
    vectors: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, inverse_l2: float
) -> nn.Linear:
    """Fit a linear head by logistic regression; a class without a text is never the answer.

    Args:
        vectors: (n, dim).
        y: (n,) class numbers.
        n_classes: of the head.
        inverse_l2: scikit-learn's ``C``.
    """
    fitted = LogisticRegression(C=inverse_l2, max_iter=1_000).fit(vectors, y)
    weight, bias = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # scikit-learn keeps one row of logits for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    head = nn.Linear(vectors.shape[1], n_classes)
    seen = torch.from_numpy(fitted.classes_)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(float(bias.min()) - ABSENT)
        head.weight[seen] = torch.from_numpy(weight).float()
        head.bias[seen] = torch.from_numpy(bias).float()
    return head


class Crossed(NamedTuple):
    """What heads say of texts that they have not learned from."""

    inverse_l2: float
    logits: NDArray[np.float64]  # (n, n_classes)


def cross_fit(
    vectors: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, seed: int
) -> Crossed:
    """Choose the regularisation under which heads are right most often about a fifth left out.

    Args:
        vectors: (n, dim).
        y: (n,) class numbers, two or more of each; one with fewer than folds is not in all of them.
        n_classes: of the heads.
        seed: of the folds.
    """
    folds = np.empty(len(y), np.int64)
    order = np.random.default_rng(seed).permutation(len(y))
    for one in range(n_classes):
        own = order[y[order] == one]
        folds[own] = (np.arange(len(own)) + one) % FOLDS  # so that small ones leave apart

    def left_out(inverse_l2: float) -> NDArray[np.float64]:
        logits = np.empty((len(y), n_classes))
        for fold in np.unique(folds):
            here = folds == fold
            head = fit_head(vectors[~here], y[~here], n_classes, inverse_l2)
            logits[here] = logits_of(head, vectors[here])
        return logits

    tried = [Crossed(inverse_l2, left_out(inverse_l2)) for inverse_l2 in REGULARISATIONS]
    return max(tried, key=lambda each: float((each.logits.argmax(1) == y).mean()))


def logits_of(head: nn.Linear, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the head's logits, (n, n_classes)."""
    weight, bias = (p.detach().cpu().numpy().astype(np.float64) for p in head.parameters())
    return np.asarray(vectors @ weight.T + bias)


def calibrate(
    logits: NDArray[np.float64],
    y: NDArray[np.int64],
    precision: float,
    *,
    level: float | None,
    out_of_scope: float | None,
) -> Calibration:
    """Choose temperature and threshold on held-out texts; say what was measured there.

    Args:
        logits: (n, n_classes).
        y: (n,) class numbers, -1 for texts of no class.
        precision, level: see `corank.evaluate.selective.abstain_threshold`.
        out_of_scope: share of texts of no class in use; None: as many as here.

    Raises:
        DataError: a share of texts of no class is expected, and none is here to learn from.
        ConfigError: ``level`` and ``out_of_scope`` are both given.
    """
    scope = y >= 0
    if not scope.any():
        return Calibration()
    weight = None
    if out_of_scope is not None:
        if scope.all():
            raise DataError(
                f"out_of_scope={out_of_scope} is the share of texts of no class, and none is held "
                "out. Bring such texts with the label None, or leave the option out."
            )
        weight = np.where(scope, (1 - out_of_scope) / scope.sum(), out_of_scope / (~scope).sum())

    # As if one more text were wrong: held-out texts that are all right promise much, not all.
    n, k = scope.sum(), logits.shape[1]
    wrong = 1 / (n + 2)
    target = np.where(np.arange(k) == y[scope, None], 1 - wrong, wrong / (k - 1))

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(logits[scope] / np.exp(log_temperature), axis=1)
        return -float((target * log_p).sum(1).mean())

    found = scipy.optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded")
    temperature = float(np.exp(found.x))
    probabilities = softmax(logits / temperature, axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == y
    chosen = abstain_threshold(confidence, right, precision, level=level, weight=weight)
    return Calibration(
        temperature,
        min(chosen.threshold, NEVER),
        {
            "texts": len(y),
            "accuracy": float(right[scope].mean()),
            "log loss": -float(np.log(probabilities[scope, y[scope]]).mean()),
            "answered": chosen.coverage,
            "precision of answers": chosen.precision if chosen.coverage else None,
        },
    )
