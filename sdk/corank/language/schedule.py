"""The learning rate over a run: a linear warm-up, then a cosine. Knows steps only."""

import math

import torch
from torch.optim.lr_scheduler import LambdaLR


def warm_up_then_cosine(
    optimizer: torch.optim.Optimizer, steps: int, *, floor: float = 0.0
) -> LambdaLR:
    """Rise to the full rate over the first tenth of ``steps``, then fall to ``floor`` of it."""
    warm_up = max(steps // 10, 1)

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        done = (step - warm_up) / max(steps - warm_up, 1)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)
