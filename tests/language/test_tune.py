"""Tuning on a toy: texts of two topics, pairs within each."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray

from corank.compress.export import text_encoder
from corank.data.ragged import Ragged
from corank.errors import DataError
from corank.language.encoder import Encoder, EncoderConfig
from corank.language.lists import Lists
from corank.language.pairs import Pairs, build_pairs
from corank.language.tune import EncoderTraining, build_examples, train_encoder

TOPICS = (
    ["coffee grinder", "steel kettle", "tea pot", "milk jug", "espresso cup", "coffee filter"],
    ["running shoe", "yoga mat", "tennis ball", "swim cap", "rain jacket", "bike helmet"],
)
TEXTS = [*TOPICS[0], *TOPICS[1]]
TOY = EncoderTraining(epochs=6, batch_size=8, learning_rate=2e-3, precision="no", frozen_layers=0)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Each person walks through one topic, twice round."""
    rng = np.random.default_rng(0)
    histories = [[*rng.permutation(6) + 6 * (user % 2)] for user in range(20)]
    return build_pairs(
        Ragged.of(histories), Ragged.of([]), 12, window=5, max_pairs=80, min_grade=2, seed=0
    )


def load(tiny_encoder: str) -> Encoder:
    return Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=32))


def weights(encoder: Encoder) -> NDArray[np.float32]:
    return torch.cat([p.detach().ravel() for p in encoder.parameters()]).numpy()


def trained(tiny_encoder: str, pairs: Pairs, config: EncoderTraining, seed: int = 0) -> Encoder:
    encoder = load(tiny_encoder)
    train_encoder(encoder, TEXTS, pairs, config, seed=seed)
    return encoder


def test_what_people_treat_alike_comes_to_be_alike(tiny_encoder: str, pairs: Pairs) -> None:
    encoder = load(tiny_encoder)
    losses = train_encoder(encoder, TEXTS, pairs, TOY, seed=0).losses
    assert len(losses) == TOY.epochs * (len(pairs) // TOY.batch_size) == 60
    assert np.mean(losses[-6:]) < 0.5 * np.mean(losses[:6])
    assert not encoder.training
    vectors = encoder.encode(TEXTS)
    cosine = vectors @ vectors.T
    within = (cosine[:6, :6].mean() + cosine[6:, 6:].mean()) / 2
    assert within > cosine[:6, 6:].mean() + 0.5


def test_documents_of_a_query_come_into_the_order_of_their_grades(tiny_encoder: str) -> None:
    encoder = Encoder.load(EncoderConfig(name=tiny_encoder, max_tokens=16))
    items = ["coffee grinder", "coffee beans", "coffee cup", "running shoes", "wool blanket"]
    queries, grades = ["grind coffee", "gift"], [[3, 1, 0, 0, 0], [0, 0, 1, 3, 2]]
    judged = Ragged.from_grouped(pl.Series([[*range(5)]] * 2), pl.Series(grades))
    config = EncoderTraining(
        objective="judgements", list_size=5, epochs=40, batch_size=2, learning_rate=1e-3,
        precision="no", frozen_layers=0,
    )  # fmt: skip
    examples = build_examples(Ragged.of([[0, 4]]), judged, 5, config, seed=0)
    assert isinstance(examples, Lists) and examples.queries.tolist() == [5, 6]
    train_encoder(encoder, [*items, *queries], examples, config, seed=0)
    scores = encoder.encode(queries) @ encoder.encode(items).T
    assert scores[0].argsort()[::-1][:2].tolist() == [0, 1]
    assert scores[1].argsort()[::-1][:3].tolist() == [3, 4, 2]


def test_without_judgements_there_is_no_order_to_learn() -> None:
    config = EncoderTraining(objective="judgements")
    with pytest.raises(DataError, match=r"None of 0 queries .* or objective='judgements'"):
        build_examples(Ragged.of([[0, 1]]), Ragged.of([]), 2, config, seed=0)


def test_no_epochs_leave_the_weights_alone(tiny_encoder: str, pairs: Pairs) -> None:
    encoder = load(tiny_encoder)
    assert train_encoder(encoder, TEXTS, pairs, replace(TOY, epochs=0), seed=0).losses == []
    assert np.array_equal(weights(encoder), weights(load(tiny_encoder)))


def test_no_pairs_leave_the_weights_alone(tiny_encoder: str) -> None:
    none = build_pairs(Ragged.of([]), Ragged.of([]), 12, window=1, max_pairs=9, min_grade=2, seed=0)
    assert train_encoder(load(tiny_encoder), TEXTS, none, TOY, seed=0).losses == []


def test_fewer_pairs_than_a_batch_are_one_batch(tiny_encoder: str, pairs: Pairs) -> None:
    config = replace(TOY, epochs=2, batch_size=1000)
    assert len(train_encoder(load(tiny_encoder), TEXTS, pairs, config, seed=0).losses) == 2


@pytest.mark.parametrize(("frozen", "learning"), [(0, {"embeddings", "0", "1"}), (1, {"1"})])
def test_frozen_layers_and_embeddings_stay_as_they_are(
    tiny_encoder: str, pairs: Pairs, frozen: int, learning: set[str]
) -> None:
    encoder = trained(tiny_encoder, pairs, replace(TOY, epochs=1, frozen_layers=frozen))
    before = load(tiny_encoder).state_dict()
    changed = {n for n, p in encoder.state_dict().items() if not torch.equal(p, before[n])}
    parts = {n.split("layer.")[-1].removeprefix("model.").split(".")[0] for n in changed}
    assert parts == learning
    assert all(p.requires_grad for p in encoder.parameters())  # a later fit may train them


def test_the_last_layer_always_learns(tiny_encoder: str, pairs: Pairs) -> None:
    short = replace(TOY, epochs=1, frozen_layers=1)
    last = weights(trained(tiny_encoder, pairs, short))
    assert np.array_equal(
        last, weights(trained(tiny_encoder, pairs, replace(short, frozen_layers=9)))
    )


def test_one_seed_gives_one_set_of_weights_whatever_ran_between(
    tiny_encoder: str, pairs: Pairs
) -> None:
    short = replace(TOY, epochs=1)
    first = weights(trained(tiny_encoder, pairs, short))
    bf16 = weights(trained(tiny_encoder, pairs, replace(short, precision="bf16")))
    again = weights(trained(tiny_encoder, pairs, short))
    other = weights(trained(tiny_encoder, pairs, short, seed=1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, bf16) and not np.array_equal(first, other)


def test_trained_in_bf16_it_is_an_fp32_encoder_that_exports(
    tiny_encoder: str, pairs: Pairs
) -> None:
    encoder = trained(tiny_encoder, pairs, replace(TOY, epochs=1, precision="bf16"))
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    fresh = load(tiny_encoder)
    fresh.load_state_dict(encoder.state_dict())
    vectors = encoder.encode(TEXTS)
    assert np.array_equal(vectors, fresh.encode(TEXTS))  # no autocast is left on it
    exported = text_encoder(encoder, TEXTS).encode_items(TEXTS)
    assert exported == pytest.approx(vectors, abs=1e-4)


def test_long_texts_keep_their_closing_token_in_training(tiny_encoder: str, pairs: Pairs) -> None:
    encoder = load(tiny_encoder)
    last: set[int] = set()
    encoder.register_forward_pre_hook(
        lambda _, inputs: last.update(
            inputs[0][torch.arange(len(inputs[0])), inputs[1].sum(1) - 1].tolist()
        )
    )
    train_encoder(encoder, TEXTS, pairs, replace(TOY, epochs=1, max_tokens=3), seed=0)
    assert last == {encoder.tokenizer.backend.token_to_id("[SEP]")}
