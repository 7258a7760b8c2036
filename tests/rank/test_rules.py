"""Business rules: by hand, and on any catalogue in any order, where no hard rule is ever broken."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.errors import DeclarationError
from corank.rank.rules import (
    AlreadySeen,
    Boost,
    Cap,
    Diversify,
    Exclude,
    Ranked,
    Require,
    Rule,
    Shelf,
    apply_rules,
)

ITEMS = pl.DataFrame(
    {
        "item_id": list("abcdef"),
        "brand": ["X", "X", "X", "Y", None, None],
        "stock": [1, 0, None, 3, 0, 2],
        "promoted": [False, None, True, False, True, False],
        "consumable": [True, False, None, False, False, True],
    }
)
SHELF = Shelf(ITEMS, np.eye(6, dtype=np.float32))


def ranked(letters: str = "abcdef", seen: str = "", scores: Sequence[float] = ()) -> Ranked:
    """An answer of items a to f with scores 6, 5, 4 ... unless others are given."""
    return Ranked(
        np.array(["abcdef".index(letter) for letter in letters], np.int32),
        np.array(scores or range(len(letters), 0, -1), np.float64),
        np.array(["abcdef".index(letter) for letter in seen], np.int32),
    )


def letters(answer: Ranked) -> str:
    return "".join("abcdef"[item] for item in answer.items)


def moved(answer: Ranked) -> dict[str, tuple[str, ...]]:
    return {"abcdef"[item]: rules for item, rules in answer.moved.items()}


# Hard rules


def test_exclude_removes_what_the_condition_holds_for_and_null_does_not_hold() -> None:
    answer = Exclude("sold_out", pl.col("stock") == 0).apply(ranked(), SHELF)
    assert letters(answer) == "acdf"
    assert answer.scores.tolist() == [6, 4, 3, 1]
    assert answer.removed == {"sold_out": 2}


def test_require_keeps_only_what_the_condition_holds_for_and_null_does_not_hold() -> None:
    answer = Require("in_stock", pl.col("stock") > 0).apply(ranked(), SHELF)
    assert letters(answer) == "adf"
    assert answer.removed == {"in_stock": 3}


def test_already_seen_removes_the_history() -> None:
    answer = AlreadySeen().apply(ranked(seen="abf"), SHELF)
    assert letters(answer) == "cde"
    assert answer.removed == {"already_seen": 3}


def test_already_seen_spares_what_may_be_bought_again() -> None:
    rule = AlreadySeen(unless=pl.col("consumable"))
    assert letters(rule.apply(ranked(seen="abcf"), SHELF)) == "adef"
    assert rule.repeatable(SHELF).tolist() == [True, False, False, False, False, True]
    assert not AlreadySeen().repeatable(SHELF).any()


def test_a_rule_that_removes_nothing_changes_nothing() -> None:
    before = ranked()
    assert Exclude("never", pl.lit(False)).apply(before, SHELF) is before


def test_a_constant_condition_holds_for_every_item() -> None:
    assert letters(Exclude("all", pl.lit(True)).apply(ranked(), SHELF)) == ""
    assert letters(Require("unknown", pl.lit(None)).apply(ranked(), SHELF)) == ""


# Soft rules


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


def mmr(vectors: np.ndarray, scores: Sequence[float], relevance: float, top: int) -> list[int]:
    """Carbonell and Goldstein's rule, written down as it stands, over the best 4 * top."""
    pool = list(range(min(len(scores), 4 * top)))
    low, high = scores[pool[-1]], scores[0]
    unit = [(scores[i] - low) / ((high - low) or 1) for i in pool]
    picked: list[int] = [0]
    while len(picked) < min(top, len(pool)):
        gains = {
            i: relevance * unit[i] - (1 - relevance) * max(vectors[i] @ vectors[j] for j in picked)
            for i in pool
            if i not in picked
        }
        picked.append(max(gains, key=lambda i: gains[i]))
    return picked + [i for i in range(len(scores)) if i not in picked]


@given(seed=st.integers(0, 10_000), top=st.integers(1, 6), relevance=st.sampled_from([0, 0.3, 0.8]))
@settings(max_examples=60, deadline=None)
def test_diversify_is_maximal_marginal_relevance(seed: int, top: int, relevance: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(15, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.sort(random.normal(size=15))[::-1]
    items = random.permutation(15).astype(np.int32)
    shelf = Shelf(pl.DataFrame({"item_id": range(15)}), vectors)
    answer = Diversify(relevance, top).apply(Ranked(items, scores), shelf)
    expected = mmr(vectors[items].astype(np.float64), scores.tolist(), relevance, top)
    assert answer.items.tolist() == items[expected].tolist()
    assert answer.scores.tolist() == scores.tolist()


def test_diversify_by_hand() -> None:
    twins = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    shelf = Shelf(ITEMS.head(4), twins)
    answer = Diversify(relevance=0.5, top=2).apply(ranked("abcd", scores=[4, 3, 2, 1]), shelf)
    assert letters(answer) == "acbd"  # c: (1/3 - 0) / 2 beats b: (2/3 - 1) / 2
    assert answer.scores.tolist() == [4, 3, 2, 1]
    assert moved(answer) == {"c": ("diversify",)}


def test_diversify_with_relevance_alone_changes_nothing() -> None:
    before = ranked()
    assert Diversify(relevance=1, top=4).apply(before, SHELF) is before


# All together

ANY_RULE: st.SearchStrategy[Rule] = st.one_of(
    st.just(Exclude("sold_out", pl.col("stock") == 0)),
    st.just(Require("for_adults", pl.col("adult"))),
    st.just(AlreadySeen()),
    st.just(AlreadySeen(unless=pl.col("consumable"))),
    st.builds(
        Boost,
        st.just("promoted"),
        st.just(pl.col("consumable")),
        st.floats(-1, 1).map(lambda by: round(by, 3)),
    ),
    st.builds(Cap, st.just("brand"), st.integers(1, 3), st.integers(1, 8)),
    st.builds(Cap, st.just("brand"), st.integers(1, 3)),
    st.builds(Diversify, st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 5)),
)


@given(seed=st.integers(0, 10_000), rules=st.lists(ANY_RULE, max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_hard_rule_is_ever_broken_and_nothing_is_lost_without_a_count(
    seed: int, rules: list[Rule]
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 25))

    def column(values: list[object]) -> list[object]:
        return [values[i] for i in random.integers(0, len(values), n)]

    items = pl.DataFrame(
        {
            "brand": column(["X", "Y", "Z", None]),
            "stock": column([0, 1, 2, None]),
            "adult": column([True, False, None]),
            "consumable": column([True, False, None]),
        },
        schema={
            "brand": pl.String,
            "stock": pl.Int64,
            "adult": pl.Boolean,
            "consumable": pl.Boolean,
        },
    )
    vectors = random.normal(size=(n, 3)).astype(np.float32)
    shelf = Shelf(items, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    given_items = random.permutation(n)[: int(random.integers(0, n + 1))].astype(np.int32)
    scores = np.sort(random.normal(size=len(given_items)).round(1))[::-1]
    seen = random.permutation(n)[:3].astype(np.int32)

    answer = apply_rules(rules, Ranked(given_items, scores, seen), shelf)

    rows = items[answer.items.tolist()]
    for rule in rules:
        if isinstance(rule, Exclude):
            assert not (rows["stock"] == 0).any()
        if isinstance(rule, Require):
            assert rows["adult"].eq_missing(True).all()
        if isinstance(rule, AlreadySeen):
            again = set(answer.items.tolist()) & set(seen.tolist())
            spared = [] if rule.unless is None else items["consumable"].eq_missing(True).to_list()
            assert all(spared and spared[item] for item in again)
        if isinstance(rule, Cap) and rule.top is None:
            counts = rows["brand"].drop_nulls().value_counts()["count"]
            assert (counts <= rule.at_most).all()
    assert set(answer.items.tolist()) <= set(given_items.tolist())
    assert len(set(answer.items.tolist())) == len(answer.items) == len(answer.scores)
    assert (np.diff(answer.scores) <= 0).all()
    assert len(answer.items) + sum(answer.removed.values()) == len(given_items)
    removers = {rule.name for rule in rules if rule.hard or isinstance(rule, Cap)}
    assert set(answer.removed) <= removers


@given(seed=st.integers(0, 1_000), rules=st.lists(ANY_RULE, max_size=6), data=st.data())
@settings(max_examples=30, deadline=None)
def test_hard_rules_remove_the_same_items_in_any_order(
    seed: int, rules: list[Rule], data: st.DataObject
) -> None:
    hard = [rule for rule in rules if rule.hard]
    items = ITEMS.with_columns(adult=pl.col("promoted"))
    shelf = Shelf(items, np.eye(6, dtype=np.float32))
    order = "".join(np.random.default_rng(seed).permutation(list("abcdef")))
    first = apply_rules(hard, ranked(order, seen="ab"), shelf)
    again = apply_rules(data.draw(st.permutations(hard)), ranked(order, seen="ab"), shelf)
    assert letters(first) == letters(again)


def test_a_cap_spends_no_place_on_an_item_that_must_not_be_shown() -> None:
    rules = (Cap("brand", at_most=1), Exclude("sold_out", pl.col("stock") == 0))
    answer = apply_rules(rules, ranked("badf"), SHELF)  # b is sold out, so a is brand X's one
    assert letters(answer) == "adf"
    assert answer.removed == {"sold_out": 1}


def test_an_answer_keeps_every_rule_that_moved_an_item() -> None:
    rules = (Boost("promoted", pl.col("promoted"), by=1), Boost("eco", pl.col("consumable"), by=1))
    assert moved(apply_rules(rules, ranked("cfa"), SHELF)) == {
        "c": ("promoted",),
        "f": ("eco",),
        "a": ("eco",),
    }
    twice = (rules[0], Boost("again", pl.col("promoted"), by=1))
    assert moved(apply_rules(twice, ranked("cf"), SHELF)) == {"c": ("promoted", "again")}


def test_rules_do_not_change_the_answer_they_were_given() -> None:
    before = ranked(seen="a")
    apply_rules((AlreadySeen(), Boost("p", pl.col("promoted")), Cap("brand", 1, 2)), before, SHELF)
    assert letters(before) == "abcdef"
    assert before.scores.tolist() == [6, 5, 4, 3, 2, 1]
    assert (before.removed, before.moved) == ({}, {})


# Declaring


def test_rules_name_the_columns_they_read() -> None:
    dear = pl.col("price") > pl.col("budget")
    assert sorted(Exclude("dear", dear).columns()) == ["budget", "price"]
    assert Require("a", pl.col("adult")).columns() == ("adult",)
    assert Boost("a", pl.col("promoted")).columns() == ("promoted",)
    assert AlreadySeen(unless=pl.col("consumable")).columns() == ("consumable",)
    assert AlreadySeen().columns() == Diversify().columns() == ()
    assert Cap("brand", 1).columns() == ("brand",)


def test_rules_describe_themselves_in_a_line() -> None:
    assert AlreadySeen().describe() == "already_seen"
    assert AlreadySeen(unless=pl.col("again")).describe() == 'already_seen unless col("again")'
    assert Cap("brand", at_most=3, top=10).describe() == "at most 3 per brand among the first 10"
    assert Cap("parent_id", at_most=1).describe() == "at most 1 per parent_id"
    boost = Boost("promoted", pl.col("promoted"), by=0.05)
    assert boost.describe() == 'boost promoted by +5% of the score range: col("promoted")'
    assert Diversify().describe() == "diversify the first 10 (relevance 80%)"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (pl.col("stok") == 0, "cannot be evaluated: .*stok"),
        (pl.col("brand") > 3, "cannot be evaluated"),
        (pl.col("stock"), r"holds Int64; it must be true or false, as in pl\.col"),
    ],
)
def test_a_condition_that_is_not_true_or_false_is_refused(condition: pl.Expr, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Exclude("bad", condition).apply(ranked(), SHELF)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Boost 'p': by=1\.5 must lie in -1\.\.1"):
        Boost("p", pl.col("promoted"), by=1.5)
    with pytest.raises(DeclarationError, match="at_most and top must be at least 1"):
        Cap("brand", at_most=0)
    with pytest.raises(DeclarationError, match="at_most and top must be at least 1"):
        Cap("brand", at_most=1, top=0)
    with pytest.raises(DeclarationError, match=r"relevance must lie in 0\.\.1"):
        Diversify(relevance=1.2)


# The shelf


def test_a_shelf_evaluates_a_condition_once() -> None:
    shelf = Shelf(ITEMS, np.eye(6, dtype=np.float32))
    condition = pl.col("stock") == 0
    assert shelf.mask(condition) is shelf.mask(condition)
    assert shelf.mask(condition).tolist() == [False, True, False, False, True, False]
    assert shelf.evaluate(condition).tolist() == shelf.mask(condition).tolist()


@pytest.mark.parametrize("column", ["brand", "stock", "promoted"])
def test_codes_are_equal_where_values_are(column: str) -> None:
    codes = SHELF.codes(column).tolist()
    values = ITEMS[column].to_list()
    assert [code == -1 for code in codes] == [value is None for value in values]
    for one, code in zip(values, codes, strict=True):
        for other, another in zip(values, codes, strict=True):
            assert (code == another) == (one == other)
