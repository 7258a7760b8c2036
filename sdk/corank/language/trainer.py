"""Fine-tune the encoder on behaviour, with accelerate.

One loop for one process or many: `accelerate launch` sets the stage, and nothing here knows on
how many devices it runs. Knows pairs of texts; knows nothing of users or rankers.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from numpy.typing import NDArray
from torch.optim.lr_scheduler import LambdaLR

from corank.language.encoder import Encoder
from corank.language.losses import in_batch_softmax
from corank.language.pairs import Pairs
from corank.progress import track

Precision = Literal["no", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True)
class EncoderTraining:
    """How behaviour tunes the encoder.

    Args:
        epochs: passes over the pairs; 0 leaves the encoder frozen.
        batch_size: pairs per step and process; each is a negative to the others.
        learning_rate: the peak, after a linear warm-up over the first tenth.
        weight_decay: of AdamW, on matrices only.
        temperature: divides the cosines in the loss.
        max_tokens: texts are cut to this while training.
        window: two items of a history make a pair when at most this many steps apart.
        max_pairs: a random choice beyond this.
        min_grade: a query judged or clicked from this grade on makes a pair.
        precision: of the forward pass; ``bf16`` is autocast, weights stay fp32.
    """

    epochs: int = 1
    batch_size: int = 64
    learning_rate: float = 2e-5
    weight_decay: float = 0.01
    temperature: float = 0.05
    max_tokens: int = 48
    window: int = 2
    max_pairs: int = 30_000
    min_grade: float = 2
    precision: Precision = "bf16"


def train_encoder(
    encoder: Encoder, texts: Sequence[str], pairs: Pairs, config: EncoderTraining, *, seed: int
) -> list[float]:
    """Pull the texts of each pair together, in place; return the loss of every step.

    Args:
        encoder: is changed.
        texts: item texts, then query texts, prompts included: what `Pairs` numbers refer to.
        pairs: what belongs together.
        config: how.
        seed: of the order of pairs and of dropout.
    """
    steps = config.epochs * (len(pairs) // config.batch_size)
    if not steps:
        return []
    set_seed(seed)
    accelerator = Accelerator(mixed_precision=config.precision)
    optimizer = torch.optim.AdamW(
        _parameter_groups(encoder, config.weight_decay), lr=config.learning_rate, fused=True
    )
    schedule = LambdaLR(optimizer, lambda step: _warm_up_then_decay(step, steps))
    model, optimizer = accelerator.prepare(encoder, optimizer)
    ids = [row[: config.max_tokens] for row in encoder.tokenizer.encode(texts)]
    log_q = np.log(np.maximum(pairs.frequency, 1e-12)).astype(np.float32)
    losses = []
    model.train()
    for rows in track(_batches(len(pairs), config, seed), "tuning encoder", steps):
        anchors, positives = pairs.anchors[rows], pairs.positives[rows]
        both = encoder.tokenizer.pad([ids[text] for text in (*anchors, *positives)])
        known = pairs.known[anchors][:, positives].toarray()  # (b, b)
        with accelerator.autocast():
            vectors = model(*(torch.from_numpy(x).to(accelerator.device) for x in both))
        anchor_vectors, positive_vectors = vectors.float().chunk(2)
        loss = in_batch_softmax(
            anchor_vectors,
            positive_vectors,
            torch.from_numpy(log_q[positives]).to(accelerator.device),
            torch.from_numpy(known).to(accelerator.device),
            temperature=config.temperature,
        )
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    accelerator.unwrap_model(model, keep_fp32_wrapper=False).eval()  # takes autocast off again
    return losses


def _batches(n: int, config: EncoderTraining, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of each step in a fresh order; an incomplete last batch is left out."""
    rng = np.random.default_rng(seed)
    size = config.batch_size
    for _ in range(config.epochs):
        order = rng.permutation(n)
        for start in range(0, n // size * size, size):
            yield order[start : start + size]


def _parameter_groups(encoder: Encoder, weight_decay: float) -> list[dict[str, object]]:
    """Decay matrices; leave biases and norms alone."""
    matrices = [p for p in encoder.parameters() if p.ndim > 1]
    vectors = [p for p in encoder.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _warm_up_then_decay(step: int, steps: int) -> float:
    """Linear to 1 over the first tenth, then a cosine to 0."""
    warm_up = max(steps // 10, 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
