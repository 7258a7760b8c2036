"""One ranking from several: by rank, or by score.

An item counts once however many lists hold it, and the order of the lists never matters. The
module does not know where a list came from.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from corank.errors import ConfigError, RequestError, nearest
from corank.retrieve.hits import Hits

Normalize = Literal["minmax", "zscore", "none"]


def reciprocal_rank_fusion(
    hits: Sequence[Hits],
    k: int,
    *,
    rank_constant: float = 60,
    weights: Sequence[float] | None = None,
) -> Hits:
    """Give an item ``weight / (rank_constant + rank)`` for each list, the best rank being 1.

    Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual
    rank learning methods", SIGIR 2009. Takes lists of the same ``n`` queries, any lengths;
    returns (n, k). ``weights`` are 1 unless given, one for each list.

    Raises `RequestError` when there is no list, the lists answer different numbers of queries
    or ``k`` is below 1; `ConfigError` for a weight or ``rank_constant`` below 0.
    """
    if not rank_constant >= 0:
        raise ConfigError(f"rank_constant is {rank_constant}; it must be 0 or more (60 is usual)")
    parts = [
        np.broadcast_to(1 / (rank_constant + 1 + np.arange(one.items.shape[1])), one.items.shape)
        for one in hits
    ]
    return _sum(hits, parts, [1.0] * len(hits) if weights is None else weights, k)


def score_fusion(
    hits: Sequence[Hits],
    k: int,
    *,
    weights: Sequence[float],
    normalize: Normalize = "minmax",
) -> Hits:
    """Add up normalised scores, each times its list's weight.

    Bruch, Gai and Ingber, "An analysis of fusion functions for hybrid retrieval", TOIS 2023.
    Scores are normalised within a list and query:

    - ``minmax`` puts the last hit at 0 and the first at 1 (all at 1 when they are equal);
    - ``zscore`` divides by the standard deviation. The last hit is put at 0, not the mean: an
      item that a list does not hold must not beat one that it does;
    - ``none`` takes scores as they are, for lists where 0 means no evidence.

    An item adds 0 for a list that does not hold it. Shapes and errors as for
    `reciprocal_rank_fusion`; an unknown ``normalize`` is a `ConfigError`.
    """
    if normalize not in get_args(Normalize):
        raise ConfigError(
            f"normalize is {normalize!r}; it can be {', '.join(get_args(Normalize))}."
            + nearest(normalize, get_args(Normalize))
        )
    return _sum(hits, [_normalized(one, normalize) for one in hits], weights, k)


def _normalized(hits: Hits, how: Normalize) -> NDArray[np.float64]:
    """Return the scores (n, k) on the scale asked for; what stands at the padding is not used."""
    held = hits.items >= 0  # (n, k)
    scores = np.where(held, hits.scores, 0).astype(np.float64)
    if how == "none":
        return scores
    low = scores.min(axis=1, keepdims=True, where=held, initial=np.inf)
    above = np.where(held, scores - low, 0)  # 0 at the last hit
    if how == "minmax":
        spread = above.max(axis=1, keepdims=True, initial=0)
        return np.where(spread > 0, above / np.where(spread > 0, spread, 1), 1)
    count = np.maximum(held.sum(axis=1, keepdims=True), 1)
    mean = above.sum(axis=1, keepdims=True) / count
    variance = ((above - mean) ** 2).sum(axis=1, keepdims=True, where=held) / count
    return above / np.sqrt(np.where(variance > 0, variance, 1))


def _sum(
    hits: Sequence[Hits], parts: Sequence[NDArray[np.float64]], weights: Sequence[float], k: int
) -> Hits:
    """Rank items by the weighted sum of their parts; ``parts[i]`` is shaped like ``hits[i]``."""
    lengths = {len(one.items) for one in hits}
    if len(lengths) != 1:
        raise RequestError(
            f"one or more lists for the same queries can be fused; given were {len(hits)} lists "
            f"for {sorted(lengths)} queries"
        )
    if len(weights) != len(hits) or not all(0 <= weight < np.inf for weight in weights):
        raise ConfigError(
            f"weights are {list(weights)}; {len(hits)} lists take as many, each 0 or more"
        )
    entries = []
    for one, part, weight in zip(hits, parts, weights, strict=True):
        rows, columns = np.nonzero(one.items >= 0)
        entries.append((rows, one.items[rows, columns], weight * part[rows, columns]))
    rows, items, values = map(np.concatenate, zip(*entries, strict=True))
    # Floating-point sums depend on their order, so the order is the addends' own.
    order = np.lexsort((values, items, rows))
    rows, items, values = rows[order], items[order], values[order]
    first = np.flatnonzero((np.diff(rows, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0))
    sums = np.add.reduceat(values, first)
    return Hits.of(rows[first], items[first], sums, n=lengths.pop(), k=k)
