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

    Args:
        anchors: (n, d) unit vectors of each pair's anchor.
        items: (n_items, d) unit vectors.
        pairs: what is known to be relevant, and so is never a negative.
        h: negatives for each pair.
        margin: a text closer to the anchor than this share of its positive's cosine is left out.
        seed: of the items drawn where too few are left.
    """
    rng = np.random.default_rng(seed)
    found = np.empty((len(pairs), h), np.int64)
    for start in range(0, len(pairs), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine = anchors[rows] @ items.T  # (b, n_items)
        own = cosine[np.arange(len(cosine)), pairs.positives[rows]]
        cosine[cosine > margin * own[:, None]] = -np.inf
        known = pairs.known[pairs.anchors[rows]].tocoo()
        cosine[known.row, known.col] = -np.inf
        top = np.argpartition(-cosine, min(h, cosine.shape[1] - 1), axis=1)[:, :h]
        score = np.take_along_axis(cosine, top, 1)
        order = np.argsort(-score, axis=1, kind="stable")
        top, score = np.take_along_axis(top, order, 1), np.take_along_axis(score, order, 1)
        spare = rng.integers(len(items), size=top.shape)
        found[rows] = np.where(np.isfinite(score), top, spare)
    return found
