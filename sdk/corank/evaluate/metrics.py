"""How good a ranking is: what a run earned in, one number a case out.

A case with no relevant item has no right answer, so its metrics are nan, which means skip it:
aggregate with `np.nanmean`, or with `significance.bootstrap_mean`, which also skips them.

This module sees grades (see `corank.evaluate.relevance`), not the items that earned them.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corank.errors import ConfigError, nearest
from corank.evaluate.relevance import Floats, Judged, cut, divide

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
        gain = np.expm1(np.log(2) * cut(grades, k).astype(np.float64))  # exact for tiny grades
        return np.asarray((gain * discount).sum(axis=1))

    return _where_relevant(judged, dcg(judged.grades), dcg(judged.ideal))


def mean_ndcg(judged: Judged, k: int) -> float:
    """Mean of `ndcg` over the cases to which something is relevant; 0 without any."""
    values = ndcg(judged, k)
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


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


def _hits(judged: Judged, k: int) -> NDArray[np.bool_]:
    return cut(judged.grades, k) > 0


def _where_relevant(judged: Judged, top: ArrayLike, bottom: ArrayLike) -> Floats:
    """``top / bottom`` for cases with a relevant item, nan for the rest."""
    return divide(top, np.where(judged.n_relevant > 0, bottom, 0))
