"""How good a ranking is: relevance judgements in, one number a case (or a run) out.

A *case* is one ranking to be judged: a query, or a user at a moment. A *run* holds the ranked
answers to n cases: catalogue indices, int32 (n, k), best first, -1 where there is no answer.
A case with no relevant item has no right answer, so its metrics are nan, which means skip it:
aggregate with `np.nanmean`, or with `significance.bootstrap_mean`, which also skips them.

This module sees rankings and relevance. It does not know which model made them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corank.errors import ConfigError, DataError, nearest

Run = NDArray[np.int32]
Floats = NDArray[np.float64]
MAX_GRADE = 64.0  # 2**grade is a gain: beyond this, one item drowns every other


@dataclass(frozen=True, eq=False)
class Qrels:
    """Relevance judgements of n cases in CSR form; case i's are ``indptr[i]:indptr[i + 1]``.

    A grade above 0 is relevant, 0 was judged and is not; an item not listed is not relevant.

    Raises:
        DataError: the arrays do not fit together, an index is negative, a grade lies outside
            [0, 64], or an item is judged twice in one case.
    """

    indptr: NDArray[np.int64]  # (n + 1,)
    items: NDArray[np.int32]  # (nnz,) catalogue indices
    grades: NDArray[np.float32]  # (nnz,)

    def __post_init__(self) -> None:
        indptr, items, grades = self.indptr, self.items, self.grades
        if not items.shape == grades.shape == (items.size,):
            raise DataError(f"Each item needs one grade: got {items.shape} and {grades.shape}.")
        if indptr.ndim != 1 or len(indptr) == 0 or (np.diff(indptr) < 0).any():
            raise DataError("indptr must be a non-decreasing vector of n + 1 offsets.")
        if indptr[0] != 0 or indptr[-1] != len(items):
            raise DataError(
                f"indptr must run from 0 to the {len(items)} items; "
                f"it runs from {indptr[0]} to {indptr[-1]}."
            )
        if items.min(initial=0) < 0:
            raise DataError(f"Judged items are catalogue indices, 0 or more; got {items.min()}.")
        if not ((grades >= 0) & (grades <= MAX_GRADE)).all():
            raise DataError(
                f"Grades must lie in [0, {MAX_GRADE:.0f}] because a gain is 2**grade - 1; got "
                f"{grades.min()} to {grades.max()}. Bucket counts or prices into a few grades."
            )
        keys = np.sort(_keys(self.rows(), items, items.max(initial=0)))
        if (keys[1:] == keys[:-1]).any():
            raise DataError("An item is judged twice in one case: keep one grade for each item.")

    @classmethod
    def from_lists(
        cls, items: Sequence[Sequence[int]], grades: Sequence[Sequence[float]] | None = None
    ) -> "Qrels":
        """Build from one list of items a case, and their grades (1 when left out)."""
        sizes = np.array([len(case) for case in items], np.int64)
        given = [[1.0] * len(case) for case in items] if grades is None else grades
        if len(given) != len(items):
            raise DataError(f"Got items for {len(items)} cases but grades for {len(given)}.")
        for case, (some, theirs) in enumerate(zip(items, given, strict=True)):
            if len(some) != len(theirs):
                raise DataError(f"Case {case} has {len(some)} items but {len(theirs)} grades.")
        return cls(
            np.concatenate([[0], sizes.cumsum()]).astype(np.int64),
            np.array([item for case in items for item in case], np.int32),
            np.array([grade for case in given for grade in case], np.float32),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """The case of each judgement, (nnz,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def subset(self, mask: NDArray[np.bool_]) -> "Qrels":
        """Keep the cases where the mask, bool (n,), is true."""
        if mask.dtype != np.bool_ or mask.shape != (len(self),):
            raise DataError(
                f"subset takes a boolean mask of {len(self)} cases; got {mask.dtype} {mask.shape}."
            )
        kept = mask[self.rows()]
        sizes = np.diff(self.indptr)[mask]
        indptr = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
        return Qrels(indptr, self.items[kept], self.grades[kept])


@dataclass(frozen=True, eq=False)
class Judged:
    """What a run of depth k earned, and the most it could have: all that the metrics need."""

    grades: NDArray[np.float32]  # (n, k) of the item at each rank; 0 where not relevant or pad
    ideal: NDArray[np.float32]  # (n, k) of the best k relevant items, descending, 0 beyond
    n_relevant: NDArray[np.int64]  # (n,) relevant items, found or not

    def __len__(self) -> int:
        return len(self.n_relevant)


def judge(run: Run, qrels: Qrels) -> Judged:
    """Look up the grade of every ranked item.

    Args:
        run: ranked catalogue indices, (n, k), best first, padded with -1.
        qrels: the judgements of the same n cases.

    Raises:
        DataError: the run has another shape or type, or ranks an item twice in one case.
    """
    n = len(qrels)
    if run.ndim != 2 or len(run) != n or run.dtype.kind != "i":
        raise DataError(
            f"A run for {n} cases is an integer array ({n}, k); got {run.dtype} {run.shape}."
        )
    if run.min(initial=-1) < -1:
        raise DataError(f"A run holds catalogue indices padded with -1; got {run.min()}.")
    ordered = np.sort(run, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        case, place = np.argwhere(twice)[0]
        raise DataError(
            f"Case {case} ranks item {ordered[case, place]} more than once; rank each item once."
        )

    rows, depth = qrels.rows(), run.shape[1]
    largest = max(run.max(initial=0), qrels.items.max(initial=0))
    keys = _keys(rows, qrels.items, largest)
    order = np.argsort(keys)
    keys = np.append(keys[order], np.iinfo(np.int64).max)  # a key beyond every other, grade 0
    known = np.append(qrels.grades[order], np.float32(0))
    wanted = _keys(np.arange(n)[:, None], run, largest)  # (n, k)
    at = np.searchsorted(keys, wanted)
    grades = np.where(keys[at] == wanted, known[at], np.float32(0))

    relevant = qrels.grades > 0
    rows, positive = rows[relevant], qrels.grades[relevant]
    n_relevant = np.bincount(rows, minlength=n)
    best = positive[np.lexsort((-positive, rows))]  # rows ascend, so they need no reordering
    rank = np.arange(len(rows)) - np.repeat(n_relevant.cumsum() - n_relevant, n_relevant)
    ideal = np.zeros_like(grades)
    ideal[rows[rank < depth], rank[rank < depth]] = best[rank < depth]
    return Judged(grades, ideal, n_relevant)


# One number a case, float64 (n,), nan where a case has no relevant item. All raise ConfigError
# when the cut-off k is not between 1 and the run's depth.


def ndcg(judged: Judged, k: int) -> Floats:
    """Discounted cumulative gain at k over that of the best possible ranking, 0 to 1.

    The gain is 2**grade - 1, the discount log2(rank + 1). Järvelin and Kekäläinen, "Cumulated
    gain-based evaluation of IR techniques", TOIS 2002; this gain is from Burges et al.,
    "Learning to rank using gradient descent", ICML 2005.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))  # (k,)

    def dcg(grades: NDArray[np.float32]) -> Floats:
        gain = np.expm1(np.log(2) * _cut(grades, k).astype(np.float64))  # exact for tiny grades
        return np.asarray((gain * discount).sum(axis=1))

    return _where_relevant(judged, dcg(judged.grades), dcg(judged.ideal))


def recall(judged: Judged, k: int) -> Floats:
    """Share of all relevant items found in the first k; below 1 when more than k are relevant."""
    return _where_relevant(judged, _hits(judged, k).sum(axis=1), judged.n_relevant)


def hit_rate(judged: Judged, k: int) -> Floats:
    """1 when a relevant item is in the first k, else 0."""
    return _where_relevant(judged, _hits(judged, k).any(axis=1), 1)


def precision(judged: Judged, k: int) -> Floats:
    """Share of the first k ranks that hold a relevant item; an empty rank holds none."""
    return _where_relevant(judged, _hits(judged, k).sum(axis=1), k)


def mrr(judged: Judged, k: int) -> Floats:
    """1 / rank of the first relevant item, 0 when it is not in the first k."""
    hits = _hits(judged, k)
    return _where_relevant(judged, hits.any(axis=1), hits.argmax(axis=1) + 1)


def average_precision(judged: Judged, k: int) -> Floats:
    """Mean of the precision at each relevant item's rank, over min(relevant items, k).

    So a perfect list of k scores 1 however many items are relevant; trec_eval and ranx divide
    by all relevant items instead.
    """
    hits = _hits(judged, k)
    earned = (hits * hits.cumsum(axis=1) / np.arange(1, k + 1)).sum(axis=1)
    return _where_relevant(judged, earned, np.minimum(judged.n_relevant, k))


METRICS: Mapping[str, Callable[[Judged, int], Floats]] = {
    "ndcg": ndcg,
    "recall": recall,
    "hr": hit_rate,
    "precision": precision,
    "mrr": mrr,
    "map": average_precision,
}


def parse_metric(spec: str) -> tuple[str, int]:
    """Split ``"ndcg@10"`` into its name and cut-off.

    Raises:
        ConfigError: the metric is unknown, or the cut-off is missing or not a positive number.
    """
    name, _, cut_off = spec.partition("@")
    if name not in METRICS:
        raise ConfigError(
            f"Unknown metric {spec!r}; a metric is one of {', '.join(METRICS)} with a cut-off, "
            f"like 'ndcg@10'." + nearest(name, METRICS)
        )
    if not re.fullmatch("[1-9][0-9]*", cut_off):
        raise ConfigError(f"Metric {spec!r} needs a cut-off of 1 or more, like '{name}@10'.")
    return name, int(cut_off)


def compute(spec: str, judged: Judged) -> Floats:
    """Compute the metric spelt ``"ndcg@10"``, ``"recall@100"``, ..., float64 (n,).

    Raises:
        ConfigError: as `parse_metric`, or the run is not as deep as the cut-off.
    """
    name, k = parse_metric(spec)
    return METRICS[name](judged, k)


# What the lists are like, whether or not they are relevant.


def coverage(run: Run, n_items: int, k: int) -> float:
    """Share of the catalogue that is in somebody's first k, 0 to 1."""
    return float(np.count_nonzero(_shown(run, n_items, k)) / n_items)


def gini(run: Run, n_items: int, k: int) -> float:
    """Gini index of how often each item is in a first k: 0 equal, near 1 when few take all.

    nan when the run shows nothing.
    """
    counts = np.sort(_shown(run, n_items, k))
    if not counts.any():
        return float("nan")
    lean = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(lean @ counts / (n_items * counts.sum()))


def novelty(run: Run, popularity: NDArray[np.int64], k: int) -> Floats:
    """Mean self-information, in bits, of each case's first k items, (n,); nan for an empty list.

    An item's probability is its share of the interaction counts, popularity (n_items,), with
    one added to each. Zhou et al., "Solving the apparent diversity-accuracy dilemma of
    recommender systems", PNAS 2010.
    """
    shown = _shown_items(run, len(popularity), k)
    bits = -np.log2((popularity + 1) / (popularity.sum() + len(popularity)))
    total = np.append(bits, 0.0)[shown].sum(axis=1)  # -1 picks the appended 0
    return _divide(total, (shown >= 0).sum(axis=1))


def diversity(run: Run, vectors: NDArray[np.floating], k: int) -> Floats:
    """Mean of 1 - cosine over the pairs in each case's first k, (n,); nan below two items.

    Vectors are (n_items, d), of any length; a zero vector has cosine 0 with all. Ziegler et al.,
    "Improving recommendation lists through topic diversification", WWW 2005.
    """
    shown = _shown_items(run, len(vectors), k)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    unit = np.vstack([unit, np.zeros_like(unit[:1])])  # -1 picks the appended zeros
    total = np.zeros((len(run), vectors.shape[1]))  # the pairs' cosines are in |sum of units|**2
    for rank in range(k):
        total += unit[shown[:, rank]]
    own = np.einsum("id,id->i", unit, unit, dtype=np.float64)[shown].sum(axis=1)
    size = (shown >= 0).sum(axis=1)
    return 1 - _divide((total**2).sum(axis=1) - own, size * (size - 1))


# Probabilities and scores against a label of 0 or 1.


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


def _keys(
    rows: NDArray[np.int64], items: NDArray[np.int32], largest: int | np.integer
) -> NDArray[np.int64]:
    """One integer for each (case, item), ordered by case; a pad's, -1, equals no item's."""
    return np.asarray(rows * (int(largest) + 2) + items, np.int64)


def _cut(ranked: NDArray[Any], k: int) -> NDArray[Any]:
    """Return the first k ranks."""
    if not 1 <= k <= ranked.shape[1]:
        raise ConfigError(
            f"The cut-off must lie between 1 and the run's depth of {ranked.shape[1]}; got {k}. "
            "Rank deeper or cut earlier."
        )
    return ranked[:, :k]


def _hits(judged: Judged, k: int) -> NDArray[np.bool_]:
    return _cut(judged.grades, k) > 0


def _divide(top: ArrayLike, bottom: NDArray[Any]) -> Floats:
    """``top / bottom``, nan where bottom is 0."""
    ratio: Floats = np.full(len(bottom), np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    return ratio


def _where_relevant(judged: Judged, top: ArrayLike, bottom: ArrayLike) -> Floats:
    """``top / bottom`` for cases with a relevant item, nan for the rest."""
    return _divide(top, np.where(judged.n_relevant > 0, bottom, 0))


def _shown_items(run: Run, n_items: int, k: int) -> Run:
    """Return the first k ranks, (n, k), checked to be indices into a catalogue of n_items."""
    shown = _cut(run, k)
    if shown.min(initial=-1) < -1 or shown.max(initial=-1) >= n_items:
        raise DataError(
            f"The run ranks items {shown.min()} to {shown.max()}, but the catalogue holds "
            f"0 to {n_items - 1} (-1 pads)."
        )
    return shown


def _shown(run: Run, n_items: int, k: int) -> NDArray[np.int64]:
    """How often each item is in a case's first k, (n_items,)."""
    shown = _shown_items(run, n_items, k)
    return np.bincount(shown[shown >= 0], minlength=n_items)


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
