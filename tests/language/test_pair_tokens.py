"""Pairs as sequences: whose token is whose, and what is cut."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corank.errors import ConfigError, DataError
from corank.language.encoder import Encoder
from corank.language.pair_tokens import PairBatch, PairTokens, join, score_pairs
from corank.language.tokenizer import Tokenizer
from corank.language.virtual import virtual_ids, with_virtual_tokens

CLS, SEP = 2, 3
WORDS = st.lists(st.sampled_from(["lamp", "steel", "mug", "tea"]), max_size=30).map(" ".join)


@pytest.fixture(scope="module")
def tokenizer(encoder: Encoder) -> Tokenizer:
    return Tokenizer(encoder.tokenizer.backend, 16)


def plain(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text, without special tokens and uncut."""
    backend = Tokenizer(tokenizer.backend, 1_000).backend
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def parts(pairs: PairTokens, row: int) -> tuple[list[int], list[int]]:
    """The ids of either segment."""
    both = [*zip(pairs.ids[row], pairs.segments[row], strict=True)]
    return [i for i, which in both if not which], [i for i, which in both if which]


def test_a_pair_is_the_query_and_then_the_passage(tokenizer: Tokenizer) -> None:
    pairs = join(tokenizer, ["steel mug"], ["tea lamp"])
    query, passage = plain(tokenizer, "steel mug"), plain(tokenizer, "tea lamp")
    assert parts(pairs, 0) == ([CLS, *query, SEP], [*passage, SEP])
    assert pairs.segments[0] == sorted(pairs.segments[0])


@settings(max_examples=50, deadline=None)
@given(query=WORDS, passage=WORDS)
def test_the_passage_is_cut_and_the_query_only_beyond_half(
    tokenizer: Tokenizer, query: str, passage: str
) -> None:
    first, second = parts(join(tokenizer, [query], [passage]), 0)
    asked, read = plain(tokenizer, query), plain(tokenizer, passage)
    kept = len(first) - 2
    assert first == [CLS, *asked[:kept], SEP]
    assert second == [*read[: len(second) - 1], SEP]
    assert kept == len(asked) or kept == max(6, 13 - len(read))  # 13 is what the specials leave
    assert len(first) + len(second) == min(len(asked) + len(read) + 3, 16)


def test_a_separator_that_somebody_typed_does_not_end_the_query(tokenizer: Tokenizer) -> None:
    first, second = parts(join(tokenizer, ["tea [SEP] lamp"], ["mug"]), 0)
    assert first.count(SEP) == 2
    assert second == [*plain(tokenizer, "mug"), SEP]


def test_virtual_tokens_open_a_pair(tokenizer: Tokenizer) -> None:
    virtual = with_virtual_tokens(tokenizer, 3)
    first, second = parts(join(virtual, ["tea"], ["mug " * 20]), 0)
    assert first[1:4] == virtual_ids(virtual)
    assert len(first) + len(second) == 16


def test_no_room_for_a_pair_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="max_tokens=4 leaves no room"):
        join(Tokenizer(tokenizer.backend, 4), ["tea"], ["mug"])


def total(batch: PairBatch, seen: list[int]) -> NDArray[np.float32]:
    """A score that can be worked out by hand: ids of the passage less those of the query."""
    seen.append(batch.ids.size)
    sign = np.where(batch.segments, 1, -1) * batch.mask
    return np.asarray((sign * batch.ids).sum(1), np.float32)


def test_scores_come_in_the_order_of_the_pairs_from_batches_of_one_budget(
    tokenizer: Tokenizer,
) -> None:
    queries = ["tea", "steel mug lamp", "mug", "lamp", "tea"]
    passages = ["steel mug", "", "tea tea tea tea", "lamp", "steel mug"]
    seen: list[int] = []
    scores = score_pairs(queries, passages, tokenizer, partial(total, seen=seen), budget=20)
    pairs = join(tokenizer, queries, passages)
    expected = [sum(second) - sum(first) for first, second in (parts(pairs, r) for r in range(5))]
    assert scores.tolist() == expected
    assert max(seen) <= 20 and len(seen) > 1


def test_no_pairs_have_no_scores(tokenizer: Tokenizer) -> None:
    assert score_pairs([], [], tokenizer, partial(total, seen=[])).shape == (0,)


@pytest.mark.parametrize(("queries", "passages"), [(["tea"], []), ([], ["tea"])])
def test_a_query_without_a_passage_is_refused(
    tokenizer: Tokenizer, queries: list[str], passages: list[str]
) -> None:
    with pytest.raises(DataError, match="a pair is one of each"):
        score_pairs(queries, passages, tokenizer, partial(total, seen=[]))
