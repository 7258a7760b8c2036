"""What a score promises: how probably the answer that has it is what will be chosen.

Where a domain says what was shown and what came of it (impressions and clicks), the promise is
about being shown: of what stood before somebody's eyes, how much was chosen. Elsewhere it is about
the candidates of a moment: how often such a one is what comes next.

Isotonic regression on cases of validation: no signal learned from them, though they decided when
the user model was done and what was kept of the ranker; of small data, where a ranker of a few
weights is kept, those weights did in the end. Those without a good answer
are included, and one more at either end that goes against its score, so that nothing is promised
for certain. A higher score never promises less. Torch-free; scikit-learn is needed to learn it, and
not to use it.

Source: Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
Estimates", KDD 2002. Knows scores and grades; knows nothing of items.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corank.data.dataset import Exposures
from corank.data.ragged import Ragged
from corank.progress import track
from corank.rank.ranker import Examples, Ranker
from corank.rank.signals import Signals

Floats = NDArray[np.float64]
FEWEST = 20
"""Fewer chosen answers than this promise nothing."""


@dataclass(frozen=True, eq=False)
class Chances:
    """Scores to probabilities; between the knots in a straight line, beyond them flat."""

    scores: Floats  # (knots,) ascending
    shares: Floats  # (knots,) ascending, 0 to 1

    def of(self, scores: Floats) -> Floats:
        """Return the chance of each score, (n,)."""
        return np.interp(scores, self.scores, self.shares)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        given = {"scores": self.scores.tolist(), "shares": self.shares.tolist()}
        path.write_text(json.dumps(given), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Chances":
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: it is missing or malformed.
        """
        given = json.loads(path.read_text("utf-8"))
        return cls(np.array(given["scores"], float), np.array(given["shares"], float))


def score_shown(
    signals: Signals,
    ranker: Ranker,
    shown: Exposures,
    stated: NDArray[np.float32],
    per_retriever: int,
) -> Floats:
    """Score each item that was shown among the candidates of its moment, (n,).

    Args:
        signals, ranker: of recommendations.
        shown: what was shown, to whom.
        stated: text vectors of stated interests, (n, d_text); see `rank.interests`.
        per_retriever: candidates that each retriever proposes.
    """
    also = Ragged.of(shown.items[:, None].tolist())
    found = signals.for_histories(shown.histories, per_retriever, shown.moments, stated, also)
    scores = np.empty(len(shown))
    for row, (items, features) in enumerate(track(found, "scoring what was shown", len(shown))):
        at = np.searchsorted(items, shown.items[row])
        scores[row] = ranker.score(features[[at]])[0]
    return scores


def promises(ranker: Ranker, examples: Examples) -> Chances | None:
    """Learn what a ranker's scores promise from cases that it was not trained on."""
    if not len(examples):
        return None
    return fit_chances(ranker.score(examples.features), examples.grades > 0)


def fit_chances(scores: Floats, chosen: NDArray[np.bool_]) -> Chances | None:
    """Learn what scores promise; None where too few were chosen to tell.

    Args:
        scores: of every candidate of every case, or of what was shown, (n,).
        chosen: whether it was, (n,).
    """
    from sklearn.isotonic import IsotonicRegression

    if chosen.sum() < FEWEST:
        return None
    against = np.append(scores, [scores.min(), scores.max()])  # nothing is certain
    came = np.append(chosen.astype(np.float64), [1, 0])
    fitted = IsotonicRegression().fit(against, came)
    return Chances(fitted.X_thresholds_, fitted.y_thresholds_)
