"""What somebody says of themselves, as a vector that a history can begin with."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corank.compress.runtime import TextEncoder
from corank.data.context import STATED, Moments


def stated_interests(encoder: TextEncoder, moments: Moments) -> NDArray[np.float32]:
    """Return text vectors of the interests that were stated, (n, d_text); zeros for none."""
    said = (moments[STATED] != "").to_numpy()
    vectors = np.zeros((len(said), encoder.dim), np.float32)
    if said.any():
        vectors[said] = encoder.encode_queries(moments[STATED].filter(pl.Series(said)))
    return vectors
