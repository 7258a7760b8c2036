"""Cross-entropy over the whole catalogue, in blocks: the (rows, items) matrix is never kept."""

from typing import Any

import torch
from torch import Tensor

BLOCK = 512  # rows at a time


class FullSoftmax(torch.autograd.Function):
    """Mean over rows of the smoothed cross-entropy of ``users`` against every item.

    Gradients are computed on the way forward, block by block, in bf16 products with fp32 sums;
    on a CPU this is several times faster than building the logits and calling autograd.

    Args of ``apply``:
        users: (r, d) already scaled.
        states: (n_items, d).
        target: (r,) int64, the item that came next.
        seen_rows, seen_items: (m,) int64 each, by row: items left out of a row's sum because
            the history holds them. A target is never among them.
        smoothing: share of the target's mass that is spread over the row's items.
        log_p: (n_items,) where the states are a sample of a catalogue: log of the probability that
            each is in it. A row's own target counts once, whatever that was; None where all
            items are there.
    """

    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        states: Tensor,
        target: Tensor,
        seen_rows: Tensor,
        seen_items: Tensor,
        smoothing: float,
        log_p: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, a scalar; keep both gradients."""
        items = states.bfloat16()
        to_users, to_states = torch.empty_like(users), torch.zeros_like(states)
        total = users.new_zeros(())
        starts = torch.arange(0, len(users) + BLOCK, BLOCK, device=users.device)
        edges = torch.searchsorted(seen_rows, starts).tolist()
        for block, start in enumerate(range(0, len(users), BLOCK)):
            some = users[start : start + BLOCK].bfloat16()  # (b, d)
            row = torch.arange(len(some), device=users.device)
            right = target[start : start + BLOCK]
            hidden = slice(edges[block], edges[block + 1])
            rows, columns = seen_rows[hidden] - start, seen_items[hidden]
            logits = (some @ items.T).float()  # (b, n_items)
            logits[rows, columns] = 0.0
            shown = len(states) - torch.bincount(rows, minlength=len(some))[:, None]  # (b, 1)
            mean = logits.sum(1, keepdim=True) / shown
            logit = logits[row, right][:, None]
            if log_p is not None:
                logits -= log_p
                logits[row, right] = logit[:, 0]
            logits[rows, columns] = float("-inf")
            top = logits.amax(1, keepdim=True)
            p = logits.sub_(top).exp_()
            norm = p.sum(1, keepdim=True)
            loss = norm.log() + top - (1 - smoothing) * logit - smoothing * mean
            total += loss.sum()
            gradient = p.div_(norm).sub_(smoothing / shown)  # of the loss by the logits
            gradient[rows, columns] = 0.0
            gradient[row, right] -= 1 - smoothing
            narrow = gradient.bfloat16()
            to_users[start : start + BLOCK] = (narrow @ items).float()
            to_states += (narrow.T @ some).float()
        ctx.save_for_backward(to_users, to_states)
        return total / len(users)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the kept gradients."""
        to_users, to_states = ctx.saved_tensors
        scale = outer[0] / len(to_users)
        return to_users * scale, to_states * scale, None, None, None, None, None
