"""The learning rate over a run: a linear warm-up, then a shape. Knows steps only."""

import math
from typing import Literal

import torch

Shape = Literal["cosine", "linear", "constant"]


def set_rate(
    optimizer: torch.optim.Optimizer,
    step: int,
    steps: int,
    *,
    shape: Shape = "cosine",
    warm_up: float = 0.1,
    floor: float = 0.0,
) -> float:
    """Set every group's rate for step ``step`` (0..steps - 1); return its share of the peak.

    Args:
        optimizer: each group's ``peak`` holds its highest rate; set from ``lr`` at first sight.
        step, steps: where the run stands.
        shape: what follows the warm-up, down to ``floor``; ``constant`` stays at the peak.
        warm_up: share of the steps over which the rate rises.
        floor: share of the peak at the end.
    """
    rising = max(round(steps * warm_up), 1)
    if step < rising:
        share = (step + 1) / rising
    else:
        done = (step - rising) / max(steps - rising, 1)
        left = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1}
        share = floor + (1 - floor) * left[shape]
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("peak", group["lr"]) * share
    return share
