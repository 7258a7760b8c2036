"""Losses over vectors. Knows tensors; knows neither texts nor people."""

import torch
from torch import Tensor
from torch.nn import functional as F


def in_batch_softmax(
    anchors: Tensor,
    candidates: Tensor,
    log_q: Tensor,
    known: Tensor,
    *,
    first: int = 0,
    temperature: float,
) -> Tensor:
    """Cross-entropy of each anchor's own positive against all other candidates.

    Args:
        anchors: (b, d) unit vectors.
        candidates: (c, d) unit vectors; the positive of anchor i stands at ``first + i``.
        log_q: (c,) log of how often each candidate is drawn; subtracted from its logit so that
            popular items are not punished for being in every batch (Yi et al.,
            "Sampling-Bias-Corrected Neural Modeling", RecSys 2019).
        known: (b, c) true where candidate j is known to be relevant to anchor i; left out
            unless it is the anchor's own positive.
        first: where this process's positives begin.
        temperature: divides the cosines.

    Returns:
        Mean loss, a scalar.
    """
    logits = anchors @ candidates.T / temperature - log_q  # (b, c)
    target = torch.arange(len(anchors), device=logits.device) + first
    others = torch.ones_like(known).scatter_(1, target[:, None], False)
    logits = logits.masked_fill(known & others, float("-inf"))
    return F.cross_entropy(logits, target)
