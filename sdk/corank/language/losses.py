"""Losses over vectors. Knows tensors; knows neither texts nor people."""

import torch
from torch import Tensor
from torch.nn import functional as F


def in_batch_softmax(
    anchors: Tensor,
    positives: Tensor,
    log_q: Tensor,
    known: Tensor,
    *,
    temperature: float,
) -> Tensor:
    """Cross-entropy of each anchor's own positive against the batch's other positives.

    Args:
        anchors: (b, d) unit vectors.
        positives: (b, d) unit vectors.
        log_q: (b,) log of how often each positive is drawn; subtracted from its logit so that
            popular items are not punished for being in every batch (Yi et al.,
            "Sampling-Bias-Corrected Neural Modeling", RecSys 2019).
        known: (b, b) true where positive j is known to be relevant to anchor i; masked out
            unless i = j.
        temperature: divides the cosines.

    Returns:
        Mean loss, a scalar.
    """
    logits = anchors @ positives.T / temperature - log_q  # (b, b)
    others = ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(known & others, float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
