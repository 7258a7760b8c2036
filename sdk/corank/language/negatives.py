"""Hard negatives: texts that lie close to an anchor, are not its positive, and are likely wrong.

The filter is positive-aware: a text about as close to the anchor as its own positive is more
likely an unlabelled positive than a negative. Source: Moreira et al., "NV-Retriever: Improving
Text Embedding Models with Effective Hard-Negative Mining", 2024 (top-k with a percentage of the
positive's score). Torch-free.
"""

import numpy as np
from numpy.typing import NDArray

from corank.language.pairs import Pairs

BLOCK = 512  # anchors at a time


def mine(
    anchors: NDArray[np.float32],
    items: NDArray[np.float32],
    pairs: Pairs,
    h: int,
    *,
    margin: float = 0.95,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Return ``h`` item numbers for each pair, (n, h), closest first.

    Where a pair has fewer, some are named twice; where it has none, its own positive stands for
    them all, which the loss leaves out as known.

    Args:
        anchors: (n, d) unit vectors of each pair's anchor.
        items: (n_items, d) unit vectors.
        pairs: what is known to be relevant, and so is never a negative.
        h: negatives for each pair.
        margin: a text closer to the anchor than this share of its positive's cosine is left out.
        seed: of which are named twice.
    """
    width = min(h, len(items))
    rng = np.random.default_rng(seed)
    found = np.empty((len(pairs), h), np.int64)
    for start in range(0, len(pairs), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine = anchors[rows] @ items.T  # (b, n_items)
        own = cosine[np.arange(len(cosine)), pairs.positives[rows]]
        cosine[cosine > margin * own[:, None]] = -np.inf
        known = pairs.known[pairs.anchors[rows]].tocoo()
        cosine[known.row, known.col] = -np.inf
        top = np.argpartition(-cosine, width - 1, axis=1)[:, :width]
        score = np.take_along_axis(cosine, top, 1)
        top = np.take_along_axis(top, np.argsort(-score, axis=1, kind="stable"), 1)
        left = np.isfinite(score).sum(1)[:, None]  # (b, 1) that may be named
        place = np.broadcast_to(np.arange(h), (len(top), h))
        again = rng.integers(np.maximum(left, 1), size=place.shape)
        place = np.sort(np.where(place < left, place, again), axis=1)
        positive = pairs.positives[rows][:, None]
        found[rows] = np.where(left > 0, np.take_along_axis(top, place, 1), positive)
    return found
