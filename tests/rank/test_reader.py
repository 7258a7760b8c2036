"""The second stage by hand: what is read is ordered anew, what is not stays below."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.compress.pair_scorer import PairScorer
from corank.rank.features import SEARCH
from corank.rank.ranker import Ranker
from corank.rank.reader import READ, Reader, Reading
from corank.rank.rules import Ranked
from corank.rank.signals import Candidates

N = 9
FOUND = Candidates(
    np.arange(N, dtype=np.int32),
    np.random.default_rng(0).normal(size=(N, len(SEARCH))).astype(np.float32),
)


class Lengths:
    """Scores a pair by how long its passage is, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, queries: list[str], passages: list[str]) -> NDArray[np.float32]:
        assert set(queries) == {"lamp"}
        self.asked += passages
        return np.array([len(passage) for passage in passages], np.float32)


def texts(items: NDArray[np.int32]) -> list[str]:
    """Item 0 has the longest text."""
    return ["x" * (N - item) for item in items.tolist()]


def ranker(features: list[str], **weights: float) -> Ranker:
    zero = np.zeros(len(features))
    return Ranker(
        tuple(features), zero, zero + 1, np.array([weights.get(f, 0.0) for f in features])
    )


FIRST = ranker([*SEARCH], words=1.0, text=0.5)


def first_stage(items: NDArray[np.int32]) -> Ranked:
    scores = FIRST.score(FOUND.features[items])
    order = np.argsort(-scores)
    return Ranked(items[order], scores[order])


def reading(depth: int, weight: float) -> Reading:
    second = ranker([*READ], text=0.1, reading=weight)
    return Reading(Reader(cast(PairScorer, Lengths()), second, depth), "lamp", texts)


@settings(deadline=None)
@given(
    depth=st.integers(1, 12),
    weight=st.floats(-20, 20),
    items=st.sets(st.integers(0, N - 1)),
)
def test_the_first_answers_are_ordered_anew_and_the_parts_add_up(
    depth: int, weight: float, items: set[int]
) -> None:
    before = first_stage(np.array(sorted(items), np.int32))
    read = reading(depth, weight)
    after = read.reorder(before, FOUND)
    top = after.items[:depth]
    assert set(top) == set(before.items[:depth])
    assert after.items[depth:].tolist() == before.items[depth:].tolist()
    assert (np.diff(after.scores) <= 0).all()
    wanted = weight * (N - top) + 0.1 * FOUND.features[top, [*SEARCH].index("text")]
    assert after.scores[:depth] == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    parts = read.parts(after.items, FOUND, FIRST)
    assert [sum(part.values()) for part in parts] == pytest.approx(after.scores, abs=1e-6)
    for place, part in enumerate(parts):
        if place < depth:
            assert part["reading"] == pytest.approx(weight * (N - after.items[place]), rel=1e-5)
        else:
            assert part["reading"] <= 0


def test_nothing_is_read_twice_and_what_is_new_is() -> None:
    read = reading(3, 1.0)
    asked = cast(Lengths, read.reader.scorer).asked
    few = first_stage(np.arange(4, dtype=np.int32))
    read.reorder(few, FOUND)
    assert len(asked) == 3
    read.reorder(few, FOUND)
    read.parts(few.items, FOUND, FIRST)
    assert len(asked) == 3
    read.reorder(first_stage(np.arange(N, dtype=np.int32)), FOUND)
    assert len(set(asked)) == len(asked) <= 6


def test_parts_may_be_asked_of_some_in_any_order() -> None:
    read = reading(4, 1.0)
    after = read.reorder(first_stage(np.arange(N, dtype=np.int32)), FOUND)
    every = read.parts(after.items, FOUND, FIRST)
    some = np.array([7, 0, 4, 2])
    assert read.parts(after.items[some], FOUND, FIRST) == [every[place] for place in some]


def test_what_the_rules_did_before_is_kept() -> None:
    before = replace(first_stage(np.arange(5, dtype=np.int32)), removed={"where": 4})
    assert reading(2, 1.0).reorder(before, FOUND).removed == {"where": 4}
