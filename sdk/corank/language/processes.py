"""The processes and devices of a run, by accelerate, and the randomness of each step.

Every draw of a step is seeded by (seed, step, process), so no generator has to be stored. Knows
neither models nor data.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import DistributedDataParallelKwargs, DistributedType
from torch import Tensor, nn

from corank.errors import ConfigError, TrainingError

Precision = Literal["no", "bf16", "fp16"]
Tracker = Literal["none", "tensorboard", "wandb"]


def accelerator(precision: Precision, tracker: Tracker, logs: Path | None) -> Accelerator:
    """Join the processes that `accelerate launch` started, or be the only one.

    Raises:
        ConfigError: the tracker is not installed, the processes were launched in a way that
            leaves each on its own, or FSDP is set up in a way that training does not know.
    """
    logs = logs or Path("logs")
    if tracker != "none" and tracker not in map(str, get_available_trackers()):
        raise ConfigError(
            f"tracker={tracker!r} needs a package that is not installed. "
            f"Install it with: pip install {tracker}"
        )
    AcceleratorState._reset_state()  # an earlier run may have had another precision
    # Some weights may have no part in the output (BERT's pooler); no buffer ever changes.
    ddp = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    joined = Accelerator(
        mixed_precision=precision,
        kwargs_handlers=[ddp],
        log_with=None if tracker == "none" else tracker,
        project_dir=logs,
    )
    if joined.num_processes != (launched := int(os.environ.get("WORLD_SIZE", "1"))):
        raise ConfigError(
            f"{launched} processes were launched, and accelerate sees {joined.num_processes}: each "
            "would train alone and overwrite the others. Without GPUs, set ACCELERATE_USE_CPU=true."
        )
    check_sharding(joined)
    if tracker != "none":
        joined.init_trackers("corank")
    return joined


def check_sharding(joined: Accelerator) -> None:
    """Check that FSDP, where it is used, leaves each weight its name.

    Raises:
        ConfigError: it does not.
    """
    if joined.distributed_type != DistributedType.FSDP:
        return
    plugin = joined.state.fsdp_plugin
    unknown = plugin.cpu_ram_efficient_loading or plugin.activation_checkpointing
    if plugin.fsdp_version != 2 or unknown:
        raise ConfigError(
            f"FSDP was launched with fsdp_version={plugin.fsdp_version}, "
            f"cpu_ram_efficient_loading={plugin.cpu_ram_efficient_loading} and "
            f"activation_checkpointing={plugin.activation_checkpointing}. Set fsdp_version: 2 and "
            "both others to false, as docs/accelerate/eight-gpus-sharded.yaml does; "
            "gradient_checkpointing=True computes activations twice."
        )


def leave(joined: Accelerator, model: nn.Module) -> None:
    """End what `accelerator` began, and undo what preparing did to a model."""
    for tracker in joined.trackers:
        tracker.finish()
    joined.unwrap_model(model, keep_fp32_wrapper=False)
    vars(model).pop("_is_accelerate_prepared", None)  # or the next run would not prepare it


@contextmanager
def memory_explained(batch_size: int, max_tokens: int) -> Iterator[None]:
    """Turn an allocation that failed, on any device, into a `TrainingError` that says the cure."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own error exists for GPUs only
        if not isinstance(error, MemoryError) and "alloc" not in str(error).lower():
            raise
        raise TrainingError(
            f"Out of memory in a batch of {batch_size} examples of up to {max_tokens} tokens. "
            "Set chunk (to 32, say), which keeps the batch, or lower batch_size or max_tokens, "
            "or set gradient_checkpointing."
        ) from error


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


def go_on_alone() -> int:
    """End every process but the first, which from then on is the only one; return how many.

    What follows the shared training is no faster in several processes, and must be written once.
    """
    if not dist.is_initialized():
        return 1
    first, processes = dist.get_rank() == 0, dist.get_world_size()
    dist.barrier()
    dist.destroy_process_group()
    if not first:
        raise SystemExit(0)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        os.environ.pop(name, None)
    AcceleratorState._reset_state(reset_partial_state=True)
    return processes
