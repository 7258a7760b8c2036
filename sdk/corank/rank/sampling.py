"""Which items stand for a large catalogue in one step's softmax, and how probably each of them did.

The answers of the step stand in it, and a uniform draw beside them. Each counts for one over the
probability of being there (Horvitz and Thompson, JASA 1952), which leaves the sum over the whole
catalogue right in the mean; in a softmax that is the logQ correction (Bengio and Senécal, IEEE
Transactions on Neural Networks 2008; Yi et al., RecSys 2019). Knows indices and counts only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Drawn(NamedTuple):
    """Items of one step."""

    items: NDArray[np.int64]  # (c,) ascending
    log_p: NDArray[np.float32]  # (c,) log of the probability that the item is among them


class Sampler:
    """Draws items that anybody chose.

    Args:
        counts: how often each item was chosen, (n_items,).
        n: so many draws a step, with replacement.
    """

    def __init__(self, counts: NDArray[np.int64], n: int) -> None:
        self._chosen = np.flatnonzero(counts > 0)
        self._share = counts / max(int(counts.sum()), 1)  # of predictions that it answers
        self._n = n

    def draw(self, answers: NDArray[np.integer], rng: np.random.Generator) -> Drawn:
        """Return the items that stand for the catalogue.

        Args:
            answers: of every prediction of the step, (m,).
            rng: decides the draw.
        """
        size = len(self._chosen)
        drawn = self._chosen[rng.integers(size, size=self._n)]
        items = np.union1d(drawn, answers).astype(np.int64)
        absent = self._n * np.log1p(-1 / size) if size > 1 else -np.inf  # log that nobody drew it
        unasked = len(answers) * np.log1p(-np.minimum(self._share[items], 1 - 1e-9))
        log_p = np.log(-np.expm1(absent + unasked))
        return Drawn(items, log_p.astype(np.float32))
