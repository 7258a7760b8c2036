"""Long histories in parts, for training: a model that reads a few items learns from all of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corank.data.ragged import Ragged


class Windows(NamedTuple):
    """Parts of histories, (n,) each."""

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]  # the first item that is no longer in it


def cut(histories: Ragged, length: int, rng: np.random.Generator) -> Windows:
    """Cut histories so that each item but the first is predicted once, from ``length`` at most.

    A window begins with the last item of the one before. Where the first ends is drawn.
    """
    lengths = histories.lengths
    drawn = rng.integers(2, length + 2, len(histories))
    first = np.where(lengths > length + 1, drawn, lengths)  # where the first window ends
    more = -(-(lengths - first) // length)  # windows after the first
    row = np.repeat(np.arange(len(histories)), more + 1)
    number = np.arange(len(row)) - np.repeat(np.cumsum(more + 1) - more - 1, more + 1)
    end = np.minimum(first[row] + number * length, lengths[row])
    start = np.where(number > 0, first[row] + (number - 1) * length - 1, 0)
    return Windows(row, start, end)
