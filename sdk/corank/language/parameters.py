"""Which weights learn, how fast, and what is done to them: by depth, from the embeddings up.

Knows a transformer's parameter names; knows nothing of data or losses.

Sources: layer-wise rates, Howard and Ruder, "Universal Language Model Fine-tuning" (ULMFiT), ACL
2018; adversarial embeddings, Miyato et al., "Adversarial Training Methods for Semi-Supervised
Text Classification" (FGM), ICLR 2017; averaged weights, Izmailov et al., "Averaging Weights
Leads to Wider Optima", UAI 2018.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from corank.errors import ConfigError
from corank.language.sharding import placed, whole

_LAYER = re.compile(r"\.layers?\.(\d+)\.")


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that learn, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def depth(name: str, layers: int) -> int:
    """Return 0 for embeddings, 1.. for the layers, ``layers + 1`` for what stands above."""
    if found := _LAYER.search(name):
        return int(found[1]) + 1
    return 0 if "embed" in name else layers + 1


def share_trained(model: nn.Module) -> float:
    """Return the share of the model's numbers that learn."""
    total = sum(p.numel() for p in model.parameters())
    return sum(p.numel() for p in trained(model).values()) / max(total, 1)


def count_layers(model: nn.Module) -> int:
    """How many transformer layers the model has."""
    return max((depth(name, -1) for name, _ in model.named_parameters()), default=0)


def freeze(model: nn.Module, layers: int) -> None:
    """Leave only what stands above the first so many layers to learn; 0 changes nothing.

    The last layer always learns.
    """
    total = count_layers(model)
    for name, parameter in model.named_parameters():
        if layers and depth(name, total) <= min(layers, total - 1):
            parameter.requires_grad_(False)


def parameter_groups(
    model: nn.Module,
    *,
    learning_rate: float,
    layer_decay: float,
    weight_decay: float,
    head_factor: float = 1.0,
) -> list[dict[str, object]]:
    """Return optimizer groups: the rate falls by ``layer_decay`` with each layer down.

    What stands above the transformer has ``head_factor`` times the rate. Matrices decay; biases,
    norms and other vectors do not.
    """
    total = count_layers(model)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in trained(model).items():
        matrix = parameter.squeeze().ndim > 1  # IA3's vectors are columns and rows
        groups.setdefault((depth(name, total), matrix), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rate
            * (head_factor if level > total else layer_decay ** (total + 1 - level)),
            "weight_decay": weight_decay if matrices else 0.0,
        }
        for (level, matrices), parameters in sorted(groups.items())
    ]


def set_dropout(model: nn.Module, p: float) -> None:
    """Give every dropout of the model this probability."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = p


def checkpoint_gradients(model: nn.Module, *, on: bool) -> None:
    """Have a model of transformers', or one inside ``model``, compute activations twice, or once.

    Raises:
        ConfigError: there is no such model.
    """
    do = "enable" if on else "disable"
    names = (f"activation_checkpointing_{do}", f"gradient_checkpointing_{do}")  # new name first
    found = (getattr(m, name) for m in model.modules() for name in names if hasattr(m, name))
    switch = next(found, None)
    if switch is None:
        raise ConfigError(
            f"gradient_checkpointing needs a transformer inside the model; {type(model).__name__} "
            "has none. Leave it out."
        )
    switch()


@contextmanager
def prepared(
    model: nn.Module, frozen_layers: int, dropout: float, gradient_checkpointing: bool
) -> Iterator[None]:
    """Set what learns and how, for a while; then give the model back as it came, for evaluation.

    Only its weights have changed: no gradient is left on it either, however the while ended.
    """
    learning = [(p, p.requires_grad) for p in model.parameters()]
    dropouts = [(m, m.p) for m in model.modules() if isinstance(m, nn.Dropout)]
    if gradient_checkpointing:
        checkpoint_gradients(model, on=True)
    freeze(model, frozen_layers)
    set_dropout(model, dropout)
    try:
        yield
    finally:
        model.eval()
        model.zero_grad()
        for module, p in dropouts:
            module.p = p
        for parameter, learns in learning:
            parameter.requires_grad_(learns)
        if gradient_checkpointing:
            checkpoint_gradients(model, on=False)


@contextmanager
def perturbed_embeddings(model: nn.Module, size: float) -> Iterator[None]:
    """Move each embedding matrix along its gradient, by a step of length ``size``, for a while.

    Raises:
        ConfigError: none of them learns.
    """
    matrices = {n: p for n, p in trained(model).items() if depth(n, 0) == 0 and p.ndim > 1}
    if not matrices:
        raise ConfigError(
            "adversarial moves the embeddings along their gradient, and none of them learns. "
            "Set frozen_layers=0 and adapter='none', or adversarial=0."
        )
    before = {name: p.detach().clone() for name, p in matrices.items()}
    with torch.no_grad():
        for p in matrices.values():
            if p.grad is not None and (norm := float(whole(p.grad.norm()))) > 0:
                p.add_(p.grad, alpha=size / norm)
    try:
        yield
    finally:
        restore(model, before)


class Average:
    """An exponential moving average of the weights that learn."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in trained(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step ``step`` (1..); early on it follows faster."""
        decay = min(self.decay, step / (step + 9))
        for name, parameter in trained(model).items():
            self.weights[name].lerp_(parameter.detach(), 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the average in place of the weights for a while."""
        now = snapshot(model)
        restore(model, self.weights)
        try:
            yield
        finally:
            restore(model, now)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Copy the weights that learn."""
    return {name: p.detach().clone() for name, p in trained(model).items()}


@torch.no_grad()
def restore(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights back, by name."""
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(placed(value, parameters[name]))


def moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return what the optimizer keeps of each weight that learns, by ``kind/name``."""
    return {
        f"{kind}/{name}": value
        for name, p in trained(model).items()
        for kind, value in optimizer.state.get(p, {}).items()
    }


def set_moments(
    model: nn.Module, optimizer: torch.optim.Optimizer, values: dict[str, Tensor]
) -> None:
    """Put back what `moments` returned, where the weights are."""
    for key, value in values.items():
        kind, _, name = key.partition("/")
        parameter = model.get_parameter(name)
        alike = value.shape == parameter.shape  # or else a count of steps
        optimizer.state[parameter][kind] = (
            placed(value, parameter) if alike else value.to(parameter.device)
        )


def fingerprint(model: nn.Module) -> int:
    """Checksum of every weight's name and shape, and of the values of those that do not learn.

    Where a vector is cut short, its length counts too.
    """
    total = zlib.crc32(f"{getattr(model, 'dim', '')}".encode())
    for name, p in model.named_parameters():
        total = zlib.crc32(f"{name} {[*p.shape]} {p.requires_grad}".encode(), total)
        if not p.requires_grad:
            total = zlib.crc32(p.detach().float().cpu().numpy().tobytes(), total)
    return total
