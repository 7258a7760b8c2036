"""The processes and devices of a run, by accelerate, and the randomness of each step.

Every draw of a step is seeded by (seed, step, process), so no generator has to be stored. Knows
neither models nor data.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor

Precision = Literal["no", "bf16", "fp16"]
Tracker = Literal["none", "tensorboard", "wandb"]


def accelerator(precision: Precision, tracker: Tracker, logs: Path | None) -> Accelerator:
    """Join the processes that `accelerate launch` started, or be the only one."""
    AcceleratorState._reset_state()  # an earlier run may have had another precision
    idle = DistributedDataParallelKwargs(find_unused_parameters=True)  # such as BERT's pooler
    joined = Accelerator(
        mixed_precision=precision,
        kwargs_handlers=[idle],
        log_with=None if tracker == "none" else tracker,
        project_dir=logs or Path("logs"),
    )
    if tracker != "none":
        joined.init_trackers("corank")
    return joined


class _Gather(torch.autograd.Function):
    """Parts of all processes, one after another; backwards, the sum of what each asks of a part."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        parts = [torch.empty_like(part) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, part.contiguous())
        ctx.rows = slice(dist.get_rank() * len(part), (dist.get_rank() + 1) * len(part))
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Tensor:
        total = outer[0].contiguous()
        dist.all_reduce(total)
        return total[ctx.rows]


def gather(part: Tensor) -> Tensor:
    """Return every process's part, (b, ...) -> (B, ...), through which gradients flow."""
    whole: Tensor = _Gather.apply(part)  # type: ignore[no-untyped-call]
    return whole


def alone(part: Tensor) -> Tensor:
    """Return the part of the only process."""
    return part


def seed_step(seed: int, step: int, process: int) -> np.random.Generator:
    """Seed torch for one step of one process; return the step's own generator."""
    sequence = np.random.SeedSequence([seed, step, process])
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
    return np.random.default_rng(sequence)


def generators(device: torch.device) -> list[Tensor]:
    """Return the state of torch's generators, for `set_generators`."""
    state = [torch.get_rng_state()]
    return [*state, torch.cuda.get_rng_state(device)] if device.type == "cuda" else state


def set_generators(device: torch.device, state: list[Tensor]) -> None:
    """Put the state of torch's generators back."""
    torch.set_rng_state(state[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)
