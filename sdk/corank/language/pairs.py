"""Training pairs for the encoder: texts that people treated alike.

Two sources: items that one person found relevant shortly after each other (co-interaction),
and queries with the items judged or clicked for them. Texts are referred to by number: items
by catalogue index, queries by ``n_items +`` their own. Torch-free.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from corank.data.ragged import Ragged


@dataclass(frozen=True)
class Pairs:
    """Anchor and positive text numbers, and what counts as a false negative.

    Args:
        anchors: (n,) item indices, or ``n_items + query`` for queries.
        positives: (n,) item indices.
        known: (n_items + n_queries, n_items) bool CSR; true where an item must not be a negative
            for an anchor because behaviour or judgement links them.
        frequency: (n_items,) share of pairs whose positive is this item, for the logQ
            correction.
    """

    anchors: NDArray[np.int64]
    positives: NDArray[np.int64]
    known: sp.csr_array
    frequency: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.anchors)


def build_pairs(
    sequences: Ragged,
    judged: Ragged,
    n_items: int,
    *,
    window: int,
    max_pairs: int,
    min_grade: float,
    seed: int,
) -> Pairs:
    """Pair items within ``window`` steps of one history, and queries with their items.

    Args:
        sequences: each user's positive items, oldest first.
        judged: each query's judged items, grades as values.
        n_items: size of the catalogue.
        window: how many steps apart two items of a history may be; 0 leaves queries alone.
        max_pairs: a random choice of the pairs is kept beyond this; query pairs always are.
        min_grade: a judgement from this grade on makes a pair.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    owner, item = sequences.rows(), sequences.items.astype(np.int64)
    linked = [
        (item[:-s][owner[:-s] == owner[s:]], item[s:][owner[:-s] == owner[s:]])
        for s in range(1, window + 1)
    ]
    first = np.concatenate([item[:0], *(a for a, _ in linked)])
    second = np.concatenate([item[:0], *(b for _, b in linked)])
    distinct = first != second
    first, second = first[distinct], second[distinct]

    good = judged.values >= min_grade
    queries = n_items + judged.rows()[good]
    answers = judged.items[good].astype(np.int64)
    room = max(max_pairs - len(queries), 0)
    kept = np.sort(rng.permutation(len(first))[:room])
    flip = rng.random(len(kept)) < 0.5  # either of two items may be the anchor
    anchors = np.concatenate([np.where(flip, second[kept], first[kept]), queries])
    positives = np.concatenate([np.where(flip, first[kept], second[kept]), answers])

    itself = np.arange(n_items)
    related = judged.values > 0
    rows = np.concatenate([first, second, itself, n_items + judged.rows()[related]])
    columns = np.concatenate([second, first, itself, judged.items[related]])
    shape = (n_items + len(judged), n_items)
    known = sp.csr_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=shape)
    count = np.bincount(positives, minlength=n_items)
    return Pairs(anchors, positives, known, count / max(count.sum(), 1))
