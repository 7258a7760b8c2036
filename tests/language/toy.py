"""What the tests of training share: twelve texts of two topics, whose right answers are known."""

import copy
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from corank.data.ragged import Ragged
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.interactions import Reconstruction, build_interactions
from corank.language.objectives import (
    Classification,
    Contrastive,
    Ids,
    Objective,
    Rows,
    Share,
    Texts,
)
from corank.language.options import TrainerConfig
from corank.language.pairs import Pairs
from corank.language.trainer import History, train

TEXTS = [
    *("coffee grinder", "steel kettle", "tea pot", "milk jug", "espresso cup", "coffee filter"),
    *("running shoe", "yoga mat for home", "tennis ball", "swim cap", "rain jacket", "helmet"),
]
QUERIES = ["hot drink", "sports"]  # numbered 12 and 13
TOPIC = np.repeat(np.arange(2), 6)
TOY = TrainerConfig(
    epochs=1, batch_size=8, learning_rate=2e-3, weight_decay=0.0, precision="no", warm_up=0.0
)
STEPS = replace(TOY, epochs=3, batch_size=4)  # nine steps of twelve examples


def load(folder: str) -> Encoder:
    """The tiny encoder; short, so that even attention's odd lengths are cheap."""
    return Encoder.load(EncoderConfig(name=folder, max_tokens=16))


def toy_ids(encoder: Encoder) -> Ids:
    """Token ids of the texts."""
    return encoder.tokenizer.encode(TEXTS)


def toy_pairs() -> Pairs:
    """Every ordered pair of one topic's texts, 60; nothing else is known of them."""
    anchors, positives = np.nonzero((TOPIC[:, None] == TOPIC) & ~np.eye(12, dtype=bool))
    known = sp.csr_array(TOPIC[:, None] == TOPIC)
    return Pairs(anchors, positives, known, np.full(12, 1 / 12))


class Headed(nn.Module):
    """An encoder and a linear layer: texts to logits."""

    def __init__(self, encoder: Encoder, classes: int = 2) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder)
        self.head = nn.Linear(encoder.dim, classes)
        draws = torch.Generator().manual_seed(0)
        nn.init.normal_(self.head.weight, generator=draws)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(ids, mask))
        return logits


def topics(encoder: Encoder) -> Classification:
    """Which topic each text is of."""
    return Classification(toy_ids(encoder), TOPIC)


def contrast(encoder: Encoder, negatives: Rows | None = None) -> Contrastive:
    """Which texts go together."""
    return Contrastive(toy_ids(encoder), toy_pairs(), temperature=0.1, negatives=negatives)


def chosen(encoder: Encoder, *, step_texts: int = 64, queries: bool = False) -> Reconstruction:
    """22 people who each chose three texts of one topic; two queries, each for a whole topic."""
    rng = np.random.default_rng(0)
    histories = [[*rng.permutation(6)[:3] + 6 * (user % 2)] for user in range(22)]
    judged = Ragged.of([[*range(6)], [*range(6, 12)]] if queries else [])
    rows = build_interactions(Ragged.of(histories), judged, 12, max_users=99, min_grade=1, seed=0)
    ids = encoder.tokenizer.encode(TEXTS + QUERIES)
    return Reconstruction(ids, rows, step_texts=step_texts)


def others(h: int = 1) -> Rows:
    """``h`` texts of the other topic for each of `toy_pairs`."""
    anchors = toy_pairs().anchors[:, None]
    chosen: Rows = (anchors + np.arange(h)) % 6 + 6 * (TOPIC[anchors] == 0)
    return chosen


class Watched(Objective):
    """Another objective, with something done before each pass (1, 2, ...) or to its loss."""

    def __init__(
        self,
        inner: Objective,
        before: Callable[[int], None] = lambda number: None,
        change: Callable[[int, Tensor], Tensor] = lambda number, loss: loss,
    ) -> None:
        super().__init__(len(inner))
        self.inner, self.before, self.change = inner, before, change
        self.fingerprint, self.number = inner.fingerprint, 0

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        self.number += 1
        self.before(self.number)
        return self.inner.texts(rows, rng)

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        return self.change(self.number, self.inner.loss(outputs, share))


def fit(encoder: Encoder, config: TrainerConfig, seed: int = 0) -> tuple[Headed, History]:
    """Train a fresh model on the topics."""
    model = Headed(encoder)
    return model, train(model, topics(encoder), config, seed=seed)


def launched(module: str, *given: str) -> subprocess.CompletedProcess[str]:
    """Run a module in two processes, without GPUs."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ACCELERATE_USE_CPU": "true",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
    }
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *launch, "-m", module, *given],
        cwd=Path(__file__).parents[2],
        env=environment,
        timeout=400,
        capture_output=True,
        text=True,
    )


def scripted(values: list[float]) -> Callable[[], float]:
    """A metric that answers one after another of these."""
    left = iter(values)
    return lambda: next(left)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Copy every weight."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def digest(model: nn.Module) -> str:
    """A hash of every weight, bit for bit."""
    whole = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    return hashlib.sha256(whole).hexdigest()


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference between two sets of weights.

    Attention's key biases are left out: no output depends on them, so that their gradient is
    rounding error, which AdamW makes a whole step of.
    """
    assert one.keys() == other.keys()
    return max(
        float((value - other[name]).abs().max())
        for name, value in one.items()
        if not name.endswith("key.bias")
    )
