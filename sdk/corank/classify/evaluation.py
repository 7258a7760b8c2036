"""How good a classifier's answers are, where the truth is known. Knows answers; runs no model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.errors import DataError, nearest
from corank.evaluate.probability import auc, expected_calibration_error


class Prediction(NamedTuple):
    """What a classifier says about one text."""

    label: str | None  # None: it abstains
    best: str  # the most probable class, also where it abstains
    probability: float  # of that class, 0..1


def evaluate(
    said: Sequence[Prediction], labels: Sequence[str | None], classes: Sequence[str]
) -> dict[str, float]:
    """Compare answers with the truth.

    Args:
        said: (n,).
        labels: (n,) true classes; None for a text that belongs to none, which only an abstention
            answers rightly.
        classes: those that the classifier knows.

    Returns:
        ``accuracy`` and ``macro_f1`` of the best class and ``calibration_error`` of its
        probability, over texts that have a class; ``answered``, the share not abstained from, and
        ``precision_of_answers``. Where some text has no class also ``in_scope_accuracy``, which
        counts an abstention as an error, ``answered_in_scope``, the share of the others that is
        answered, ``oos_recall``, the share of such texts abstained from, and ``oos_auroc``, of
        telling them by the probability.

    Raises:
        DataError: a label is no class of the classifier, no text has a class, or the lengths
            differ.
    """
    if len(said) != len(labels):
        raise DataError(f"{len(said):,} answers came with {len(labels):,} labels.")
    number = {name: i for i, name in enumerate(classes)}
    for label in labels:
        if label is not None and label not in number:
            raise DataError(
                f"Label {label!r} is none of the {len(classes)} classes that were learned, so no "
                "answer could be right. Leave those texts out, or give them the label None."
                + nearest(label, classes)
            )
    truth = np.array([-1 if label is None else number[label] for label in labels], np.int64)
    best = np.array([number[answer.best] for answer in said], np.int64)
    sure = np.array([answer.probability for answer in said])
    answered = np.array([answer.label is not None for answer in said], np.bool_)
    inside, right = truth >= 0, truth == best
    if not inside.any():
        raise DataError("No text has a class: there is nothing to be right about.")
    found = {
        "accuracy": float(right[inside].mean()),
        "macro_f1": _macro_f1(truth[inside], best[inside], len(classes)),
        "calibration_error": expected_calibration_error(right[inside], sure[inside]),
        "answered": float(answered.mean()),
        "precision_of_answers": float(right[answered].mean()) if answered.any() else float("nan"),
    }
    if not inside.all():
        found["in_scope_accuracy"] = float((right & answered)[inside].mean())
        found["answered_in_scope"] = float(answered[inside].mean())
        found["oos_recall"] = float((~answered)[~inside].mean())
        found["oos_auroc"] = auc(inside, sure)
    return found


def _macro_f1(truth: NDArray[np.int64], best: NDArray[np.int64], n: int) -> float:
    """Mean F1 over the classes that are true or answered somewhere."""
    hits = np.bincount(truth[truth == best], minlength=n)
    total = np.bincount(truth, minlength=n) + np.bincount(best, minlength=n)
    return float((2 * hits[total > 0] / total[total > 0]).mean())
