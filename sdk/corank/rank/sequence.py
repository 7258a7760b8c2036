"""Train the user model: fuse each item's text with behaviour, and read histories of items.

An item's state is its projected text plus a vector of its own, gated by how often people chose
it: a new item is its text alone, and a much-chosen one may move away from what it says. A
history is read twice: by learned recency weights (a linear model, hard to beat on sparse data),
and by a causal transformer that adds to it. Every position of every history predicts the item
that came next, by cross-entropy over every item that anybody chose, products in bf16.

Sources: gating and text vectors as in Hou et al., "Towards Universal Sequence Representation
Learning" (UniSRec), KDD 2022; full softmax as in Klenitskiy and Vasilev, "Turning Dross Into
Gold Loss", RecSys 2023. Knows text vectors and catalogue indices; knows nothing of words.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from corank.compress.export import export
from corank.data.ragged import Ragged
from corank.errors import ConfigError
from corank.language.schedule import set_rate
from corank.progress import track
from corank.rank.history import UserModel
from corank.rank.softmax import FullSoftmax
from corank.rank.windows import Windows, cut

LONG = 20  # items of a mean history that leaves little to overfit


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
    dropout: float | None = None
    item_dropout: float = 0.1
    id_dropout: float = 0.1
    scale: float = 10.0

    def __post_init__(self) -> None:
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

    def forward(self) -> Tensor:
        """Return every item's state, (n_items, dim), unit length."""
        open_ = torch.sigmoid(self.gate[0] + self.gate[1] * self.log_count) * self.warm
        if self.training:
            open_ = open_ * (torch.rand_like(open_) >= self.id_dropout)
        return F.normalize(self.project(self.text) + open_[:, None] * self.ids, dim=-1)


class Reader(nn.Module):
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


class Trained(NamedTuple):
    """A user model, and the share of the planned steps after which it was best."""

    model: UserModel
    share: float


def train_user_model(
    histories: Ragged,
    text: NDArray[np.float32],
    counts: NDArray[np.int64],
    config: UserModelConfig,
    *,
    seed: int,
    share: float = 1.0,
    validate: Callable[[UserModel], float] | None = None,
) -> Trained:
    """Train on every prefix of every history; return the model ready to serve.

    Args:
        histories: each user's positive items, oldest first.
        text: text vectors of the catalogue, (n_items, d_text).
        counts: how often each item was chosen in training, (n_items,).
        config: how.
        seed: of the initial weights, dropout and the order of batches.
        share: stop after this share of the steps.
        validate: says how good a model is; asked ``config.checks`` times on the way, and the
            best is returned.
    """
    config = suited(config, histories)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    items = FusedItems(text, counts, config).to(device)
    reader = Reader(config).to(device)
    scale = nn.Parameter(torch.tensor(math.log(config.scale), device=device))
    optimizer = _optimizer(items, reader, scale, config)
    plan = _plan(histories, config, rng)
    steps = round(len(plan) * share)
    checks = {round(steps * (i + 1) / config.checks) for i in range(config.checks)}
    best = Trained(_ready(items, reader, config), 0.0)
    best_value = -math.inf
    for step, some in enumerate(track(plan[:steps], "training user model", steps), 1):
        items.train(), reader.train()
        loss = _loss(items, reader, scale, histories.slices(*some), config, rng)
        optimizer.zero_grad()
        loss.backward()
        set_rate(optimizer, step - 1, len(plan), floor=0.05)
        optimizer.step()
        if step == steps or (validate and step in checks):
            found = Trained(_ready(items, reader, config), step / len(plan))
            value = validate(found.model) if validate else 0.0
            if value > best_value:
                best, best_value = found, value
    return best


def _optimizer(
    items: FusedItems, reader: Reader, scale: nn.Parameter, config: UserModelConfig
) -> torch.optim.Optimizer:
    """AdamW in three groups: matrices, vectors (no decay, faster), and the items' own vectors."""
    named = (*items.named_parameters(), *reader.named_parameters())
    shared = [p for name, p in named if name != "ids"]
    matrices = [p for p in shared if p.ndim > 1]
    vectors = [p for p in shared if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "lr": config.learning_rate},
        {"params": [*vectors, scale], "lr": 3 * config.learning_rate, "weight_decay": 0.0},
        {"params": [items.ids], "lr": config.id_learning_rate},
    ]
    return torch.optim.AdamW(
        groups, weight_decay=config.weight_decay, betas=(0.9, 0.98), fused=True
    )


def _loss(
    items: FusedItems,
    reader: Reader,
    scale: Tensor,
    histories: Ragged,
    config: UserModelConfig,
    rng: np.random.Generator,
) -> Tensor:
    """Predict each next item of these histories; the ones seen before it are left out."""
    padded = histories.last(int(histories.lengths.max()))  # (b, t + 1)
    given, coming = padded[:, :-1].astype(np.int64), padded[:, 1:].astype(np.int64)  # (b, t)
    real = given >= 0
    kept = real & (rng.random(given.shape) >= config.item_dropout)
    first = np.arange(given.shape[1]) == real.argmax(1)[:, None]
    kept |= real & first  # so that no prefix is empty
    on = items.text.device
    with torch.autocast(on.type, torch.bfloat16):
        states = items()
        history = states[torch.from_numpy(given).to(on)]
        users = reader.read(history, torch.from_numpy(kept).to(on).float())
    rows, columns, target = (part.to(on) for part in _seen_before(given, coming, real))
    asked = torch.from_numpy(real).to(on)
    # An item nobody chose would only ever be a negative, and learn that its text is wrong.
    place = torch.cumsum(items.warm, 0).long() - 1
    loss: Tensor = FullSoftmax.apply(  # type: ignore[no-untyped-call]
        users[asked] * scale.exp(),
        states[items.warm > 0],
        place[target],
        rows,
        place[columns],
        config.label_smoothing,
    )
    return loss


def _seen_before(
    given: NDArray[np.int64], coming: NDArray[np.int64], real: NDArray[np.bool_]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (row, item) of everything seen before each prediction, and the targets."""
    number = np.cumsum(real.ravel()).reshape(real.shape) - 1  # of each prediction
    steps = np.arange(real.shape[1])
    before = (steps[:, None] >= steps[None, :]) & real[:, None, :] & real[:, :, None]
    user, at, earlier = np.nonzero(before)
    item = given[user, earlier]
    other = item != coming[user, at]
    size = given.max() + 1
    pairs = np.unique((number[user, at] * size + item)[other])
    row, column = (torch.from_numpy(part) for part in np.divmod(pairs, size))
    return row, column, torch.from_numpy(coming[real])


def _plan(histories: Ragged, config: UserModelConfig, rng: np.random.Generator) -> list[Windows]:
    """Windows for each step: of like length, about ``events_per_step`` predictions."""
    plan: list[Windows] = []
    epoch = 0
    while (histories.lengths >= 2).any() and (
        epoch < config.epochs or len(plan) < config.min_steps
    ):
        windows = cut(histories, config.history_length, rng)
        lengths = windows.end - windows.start
        order = np.lexsort((rng.random(len(lengths)), lengths))
        order = order[lengths[order] >= 2]
        batch = np.cumsum(lengths[order] - 1) // config.events_per_step
        groups = np.split(order, np.flatnonzero(np.diff(batch)) + 1)
        for group in rng.permutation(len(groups)):
            plan.append(Windows(*(part[groups[group]] for part in windows)))
        epoch += 1
    return plan


def _ready(items: FusedItems, reader: Reader, config: UserModelConfig) -> UserModel:
    """Freeze what was learned: states as an array, the reader as a checked graph."""
    items.eval()
    reader = deepcopy(reader).cpu().eval()
    with torch.no_grad():
        states = items().cpu()
        project = torch.cat([items.project.weight.T, items.project.bias[None]]).cpu()
    example = states[torch.arange(6).reshape(2, 3) % len(states)]  # (2, 3, d)
    mask = torch.ones(example.shape[:2])
    graph = export(reader, [("history", example), ("mask", mask)], dynamic=("batch", "items"))
    return UserModel(graph, states.numpy(), project.numpy(), config.history_length)
