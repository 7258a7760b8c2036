"""Make an encoder smaller, and teach what is left of it what the whole one says.

Layers go evenly and the first one stays; so do the vocabulary's rows that no text of the domain
needs. What is left reads the domain's texts until its vectors are those of the whole encoder, so
that whatever was learned from those vectors still holds. Knows encoders and texts; knows no
metrics: whether it is good enough is for `corank.compress.gate`.

Sources: layers, Sajjad et al., "On the Effect of Dropping Layers of Pre-trained Transformer
Models", Computer Speech & Language 2023; start from the teacher's own, Sanh et al., "DistilBERT",
2019.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from torch import nn

from corank.config import check_ranges
from corank.errors import ConfigError
from corank.language.encoder import Encoder
from corank.language.objectives import VectorDistillation
from corank.language.options import TrainerConfig
from corank.language.tokenizer import Tokenizer, embed
from corank.language.trainer import train
from corank.language.vocabulary import is_wordpiece, prune_tokenizer


@dataclass(frozen=True, kw_only=True)
class ShrinkConfig(TrainerConfig):
    """What is left of an encoder, and how it learns; `TrainerConfig` has the fields of training.

    Args:
        layers: so many of the transformer's stay.
        min_steps: passes over the texts are repeated until there were so many steps.
        prune_vocabulary: leave out tokens that no text needs. Only WordPiece's can be; another
            tokenizer keeps all of its own.
    """

    epochs: int = 8
    max_tokens: int = 64
    learning_rate: float = 3e-4
    layers: int = 3
    min_steps: int = 600
    prune_vocabulary: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_1=("layers",), at_least_0=("min_steps",))


def shrunk(
    encoder: Encoder, texts: Sequence[str], config: ShrinkConfig | None = None, *, seed: int = 0
) -> Encoder:
    """Return a smaller encoder that says what this one says of such texts.

    Args:
        encoder: the teacher; is left alone.
        texts: the domain's, prompts included.
        config: how.
        seed: of the order of texts and of all else that is random.

    Raises:
        ConfigError: it has no such number of layers.
        TrainingError: see `corank.language.trainer.train`.
    """
    config = config or ShrinkConfig()
    taught = embed(texts, encoder.tokenizer, encoder.run, dim=encoder.dim)
    student = deepcopy(encoder)
    keep_layers(student, config.layers)
    if config.prune_vocabulary and is_wordpiece(student.tokenizer):
        student.change_vocabulary(prune_tokenizer(student.tokenizer, texts))
    max_tokens = min(config.max_tokens, student.tokenizer.max_tokens)
    ids = Tokenizer(student.tokenizer.backend, max_tokens).encode(texts)
    passes = -(-config.min_steps * config.batch_size // max(len(texts), 1))
    order = np.tile(np.arange(len(texts)), max(1, -(-passes // max(config.epochs, 1))))
    objective = VectorDistillation([ids[text] for text in order], taught[order])
    train(student, objective, config, seed=seed, name="distilling encoder")
    return student


def keep_layers(encoder: Encoder, layers: int) -> None:
    """Keep so many of the transformer's layers, evenly, the first and the last among them.

    Raises:
        ConfigError: it has not so many.
    """
    model, total = encoder.model, int(encoder.model.config.num_hidden_layers)
    if not 1 <= layers <= total:
        raise ConfigError(
            f"layers={layers}, and this encoder has {total}. Give a number from 1 to {total}."
        )
    kept = np.linspace(0, total - 1, layers).round().astype(int).tolist()
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == total:
                setattr(module, name, nn.ModuleList(child[place] for place in kept))
    model.config.num_hidden_layers = layers
    if kinds := getattr(model.config, "layer_types", None):
        model.config.layer_types = [kinds[place] for place in kept]
