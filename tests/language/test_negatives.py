"""What mining may and may not name, on vectors of any kind."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.language import negatives
from corank.language.negatives import mine
from corank.language.pairs import Pairs

ITEMS = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [-1, 0]], np.float32)


def pairs_of(anchors: list[int], positives: list[int], known: list[list[int]]) -> Pairs:
    """Pairs of five items; row a of ``known`` names what anchor a must not have as negatives."""
    matrix = np.zeros((len(known), 5), np.bool_)
    for row, columns in enumerate(known):
        matrix[row, columns] = True
    return Pairs(np.array(anchors), np.array(positives), sp.csr_array(matrix), np.full(5, 0.2))


def test_by_hand() -> None:
    pairs = pairs_of([0, 1], [1, 2], [[0, 1], [1, 2, 0]])
    anchors = ITEMS[[0, 1]]  # the first's positive has cosine .8, the second's .96
    found = mine(anchors, ITEMS, pairs, 2, margin=0.95)
    assert found.tolist() == [[2, 3], [3, 4]]  # of .6, 0 and -1; then of .6 and -.8


def test_closer_than_the_margin_is_likely_an_unlabelled_positive() -> None:
    pairs = pairs_of([0], [1], [[0, 1]])
    assert mine(ITEMS[:1], ITEMS, pairs, 1, margin=0.76).tolist() == [[2]]  # .6 <= .76 x .8
    assert mine(ITEMS[:1], ITEMS, pairs, 1, margin=0.74).tolist() == [[3]]


def test_too_few_are_named_twice() -> None:
    pairs = pairs_of([0], [1], [[0, 1, 2]])
    found = mine(ITEMS[:1], ITEMS, pairs, 7)[0].tolist()
    assert len(found) == 7 and {*found} == {3, 4} and found == sorted(found)  # closest first


def test_where_there_is_none_the_positive_stands_in() -> None:
    pairs = pairs_of([0], [1], [[0, 1, 2, 3, 4]])
    assert mine(ITEMS[:1], ITEMS, pairs, 3).tolist() == [[1, 1, 1]]


def test_a_block_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = pairs_of([0, 1, 2, 3, 4], [1, 2, 3, 2, 3], [[i] for i in range(5)])
    whole = mine(ITEMS, ITEMS, pairs, 2)
    monkeypatch.setattr(negatives, "BLOCK", 2)
    assert np.array_equal(mine(ITEMS, ITEMS, pairs, 2), whole)


def units(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    found = rng.normal(size=(n, 3)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


@given(
    n=st.integers(1, 12),
    items=st.integers(1, 12),
    h=st.integers(1, 15),
    density=st.floats(0, 1),
    margin=st.floats(0.1, 1),
    seed=st.integers(0, 2**16),
)
def test_never_a_known_positive_never_above_the_margin_closest_first(
    n: int, items: int, h: int, density: float, margin: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors, anchors = units(rng, items), units(rng, n)
    positives = rng.integers(items, size=n)
    known = rng.random((n, items)) < density
    known[np.arange(n), positives] = True
    pairs = Pairs(np.arange(n), positives, sp.csr_array(known), np.full(items, 1 / items))
    found = mine(anchors, vectors, pairs, h, margin=margin, seed=seed)
    assert found.shape == (n, h)
    assert np.array_equal(found, mine(anchors, vectors, pairs, h, margin=margin, seed=seed))
    cosine = anchors @ vectors.T
    for pair in range(n):
        limit = margin * cosine[pair, positives[pair]]
        allowed = {*np.flatnonzero(~known[pair] & (cosine[pair] <= limit + 1e-6)).tolist()}
        if not allowed:
            assert {*found[pair].tolist()} == {positives[pair]}
            continue
        surely = {*np.flatnonzero(~known[pair] & (cosine[pair] <= limit - 1e-6)).tolist()}
        if not surely:  # a tie with the limit may fall either way
            continue
        named = found[pair].tolist()
        assert {*named} <= allowed
        assert (np.diff(cosine[pair, named]) <= 1e-6).all()
        assert len({*named}) >= min(h, len(surely))
        passed_over = [cosine[pair, item] for item in surely - {*named}]
        assert not passed_over or max(passed_over) <= cosine[pair, named[-1]] + 1e-6
