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


def reconstruction(guessed: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance between directions: each row guessed and the row that was wanted.

    Source: the normalised squared error of ELSA (Vancura et al., RecSys 2022) and of beeFormer
    (RecSys 2024), whose code also counts every guess below 0 as 0. Here that holds for what was
    not wanted alone, or two items chosen together that start out opposite would stay so; and
    the squares are added up, where theirs are averaged over the columns.

    Args:
        guessed: (b, m) a score of each item.
        wanted: (b, m) its weight, 0 where it was not chosen.

    Returns:
        Mean over the rows, a scalar from 0 to 4; 2 - 2 x cosine.
    """
    guessed = torch.where(wanted > 0, guessed, guessed.relu())
    difference = F.normalize(guessed, dim=1) - F.normalize(wanted, dim=1)
    return difference.square().sum(1).mean()
