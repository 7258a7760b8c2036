"""What the ranked lists are like, whether or not they are relevant.

Runs are as in `corank.evaluate.relevance`. The module knows no relevance and no model.
"""

import numpy as np
from numpy.typing import NDArray

from corank.errors import DataError
from corank.evaluate.relevance import Floats, Run, cut, divide


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
