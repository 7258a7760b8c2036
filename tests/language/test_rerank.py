"""Training on a toy that no pair of vectors can tell: who beats whom goes round in a circle.

Steel beats glass, glass beats wool, wool beats steel. Cosines know no direction, so that at most
two of the three can lie right: cos(s, g) > cos(s, w) and cos(g, w) > cos(g, s) make
cos(w, g) > cos(w, s), which is the third one wrong. Who reads both sees who asks.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from corank.data.ragged import Ragged
from corank.errors import ConfigError, DataError
from corank.language.cross_encoder import CrossEncoder
from corank.language.encoder import Encoder
from corank.language.lists import Lists
from corank.language.rerank import RerankerConfig, distil, lists_of, train_cross_encoder
from corank.language.tune import EncoderTraining
from tests.language.toy import digest

CIRCLE = ["steel kettle", "glass jar", "wool blanket"]
LISTS = Lists(np.arange(3), np.array([[1, 2], [2, 0], [0, 1]]), np.array([[1, 0]] * 3, np.float32))
TOY = RerankerConfig(
    epochs=40, batch_size=3, learning_rate=2e-3, max_tokens=16, precision="no", dropout=0.0,
    list_size=2, negatives=1,
)  # fmt: skip
STUDENT = EncoderTraining(
    epochs=40, batch_size=3, learning_rate=2e-3, precision="no", frozen_layers=0
)


def trained(encoder: Encoder, config: RerankerConfig, seed: int = 0) -> CrossEncoder:
    model = CrossEncoder(encoder, config.max_tokens)
    train_cross_encoder(model, CIRCLE, CIRCLE, LISTS, config, seed=seed)
    return model


@pytest.fixture(scope="module")
def taught(encoder: Encoder) -> CrossEncoder:
    return trained(encoder, TOY)


def test_the_cross_encoder_learns_what_only_the_pair_tells(taught: CrossEncoder) -> None:
    better, worse = (
        taught.score(CIRCLE, [CIRCLE[d] for d in LISTS.documents.T[s]]) for s in (0, 1)
    )
    assert (better > worse + 1).all()


def test_the_encoder_cannot_even_when_the_cross_encoder_teaches_it(
    encoder: Encoder, taught: CrossEncoder
) -> None:
    student = copy.deepcopy(encoder)
    distil(taught.score, student, CIRCLE, CIRCLE, LISTS, STUDENT, seed=0)
    vectors = student.encode(CIRCLE)
    cosine = vectors @ vectors.T
    right = [cosine[q, good] > cosine[q, bad] for q, (good, bad) in enumerate(LISTS.documents)]
    assert sum(right) <= 2


def test_an_encoder_learns_the_order_that_a_teacher_gives(encoder: Encoder) -> None:
    documents = ["tea pot", "milk jug", "swim cap", "rain jacket"]
    queries = ["coffee grinder", "yoga mat"]
    wanted = np.array([[4, 3, 2, 1], [1, 2, 3, 4]], np.float32)
    lists = Lists(np.arange(2), np.array([[0, 1, 2, 3]] * 2), np.zeros((2, 4), np.float32))
    asked: list[tuple[str, str]] = []

    def teacher(some: Sequence[str], theirs: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(zip(some, theirs, strict=True))
        return np.asarray(2 * wanted.ravel())

    student = copy.deepcopy(encoder)
    distil(teacher, student, queries, documents, lists, STUDENT, seed=0)
    cosine = student.encode(queries) @ student.encode(documents).T
    assert (cosine.argsort(axis=1) == wanted.argsort(axis=1)).all()
    assert asked == [(query, document) for query in queries for document in documents]


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "bf16", "accumulate": 2, "batch_size": 1, "drop_tokens": 0.2},
        {"chunk": 2, "gradient_checkpointing": True, "adversarial": 0.1, "average": 0.5},
        {"adapter": "lora", "frozen_layers": 1},
        {"adapter": "prompt", "virtual_tokens": 2},
    ],
)
def test_every_option_of_training_runs(encoder: Encoder, options: dict[str, object]) -> None:
    config = replace(TOY, epochs=2, **options)  # type: ignore[arg-type]
    model, again = (trained(encoder, config) for _ in range(2))
    assert digest(model) == digest(again) != digest(CrossEncoder(encoder, 16))
    assert np.isfinite(model.score(CIRCLE, CIRCLE)).all()


def test_with_patience_the_best_weights_come_out(encoder: Encoder) -> None:
    model = CrossEncoder(encoder, 16)
    kept: list[str] = []
    values = iter([1.0, 3.0, 2.0, 2.0])

    def validate() -> float:
        kept.append(digest(model))
        return next(values)

    config = replace(TOY, patience=2)
    train_cross_encoder(model, CIRCLE, CIRCLE, LISTS, config, seed=0, validate=validate)
    assert len(kept) == 4 and digest(model) == kept[1]


def test_queries_without_an_order_are_refused() -> None:
    with pytest.raises(DataError, match="None of 2 queries has a document above grade 0"):
        lists_of(
            Ragged(np.array([0, 1, 1]), np.array([0], np.int32), np.zeros(1, "f")), 9, TOY, seed=0
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"list_size": 1, "negatives": 0}, "needs two documents"),
        ({"list_size": 4, "negatives": 4}, "needs two documents at least, one of them judged"),
        ({"depth": 0}, "'depth' is 0; expected 1 or more"),
        ({"negatives": -1}, "'negatives' is -1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RerankerConfig(**options)  # type: ignore[arg-type]
