"""Train the user model: every position of every history predicts the item that came next.

See `fusion` for what is trained and `prediction` for what it is trained to do. Knows text vectors
and catalogue indices; knows nothing of words.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from corank.compress.export import export
from corank.data.ragged import Ragged
from corank.language.schedule import set_rate
from corank.progress import track
from corank.rank.fusion import DRAWN, MANY, FusedItems, HistoryEncoder, UserModelConfig, suited
from corank.rank.history import UserModel
from corank.rank.prediction import predict
from corank.rank.sampling import Sampler
from corank.rank.windows import Windows, cut


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
    reader = HistoryEncoder(config).to(device)
    scale = nn.Parameter(torch.tensor(math.log(config.scale), device=device))
    optimizer = _optimizer(items, reader, scale, config)
    plan, sampler = _plan(histories, config, rng), _sampler(counts, config)
    steps = round(len(plan) * share)
    checks = {round(steps * (i + 1) / config.checks) for i in range(config.checks)}
    best = Trained(_ready(items, reader, config), 0.0)
    best_value = -math.inf
    for step, some in enumerate(track(plan[:steps], "training user model", steps), 1):
        items.train(), reader.train()
        loss = predict(items, reader, scale, histories.slices(*some), config, rng, sampler)
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
    items: FusedItems, reader: HistoryEncoder, scale: nn.Parameter, config: UserModelConfig
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


def _sampler(counts: NDArray[np.int64], config: UserModelConfig) -> Sampler | None:
    """What draws the items of a step's softmax; None where it weighs every one."""
    chosen = np.count_nonzero(counts)
    n = config.sampled
    if n is None:
        n = DRAWN if chosen >= MANY else 0
    return Sampler(counts, n) if 0 < n < chosen else None


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


def _ready(items: FusedItems, reader: HistoryEncoder, config: UserModelConfig) -> UserModel:
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
