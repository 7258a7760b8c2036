"""What the ranked lists are like, whether or not they are relevant, and whom they show.

Runs are as in `corank.evaluate.relevance`; who has a share in an item is as in
`corank.data.values`. The module knows no relevance and no model.
"""

import numpy as np
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.data.values import Shares, divergence, mixtures
from corank.errors import DataError
from corank.evaluate.relevance import Floats, Run, cut, divide


def coverage(run: Run, n_items: int, k: int) -> float:
    """Share of the catalogue that is in somebody's first k, 0 to 1."""
    return float(np.count_nonzero(_shown(run, n_items, k)) / n_items)


def gini(run: Run, n_items: int, k: int) -> float:
    """Gini index of how often each item is in a first k: 0 equal, near 1 when few take all.

    nan when the run shows nothing.
    """
    return inequality(_shown(run, n_items, k).astype(np.float64))


def inequality(amounts: Floats) -> float:
    """Gini index of amounts of 0 or more, (n,): 0 when all are equal; nan when all are 0."""
    n, total = len(amounts), amounts.sum()
    if not total:
        return float("nan")
    lean = 2 * np.arange(1, n + 1) - n - 1
    return float(lean @ np.sort(amounts) / (n * total))


def exposure(run: Run, shares: Shares, k: int) -> Floats:
    """How much each provider is shown in the first k, (n_providers,), in units of a first place.

    Place r is worth 1 / log2(1 + r); an item's providers share what its places are worth. Singh
    and Joachims, "Fairness of Exposure in Rankings", KDD 2018.
    """
    n_items = shares.weights.shape[0]
    shown = _shown_items(run, n_items, k)
    worth = np.broadcast_to(1 / np.log2(np.arange(2, k + 2)), shown.shape)
    of_items = np.bincount(shown[shown >= 0], worth[shown >= 0], minlength=n_items)
    return np.asarray(of_items @ shares.weights, np.float64)


def relative_exposure(run: Run, shares: Shares, k: int) -> Floats:
    """Each provider's share of the exposure over its share of the catalogue, (n_providers,).

    1 is what it would have if every item were shown alike, 0 is never shown; nan when no
    provider is. The catalogue is the yardstick, and not what people chose, because a provider
    whom nobody could choose yet has a share in it too.
    """
    shown = exposure(run, shares, k)
    if not shown.any():
        return np.full(len(shown), np.nan)
    listed = shares.weights.sum(axis=0)
    return np.asarray(shown / shown.sum() / (listed / listed.sum()), np.float64)


def calibration(run: Run, histories: Ragged, shares: Shares, k: int) -> Floats:
    """How far each case's first k are from its history's mixture of values, (n,): 0 is alike.

    The Kullback-Leibler divergence of Steck, "Calibrated Recommendations", RecSys 2018, in nats;
    less is better, and 4.6 is a list without any value of the history. nan where the history or
    the list holds no item that has a value.
    """
    shown = _shown_items(run, shares.weights.shape[0], k)
    case, rank = np.nonzero(shown >= 0)
    listed = mixtures(case, shown[case, rank], len(run), shares)
    target = mixtures(histories.rows(), histories.items, len(run), shares)
    row = np.repeat(np.arange(len(run)), np.diff(target.indptr))
    terms = divergence(target.data, np.asarray(listed[row, target.indices]))
    total = np.bincount(row, terms, minlength=len(run))
    known = (np.diff(target.indptr) > 0) & (np.diff(listed.indptr) > 0)
    return np.where(known, total, np.nan)


def novelty(run: Run, popularity: NDArray[np.int64], k: int) -> Floats:
    """Mean self-information, in bits, of each case's first k items, (n,); nan for an empty list.

    An item's probability is its share of the interaction counts, popularity (n_items,), with
    one added to each. Zhou et al., "Solving the apparent diversity-accuracy dilemma of
    recommender systems", PNAS 2010.
    """
    shown = _shown_items(run, len(popularity), k)
    bits = -np.log2((popularity + 1) / (popularity.sum() + len(popularity)))
    total = np.append(bits, 0.0)[shown].sum(axis=1)  # -1 picks the appended 0
    return divide(total, (shown >= 0).sum(axis=1))


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
    return 1 - divide((total**2).sum(axis=1) - own, size * (size - 1))


def _shown_items(run: Run, n_items: int, k: int) -> Run:
    """Return the first k ranks, (n, k), checked to be indices into a catalogue of n_items."""
    shown = cut(run, k)
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
