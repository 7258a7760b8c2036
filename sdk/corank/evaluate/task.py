"""What a test asks of any system: rank the whole catalogue for each case.

Full ranking, never sampled negatives: sampled metrics order systems wrongly (Krichene and
Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020). What a history holds is masked
unless it may be recommended again. Knows scores and rankings, not the models they come from.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.data.context import Moments
from corank.data.dataset import Cases
from corank.data.ragged import Ragged
from corank.errors import DataError
from corank.evaluate.metrics import compute
from corank.evaluate.relevance import Judged, Qrels, Run, judge
from corank.progress import track
from corank.retrieve.hits import Hits

Scorer = Callable[[Ragged], NDArray[np.float32]]
"""Histories (n) -> scores of the whole catalogue (n, n_items)."""

DEPTH = 100
"""Ranks kept of each answer; metrics cut at this or earlier."""

_CELLS = 1 << 24  # scores in memory at a time


@dataclass(frozen=True)
class Task:
    """Histories to answer from, and what was relevant to each."""

    users: pl.Series  # (n,) the bootstrap draws users, not cases
    histories: Ragged  # (n,)
    qrels: Qrels  # (n,)
    repeatable: NDArray[np.bool_]  # (n_items,) may be recommended although it was seen
    moments: Moments  # (n,)
    dropped: int  # relevant items that no system may show, because they were seen before

    @classmethod
    def of(cls, cases: Cases, repeatable: NDArray[np.bool_]) -> "Task":
        """Make the task of a test set; a case whose every answer was seen before is left out.

        Raises:
            DataError: no case is left.
        """
        relevant, row = cases.relevant, cases.relevant.rows()
        histories = cases.histories
        width = len(repeatable)
        seen = np.isin(row * width + relevant.items, histories.rows() * width + histories.items)
        kept = ~seen | repeatable[relevant.items]
        left = np.bincount(row[kept], minlength=len(relevant))
        indptr = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
        qrels = Qrels(indptr, relevant.items[kept], relevant.values[kept])
        answerable = np.flatnonzero(left > 0)
        if not len(answerable):
            raise DataError(
                "No case holds a relevant item that was not seen before: too few events. Bring "
                "more, or hold more of them back for the test."
            )
        return cls(
            cases.users.gather(answerable),
            histories.take(answerable),
            qrels.subset(left > 0),
            repeatable,
            cases.moments[answerable],
            int((~kept).sum()),
        )

    def __len__(self) -> int:
        return len(self.qrels)

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.repeatable)

    def sample(self, n: int, seed: int) -> "Task":
        """Return ``n`` of the cases, or all when there are no more."""
        if len(self) <= n:
            return self
        return self.take(np.sort(np.random.default_rng(seed).permutation(len(self))[:n]))

    def take(self, rows: NDArray[np.int64]) -> "Task":
        """Return the cases of these numbers, (m,) ascending."""
        chosen = np.isin(np.arange(len(self)), rows)
        return Task(
            self.users.gather(rows), self.histories.take(rows), self.qrels.subset(chosen),
            self.repeatable, self.moments[rows], self.dropped,
        )  # fmt: skip

    def asking(self, wanted: NDArray[np.bool_]) -> "Task":
        """Return the cases that ask for such items, bool (n_items,), and what they ask of them."""
        kept = wanted[self.qrels.items]
        left = np.bincount(self.qrels.rows()[kept], minlength=len(self))
        indptr = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
        asked = Qrels(indptr, self.qrels.items[kept], self.qrels.grades[kept])
        return replace(self, qrels=asked).take(np.flatnonzero(left))

    def run(self, scorer: Scorer, name: str = "ranking") -> Run:
        """Rank the catalogue for every case by a scorer, seen items masked: (n, DEPTH)."""
        step = max(1, _CELLS // self.n_items)
        starts = range(0, len(self), step)
        runs = []
        for start in track(starts, name, len(starts)):
            histories = self.histories.take(np.arange(start, min(start + step, len(self))))
            scores = np.array(scorer(histories), np.float32)
            seen = ~self.repeatable[histories.items]
            scores[histories.rows()[seen], histories.items[seen]] = -np.inf
            runs.append(Hits.of_matrix(scores, DEPTH).items)
        return np.concatenate(runs)

    def judge(self, run: Run) -> Judged:
        """Look up what a run earned."""
        return judge(run, self.qrels)

    def mean(self, scorer: Scorer, metric: str) -> float:
        """Mean of a metric: what validation chooses settings by."""
        return float(np.nanmean(compute(metric, self.judge(self.run(scorer)))))
