"""Weights that processes share out among them (FSDP2), and whole ones: from one to the other.

Where accelerate shards, it shards a copy. The caller's model keeps whole, plain weights in its own
modules, off the accelerator, and is given the copy's at each check and at the end: whoever uses it
knows nothing of shards. Checkpoints hold whole weights too. Knows tensors; knows nothing of what
they mean to a model.
"""

import copy

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from corank.errors import ConfigError


def trainee(joined: Accelerator, model: nn.Module) -> nn.Module:
    """Return what is trained: the model itself, or a copy where it will be sharded.

    Raises:
        ConfigError: it will be, and has weights in 8 bits.
    """
    if not joined.is_fsdp2:
        return model
    if any(p.dtype == torch.int8 for p in model.parameters()):
        raise ConfigError(
            "base_8bit=True: matrices in 8 bits cannot be shared out by FSDP. Set base_8bit=False, "
            "or launch without FSDP."
        )
    return copy.deepcopy(model.cpu())


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor of which each process holds a part; every process has to ask for it."""
    if isinstance(tensor, DTensor):
        full: Tensor = tensor.full_tensor()
        return full
    return tensor


def whole_all(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by name, gathered on the CPU where they are in parts."""
    return {n: whole(t).cpu() if isinstance(t, DTensor) else t for n, t in tensors.items()}


def placed(value: Tensor, like: Tensor) -> Tensor:
    """Return a tensor where another is, and in parts if that is; each process has the whole."""
    value = value.to(like.device)
    if isinstance(like, DTensor) and not isinstance(value, DTensor):
        return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
    return value
