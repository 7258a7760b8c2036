"""How probably the first answer of a search is right: what an engine that may keep silent needs.

A question without an answer is one whose answers are not in the catalogue. So each judged query is
asked twice: as it is, where its first answer is mostly right, and with everything that answers it
taken away, where the first is the best of the wrong ones. Logistic regression on what the signals
say of the first answer tells right from wrong, each kind of question weighing half. Torch-free;
scikit-learn is needed to learn it, and not to use it.

Source: the two kinds of questions follow Rajpurkar, Jia and Liang, "Know What You Don't Know",
ACL 2018, and the regression Platt, "Probabilistic Outputs for Support Vector Machines", 1999. Knows
candidates, scores and grades; knows nothing of where they come from.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from corank.rank.features import SEARCH
from corank.rank.ranker import Ranker
from corank.rank.signals import Candidates, Signals

Items = NDArray[np.int32]

RIGHT = 2
"""From this grade on an answer is right, where a query has any so good; else from 1 on."""
FEWEST = 20
"""Fewer first answers of either kind teach nothing."""
BEHIND = 5
"""The first answer is compared with the mean of so many behind it."""
FEATURES = ("text", "text ahead", "words covered")
"""Its cosine with the query, how far that is above the next answers', and how much of the query's
words it holds."""
_TEXT = list(SEARCH).index("text")


@dataclass(frozen=True, eq=False)
class Confidence:
    """What the first answer's `FEATURES` are worth: a logistic model."""

    weights: NDArray[np.float64]  # (len(FEATURES),)
    bias: float

    def of(self, told: NDArray[np.float64]) -> float:
        """Return the chance that the first answer is right, of what `tell` says about it."""
        return float(expit(self.weights @ told + self.bias))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        given = {"features": FEATURES, "weights": self.weights.tolist(), "bias": self.bias}
        path.write_text(json.dumps(given), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Confidence":
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: it is missing or malformed.
        """
        given = json.loads(path.read_text("utf-8"))
        return cls(np.array(given["weights"], float), float(given["bias"]))


class Tried(NamedTuple):
    """First answers whose grade is known."""

    told: NDArray[np.float64]  # (n, len(FEATURES))
    right: NDArray[np.bool_]  # (n,)
    answerable: NDArray[np.bool_]  # (n,) whether the catalogue held what answers


def tell(signals: Signals, query: str, found: Candidates, shown: Items) -> NDArray[np.float64]:
    """Return what the signals say of the first of some answers, (len(FEATURES),).

    Args:
        signals: of the catalogue.
        query: what was asked.
        found: the candidates.
        shown: the answers, best first, (m,) at least one.
    """
    rows = np.searchsorted(found.items, shown[: BEHIND + 1])
    text = found.features[rows, _TEXT].astype(np.float64)
    ahead = text[0] - text[1:].mean() if len(text) > 1 else 0.0
    return np.array([text[0], ahead, signals.bm25.covered(query, int(shown[0]))])


def try_out(
    signals: Signals,
    ranker: Ranker,
    cases: Iterable[tuple[str, Candidates, NDArray[np.float32]]],
) -> Tried:
    """Ask each query twice, once without what answers it.

    Args:
        signals: of the catalogue.
        ranker: of searches.
        cases: a query, its candidates, and the grade of each of them, (m,); 0 where nobody judged.
    """
    told, right, answerable = [], [], []
    for query, found, grades in cases:
        if not grades.any():
            continue
        best = np.argsort(-ranker.score(found.features), kind="stable")
        enough = min(RIGHT, grades.max())
        for order, can in ((best, True), (best[grades[best] == 0], False)):
            if len(order):
                told.append(tell(signals, query, found, found.items[order]))
                right.append(bool(grades[order[0]] >= enough))
                answerable.append(can)
    shape = (len(told), len(FEATURES))
    return Tried(np.array(told).reshape(shape), np.array(right, bool), np.array(answerable, bool))


def fit_confidence(tried: Tried) -> Confidence | None:
    """Learn from first answers; None where too few are right, or too few are wrong."""
    from sklearn.linear_model import LogisticRegression

    told, right, can = tried
    if min(right.sum(), (~right).sum()) < FEWEST:
        return None
    spread = told.std(axis=0) + 1e-9
    weight = len(can) / 2 / np.where(can, max(can.sum(), 1), max((~can).sum(), 1))
    model = LogisticRegression().fit(told / spread, right, sample_weight=weight)
    return Confidence(model.coef_[0] / spread, float(model.intercept_[0]))
