"""Rules that remove: by hand."""

import polars as pl

from corank.rank.rules import AlreadySeen, Exclude, Require
from tests.rank.rules.toy import SHELF, letters, ranked


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
