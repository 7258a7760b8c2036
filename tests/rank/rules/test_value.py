"""An auction: what an item is expected to bring, chance times value."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corank import ExpectedValue, asker
from corank.data.context import ASKER
from corank.errors import DeclarationError
from corank.rank.rules import Ranked, Shelf

BID = ExpectedValue("bid", pl.col("bid"))


def shelf(*bids: float | None) -> Shelf:
    items = pl.DataFrame({"bid": list(bids)}, schema={"bid": pl.Float64})
    asker_of = pl.DataFrame({ASKER + "hour": [None]}, schema={ASKER + "hour": pl.Int64})
    return Shelf(items, np.eye(len(bids), dtype=np.float32), asker_of)


def ranked(*scores: float, promised: bool = True) -> Ranked:
    order = np.argsort(-np.array(scores), kind="stable").astype(np.int32)
    chance = (lambda given: given / 10) if promised else None
    return Ranked(order, np.array(scores, float)[order], promise=chance)


def test_chance_times_value_decides_and_is_the_score() -> None:
    answer = BID.apply(ranked(3, 2, 1), shelf(1.0, 4.0, 2.0))
    assert answer.items.tolist() == [1, 0, 2]
    assert answer.scores.tolist() == pytest.approx([0.8, 0.3, 0.2])
    assert answer.moved == {0: ("bid",), 1: ("bid",)}


def test_where_no_rule_asks_who_asks_an_auction_is_one_all_the_same() -> None:
    items = pl.DataFrame({"bid": [1.0, 4.0, 2.0]})
    nobody = Shelf(items, np.eye(3, dtype=np.float32), pl.DataFrame())
    assert BID.apply(ranked(3, 2, 1), nobody).items.tolist() == [1, 0, 2]


def test_without_chances_a_score_is_the_logarithm_of_one() -> None:
    answer = BID.apply(ranked(1.0, 0.0, promised=False), shelf(1.0, np.e**2))
    assert answer.items.tolist() == [1, 0]
    assert answer.scores.tolist() == pytest.approx([2.0, 1.0])


def test_what_is_worth_nothing_or_unknown_comes_last() -> None:
    for promised in (True, False):
        answer = BID.apply(ranked(3, 2, 1, promised=promised), shelf(None, 0.0, 0.01))
        assert answer.items[0] == 2 and len(answer.items) == 3


def test_a_value_may_depend_on_who_asks() -> None:
    rule = ExpectedValue("bid", pl.col("bid") * asker("hour").fill_null(1))
    assert rule.asks() == ("hour",) and rule.columns() == ("bid",)
    late = shelf(1.0, 2.0).asked_by(pl.DataFrame({ASKER + "hour": [5]}))
    assert rule.apply(ranked(2, 2), late).scores.tolist() == pytest.approx([2.0, 1.0])


def test_an_empty_answer_stays_empty_and_a_negative_value_is_refused() -> None:
    assert not len(BID.apply(ranked(), shelf(1.0)).items)
    with pytest.raises(DeclarationError, match=r"'bid'.*below 0"):
        BID.apply(ranked(1), shelf(-1.0))
    with pytest.raises(DeclarationError, match="cannot be evaluated"):
        ExpectedValue("x", pl.col("bid").cast(pl.String) + "a").apply(ranked(1), shelf(1.0))


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 100)), min_size=1, max_size=20))
def test_no_order_brings_more_in_the_first_places(pairs: list[tuple[float, float]]) -> None:
    scores, bids = zip(*pairs, strict=True)
    answer = BID.apply(ranked(*scores), shelf(*bids))
    worth = np.array(scores) / 10 * np.array(bids)
    assert sorted(answer.items.tolist()) == list(range(len(pairs)))
    assert answer.scores.tolist() == pytest.approx(sorted(worth, reverse=True))
    assert worth[answer.items].tolist() == pytest.approx(answer.scores.tolist())
