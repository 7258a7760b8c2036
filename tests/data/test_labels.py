"""Labelling functions by hand: votes, ties, overruling, and the table that judges them."""

import datetime as dt

import polars as pl
import pytest

from corank.data.labels import LabelingFunction, combine, label_table, labeling_function, vote
from corank.errors import DeclarationError


def log(*events: tuple[str, str, str]) -> pl.DataFrame:
    """One event a minute: user, item, event."""
    frame = pl.DataFrame(events, schema=["user_id", "item_id", "event"], orient="row")
    start = dt.datetime(2026, 1, 1)
    times = [start + dt.timedelta(minutes=minute) for minute in range(len(events))]
    return frame.with_columns(timestamp=pl.Series(times, dtype=pl.Datetime("us")))


def votes_for(event: str, grade: int, weight: float = 1.0, name: str = "") -> LabelingFunction:
    expression = pl.when(pl.col("event") == event).then(grade)
    return LabelingFunction(name or event, expression, weight, "")


def grades(*functions: LabelingFunction, events: pl.DataFrame) -> list[tuple[str, str, int, float]]:
    combined = combine(functions, events).select("user_id", "item_id", "grade", "weight")
    return [(u, i, g, round(w, 4)) for u, i, g, w in combined.iter_rows()]


# Declaring


def test_a_function_becomes_a_labelling_function() -> None:
    @labeling_function
    def purchased() -> pl.Expr:
        """Bought."""
        return pl.when(pl.col("event") == "purchase").then(3)

    @labeling_function(weight=10)
    def returned() -> pl.Expr:
        return pl.when(pl.col("event") == "return").then(0)

    assert (purchased.name, purchased.weight, purchased.doc) == ("purchased", 1.0, "Bought.")
    assert (returned.name, returned.weight, returned.doc) == ("returned", 10, "")


def test_a_function_that_returns_no_expression_is_refused() -> None:
    def three() -> int:
        return 3

    with pytest.raises(DeclarationError, match="'three' returned int; it must return a polars"):
        labeling_function(three)  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [0, -1])
def test_a_weight_must_be_positive(weight: float) -> None:
    with pytest.raises(DeclarationError, match=f"weight must be above 0, not {weight}"):
        labeling_function(weight=weight)(lambda: pl.lit(1))


# Voting


def test_votes_are_one_column_a_function_and_null_abstains() -> None:
    events = log(("u", "a", "view"), ("u", "a", "purchase"), ("u", "b", "other"))
    table = vote([votes_for("view", 1), votes_for("purchase", 3)], events)
    assert table.rows() == [(1, None), (None, 3), (None, None)]
    assert table.dtypes == [pl.Int8, pl.Int8]


def test_a_constant_votes_on_every_event() -> None:
    events = log(("u", "a", "view"), ("v", "b", "view"), ("v", "c", "view"))
    constant = LabelingFunction("always", pl.lit(1), 1.0, "")
    assert vote([constant], events)["always"].to_list() == [1, 1, 1]
    assert combine([constant], events)["grade"].to_list() == [1, 1, 1]
    assert vote([constant], events.clear()).height == 0


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (pl.lit(7), "'bad' voted 7; grades are whole numbers from 0 to 3"),
        (pl.when(pl.col("event") == "view").then(-1), "'bad' voted -1"),
        (pl.lit(2.5), "'bad' voted 2.5"),
        (pl.col("event") == "view", "'bad' voted True"),
        (pl.col("event"), "'bad' voted 'view'"),
        (pl.col("evnt").len(), "'bad' failed: .*evnt"),
        (pl.col("event") + 1, "'bad' failed: "),
    ],
)
def test_a_bad_vote_is_refused(expression: pl.Expr, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        vote([LabelingFunction("bad", expression, 1.0, "")], log(("u", "a", "view")))


def test_two_functions_of_one_name_are_refused() -> None:
    with pytest.raises(DeclarationError, match="Two labelling functions are called 'view'"):
        vote([votes_for("view", 1), votes_for("view", 2)], log(("u", "a", "view")))


# Combining


def test_the_grade_with_the_most_weight_wins_and_its_share_is_the_weight() -> None:
    functions = [
        votes_for("view", 1, 1.0, "one"),
        votes_for("view", 1, 0.5, "another"),
        votes_for("view", 3, 0.5, "third"),
    ]
    assert grades(*functions, events=log(("u", "a", "view"))) == [("u", "a", 1, 0.75)]


def test_a_tie_goes_to_the_lower_grade() -> None:
    functions = [votes_for("view", 3, 2.0, "high"), votes_for("view", 1, 2.0, "low")]
    assert grades(*functions, events=log(("u", "a", "view"))) == [("u", "a", 1, 0.5)]


def test_the_best_event_stands_for_the_pair_at_its_first_time() -> None:
    events = log(
        ("u", "a", "view"), ("u", "a", "purchase"), ("u", "a", "view"), ("u", "a", "purchase")
    )
    combined = combine([votes_for("view", 1), votes_for("purchase", 3)], events)
    assert combined.rows() == [("u", "a", dt.datetime(2026, 1, 1, 0, 1), 3, 1.0)]


def test_pairs_come_by_user_and_time_and_ties_in_time_by_the_log() -> None:
    events = log(("v", "a", "view"), ("u", "b", "view"), ("u", "a", "view"), ("u", "c", "view"))
    same = events.with_columns(timestamp=pl.lit(dt.datetime(2026, 1, 1)).cast(pl.Datetime("us")))
    expected = [("u", "b"), ("u", "a"), ("u", "c"), ("v", "a")]
    view = [votes_for("view", 1)]
    assert combine(view, events).select("user_id", "item_id").rows() == expected
    assert combine(view, same).select("user_id", "item_id").rows() == expected


def test_pairs_nobody_voted_on_are_left_out() -> None:
    events = log(("u", "a", "hover"), ("u", "b", "view"))
    assert grades(votes_for("view", 1), events=events) == [("u", "b", 1, 1.0)]


def test_a_return_overrules_the_purchase() -> None:
    came_back = (pl.col("event") == "return").any().over("user_id", "item_id")
    returned = LabelingFunction("returned", pl.when(came_back).then(0), 10.0, "")
    events = log(
        ("u", "a", "purchase"), ("u", "a", "return"), ("v", "a", "purchase"), ("u", "b", "purchase")
    )
    assert grades(votes_for("purchase", 3), returned, events=events) == [
        ("u", "a", 0, round(10 / 11, 4)),
        ("u", "b", 3, 1.0),
        ("v", "a", 3, 1.0),
    ]


def test_no_events_make_no_labels() -> None:
    combined = combine([votes_for("view", 1)], log(("u", "a", "view")).clear())
    assert combined.height == 0
    assert combined.columns == ["user_id", "item_id", "timestamp", "grade", "weight"]


# The table


def test_the_table_by_hand() -> None:
    events = log(*[("u", item, "view") for item in "abcd"], ("u", "e", "purchase"))
    functions = [
        votes_for("view", 1, name="view"),  # a b c d: 1 1 1 1
        LabelingFunction("ab", pl.when(pl.col("item_id").is_in(["a", "b"])).then(1), 1.0, ""),
        LabelingFunction("bc", pl.when(pl.col("item_id").is_in(["b", "c"])).then(2), 1.0, ""),
        votes_for("never", 3),
    ]
    truth = pl.Series([1, 2, 2, None, 3])
    table = label_table(functions, events, truth)
    assert table.columns == ["function", "votes", "coverage", "overlaps", "conflicts", "accuracy"]
    assert table.rows() == [
        ("view", "1", 0.8, 0.6, 0.4, pytest.approx(1 / 3)),
        ("ab", "1", 0.4, 0.4, 0.2, 0.5),
        ("bc", "2", 0.4, 0.4, 0.4, 1.0),
        ("never", "", 0.0, 0.0, 0.0, None),
    ]


def test_the_table_lists_every_grade_a_function_gave() -> None:
    grade = pl.when(pl.col("event") == "purchase").then(3).when(pl.col("event") == "view").then(0)
    function = LabelingFunction("both", grade, 1.0, "")
    events = log(("u", "a", "purchase"), ("u", "b", "view"), ("u", "c", "purchase"))
    assert label_table([function], events)["votes"].to_list() == ["0, 3"]


def test_a_single_function_overlaps_with_nobody_and_has_no_accuracy_without_truth() -> None:
    table = label_table([votes_for("view", 1)], log(("u", "a", "view"), ("u", "b", "other")))
    assert table.rows() == [("view", "1", 0.5, 0.0, 0.0, None)]
