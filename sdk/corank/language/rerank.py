"""Train a cross-encoder on judged or clicked documents, and an encoder on what it says.

Knows queries, documents and grades; knows nothing of catalogues, rankers or engines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from corank.config import check_ranges
from corank.data.ragged import Ragged
from corank.errors import ConfigError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder
from corank.language.lists import Lists, build_lists, teaching
from corank.language.listwise import Listwise
from corank.language.objectives import BiEncoderListwise
from corank.language.options import TrainerConfig
from corank.language.pair_tokens import join
from corank.language.tokenizer import Tokenizer
from corank.language.trainer import History, Run, train
from corank.language.tune import EncoderTraining

Score = Callable[[Sequence[str], Sequence[str]], NDArray[np.float32]]
"""Queries and passages, (n,) each -> scores (n,)."""


@dataclass(frozen=True, kw_only=True)
class RerankerConfig(TrainerConfig):
    """How a cross-encoder is trained and used; `TrainerConfig` has the fields of any training.

    An example is a list, so that a batch holds ``batch_size`` x ``list_size`` pairs.

    Args:
        max_tokens: of a pair, special tokens included; longer passages are cut, in training and
            in use, at the encoder's own limit at the latest.
        reads: of a document, all that the encoder reads, or its title alone. Who reads something
            else errs elsewhere, and then the sum is better than its parts.
        depth: so many of the best answers are read; what stands below keeps its place.
        list_size: documents of a query that are compared with each other.
        negatives: so many of a list are never judged documents. 0 where what will be ranked is
            what somebody judged, all of it.
        pool: negatives are drawn from so many that look relevant to the encoder.
        distil: afterwards tune the encoder on what the cross-encoder says of the same lists.
    """

    epochs: int = 3
    batch_size: int = 8
    max_tokens: int = 128
    learning_rate: float = 1e-4
    head_factor: float = 20.0
    dropout: float = 0.1
    reads: Literal["text", "title"] = "text"
    depth: int = 50
    list_size: int = 8
    negatives: int = 4
    pool: int = 30
    distil: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, at_least_1=("depth", "pool"), at_least_0=("negatives",))
        if self.negatives >= self.list_size or self.list_size < 2:
            raise ConfigError(
                f"list_size={self.list_size} with negatives={self.negatives}: a list needs two "
                "documents at least, one of them judged. Raise list_size, or lower negatives."
            )


def lists_of(
    judged: Ragged,
    n_documents: int,
    config: RerankerConfig,
    *,
    pools: NDArray[np.int64] | None = None,
    seed: int,
) -> Lists:
    """Make the lists that a cross-encoder learns from; see `lists.build_lists`.

    Raises:
        DataError: no query has documents of different grades.
    """
    found = build_lists(
        judged,
        n_documents,
        size=config.list_size,
        negatives=config.negatives,
        pools=pools,
        seed=seed,
    )
    return teaching(found, judged)


def train_cross_encoder(
    model: CrossEncoder,
    queries: Sequence[str],
    documents: Sequence[str],
    lists: Lists,
    config: RerankerConfig,
    *,
    seed: int,
    run: Run | None = None,
    validate: Callable[[], float] | None = None,
) -> History:
    """Learn to order each list's documents, in place; return what happened.

    Args:
        model: is changed.
        queries, documents: texts, without prompts; what the lists number.
        lists: see `lists_of`.
        config: how.
        seed: of the order of lists and of all else that is random.
        run: where checkpoints go.
        validate: says how good the model is, higher is better; asked ``config.checks`` times an
            epoch. With ``config.patience``, the best weights come out.

    Raises:
        TrainingError, ConfigError: see `trainer.train`.
    """
    if config.adapter == "prompt":
        model.encoder.add_virtual_tokens(config.virtual_tokens, [*queries, *documents])
    pairs = join(model.encoder.tokenizer, *_pairs(queries, documents, lists))
    return train(
        model,
        Listwise(pairs, lists),
        config,
        seed=seed,
        metric=validate,
        run=run,
        name="training reranker",
    )


def distil(
    teacher: Score,
    encoder: Encoder,
    queries: Sequence[str],
    documents: Sequence[str],
    lists: Lists,
    config: EncoderTraining,
    *,
    read: Sequence[str] | None = None,
    seed: int,
    run: Run | None = None,
) -> History:
    """Make an encoder order each list's documents as a teacher does, in place.

    The lists' grades are of no account: the teacher's scores stand for them, and say more.

    Args:
        teacher: such as `CrossEncoder.score`; asked once for each pair.
        encoder: is changed.
        queries, documents: texts, without prompts; what the lists number.
        lists: see `lists_of`.
        config: how; its ``temperature`` divides the encoder's cosines.
        read: what the teacher reads of each document, if that is another text.
        seed: of the order of lists and of all else that is random.
        run: where checkpoints go.

    Raises:
        TrainingError, ConfigError: see `trainer.train`.
    """
    prompts = encoder.config
    texts = [prompts.passage_prompt + text for text in documents]
    texts += [prompts.query_prompt + text for text in queries]
    if config.adapter == "prompt":
        encoder.add_virtual_tokens(config.virtual_tokens, texts)
    scores = teacher(*_pairs(queries, read or documents, lists)).reshape(lists.documents.shape)
    max_tokens = min(config.max_tokens, encoder.tokenizer.max_tokens)
    objective = BiEncoderListwise(
        Tokenizer(encoder.tokenizer.backend, max_tokens).encode(texts),
        len(documents) + lists.queries,
        lists.documents,
        softmax(scores, axis=1),
        temperature=config.temperature,
    )
    return train(encoder, objective, config, seed=seed, run=run, name="distilling reranker")


def _pairs(
    queries: Sequence[str], documents: Sequence[str], lists: Lists
) -> tuple[list[str], list[str]]:
    """The texts of every list's pairs, list after list, (n x size)."""
    asked = np.repeat(lists.queries, lists.documents.shape[1]).tolist()
    return [queries[q] for q in asked], [documents[d] for d in lists.documents.ravel().tolist()]
