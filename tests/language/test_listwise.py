"""The loss of a list, by hand."""

import math

import numpy as np
import pytest
import torch

from corank.language.lists import Lists
from corank.language.listwise import Listwise
from corank.language.objectives import Share
from corank.language.pair_tokens import PairTokens
from corank.language.processes import alone

LISTS = Lists(
    np.array([0, 1]),
    np.array([[0, 1], [1, 2]]),
    np.array([[2, 1], [0, 1]], np.float32),
)
PAIRS = PairTokens([[1], [2, 3], [4], [5]], [[0], [0, 1], [1], [0]])


def test_the_pairs_of_the_lists_that_are_asked_for_with_their_segments() -> None:
    texts = Listwise(PAIRS, LISTS).texts(np.array([1, 0]), np.random.default_rng(0))
    assert texts.ids == [[4], [5], [1], [2, 3]]
    assert texts.segments == [[1], [0], [0], [0, 1]]
    assert texts.labels is None


def test_the_loss_is_the_cross_entropy_of_the_gains() -> None:
    scores = torch.tensor([0.0, math.log(3), 1.0, 1.0])
    share = Share(np.arange(2), slice(0, 2), alone)
    first = -(3 / 4 * math.log(1 / 4) + 1 / 4 * math.log(3 / 4))  # gains 3 and 1
    expected = (first + math.log(2)) / 2  # the second list's grades are 0 and 1
    assert Listwise(PAIRS, LISTS).loss(scores, share).item() == pytest.approx(expected, abs=1e-6)


def test_other_lists_have_another_fingerprint() -> None:
    one = Listwise(PAIRS, LISTS).fingerprint
    assert one == Listwise(PAIRS, LISTS).fingerprint
    assert one != Listwise(PAIRS, LISTS._replace(grades=LISTS.grades[::-1])).fingerprint
    assert one != Listwise(PairTokens(PAIRS.ids[::-1], PAIRS.segments), LISTS).fingerprint
