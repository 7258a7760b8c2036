"""Tune the encoder on behaviour: texts that people treated alike come to lie together.

Three ways: from pairs of texts (`objectives.Contrastive`), from whole histories
(`interactions.Reconstruction`), and from the order in which people judged the documents of a query
(`objectives.BiEncoderListwise`). Knows nothing of rankers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corank.config import check_ranges
from corank.data.ragged import Ragged
from corank.errors import ConfigError
from corank.language.encoder import Encoder
from corank.language.interactions import Interactions, Reconstruction, build_interactions
from corank.language.lists import Lists, build_lists, targets, teaching
from corank.language.negatives import mine
from corank.language.objectives import BiEncoderListwise, Contrastive, Objective
from corank.language.options import TrainerConfig
from corank.language.pairs import Pairs, build_pairs
from corank.language.tokenizer import Tokenizer, embed
from corank.language.trainer import History, Run, train

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts, prompts included, (n,) -> unit vectors (n, dim)."""
Examples = Pairs | Interactions | Lists
"""What refers to texts by their number: those of the items come first, then the queries'."""


@dataclass(frozen=True, kw_only=True)
class EncoderTraining(TrainerConfig):
    """How behaviour tunes the encoder; see `TrainerConfig` for the fields of any training.

    Args:
        objective: ``contrastive`` pulls pairs of texts together, in batches of pairs;
            ``interactions`` tells each user's items from all others, in batches of users;
            ``judgements`` orders each query's judged documents by grade, in batches of lists,
            and leaves histories alone.
        min_grade: a query judged or clicked from this grade on makes a pair, or counts as a user.
        temperature: of ``contrastive`` and ``judgements``; divides the cosines in the loss.
        window: of ``contrastive``; two items of a history make a pair when at most this many
            steps apart.
        max_pairs: of ``contrastive``; a random choice beyond this.
        hard_negatives: of ``contrastive``; so many for each pair, mined with the encoder as it
            starts.
        max_users: of ``interactions``; a random choice beyond this.
        step_texts: of ``interactions``; texts that a process runs for one batch. The users' items
            come first, of long histories a part; random ones fill the rest.
        list_size: of ``judgements``; so many documents of a query are compared with each other.
    """

    frozen_layers: int = 2
    objective: Literal["contrastive", "interactions", "judgements"] = "contrastive"
    min_grade: float = 2
    temperature: float = 0.05
    window: int = 2
    max_pairs: int = 60_000
    hard_negatives: int = 0
    max_users: int = 60_000
    step_texts: int = 512
    list_size: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_1=("step_texts", "list_size"), at_least_0=("max_users",))
        if self.objective == "interactions" and self.step_texts < 2 * self.batch_size:
            raise ConfigError(
                f"step_texts={self.step_texts} are too few for batch_size={self.batch_size}: of "
                "each user two items at least are needed. Raise the one to twice the other."
            )


def build_examples(
    histories: Ragged, judged: Ragged, n_items: int, config: EncoderTraining, *, seed: int
) -> Examples:
    """Make what ``config.objective`` learns from.

    Args:
        histories: each user's positive items, oldest first.
        judged: each query's judged items, grades as values.
        n_items: size of the catalogue.
        config: how.
        seed: of what is chosen where there is too much.

    Raises:
        DataError: see `interactions.build_interactions` and `lists.teaching`.
    """
    if config.objective == "judgements":
        lists = build_lists(judged, n_items, size=config.list_size, negatives=0, seed=seed)
        return teaching(lists, judged)._replace(queries=n_items + lists.queries)
    if config.objective == "interactions":
        return build_interactions(
            histories,
            judged,
            n_items,
            max_users=config.max_users,
            min_grade=config.min_grade,
            seed=seed,
        )
    return build_pairs(
        histories,
        judged,
        n_items,
        window=config.window,
        max_pairs=config.max_pairs,
        min_grade=config.min_grade,
        seed=seed,
    )


def train_encoder(
    encoder: Encoder,
    texts: Sequence[str],
    examples: Examples,
    config: EncoderTraining,
    *,
    seed: int,
    run: Run | None = None,
    validate: Callable[[Embed], float] | None = None,
) -> History:
    """Pull together the texts that belong together, in place; return what happened.

    Args:
        encoder: is changed.
        texts: item texts, then query texts, prompts included: what the examples number.
        examples: what belongs together; which of the three they are decides the objective.
        config: how.
        seed: of the order of examples and of all else that is random.
        run: where checkpoints go.
        validate: says how good what embeds texts is, higher is better; asked ``config.checks``
            times an epoch. With ``config.patience``, the best weights come out.

    Raises:
        TrainingError, ConfigError: see `trainer.train`.
    """
    if config.adapter == "prompt":
        encoder.add_virtual_tokens(config.virtual_tokens, texts)
    max_tokens = min(config.max_tokens, encoder.tokenizer.max_tokens)
    ids = Tokenizer(encoder.tokenizer.backend, max_tokens).encode(texts)

    def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
        return embed(texts, encoder.tokenizer, encoder.run, dim=encoder.dim)

    objective: Objective
    if isinstance(examples, Interactions):
        objective = Reconstruction(ids, examples, step_texts=config.step_texts)
    elif isinstance(examples, Lists):
        objective = BiEncoderListwise(
            ids, examples.queries, examples.documents, targets(examples.grades),
            temperature=config.temperature,
        )  # fmt: skip
    else:
        n_items, negatives = examples.known.shape[1], None
        if config.hard_negatives and len(examples):
            start, h = embedded(texts), config.hard_negatives
            negatives = mine(start[examples.anchors], start[:n_items], examples, h, seed=seed)
        objective = Contrastive(ids, examples, temperature=config.temperature, negatives=negatives)
    metric = (lambda: validate(embedded)) if validate else None
    return train(
        encoder, objective, config, seed=seed, metric=metric, run=run, name="tuning encoder"
    )
