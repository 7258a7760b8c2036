"""Average a tuned model with what it was before: what is new is learned, what was known stays.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022. Knows
weights; knows nothing of what they mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def blended(model: nn.Module, keep: float) -> Iterator[None]:
    """Train the model inside; it comes out as ``keep`` x before + (1 - keep) x trained."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()} if keep else {}
    yield
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in before:
                p.lerp_(before[name].to(p.device), keep)
