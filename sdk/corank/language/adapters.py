"""Parameter-efficient fine-tuning: a small part learns, then is merged into the weights.

While training lasts, peft's adapters stand inside the transformer, whose own weights stay as
they are; what is not the transformer (a head) learns as ever. Afterwards the model has its own
modules and names again and other values: saving, export and serving know nothing of adapters.
Names of adapters hold those of their layers, so depth, frozen layers and checkpoints work as
without. Knows transformers; knows nothing of data or losses.

Sources: LoRA, Hu et al., ICLR 2022; IA3, Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning
is Better and Cheaper than In-Context Learning", NeurIPS 2022; virtual tokens, see `virtual`; the
8-bit base, Dettmers et al., "LLM.int8()", NeurIPS 2022.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from corank.errors import ConfigError, MissingExtraError
from corank.language.encoder import Encoder
from corank.language.virtual import virtual_ids

Adapter = Literal["none", "lora", "ia3", "prompt"]


@contextmanager
def adapted(
    model: nn.Module, adapter: Adapter, *, rank: int, base_8bit: bool, seed: int
) -> Iterator[None]:
    """Let adapters learn in place of the transformer's weights for a while, then merge them.

    They stand where weights would learn: not in frozen layers, nor in a pooler, which no vector
    is made from. Virtual tokens learn in any case.

    Args:
        model: a transformer, or what holds one. However the while ends, it has its own modules
            again, with what was learned.
        adapter: ``none`` changes nothing.
        rank: of LoRA, whose scale is 2.
        base_8bit: hold the transformer's matrices in 8 bits for so long. The full ones wait on
            the CPU, and what was learned is added to them, not to the rounded ones.
        seed: of what starts at random.

    Raises:
        ConfigError: the model has nothing that this adapter could adapt.
        MissingExtraError: peft, or bitsandbytes, is not installed.
    """
    if adapter == "none":
        yield
        return
    transformer = next((m for m in model.modules() if isinstance(m, PreTrainedModel)), None)
    if transformer is None:
        raise ConfigError(
            f"adapter={adapter!r} needs a transformer inside the model; {type(model).__name__} has "
            "none. Use adapter='none'."
        )
    tuner = _injected(model, transformer, adapter, rank, seed)
    try:
        with _in_8bit(transformer) if base_8bit else nullcontext():
            yield
    finally:
        tuner.merge_and_unload()


def _injected(
    model: nn.Module, transformer: PreTrainedModel, adapter: Adapter, rank: int, seed: int
) -> Any:
    """Put adapters into the transformer; return peft's tuner, which can merge them."""
    try:
        import peft
        from peft.utils import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as IA3_PLACES
    except ImportError as error:
        raise MissingExtraError(f"adapter={adapter!r}", "train") from error
    linear = {n: m for n, m in transformer.named_modules() if isinstance(m, nn.Linear)}
    still = {n for n, m in linear.items() if not m.weight.requires_grad or "pooler" in n.split(".")}
    torch.manual_seed(seed)
    if adapter == "prompt":
        encoders = [module for module in model.modules() if isinstance(module, Encoder)]
        rows = virtual_ids(encoders[0].tokenizer) if encoders else []
        if not rows:
            raise ConfigError(
                f"adapter='prompt' trains an encoder's virtual tokens, and {type(model).__name__} "
                "holds no encoder that has some. Call Encoder.add_virtual_tokens before its texts "
                "are made into ids, or use adapter='lora'."
            )
        tokens = peft.TrainableTokensConfig(token_indices=rows)
        return peft.TrainableTokensModel(transformer, tokens, "default")
    kind = transformer.config.model_type
    if linear.keys() == still or (adapter == "ia3" and kind not in IA3_PLACES):
        raise ConfigError(
            f"adapter={adapter!r} finds nothing to adapt in a {kind} with {len(linear)} linear "
            f"layers, {len(linear) - len(still)} of which may learn. Use adapter='lora' with "
            f"frozen_layers=0 (ia3 knows {', '.join(sorted(IA3_PLACES))}), or adapter='none'."
        )
    if adapter == "ia3":
        return peft.IA3Model(transformer, peft.IA3Config(exclude_modules=[*still]), "default")
    matrices = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=[*linear.keys() - still])
    return peft.LoraModel(transformer, matrices, "default")


@contextmanager
def _in_8bit(transformer: PreTrainedModel) -> Iterator[None]:
    """Put 8-bit linear layers in place of those that do not learn, for a while.

    They are rounded when they reach the device of the training.
    """
    try:
        from bitsandbytes.nn.modules import Int8Params, Linear8bitLt
    except ImportError as error:
        raise MissingExtraError("base_8bit", "8bit") from error
    own = {
        name: module
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and not module.weight.requires_grad
    }
    for name, module in own.items():
        module.cpu()
        coarse = Linear8bitLt(
            module.in_features,
            module.out_features,
            bias=module.bias is not None,
            has_fp16_weights=False,
            device="meta",
        )
        coarse.weight = Int8Params(module.weight.data, requires_grad=False, has_fp16_weights=False)
        if module.bias is not None:  # its own: it is cast to the inputs' type
            coarse.bias = nn.Parameter(module.bias.detach().clone(), requires_grad=False)
        transformer.set_submodule(name, coarse)
    log = logging.getLogger("bitsandbytes.autograd._functions")
    level = log.level
    try:
        with warnings.catch_warnings():  # of each product: its inputs are cast, as they should be
            warnings.filterwarnings("ignore", "MatMul8bitLt: inputs will be cast")
            log.setLevel(logging.ERROR)
            yield
    finally:
        log.setLevel(level)
        for name, module in own.items():
            device = transformer.get_parameter(f"{name}.weight").device
            transformer.set_submodule(name, module.to(device))
