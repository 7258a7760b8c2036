"""Fine-tune the encoder on behaviour, with accelerate.

One loop for one process or many: `accelerate launch` sets the stage, and nothing here knows on
how many devices it runs. Knows pairs of texts; knows nothing of users or rankers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from numpy.typing import NDArray
from torch import Tensor, nn

from corank.language.encoder import Encoder
from corank.language.losses import in_batch_softmax
from corank.language.pairs import Pairs
from corank.language.schedule import warm_up_then_cosine
from corank.language.tokenizer import Tokenizer
from corank.progress import track

GROUPS = 4  # forward passes of one step, each over texts of like length
Precision = Literal["no", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True)
class EncoderTraining:
    """How behaviour tunes the encoder.

    Args:
        epochs: passes over the pairs; 0 leaves the encoder frozen.
        batch_size: pairs per step and process, or fewer where there are not so many; each is
            a negative to the others.
        frozen_layers: so many of the lowest layers, and the embeddings, stay as they are: a
            third faster, and less is forgotten. 0 trains everything; the last layer always
            learns.
        learning_rate: the peak, after a linear warm-up over the first tenth.
        weight_decay: of AdamW, on matrices only.
        temperature: divides the cosines in the loss.
        max_tokens: texts are cut to this while training.
        window: two items of a history make a pair when at most this many steps apart.
        max_pairs: a random choice beyond this.
        min_grade: a query judged or clicked from this grade on makes a pair.
        precision: of the forward pass; ``bf16`` is autocast, weights stay fp32. ``fp16`` is
            for GPUs: a CPU takes it for ``no``.
    """

    epochs: int = 1
    batch_size: int = 64
    frozen_layers: int = 2
    learning_rate: float = 5e-5
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
    accelerator = _accelerator(config.precision)
    plan = _plan(len(pairs), config, accelerator.num_processes, seed)
    if not plan:
        return []
    set_seed(seed, device_specific=True)
    _freeze(encoder, config.frozen_layers)
    optimizer = torch.optim.AdamW(
        _parameter_groups(encoder, config.weight_decay), lr=config.learning_rate, fused=True
    )
    schedule = warm_up_then_cosine(optimizer, len(plan))
    model, optimizer = accelerator.prepare(encoder, optimizer)
    max_tokens = min(config.max_tokens, encoder.tokenizer.max_tokens)
    tokenizer = Tokenizer(encoder.tokenizer.backend, max_tokens)
    ids = tokenizer.encode(texts)
    log_q = np.log(np.maximum(pairs.frequency, 1e-12)).astype(np.float32)
    losses = []
    # Dropout stays off (a quarter of the time): one pass over many pairs does not overfit.
    for step in track(plan, "tuning encoder"):
        rows = step[accelerator.process_index :: accelerator.num_processes]
        anchors, positives = pairs.anchors[rows], pairs.positives[rows]
        known = pairs.known[anchors][:, positives].toarray()  # (b, b)
        with accelerator.autocast():
            vectors = _embed(model, tokenizer, [ids[text] for text in (*anchors, *positives)])
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
    encoder.requires_grad_(True)
    return losses


def _embed(model: nn.Module, tokenizer: Tokenizer, ids: list[list[int]]) -> Tensor:
    """Embed texts in groups of like length, in their own order, (n, d): less is padded."""
    lengths = np.array([len(row) for row in ids])
    device = next(model.parameters()).device
    groups = np.array_split(np.argsort(lengths, kind="stable"), min(GROUPS, len(ids)))
    vectors = []
    for rows in groups:
        batch = tokenizer.pad([ids[row] for row in rows])
        vectors.append(model(*(torch.from_numpy(x).to(device) for x in batch)))
    back = torch.from_numpy(np.argsort(np.concatenate(groups))).to(device)
    return torch.cat(vectors)[back]


def _freeze(encoder: Encoder, layers: int) -> None:
    """Leave only the layers above the first so many to be trained; 0 trains everything."""
    if layers:
        stack = next(m for m in encoder.model.modules() if isinstance(m, nn.ModuleList))
        encoder.requires_grad_(False)
        for layer in stack[min(layers, len(stack) - 1) :]:
            layer.requires_grad_(True)


def _accelerator(precision: Precision) -> Accelerator:
    AcceleratorState._reset_state()  # an earlier fit may have had another precision
    idle = DistributedDataParallelKwargs(find_unused_parameters=True)  # such as BERT's pooler
    return Accelerator(mixed_precision=precision, kwargs_handlers=[idle])


def _plan(n: int, config: EncoderTraining, processes: int, seed: int) -> list[NDArray[np.int64]]:
    """Return the pairs of each step over all processes; an incomplete last one is left out."""
    rng = np.random.default_rng(seed)
    size = min(config.batch_size, n // processes) * processes
    steps = n // size if size else 0
    return [
        step
        for _ in range(config.epochs)
        for step in rng.permutation(n)[: steps * size].reshape(steps, size)
    ]


def _parameter_groups(encoder: Encoder, weight_decay: float) -> list[dict[str, object]]:
    """Decay matrices; leave biases and norms alone."""
    trained = [p for p in encoder.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
