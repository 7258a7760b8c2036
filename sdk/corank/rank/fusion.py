"""The user model's networks: items' texts fused with behaviour, and what reads histories of them.

An item's state is its projected text plus a vector of its own, gated by how often people chose
it: a new item is its text alone, and a much-chosen one may move away from what it says. A
history is read twice: by learned recency weights (a linear model, hard to beat on sparse data),
and by a causal transformer that adds to it.

Source: gating and text vectors as in Hou et al., "Towards Universal Sequence Representation
Learning" (UniSRec), KDD 2022. Knows text vectors and catalogue indices; knows nothing of words, nor
of how it is trained.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from corank.config import check_ranges
from corank.data.ragged import Ragged
from corank.errors import ConfigError

LONG = 20  # items of a mean history that leaves little to overfit
MANY, DRAWN = 50_000, 16_384
"""From so many chosen items on a step weighs a sample, of so many."""


@dataclass(frozen=True, kw_only=True)
class UserModelConfig:
    """How the user model is shaped and trained.

    Args:
        dim: width of a state.
        layers, heads: of the transformer; 0 layers leave the recency weights alone.
        history_length: only the last so many items are read; longer histories teach in parts.
        epochs, min_steps: passes over the histories, repeated until there were so many steps.
        checks: how often validation is asked on the way; the best model is kept.
        events_per_step: predictions in one optimiser step.
        learning_rate: of the shared weights.
        id_learning_rate: of the items' own vectors, which are touched more rarely.
        weight_decay: of matrices.
        label_smoothing: mass spread over the catalogue.
        sampled: so many items, drawn for each step, stand for all that anybody chose (see
            `sampling`); 0 weighs them all. None does so below `MANY` of them, and draws `DRAWN`
            from there on.
        dropout: on the states that are read. None chooses by the data: 0.3 where histories hold
            fewer than 20 items in the mean, 0.1 where they hold more (measured on three sets and
            on cut histories; LOG.md has the figures).
        item_dropout: share of history items left out while training.
        id_dropout: share of items whose own vector is off while training, so that text alone
            also works, as it must for a new item.
        scale: of the cosine at the start; learned.
    """

    dim: int = 256
    layers: int = 1
    heads: int = 4
    history_length: int = 50
    epochs: int = 5
    min_steps: int = 300
    checks: int = 5
    events_per_step: int = 768
    learning_rate: float = 1e-3
    id_learning_rate: float = 3e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    sampled: int | None = None
    dropout: float | None = None
    item_dropout: float = 0.1
    id_dropout: float = 0.1
    scale: float = 10.0

    def __post_init__(self) -> None:
        if self.sampled is not None:
            check_ranges(self, at_least_0=("sampled",))
        if self.heads < 1 or self.dim % self.heads:
            raise ConfigError(
                f"Option 'dim' is {self.dim!r} and 'heads' {self.heads!r}; expected heads that "
                "divide dim."
            )


def suited(config: UserModelConfig, histories: Ragged) -> UserModelConfig:
    """Return the config with what it leaves to the data decided by these histories."""
    if config.dropout is not None:
        return config
    short = len(histories.items) < LONG * len(histories)
    return replace(config, dropout=0.3 if short else 0.1)


class FusedItems(nn.Module):
    """Item states from text vectors, an id vector each, and the gate between them."""

    text: Tensor
    log_count: Tensor
    warm: Tensor

    def __init__(
        self, text: NDArray[np.float32], counts: NDArray[np.int64], config: UserModelConfig
    ) -> None:
        super().__init__()
        self.id_dropout = config.id_dropout
        self.register_buffer("text", torch.tensor(text))  # a copy: it may lie on disk
        count = torch.from_numpy(counts).float()
        self.register_buffer("log_count", torch.log1p(count))
        self.register_buffer("warm", (count > 0).float())
        self.project = nn.Linear(text.shape[1], config.dim)
        self.ids = nn.Parameter(torch.randn(len(text), config.dim) * 0.02)
        self.gate = nn.Parameter(torch.tensor([0.0, 0.5]))
        self._start_from_principal_components()

    @torch.no_grad()
    def _start_from_principal_components(self) -> None:
        mean = self.text.mean(0)
        _, _, axes = torch.linalg.svd(self.text - mean, full_matrices=False)
        axes = axes[: len(self.project.weight)]
        self.project.weight[: len(axes)] = axes
        self.project.bias.zero_()
        self.project.bias[: len(axes)] = -(axes @ mean)

    def forward(self, rows: Tensor | None = None) -> Tensor:
        """Return the states of some items, (r,), or of every one: (r, dim), unit length."""
        text, log_count, warm, ids = (
            part if rows is None else part[rows]
            for part in (self.text, self.log_count, self.warm, self.ids)
        )
        open_ = torch.sigmoid(self.gate[0] + self.gate[1] * log_count) * warm
        if self.training:
            open_ = open_ * (torch.rand_like(open_) >= self.id_dropout)
        return F.normalize(self.project(text) + open_[:, None] * ids, dim=-1)


class HistoryEncoder(nn.Module):
    """A history of states to the user's vector."""

    def __init__(self, config: UserModelConfig) -> None:
        super().__init__()
        self.dropout = config.dropout or 0.0
        self.recency = nn.Parameter(math.log(0.65) * torch.arange(config.history_length).float())
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.mix = nn.Linear(config.dim, config.dim)
        nn.init.zeros_(self.mix.weight)  # starts as the linear model
        nn.init.zeros_(self.mix.bias)

    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        """Return the user after the newest item: (b, t, d), (b, t) -> (b, d), unit length.

        Items stand oldest first; padding (mask 0) may stand anywhere, but makes what is older
        than it older still.
        """
        return self.read(history, mask)[:, -1]

    def read(self, history: Tensor, mask: Tensor) -> Tensor:
        """Return the user after every item, (b, t, d), unit length or zero."""
        steps = torch.arange(history.shape[1], device=history.device)
        age = (steps[:, None] - steps[None, :]).clamp(min=0)  # (t, t)
        before = (steps[:, None] >= steps[None, :]).to(mask.dtype)  # (t, t)
        visible = before[None] * mask[:, None, :]  # (b, t, t)
        weight = self.recency.exp()[age] * visible
        states = F.dropout(history, self.dropout, self.training)
        user = (weight / weight.sum(-1, keepdim=True).clamp(min=1e-6)) @ states
        if self.blocks:
            x = states * mask[..., None]
            for block in self.blocks:
                x = block(x, age, visible)
            user = user + self.mix(self.norm(x)) * (visible.sum(-1, keepdim=True) > 0)
        return F.normalize(user.float(), dim=-1)


class Block(nn.Module):
    """Pre-norm causal attention with a learned bias per head and age, then a feed-forward."""

    def __init__(self, config: UserModelConfig) -> None:
        super().__init__()
        d = config.dim
        self.heads, self.dropout = config.heads, config.dropout or 0.0
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.widen, self.narrow = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        slopes = 0.5 * torch.pow(2.0, -torch.arange(config.heads).float())
        self.by_age = nn.Parameter(-slopes[:, None] * torch.arange(config.history_length).float())

    def forward(self, x: Tensor, age: Tensor, visible: Tensor) -> Tensor:
        """Map (b, t, d), ages (t, t), visibility (b, t, t) to (b, t, d)."""
        b, t, d = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (b, heads, t, d / heads)
        logits = q @ k.transpose(-1, -2) / math.sqrt(d // self.heads) + self.by_age[:, age]
        logits = logits + (visible[:, None] - 1) * 1e4
        attention = F.dropout(logits.softmax(-1), self.dropout, self.training)
        read = (attention @ v).transpose(1, 2).reshape(b, t, d)
        x = x + F.dropout(self.out(read), self.dropout, self.training)
        wide = F.dropout(F.gelu(self.widen(self.norm2(x))), self.dropout, self.training)
        return x + F.dropout(self.narrow(wide), self.dropout, self.training)
