"""Rules together: on any catalogue in any order, no hard rule is ever broken."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corank.data.context import asker
from corank.errors import DeclarationError
from corank.rank.rules import (
    AlreadySeen,
    Boost,
    Calibrate,
    Cap,
    Diversify,
    Exclude,
    Floor,
    Require,
    Rule,
    Shelf,
    apply_rules,
)
from tests.rank.rules.toy import (
    ITEMS,
    SHELF,
    letters,
    moved,
    random_answer,
    random_shelf,
    ranked,
)

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
    st.builds(
        Calibrate,
        st.just("genre"),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.integers(1, 8),
        st.integers(1, 3),
    ),
    st.builds(
        Floor,
        st.just("small"),
        st.just(pl.col("brand") == "Y"),
        st.sampled_from([0.2, 0.5, 1.0]),
        st.integers(5, 8),
    ),
)


@given(seed=st.integers(0, 10_000), rules=st.lists(ANY_RULE, max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_hard_rule_is_ever_broken_and_nothing_is_lost_without_a_count(
    seed: int, rules: list[Rule]
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 25))
    shelf, before = random_shelf(random, n), random_answer(random, n)
    items = shelf.items

    answer = apply_rules(rules, before, shelf)

    rows = items[answer.items.tolist()]
    for rule in rules:
        if isinstance(rule, Exclude):
            assert not (rows["stock"] == 0).any()
        if isinstance(rule, Require):
            assert rows["adult"].eq_missing(True).all()
        if isinstance(rule, AlreadySeen):
            again = set(answer.items.tolist()) & set(before.seen.tolist())
            spared = [] if rule.unless is None else items["consumable"].eq_missing(True).to_list()
            assert all(spared and spared[item] for item in again)
        if isinstance(rule, Cap) and rule.top is None:
            counts = rows["brand"].drop_nulls().value_counts()["count"]
            assert (counts <= rule.at_most).all()
    assert set(answer.items.tolist()) <= set(before.items.tolist())
    assert len(set(answer.items.tolist())) == len(answer.items) == len(answer.scores)
    assert (np.diff(answer.scores) <= 0).all()
    assert len(answer.items) + sum(answer.removed.values()) == len(before.items)
    removers = {rule.name for rule in rules if rule.hard or isinstance(rule, Cap)}
    assert set(answer.removed) <= removers


SUITABLE = Require(
    "suitable", pl.col("stock").is_not_null() & (pl.col("stock") <= asker("tolerance"))
)
UNWANTED = Exclude("unwanted", pl.col("genre").str.contains(asker("dislikes"), literal=True))
GROWN_UP = Require("grown_up", asker("age") >= 18)
NOBODY = pl.DataFrame(
    {"asker:tolerance": [None], "asker:dislikes": [None], "asker:age": [None]},
    schema={"asker:tolerance": pl.Int64, "asker:dislikes": pl.String, "asker:age": pl.Int64},
)


@given(
    seed=st.integers(0, 10_000),
    tolerance=st.none() | st.integers(-1, 3),
    dislikes=st.none() | st.sampled_from(["Action", "Drama"]),
    age=st.none() | st.integers(0, 30),
    soft=st.lists(ANY_RULE.filter(lambda rule: not rule.hard), max_size=3),
)
@settings(max_examples=1_000, deadline=None)
def test_a_hard_rule_about_whoever_asks_is_never_broken(
    seed: int, tolerance: int | None, dislikes: str | None, age: int | None, soft: list[Rule]
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 25))
    plain, before = random_shelf(random, n), random_answer(random, n)
    told = {"asker:tolerance": tolerance, "asker:dislikes": dislikes, "asker:age": age}
    moments = pl.DataFrame(
        {name: [value] for name, value in told.items() if value is not None},
        schema={name: NOBODY.schema[name] for name, value in told.items() if value is not None},
    )
    shelf = Shelf(plain.items, plain.vectors, NOBODY).asked_by(moments)
    hard: list[Rule] = [SUITABLE, UNWANTED, GROWN_UP]

    answer = apply_rules([*soft, *hard], before, shelf)

    rows = shelf.items[answer.items.tolist()]
    assert not len(rows) or (tolerance is not None and age is not None and age >= 18)
    assert all(stock is not None and stock <= (tolerance or 0) for stock in rows["stock"])
    assert not any(dislikes and genre and dislikes in genre for genre in rows["genre"])
    kept = set(apply_rules(hard, before, shelf).items.tolist())
    by_hand = {
        item for item in before.items.tolist()
        for row in [shelf.items.row(item, named=True)]
        if age is not None and age >= 18
        and tolerance is not None and row["stock"] is not None and row["stock"] <= tolerance
        and not (dislikes and row["genre"] and dislikes in row["genre"])
    }  # fmt: skip
    assert kept == by_hand  # and nothing else is taken


def test_a_shelf_forgets_who_asked_before() -> None:
    shelf = Shelf(ITEMS, np.eye(6, dtype=np.float32), NOBODY)
    rich = shelf.asked_by(pl.DataFrame({"asker:tolerance": [9]}))
    assert letters(SUITABLE.apply(ranked(), rich)) == "abdef"
    assert letters(SUITABLE.apply(ranked(), shelf)) == ""
    assert shelf.asked_by(pl.DataFrame({"session": [1]})) is shelf
    assert {*SUITABLE.columns()} == {"stock"} and SUITABLE.asks() == ("tolerance",)


@given(seed=st.integers(0, 1_000), rules=st.lists(ANY_RULE, max_size=6), data=st.data())
@settings(max_examples=30, deadline=None)
def test_hard_rules_remove_the_same_items_in_any_order(
    seed: int, rules: list[Rule], data: st.DataObject
) -> None:
    hard = [rule for rule in rules if rule.hard]
    items = ITEMS.with_columns(adult=pl.col("promoted"), genre=pl.col("brand"))
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


def test_a_floor_lifts_nothing_that_a_hard_rule_removes_wherever_it_is_declared() -> None:
    floor = Floor("no_brand", pl.col("brand").is_null(), share=0.5, top=2)
    sold_out = Exclude("sold_out", pl.col("stock") == 0)  # e, which would be lifted, and b
    for rules in ((floor, sold_out), (sold_out, floor)):
        answer = apply_rules(rules, ranked(), SHELF)
        assert letters(answer) == "afcd"
        assert moved(answer) == {"f": ("no_brand",)}


def test_of_soft_rules_the_later_wins() -> None:
    floor = Floor("x", pl.col("brand") == "X", share=1, top=3)
    cap = Cap("brand", at_most=1, top=3)
    assert letters(apply_rules((cap, floor), ranked("adebcf"), SHELF)) == "abcdef"
    assert letters(apply_rules((floor, cap), ranked("adebcf"), SHELF)) == "adebcf"


def test_a_floor_after_a_boost_is_held_however_large_the_boost() -> None:
    boost = Boost("branded", pl.col("brand") == "X", by=1)
    floor = Floor("no_brand", pl.col("brand").is_null(), share=0.5, top=2)
    answer = apply_rules((boost, floor), ranked("efdabc"), SHELF)  # the boost alone: abecfd
    assert letters(answer) == "aebcfd"
    assert moved(answer)["e"] == ("no_brand",)


IDEMPOTENT: st.SearchStrategy[Rule] = st.one_of(
    st.builds(Cap, st.just("brand"), st.integers(1, 3), st.integers(1, 8)),
    st.builds(Cap, st.just("brand"), st.integers(1, 3)),
    st.builds(
        Floor,
        st.just("adult"),
        st.just(pl.col("adult")),
        st.sampled_from([0.2, 0.5, 1.0]),
        st.integers(5, 8),
    ),
)


@given(seed=st.integers(0, 10_000), soft=IDEMPOTENT)
@settings(max_examples=60, deadline=None)
def test_applying_hard_rules_and_a_cap_or_a_floor_again_changes_nothing(
    seed: int, soft: Rule
) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 25))
    rules = (Exclude("sold_out", pl.col("stock") == 0), AlreadySeen(), soft)
    shelf = random_shelf(random, n)
    once = apply_rules(rules, random_answer(random, n), shelf)
    again = apply_rules(rules, once, shelf)
    assert again.items.tolist() == once.items.tolist()
    assert again.scores.tolist() == once.scores.tolist()
    assert (again.removed, again.moved) == (once.removed, once.moved)


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
    assert Cap("brand", 1).columns() == Calibrate("brand").columns() == ("brand",)
    assert Floor("new", pl.col("released") > pl.date(2026, 1, 1)).columns() == ("released",)


def test_rules_describe_themselves_in_a_line() -> None:
    assert AlreadySeen().describe() == "already_seen"
    assert AlreadySeen(unless=pl.col("again")).describe() == 'already_seen unless col("again")'
    assert Cap("brand", at_most=3, top=10).describe() == "at most 3 per brand among the first 10"
    assert Cap("parent_id", at_most=1).describe() == "at most 1 per parent_id"
    boost = Boost("promoted", pl.col("promoted"), by=0.05)
    assert boost.describe() == 'boost promoted by +5% of the score range: col("promoted")'
    assert Diversify().describe() == "diversify the first 10 (relevance 80%)"
    calibrate = Calibrate("genre", weight=0.3)
    assert calibrate.name == "genre_calibration"
    assert calibrate.describe() == "calibrate the first 10 to the history's genre (weight 30%)"
    floor = Floor("new", pl.col("new"), share=0.1, top=20)
    assert floor.describe() == 'floor new: 10% of the first 20: col("new")'


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": -0.1}, r"Calibrate\('genre'\): weight=-0\.1 must lie in 0\.\.1"),
        ({"weight": float("nan")}, r"weight=nan must lie in 0\.\.1"),
        ({"smoothing": 0.0}, r"smoothing=0\.0 must lie between 0 and 1"),
        ({"smoothing": 1.0}, r"smoothing=1\.0 must lie between 0 and 1"),
        ({"top": 0}, "top and min_history must be at least 1"),
        ({"min_history": 0}, "top and min_history must be at least 1"),
    ],
)
def test_a_calibration_out_of_range_is_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Calibrate("genre", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 0.0}, r"Floor 'new': share=0\.0 must lie above 0"),
        ({"share": 1.1}, r"share=1\.1 must lie above 0 and be at most 1"),
        ({"top": 0}, "top=0 be at least 1"),
        ({"share": 0.05}, r"Floor 'new': 5\.0% of the first 10 is less than one item"),
    ],
)
def test_a_floor_that_could_hold_nothing_is_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Floor("new", pl.lit(True), **given)  # type: ignore[arg-type]


def test_calibrating_to_what_cannot_be_shared_out_is_refused() -> None:
    shelf = Shelf(ITEMS.with_columns(price=pl.lit(9.5)), SHELF.vectors)
    with pytest.raises(DeclarationError, match="Column 'price' holds Float64; its values cannot"):
        Calibrate("price").apply(ranked(seen="abcdef"), shelf)


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


def test_values_are_shared_out_once() -> None:
    shelf = Shelf(ITEMS, np.eye(6, dtype=np.float32))
    assert shelf.shares("brand") is shelf.shares("brand")
    assert shelf.shares("brand").names == ("X", "Y")
