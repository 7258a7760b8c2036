"""What probabilities are worth, against what came. Knows numbers only."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10


def calibration_error(promised: Floats, came: NDArray[np.bool_]) -> float:
    """Mean distance between what was promised and what came, over ten bins of as many cases.

    Source: adaptive calibration error, Nixon et al., "Measuring Calibration in Deep Learning",
    CVPR Workshops 2019.

    Args:
        promised: probabilities, (n,).
        came: whether it came true, (n,).
    """
    if not len(promised):
        return 0.0
    parts = np.array_split(np.argsort(promised, kind="stable"), min(BINS, len(promised)))
    gaps = [abs(promised[part].mean() - came[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(promised))


def log_loss(promised: Floats, came: NDArray[np.bool_]) -> float:
    """Mean of minus the log of the probability of what came; 0 and 1 are taken for nearly that."""
    likely = np.clip(np.where(came, promised, 1 - promised), 1e-6, None)
    return float(-np.log(likely).mean())
