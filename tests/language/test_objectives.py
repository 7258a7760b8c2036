"""Each objective by hand on two examples, and on a toy whose right answer is known."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from corank.language.encoder import Encoder
from corank.language.objectives import (
    BiEncoderListwise,
    Classification,
    Contrastive,
    Regression,
    Share,
    VectorDistillation,
    drop_tokens,
)
from corank.language.pairs import Pairs
from corank.language.processes import alone
from corank.language.trainer import train
from tests.language.toy import (
    TEXTS,
    TOPIC,
    TOY,
    Headed,
    contrast,
    others,
    topics,
    toy_ids,
    toy_pairs,
)

IDS = [[i] for i in range(9)]
BOTH = Share(np.arange(2), slice(0, 2), alone)
RNG = np.random.default_rng(0)
LONG = replace(TOY, epochs=30, batch_size=12)  # as many steps


def softmax_loss(rows: list[list[float]], right: list[int]) -> float:
    """Mean of log-sum-exp less the right one."""
    each = [math.log(sum(map(math.exp, row))) - row[r] for row, r in zip(rows, right, strict=True)]
    return sum(each) / len(each)


# Items 0, 1, 2 and queries 3, 4. Query 3 means item 0; query 4 means item 1, and 2 is known good.
KNOWN = sp.csr_array(
    np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 1]], dtype=np.bool_)
)
PAIRS = Pairs(np.array([3, 4]), np.array([0, 1]), KNOWN, np.array([0.75, 0.25, 0.0]))
QUERIES = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
ITEMS = torch.tensor([[0.6, 0.8], [0.8, 0.6]])
MINED = torch.tensor([[0.0, 1.0], [0.0, 1.0]])  # item 2, for either


def test_contrastive_by_hand() -> None:
    objective = Contrastive(IDS, PAIRS, temperature=0.5)
    assert objective.texts(np.arange(2), RNG).ids == [[3], [4], [0], [1]]
    q = [math.log(0.75), math.log(0.25)]
    rows = [[1.2 - q[0], 1.6 - q[1]], [1.6 - q[0], 1.2 - q[1]]]
    loss = objective.loss(torch.cat([QUERIES, ITEMS]), BOTH)
    assert loss.item() == pytest.approx(softmax_loss(rows, [0, 1]), abs=1e-6)


def test_contrastive_with_mined_negatives_by_hand() -> None:
    objective = Contrastive(IDS, PAIRS, temperature=0.5, negatives=np.array([[2], [2]]))
    assert objective.texts(np.arange(2), RNG).ids == [[3], [4], [0], [1], [2], [2]]
    q = [math.log(0.75), math.log(0.25)]
    first = [1.2 - q[0], 1.6 - q[1], 0.0, 0.0]
    second = [1.6 - q[0], 1.2 - q[1]]  # item 2 is known to be good for it
    loss = objective.loss(torch.cat([QUERIES, ITEMS, MINED]), BOTH)
    assert loss.item() == pytest.approx(softmax_loss([first, second], [0, 1]), abs=1e-6)


def test_two_shares_of_a_batch_average_to_the_whole() -> None:
    objective = Contrastive(IDS, PAIRS, temperature=0.5, negatives=np.array([[2], [2]]))
    whole = objective.loss(torch.cat([QUERIES, ITEMS, MINED]), BOTH)
    shares = []
    for process in range(2):
        gathered = iter([ITEMS, MINED])  # what all processes hold: positives, then negatives

        def gather(part: Tensor, own: int = process) -> Tensor:
            everything = next(gathered)  # noqa: B023  used up within this turn
            assert torch.equal(part, everything[own : own + 1])
            return everything

        outputs = torch.stack([QUERIES[process], ITEMS[process], MINED[process]])
        share = Share(np.arange(2), slice(process, process + 1), gather)
        shares.append(objective.loss(outputs, share).item())
    assert np.mean(shares) == pytest.approx(whole.item(), abs=1e-6)


LOGITS = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])  # probabilities 1/4 and 3/4


def test_classification_of_hard_targets_by_hand() -> None:
    objective = Classification(IDS[:2], np.array([1, 1]))
    assert objective.texts(np.array([1, 0]), RNG).ids == [[1], [0]]
    expected = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert objective.loss(LOGITS, BOTH).item() == pytest.approx(expected, abs=1e-6)


def test_classification_of_soft_targets_by_hand() -> None:
    objective = Classification(IDS[:2], np.array([[0.5, 0.5], [1.0, 0.0]], np.float32))
    expected = -(0.5 * math.log(1 / 4) + 0.5 * math.log(3 / 4) + math.log(3 / 4)) / 2
    assert objective.loss(LOGITS, BOTH).item() == pytest.approx(expected, abs=1e-6)


def test_smoothing_spreads_a_share_of_the_mass() -> None:
    smoothed = Classification(IDS[:2], np.array([1, 0]), smoothing=0.2)
    spread = Classification(IDS[:2], np.array([[0.1, 0.9], [0.9, 0.1]], np.float32))
    assert smoothed.loss(LOGITS, BOTH).item() == pytest.approx(
        spread.loss(LOGITS, BOTH).item(), abs=1e-6
    )


def test_regression_by_hand() -> None:
    objective = Regression(IDS, np.array([3, 4]), np.array([0, 1]), np.array([1.0, 5.0], "f"))
    assert objective.texts(np.arange(2), RNG).ids == [[3], [4], [0], [1]]
    outputs = torch.cat([QUERIES, torch.tensor([[0.5, 0.75**0.5], [1.0, 0.0]])])
    assert objective.predict(outputs).tolist() == pytest.approx([4, 3])
    assert objective.loss(outputs, BOTH).item() == pytest.approx((3**2 + 2**2) / 2, abs=1e-5)


def test_vector_distillation_by_hand() -> None:
    objective = VectorDistillation(IDS[:2], np.array([[0.0, 1.0], [0.6, 0.8]], np.float32))
    assert objective.loss(QUERIES, BOTH).item() == pytest.approx((2 + 0.36 + 0.04) / 2, abs=1e-6)


def test_listwise_by_hand() -> None:
    targets = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    candidates = np.array([[0, 1], [1, 0]])
    objective = BiEncoderListwise(IDS, np.array([3, 4]), candidates, targets, temperature=0.5)
    assert objective.texts(np.arange(2), RNG).ids == [[3], [4], [0], [1], [1], [0]]
    outputs = torch.cat([QUERIES, ITEMS, ITEMS.flip(0)])
    expected = 0.0
    for goal, cosines in (([0.75, 0.25], [0.6, 0.8]), ([0.5, 0.5], [0.6, 0.8])):
        total = sum(math.exp(c / 0.5) for c in cosines)
        expected += sum(
            p * (math.log(p) - c / 0.5 + math.log(total))
            for p, c in zip(goal, cosines, strict=True)
        )
    assert objective.loss(outputs, BOTH).item() == pytest.approx(expected / 2, abs=1e-6)


@pytest.mark.parametrize("mined", [False, True])
def test_contrast_brings_texts_of_one_topic_together(encoder: Encoder, mined: bool) -> None:
    model = copy.deepcopy(encoder)
    config = replace(TOY, epochs=4, batch_size=12)
    train(model, contrast(model, others() if mined else None), config, seed=0)
    vectors = model.encode(TEXTS)
    cosine = vectors @ vectors.T
    within = cosine[TOPIC[:, None] == TOPIC].min()
    assert within > cosine[TOPIC[:, None] != TOPIC].max() + 0.5


@pytest.mark.parametrize("soft", [False, True])
def test_classes_are_learned_and_how_sure_to_be_of_them(encoder: Encoder, soft: bool) -> None:
    model = Headed(encoder)
    right = np.where(TOPIC[:, None] == np.arange(2), 0.9, 0.1).astype(np.float32)
    objective = Classification(toy_ids(encoder), right) if soft else topics(encoder)
    train(model, objective, replace(LONG, learning_rate=5e-3), seed=0)
    outputs = [model(torch.tensor([row]), torch.ones(1, len(row))) for row in toy_ids(encoder)]
    with torch.no_grad():
        found = torch.cat(outputs).softmax(1)[range(12), TOPIC]
    if soft:
        assert found.numpy() == pytest.approx(np.full(12, 0.9), abs=0.07)
    else:
        assert found.min() > 0.95


def test_ratings_of_a_user_for_an_item_are_learned(encoder: Encoder) -> None:
    model, pairs = copy.deepcopy(encoder), toy_pairs()
    left = np.concatenate([pairs.anchors, pairs.anchors])
    right = np.concatenate([pairs.positives, others()[:, 0]])
    ratings = np.repeat(np.array([5, 1], np.float32), 60)
    objective = Regression(toy_ids(model), left, right, ratings)
    train(model, objective, replace(TOY, epochs=3, batch_size=12), seed=0)
    vectors = torch.from_numpy(model.encode(TEXTS))
    found = objective.predict(torch.cat([vectors[left], vectors[right]]))
    assert found.numpy() == pytest.approx(ratings, abs=1)


def test_a_teachers_vectors_are_learned(encoder: Encoder) -> None:
    model = copy.deepcopy(encoder)
    teacher = np.random.default_rng(0).normal(size=(12, model.dim)).astype(np.float32)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    train(model, VectorDistillation(toy_ids(model), teacher), LONG, seed=0)
    cosine = model.encode(TEXTS) @ teacher.T
    assert cosine.argmax(1).tolist() == [*range(12)] and np.diag(cosine).min() > 0.7


def test_a_teachers_order_of_candidates_is_learned(encoder: Encoder) -> None:
    model = copy.deepcopy(encoder)
    candidates = np.array([np.delete(np.arange(12), query) for query in range(12)])
    same = (TOPIC[candidates] == TOPIC[:, None]).astype(np.float32)
    shares = np.exp(5 * same) / np.exp(5 * same).sum(1, keepdims=True)
    objective = BiEncoderListwise(toy_ids(model), np.arange(12), candidates, shares)
    train(model, objective, LONG, seed=0)
    cosine = np.take_along_axis((v := model.encode(TEXTS)) @ v.T, candidates, 1)
    assert (cosine[same == 1].reshape(12, 5).min(1) > cosine[same == 0].reshape(12, 6).max(1)).all()


def test_other_data_has_another_fingerprint(encoder: Encoder) -> None:
    one = topics(encoder).fingerprint
    assert one == topics(encoder).fingerprint
    assert one != Classification(toy_ids(encoder), TOPIC[::-1].copy()).fingerprint
    assert one != Classification(toy_ids(encoder)[::-1], TOPIC).fingerprint
    assert contrast(encoder).fingerprint != contrast(encoder, others()).fingerprint


@given(
    ids=st.lists(st.lists(st.integers(0, 99), max_size=8), max_size=5),
    share=st.floats(0, 1),
    seed=st.integers(0, 9),
)
def test_dropping_tokens_keeps_the_first_the_last_and_the_order(
    ids: list[list[int]], share: float, seed: int
) -> None:
    left = drop_tokens(ids, share, np.random.default_rng(seed))
    assert left == drop_tokens(ids, share, np.random.default_rng(seed))
    for before, after in zip(ids, left, strict=True):
        assert after[:1] == before[:1] and after[-1:] == before[-1:]
        rest = iter(before)
        assert all(token in rest for token in after)  # each is found after the one before it


def test_the_share_of_tokens_that_is_dropped() -> None:
    [left] = drop_tokens([[*range(10_002)]], 0.3, np.random.default_rng(0))
    assert len(left) - 2 == pytest.approx(7_000, abs=4 * math.sqrt(10_000 * 0.3 * 0.7))
    assert drop_tokens([[1, 2, 3]], 0.0, RNG) == [[1, 2, 3]]
    assert drop_tokens([[1, 2, 3]], 1.0, RNG) == [[1, 3]]
