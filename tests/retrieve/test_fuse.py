import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import ConfigError, RequestError
from corank.retrieve.fuse import Normalize, reciprocal_rank_fusion, score_fusion
from corank.retrieve.hits import Hits


def one(*pairs: tuple[int, float], pad: int = 0) -> Hits:
    """A list of (item, score) for a single query, with some padding."""
    return Hits(
        np.array([[score for _, score in pairs] + [-math.inf] * pad], np.float32),
        np.array([[item for item, _ in pairs] + [-1] * pad], np.int32),
    )


LEXICAL = one((4, 9.0), (2, 7.0), (0, 5.0), pad=2)
DENSE = one((2, 0.9), (1, 0.8), (4, 0.4))

NORMALIZE: tuple[Normalize, ...] = ("minmax", "zscore", "none")


@st.composite
def lists(draw: st.DrawFn, queries: int = 2) -> Hits:
    """What a search can return: distinct items, best first, ties by index, padded."""
    width = draw(st.integers(1, 6))
    hits = Hits(
        np.full((queries, width), -np.inf, np.float32), np.full((queries, width), -1, np.int32)
    )
    score = st.sampled_from([-2.0, -0.5, 0.0, 0.1, 0.3, 1.0, 7.0])
    for row in range(queries):
        found = draw(st.dictionaries(st.integers(0, 9), score, max_size=width))
        for rank, (item, value) in enumerate(sorted(found.items(), key=lambda e: (-e[1], e[0]))):
            hits.items[row, rank], hits.scores[row, rank] = item, value
    return hits


Fuse = Callable[[Sequence[Hits], int], Hits]


def equal_weights(hits: Sequence[Hits], k: int, *, normalize: Normalize) -> Hits:
    return score_fusion(hits, k, weights=[1.0] * len(hits), normalize=normalize)


EVERY = pytest.mark.parametrize(
    "fuse",
    [reciprocal_rank_fusion, *(partial(equal_weights, normalize=how) for how in NORMALIZE)],
    ids=["rrf", *NORMALIZE],
)


def test_reciprocal_rank_fusion_by_hand() -> None:
    hits = reciprocal_rank_fusion([LEXICAL, DENSE], 5)
    # item 2: 1/62 + 1/61; item 4: 1/61 + 1/63; item 1: 1/62; item 0: 1/63
    assert hits.items.tolist() == [[2, 4, 1, 0, -1]]
    expected = [1 / 62 + 1 / 61, 1 / 61 + 1 / 63, 1 / 62, 1 / 63, -math.inf]
    assert hits.scores[0] == pytest.approx(expected)
    assert hits.scores.dtype == np.float32 and hits.items.dtype == np.int32


def test_reciprocal_rank_fusion_with_weights_and_constant_by_hand() -> None:
    hits = reciprocal_rank_fusion([LEXICAL, DENSE], 2, rank_constant=1, weights=[3, 1])
    # item 4: 3/2 + 1/4; item 2: 3/3 + 1/2; item 0: 3/4; item 1: 1/3
    assert hits.items.tolist() == [[4, 2]]
    assert hits.scores[0] == pytest.approx([1.75, 1.5])


def test_minmax_fusion_by_hand() -> None:
    hits = score_fusion([LEXICAL, DENSE], 4, weights=[0.5, 0.5])
    # lexical: 4 -> 1, 2 -> .5, 0 -> 0; dense: 2 -> 1, 1 -> .8, 4 -> 0
    assert hits.items.tolist() == [[2, 4, 1, 0]]
    assert hits.scores[0] == pytest.approx([0.75, 0.5, 0.4, 0.0])


def test_zscore_fusion_by_hand() -> None:
    hits = score_fusion([LEXICAL, DENSE], 4, weights=[1, 2], normalize="zscore")
    lexical, dense = float(np.std([9, 7, 5])), float(np.std([0.9, 0.8, 0.4]))
    expected = {4: 4 / lexical, 2: 2 / lexical + 2 * 0.5 / dense, 1: 2 * 0.4 / dense, 0: 0.0}
    best = sorted(expected, key=lambda item: -expected[item])
    assert hits.items.tolist() == [best]
    assert hits.scores[0] == pytest.approx([expected[item] for item in best], abs=1e-6)


def test_scores_as_they_are_by_hand() -> None:
    hits = score_fusion([LEXICAL, DENSE], 4, weights=[0.1, 1], normalize="none")
    assert hits.items.tolist() == [[2, 4, 1, 0]]
    assert hits.scores[0] == pytest.approx([1.6, 1.3, 0.8, 0.5])


@EVERY
def test_each_query_is_fused_alone(fuse: Fuse) -> None:
    other = Hits(LEXICAL.scores * 2, np.where(LEXICAL.items >= 0, LEXICAL.items + 3, -1))
    both = Hits(*(np.concatenate(pair) for pair in zip(LEXICAL, other, strict=True)))
    dense = Hits(*(np.concatenate([part, part]) for part in DENSE))
    together = fuse([both, dense], 6)
    for row, alone in enumerate((fuse([LEXICAL, DENSE], 6), fuse([other, DENSE], 6))):
        assert together.items[row].tolist() == alone.items[0].tolist()
        assert together.scores[row].tolist() == alone.scores[0].tolist()


@EVERY
def test_one_hit_beats_none(fuse: Fuse) -> None:
    assert fuse([one((5, 3.0), pad=1), one(pad=2)], 2).items.tolist() == [[5, -1]]


def test_a_lone_hit_counts_in_full_under_minmax() -> None:
    hits = score_fusion([one((5, 3.0)), one((1, 2.0), (5, 1.0))], 2, weights=[2, 1])
    assert hits.items.tolist() == [[5, 1]] and hits.scores.tolist() == [[2, 1]]


@EVERY
def test_equal_sums_go_to_the_lower_index(fuse: Fuse) -> None:
    assert fuse([one((8, 2.0), (3, 1.0)), one((3, 2.0), (8, 1.0))], 2).items.tolist() == [[3, 8]]


@EVERY
@settings(max_examples=25, deadline=None)
@given(hits=lists())
def test_a_list_fused_with_itself_keeps_its_order(fuse: Fuse, hits: Hits) -> None:
    assert np.array_equal(fuse([hits, hits], hits.items.shape[1]).items, hits.items)


@EVERY
@settings(max_examples=25, deadline=None)
@given(given_lists=st.lists(lists(), min_size=2, max_size=3), k=st.integers(1, 30))
def test_the_order_of_the_lists_does_not_matter(
    fuse: Fuse, given_lists: list[Hits], k: int
) -> None:
    first = fuse(given_lists, k)
    for shuffled in permutations(given_lists):
        again = fuse(shuffled, k)
        assert np.array_equal(again.items, first.items)
        assert np.array_equal(again.scores, first.scores)


@EVERY
@settings(max_examples=25, deadline=None)
@given(given_lists=st.lists(lists(), min_size=1, max_size=3), k=st.integers(1, 30))
def test_fused_items_are_those_of_the_lists_each_once_best_first(
    fuse: Fuse, given_lists: list[Hits], k: int
) -> None:
    fused = fuse(given_lists, k)
    assert fused.items.shape == fused.scores.shape == (2, k)
    for row in range(2):
        union = {int(i) for hits in given_lists for i in hits.items[row] if i >= 0}
        items = [int(i) for i in fused.items[row] if i >= 0]
        assert len(items) == len(set(items)) == min(k, len(union))
        assert set(items) <= union
        scores = fused.scores[row, : len(items)]
        assert np.isfinite(scores).all() and (scores[1:] <= scores[:-1]).all()
        assert (fused.scores[row, len(items) :] == -np.inf).all()


def test_a_list_of_weight_zero_changes_no_score() -> None:
    with_it = score_fusion([LEXICAL, DENSE], 3, weights=[1, 0])
    alone = score_fusion([LEXICAL], 3, weights=[1])
    assert with_it.scores.tolist()[0][:2] == alone.scores.tolist()[0][:2]
    assert with_it.items.tolist()[0][:2] == [4, 2]


@EVERY
def test_lists_for_different_queries_are_refused(fuse: Fuse) -> None:
    two = Hits(*(np.concatenate([part, part]) for part in DENSE))
    with pytest.raises(RequestError, match=r"2 lists for \[1, 2\] queries"):
        fuse([LEXICAL, two], 3)
    with pytest.raises(RequestError, match="0 lists"):
        fuse([], 3)
    with pytest.raises(RequestError, match="at least 1"):
        fuse([LEXICAL], 0)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.1], [1.0, math.nan], [math.inf, 1.0]])
def test_weights_that_cannot_be_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigError, match="2 lists take as many"):
        reciprocal_rank_fusion([LEXICAL, DENSE], 3, weights=weights)
    with pytest.raises(ConfigError, match="2 lists take as many"):
        score_fusion([LEXICAL, DENSE], 3, weights=weights)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'minmax'"):
        score_fusion([LEXICAL], 3, weights=[1], normalize="min-max")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rank_constant"):
        reciprocal_rank_fusion([LEXICAL], 3, rank_constant=-1)
