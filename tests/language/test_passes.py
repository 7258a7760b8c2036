"""Gradients of a step: whole or a chunk at a time, in one pass or several."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from corank.language.encoder import Encoder
from corank.language.objectives import Classification, Objective, Rows, Share, Texts
from corank.language.parameters import set_dropout
from corank.language.passes import IGNORED, Passes
from corank.language.processes import accelerator
from corank.language.trainer import train
from tests.language.toy import (
    STEPS,
    Headed,
    chosen,
    contrast,
    distance,
    others,
    topics,
    toy_ids,
    weights,
)

ROWS = np.random.default_rng(0).permutation(12)[None]  # one pass over twelve examples
PAIRS = np.random.default_rng(0).permutation(60)[None, :12]


def gradients(
    model: nn.Module,
    objective: Objective,
    rows: Rows = ROWS,
    *,
    chunk: int = 0,
    drop: float = 0.0,
    seed: int = 5,
) -> tuple[float, dict[str, Tensor]]:
    """The loss of step 3, and its gradients."""
    joined = accelerator("no", "none", None)
    passes = Passes(joined, joined.prepare(model), objective, seed=seed, chunk=chunk, drop=drop)
    model.train().zero_grad()
    loss = passes(rows, 3)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return loss.item(), found


def close(one: tuple[float, dict[str, Tensor]], other: tuple[float, dict[str, Tensor]]) -> bool:
    (loss, found), (again, expected) = one, other
    assert found.keys() == expected.keys()
    same = all(torch.allclose(found[n], expected[n], rtol=1e-4, atol=1e-6) for n in found)
    return same and loss == pytest.approx(again, rel=1e-5)


@pytest.mark.parametrize("mined", [None, others(2)], ids=["in-batch", "mined"])
@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_cached_gradients_are_those_of_the_whole_batch(
    encoder: Encoder, mined: Rows | None, chunk: int
) -> None:
    model, objective = copy.deepcopy(encoder), contrast(encoder, mined)
    set_dropout(model, 0.0)
    whole = gradients(model, objective, PAIRS)
    assert close(gradients(model, objective, PAIRS, chunk=chunk), whole)
    assert max(float(g.abs().max()) for g in whole[1].values()) > 1e-3


@pytest.mark.parametrize(("step_texts", "chunk"), [(9, 1), (64, 5)])
def test_cached_gradients_of_users_and_queries_are_those_of_the_whole_batch(
    encoder: Encoder, step_texts: int, chunk: int
) -> None:
    model, objective = copy.deepcopy(encoder), chosen(encoder, step_texts=step_texts, queries=True)
    set_dropout(model, 0.0)
    rows = np.array([[4, 22, 1, 8], [23, 2, 3, 9]])  # two passes; 22 and 23 are the queries
    whole = gradients(model, objective, rows)
    assert close(gradients(model, objective, rows, chunk=chunk), whole)
    assert max(float(g.abs().max()) for g in whole[1].values()) > 1e-3


@pytest.mark.parametrize("drop", [0.0, 0.4])
def test_with_dropout_each_chunk_runs_twice_with_the_same_mask(
    encoder: Encoder, drop: float
) -> None:
    model, objective = Headed(encoder), topics(encoder)
    set_dropout(model, 0.3)
    # A chunk of six makes two groups, those of the whole: the same masks fall on the same texts.
    whole = gradients(model, objective, drop=drop)
    assert close(gradients(model, objective, chunk=6, drop=drop), whole)
    assert not close(gradients(model, objective, drop=drop, seed=6), whole)


def test_caching_trains_the_same_weights(encoder: Encoder) -> None:
    found = []
    for chunk in (0, 4):  # a batch of four pairs is eight texts: two groups either way
        model = copy.deepcopy(encoder)
        config = replace(STEPS, epochs=1, chunk=chunk, dropout=0.1, batch_size=4)
        losses = train(model, contrast(encoder), config, seed=0).losses
        found.append((losses, weights(model)))
    (losses, whole), (again, cached) = found
    assert again == pytest.approx(losses, rel=1e-4) and len(losses) == 15
    assert distance(whole, cached) < 1e-4 < distance(whole, weights(encoder))


def test_passes_add_up_to_one_of_all_their_examples(encoder: Encoder) -> None:
    model, objective = Headed(encoder), topics(encoder)
    set_dropout(model, 0.0)
    whole = gradients(model, objective)
    assert close(gradients(model, objective, ROWS.reshape(3, 4)), whole)
    assert close(gradients(model, objective, ROWS.reshape(2, 6), chunk=4), whole)


def test_two_passes_of_half_a_batch_train_the_same_weights(encoder: Encoder) -> None:
    found = []
    for accumulate, batch_size in ((1, 8), (2, 4)):
        model = Headed(encoder)
        config = replace(STEPS, accumulate=accumulate, batch_size=batch_size, epochs=8)
        losses = train(model, topics(encoder), config, seed=0).losses
        found.append((losses, weights(model)))
    (losses, one), (again, two) = found
    assert again == pytest.approx(losses, rel=1e-4) and len(losses) == 8
    assert distance(one, two) < 1e-4 < distance(one, weights(Headed(encoder)))


class Tagging(Classification):
    """Texts whose labels are their own tokens; remembers what the model was given."""

    def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
        ids = [self.ids[row] for row in rows]
        return Texts(ids, [[token + 1000 for token in row] for row in ids])

    def loss(self, outputs: Tensor, share: Share) -> Tensor:
        return outputs.mean()


class Reader(nn.Module):
    """Remembers what it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.read: list[tuple[Tensor, ...]] = []

    def forward(self, *arrays: Tensor) -> Tensor:
        self.read.append(arrays)
        return self.weight * arrays[0][:, 0].float()


def test_tokens_that_are_left_out_take_their_labels_along(encoder: Encoder) -> None:
    reader, ids = Reader(), toy_ids(encoder)
    gradients(reader, Tagging(ids, np.zeros(12, np.int64)), drop=0.5)
    given = sum(int(mask.sum()) for _, mask, _ in reader.read)
    assert 24 < given < sum(map(len, ids))
    for tokens, mask, labels in reader.read:
        assert torch.equal(labels, torch.where(mask == 1, tokens + 1000, IGNORED))
        ends = tokens[torch.arange(len(tokens)), mask.sum(1) - 1]
        assert {*tokens[:, 0].tolist()} == {2} and {*ends.tolist()} == {3}  # [CLS] and [SEP]


def test_tokens_that_are_left_out_take_their_segments_along(encoder: Encoder) -> None:
    reader, ids = Reader(), toy_ids(encoder)

    class Segmented(Tagging):
        def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
            texts = super().texts(rows, rng)
            return Texts(texts.ids, segments=texts.labels)

    gradients(reader, Segmented(ids, np.zeros(12, np.int64)), drop=0.5)
    assert sum(int(mask.sum()) for _, mask, _ in reader.read) < sum(map(len, ids))
    for tokens, mask, segments in reader.read:
        assert torch.equal(segments, torch.where(mask == 1, tokens + 1000, 0))


def test_texts_run_in_groups_of_like_length_and_outputs_come_back_in_order() -> None:
    reader = Reader()
    ids = [[n] * (n + 1) for n in (7, 1, 8, 2, 6, 3, 5, 4)]

    class Seen(Tagging):
        def texts(self, rows: Rows, rng: np.random.Generator) -> Texts:
            return Texts([self.ids[row] for row in rows])

        def loss(self, outputs: Tensor, share: Share) -> Tensor:
            assert len(outputs) == 8
            self.first = outputs[0].item()
            return outputs.mean()

    seen = Seen(ids, np.zeros(8, np.int64))
    gradients(reader, seen, np.arange(8)[None])
    assert [len(tokens) for tokens, _ in reader.read] == [4, 4]
    assert [int(mask.sum(1).max()) for _, mask in reader.read] == [5, 9]
    assert seen.first == 7


def test_a_draw_is_of_the_seed_the_step_and_the_process_alone(encoder: Encoder) -> None:
    model, objective = Headed(encoder), topics(encoder)
    set_dropout(model, 0.3)
    first = gradients(model, objective, drop=0.2)
    torch.manual_seed(99)
    np.random.default_rng(99)
    assert close(gradients(model, objective, drop=0.2), first)
