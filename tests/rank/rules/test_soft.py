"""Boosts and caps by hand; floors by hand and on any list."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.rank.rules import Boost, Cap, Floor
from tests.rank.rules.toy import SHELF, letters, moved, random_answer, random_shelf, ranked


def test_boost_adds_a_share_of_the_spread_and_sorts_again() -> None:
    rule = Boost("promoted", pl.col("promoted"), by=0.5)
    answer = rule.apply(ranked(), SHELF)  # the spread is 5: c 4 -> 6.5, e 2 -> 4.5
    assert letters(answer) == "cabedf"
    assert answer.scores.tolist() == [6.5, 6, 5, 4.5, 3, 1]
    assert moved(answer) == {"c": ("promoted",), "e": ("promoted",)}


def test_a_negative_boost_sinks_and_ties_keep_their_order() -> None:
    sink = Boost("buried", pl.col("promoted"), by=-0.4)
    assert letters(sink.apply(ranked(), SHELF)) == "abdcfe"  # c 4 -> 2, e 2 -> 0
    level = Boost("buried", pl.col("promoted"), by=-0.2)
    assert letters(level.apply(ranked(), SHELF)) == "abcdef"  # c 4 -> 3, as d; e 2 -> 1, as f


def test_boosting_an_empty_answer_is_an_empty_answer() -> None:
    assert letters(Boost("promoted", pl.col("promoted")).apply(ranked(""), SHELF)) == ""


def test_cap_without_top_removes_what_is_over_and_never_caps_null() -> None:
    answer = Cap("brand", at_most=1).apply(ranked("cefabd"), SHELF)
    assert letters(answer) == "cefd"
    assert answer.removed == {"brand_cap": 2}
    assert not answer.moved


def test_cap_with_top_moves_what_is_over_behind_the_first() -> None:
    answer = Cap("brand", at_most=1, top=3).apply(ranked(), SHELF)
    assert letters(answer) == "adebcf"
    assert answer.scores.tolist() == [6, 3, 2, 2, 2, 1]
    assert moved(answer) == {"b": ("brand_cap",), "c": ("brand_cap",)}
    assert answer.removed == {}


def test_cap_leaves_what_is_over_last_when_there_is_too_little_else() -> None:
    answer = Cap("brand", at_most=1, top=5).apply(ranked("dabc"), SHELF)
    assert letters(answer) == "dabc"
    assert moved(answer) == {}


def test_cap_does_not_look_below_the_first() -> None:
    assert letters(Cap("brand", at_most=2, top=2).apply(ranked(), SHELF)) == "abcdef"


# Floors

HALF = Floor("small", pl.col("brand") == "Y", share=0.5, top=6)  # of the six, d alone


def test_a_floor_lifts_the_best_that_waits_to_the_place_where_one_is_due() -> None:
    rule = Floor("no_brand", pl.col("brand").is_null(), share=0.5, top=4)
    answer = rule.apply(ranked(), SHELF)  # due at places 2 and 4
    assert letters(answer) == "aebfcd"
    assert answer.scores.tolist() == [6, 5, 5, 4, 4, 3]
    assert moved(answer) == {"e": ("no_brand",), "f": ("no_brand",)}


def test_a_floor_that_is_held_already_changes_nothing() -> None:
    before = ranked("dabcef")
    assert Floor("small", pl.col("brand") == "Y", share=0.5, top=2).apply(before, SHELF) is before


def test_a_floor_holds_as_far_as_its_items_reach_and_notes_no_other() -> None:
    answer = HALF.apply(ranked(), SHELF)
    assert letters(answer) == "adbcef"
    assert moved(answer) == {"d": ("small",)}
    none = HALF.apply(ranked("abcef"), SHELF)
    assert (letters(none), moved(none)) == ("abcef", {})
    assert letters(HALF.apply(ranked(""), SHELF)) == ""


def test_a_floor_does_not_look_below_its_places() -> None:
    assert letters(Floor("small", pl.col("brand") == "Y", share=0.5, top=2).apply(
        ranked("fdabce"), SHELF)) == "fdabce"  # fmt: skip


def test_what_is_due_is_rounded_down_and_never_by_a_rounding_error() -> None:
    floor = Floor("new", pl.lit(True), share=0.29, top=100)
    assert [floor.due(n) for n in (3, 4, 10, 100)] == [0, 1, 2, 29]


@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.1, 0.2, 0.29, 0.5, 2 / 3, 1.0]),
    top=st.integers(10, 30),
)
@settings(max_examples=80, deadline=None)
def test_a_floor_is_held_from_the_top_wherever_there_are_enough(
    seed: int, share: float, top: int
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 40))
    shelf, before = random_shelf(random, n), random_answer(random, n)
    rule = Floor("small", pl.col("brand") == "Y", share=share, top=top)
    answer = rule.apply(before, shelf)
    small = shelf.mask(rule.when)
    held = small[answer.items]
    for place in range(1, min(top, len(answer.items)) + 1):
        assert held[:place].sum() >= min(int(share * place + 1e-9), held.sum())
    assert sorted(answer.items) == sorted(before.items)
    assert (np.diff(answer.scores) <= 0).all()
    assert answer.items[~held].tolist() == before.items[~small[before.items]].tolist()
    lifted = set(answer.moved)
    assert all(small[item] for item in lifted)
    own = dict(zip(before.items.tolist(), before.scores.tolist(), strict=True))
    for item, score in zip(answer.items.tolist(), answer.scores.tolist(), strict=True):
        assert score >= own[item] if item in lifted else score == own[item]
    assert rule.apply(answer, shelf) is answer
