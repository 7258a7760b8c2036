"""The in-batch softmax against sums done by hand."""

import math

import pytest
import torch

from corank.language.losses import in_batch_softmax

ANCHORS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
POSITIVES = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
NONE = torch.zeros(3, 3, dtype=torch.bool)
LEVEL = torch.zeros(3)


def test_the_value_by_hand() -> None:
    cosines = [[1, 0.6, 0], [0, 0.8, 1], [0.6, 1, 0.8]]
    expected = sum(
        math.log(sum(math.exp(c / 0.5) for c in row)) - row[i] / 0.5
        for i, row in enumerate(cosines)
    )
    loss = in_batch_softmax(ANCHORS, POSITIVES, LEVEL, NONE, temperature=0.5)
    assert loss.item() == pytest.approx(expected / 3, abs=1e-6)


def test_a_popular_negative_counts_for_less() -> None:
    q = [0.5, 0.3, 0.2]
    logits = [[1 - math.log(q[0]), 0.6 - math.log(q[1])], [-math.log(q[0]), 0.8 - math.log(q[1])]]
    expected = [math.log(sum(math.exp(x) for x in row)) - row[i] for i, row in enumerate(logits)]
    loss = in_batch_softmax(
        ANCHORS[:2], POSITIVES[:2], torch.tensor(q[:2]).log(), NONE[:2, :2], temperature=1.0
    )
    assert loss.item() == pytest.approx(sum(expected) / 2, abs=1e-6)


def test_a_known_positive_is_no_negative() -> None:
    known = NONE.clone()
    known[0, 1] = known[1, 0] = known[2, 2] = True  # the last is its own positive: it stays
    rows = [[1.0, 0.0], [0.8, 1.0], [0.6, 1.0, 0.8]]
    right = [1.0, 0.8, 0.8]
    expected = [
        math.log(sum(math.exp(x) for x in row)) - r for row, r in zip(rows, right, strict=True)
    ]
    loss = in_batch_softmax(ANCHORS, POSITIVES, LEVEL, known, temperature=1.0)
    assert loss.item() == pytest.approx(sum(expected) / 3, abs=1e-6)


def test_nothing_to_tell_apart_is_no_loss() -> None:
    everything = ~NONE
    anchors = ANCHORS.clone().requires_grad_()
    loss = in_batch_softmax(anchors, POSITIVES, LEVEL, everything, temperature=0.05)
    loss.backward()
    assert loss.item() == 0 and anchors.grad is not None and not anchors.grad.any()


def test_a_step_down_the_gradient_pulls_pairs_together() -> None:
    torch.manual_seed(0)
    anchors, positives = (torch.randn(3, 2, requires_grad=True) for _ in range(2))
    loss = in_batch_softmax(anchors, positives, LEVEL, NONE, temperature=1.0)
    loss.backward()
    assert anchors.grad is not None and positives.grad is not None
    with torch.no_grad():
        lower = in_batch_softmax(
            anchors - 0.1 * anchors.grad, positives - 0.1 * positives.grad, LEVEL, NONE,
            temperature=1.0,
        )  # fmt: skip
    assert lower < loss
