"""Popularity: what many chose, and what many chose lately.

Time is counted in events, not in days: a quiet season does not make its bestsellers old.
"""

import numpy as np
from numpy.typing import NDArray

HALF_LIFE = 0.1
"""Of an event's weight in a trend, as a share of all events; see `faded_counts`."""


def faded_counts(
    items: NDArray[np.integer], late: NDArray[np.floating], n_items: int, half_life: float
) -> NDArray[np.float32]:
    """Count each item's events, of which the older ones are worth less, (n_items,).

    Args:
        items: of each event, (m,).
        late: share of all events that it came after, (m,).
        n_items: of the catalogue.
        half_life: an event's weight halves while this share of all events goes by.
    """
    weights = np.exp2((late - 1) / half_life)
    return np.bincount(items, weights, minlength=n_items).astype(np.float32)
