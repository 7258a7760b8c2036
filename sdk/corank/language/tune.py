"""Tune the encoder on behaviour: texts that people treated alike come to lie together.

Knows pairs of texts; knows nothing of users or rankers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corank.language.encoder import Encoder
from corank.language.negatives import mine
from corank.language.objectives import Contrastive
from corank.language.options import TrainerConfig
from corank.language.pairs import Pairs
from corank.language.tokenizer import Tokenizer, embed
from corank.language.trainer import History, Run, train


@dataclass(frozen=True, kw_only=True)
class EncoderTraining(TrainerConfig):
    """How behaviour tunes the encoder; see `TrainerConfig` for the fields of any training.

    Args:
        temperature: divides the cosines in the loss.
        window: two items of a history make a pair when at most this many steps apart.
        max_pairs: a random choice beyond this.
        min_grade: a query judged or clicked from this grade on makes a pair.
        hard_negatives: so many for each pair, mined with the encoder as it starts.
    """

    frozen_layers: int = 2
    temperature: float = 0.05
    window: int = 2
    max_pairs: int = 60_000
    min_grade: float = 2
    hard_negatives: int = 0


def train_encoder(
    encoder: Encoder,
    texts: Sequence[str],
    pairs: Pairs,
    config: EncoderTraining,
    *,
    seed: int,
    run: Run | None = None,
    validate: Callable[[NDArray[np.float32]], float] | None = None,
) -> History:
    """Pull the texts of each pair together, in place; return what happened.

    Args:
        encoder: is changed.
        texts: item texts, then query texts, prompts included: what `Pairs` numbers refer to.
        pairs: what belongs together.
        config: how.
        seed: of the order of pairs and of all else that is random.
        run: where checkpoints go.
        validate: says how good vectors of the items are, (n_items, dim), higher is better; asked
            ``config.checks`` times an epoch. With ``config.patience``, the best weights come out.

    Raises:
        TrainingError, ConfigError: see `trainer.train`.
    """
    if config.adapter == "prompt":
        encoder.add_virtual_tokens(config.virtual_tokens, texts)
    max_tokens = min(config.max_tokens, encoder.tokenizer.max_tokens)
    ids = Tokenizer(encoder.tokenizer.backend, max_tokens).encode(texts)
    n_items = pairs.known.shape[1]

    def vectors(n: int) -> NDArray[np.float32]:
        return embed(texts[:n], encoder.tokenizer, encoder.run, dim=encoder.dim)

    negatives = None
    if config.hard_negatives and len(pairs):
        start = vectors(len(texts))
        negatives = mine(
            start[pairs.anchors], start[:n_items], pairs, config.hard_negatives, seed=seed
        )
    objective = Contrastive(ids, pairs, temperature=config.temperature, negatives=negatives)
    metric = (lambda: validate(vectors(n_items))) if validate else None
    return train(
        encoder, objective, config, seed=seed, metric=metric, run=run, name="tuning encoder"
    )
