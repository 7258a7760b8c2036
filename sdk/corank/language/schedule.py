"""When things happen in a run: which examples each step takes, when the metric is asked, the rate.

Knows numbers of steps and examples only.
"""

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

Shape = Literal["cosine", "linear", "constant"]


def plan_steps(
    n: int, *, epochs: int, batch_size: int, accumulate: int, processes: int, seed: int
) -> NDArray[np.int64]:
    """Return the examples of each step, (steps, accumulate, B), B of all processes together.

    Each epoch has an order of its own; the examples left at its end that fill no step are left
    out. Where there are fewer than one step takes, one step takes them all, but for a rest that
    cannot be dealt out evenly.
    """
    size = min(batch_size, n // processes // accumulate)
    shape = (accumulate, size * processes)
    steps = n // (shape[0] * shape[1]) if size else 0
    plan = np.empty((epochs, steps, *shape), np.int64)
    for epoch, steps_of_epoch in enumerate(plan):
        order = np.random.default_rng([seed, epoch]).permutation(n)
        steps_of_epoch[:] = order[: steps_of_epoch.size].reshape(steps, *shape)
    return plan.reshape(epochs * steps, *shape)


def check_steps(steps: int, *, epochs: int, checks: int) -> set[int]:
    """Return after which steps (1..) the metric is asked, ``checks`` times in each epoch."""
    total = epochs * checks
    return {round(steps * (n + 1) / total) for n in range(total)}


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
