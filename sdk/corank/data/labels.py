"""Labelling functions: from what people did to how relevant an item was to them.

A labelling function returns a Polars expression over the interactions: a grade 0..3, or null
where it abstains (``when().then()`` without ``otherwise`` is null). Votes are combined twice:

1. per event, the grade with the greatest total weight of votes wins (a tie goes to the lower
   grade), and the winner's share of that weight becomes the event's weight;
2. per (user, item), the event with the highest grade stands for the pair.

A function that must overrule the others (a return after a purchase) looks across the pair's
events with ``.over("user_id", "item_id")`` and carries a larger weight.

Terms (coverage, overlap, conflict) follow Ratner et al., "Snorkel: Rapid Training Data
Creation with Weak Supervision", VLDB 2017. The module does not know models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import polars as pl

from corank.data.schema import MAX_GRADE
from corank.errors import DeclarationError

CHOSEN = "_chosen"
"""Whether what an event shows was chosen."""
_VOTE = "__vote"


@dataclass(frozen=True, eq=False)
class LabelingFunction:
    """A named vote on an event's relevance. Made by `labeling_function`."""

    name: str
    expression: pl.Expr
    weight: float
    doc: str


Declare = Callable[[Callable[[], pl.Expr]], LabelingFunction]


@overload
def labeling_function(function: Callable[[], pl.Expr], /) -> LabelingFunction: ...
@overload
def labeling_function(*, weight: float = 1.0) -> Declare: ...
def labeling_function(
    function: Callable[[], pl.Expr] | None = None, /, *, weight: float = 1.0
) -> LabelingFunction | Declare:
    """Declare a labelling function, with or without a weight for its vote.

    Raises:
        DeclarationError: the function returns no Polars expression, or the weight is not
            positive.
    """

    def declare(function: Callable[[], pl.Expr]) -> LabelingFunction:
        name = function.__name__
        if weight <= 0:
            raise DeclarationError(
                f"Labelling function {name!r}: weight must be above 0, not {weight}."
            )
        expression = function()
        if not isinstance(expression, pl.Expr):
            raise DeclarationError(
                f"Labelling function {name!r} returned {type(expression).__name__}; "
                "it must return a polars expression, such as "
                "pl.when(pl.col('event') == 'purchase').then(3)."
            )
        return LabelingFunction(name, expression, weight, (function.__doc__ or "").strip())

    return declare if function is None else declare(function)


def vote(functions: Sequence[LabelingFunction], interactions: pl.DataFrame) -> pl.DataFrame:
    """Return one Int8 column per function, one row per event; null where it abstains.

    Raises:
        DeclarationError: a function names a missing column, votes something else than 0..3, or
            shares its name with another.
    """
    votes: dict[str, pl.Series] = {}
    for function in functions:
        if function.name in votes:
            raise DeclarationError(f"Two labelling functions are called {function.name!r}.")
        votes[function.name] = _vote(function, interactions)
    return pl.DataFrame(votes)


def _vote(function: LabelingFunction, interactions: pl.DataFrame) -> pl.Series:
    try:
        grades = interactions.with_columns(function.expression.alias(_VOTE)).get_column(_VOTE)
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(f"Labelling function {function.name!r} failed: {error}") from error
    known = grades.drop_nulls()
    wrong = known.filter(~known.is_between(0, MAX_GRADE)) if grades.dtype.is_integer() else known
    if len(wrong):
        raise DeclarationError(
            f"Labelling function {function.name!r} voted {wrong[0]!r}; grades are whole numbers "
            f"from 0 to {MAX_GRADE}, and null abstains, as in "
            "pl.when(pl.col('event') == 'purchase').then(3)."
        )
    return grades.cast(pl.Int8)


def exposed(exposure: pl.Expr | None, interactions: pl.DataFrame) -> pl.Series:
    """Return whether what each event shows was chosen, (n,); null where it shows nothing.

    Raises:
        DeclarationError: the expression names a missing column, or is not true, false or null.
    """
    if exposure is None:
        return pl.Series(CHOSEN, [None] * interactions.height, pl.Boolean)
    try:
        chosen = interactions.with_columns(exposure.alias(CHOSEN)).get_column(CHOSEN)
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(f"The exposure {exposure} failed: {error}") from error
    if chosen.dtype not in (pl.Boolean, pl.Null):
        raise DeclarationError(
            f"The exposure {exposure} holds {chosen.dtype}; it must be true or false, and null "
            "where an event shows nothing."
        )
    return chosen.cast(pl.Boolean)


def _weights(functions: Sequence[LabelingFunction], votes: pl.DataFrame) -> pl.DataFrame:
    """The weight of the votes for each grade, one column a grade, (n, 4)."""
    return votes.select(
        pl.sum_horizontal(
            pl.when(pl.col(f.name) == grade).then(f.weight).otherwise(0.0) for f in functions
        ).alias(f"_{grade}")
        for grade in range(MAX_GRADE + 1)
    )


def combine(
    functions: Sequence[LabelingFunction],
    interactions: pl.DataFrame,
    also: pl.DataFrame | None = None,
    by_hand: pl.Series | None = None,
) -> pl.DataFrame:
    """Return one row per (user, item) that any function voted on.

    A grade given ``by_hand`` (a row per event, null where nobody looked) overrules all votes.

    Columns: user_id, item_id, timestamp (of the first event with the winning grade),
    grade (Int8, 0..3), weight (Float32, 0..1]: the share of votes that agreed; and those of
    ``also`` (a row per event), as they were then.
    Sorted by user_id, timestamp; events at one time keep their order in the log.
    """
    votes = vote(functions, interactions)
    totals = _weights(functions, votes)
    if by_hand is not None:
        totals = totals.with_columns(
            pl.when(by_hand == grade).then(1.0).when(by_hand.is_null()).then(name).otherwise(0.0)
            .alias(name)
            for grade, name in enumerate(totals.columns)
        )  # fmt: skip
    columns = [pl.col(name) for name in totals.columns]
    graded = totals.select(
        grade=pl.concat_list(columns).list.arg_max().cast(pl.Int8),
        weight=(pl.max_horizontal(columns) / pl.sum_horizontal(columns)).cast(pl.Float32),
        voted=pl.sum_horizontal(columns) > 0,
    )
    also = pl.DataFrame() if also is None else also
    return (
        interactions.select("user_id", "item_id", "timestamp")
        .hstack(graded)
        .hstack(also)
        .with_row_index("order")
        .filter("voted")
        .sort(pl.col("grade").neg(), "timestamp", "order")
        .unique(["user_id", "item_id"], keep="first", maintain_order=True)
        .sort("user_id", "timestamp", "order")
        .select("user_id", "item_id", "timestamp", "grade", "weight", *also.columns)
    )


def disputed(
    functions: Sequence[LabelingFunction], interactions: pl.DataFrame, n: int, seed: int = 0
) -> pl.DataFrame:
    """Return the events that functions disagree about most, one of a pair, (n,) or fewer.

    Columns: user_id, item_id, event, timestamp, grade (that wins), agreed (its share of the
    weight), and one per function with its vote; each pattern of votes comes once before any
    comes again, those with the smallest share first, equal ones in random order.
    """
    votes = vote(functions, interactions)
    graded = _weights(functions, votes)
    columns = [pl.col(name) for name in graded.columns]
    return (
        interactions.select("user_id", "item_id", pl.col("event").cast(pl.String), "timestamp")
        .hstack(
            graded.select(
                grade=pl.concat_list(columns).list.arg_max().cast(pl.Int8),
                agreed=pl.max_horizontal(columns) / pl.sum_horizontal(columns),
            )
        )
        .hstack(votes)
        .filter(pl.col("agreed") < 1)
        .sample(fraction=1.0, shuffle=True, seed=seed)
        .sort("agreed", maintain_order=True)
        .unique(["user_id", "item_id"], keep="first", maintain_order=True)
        .sort(pl.int_range(pl.len()).over([f.name for f in functions]), maintain_order=True)
        .head(n)
    )


def label_table(
    functions: Sequence[LabelingFunction],
    interactions: pl.DataFrame,
    truth: pl.Series | None = None,
) -> pl.DataFrame:
    """Say how the functions behave on these events, one row per function.

    Columns: function, votes (the grades it gave), coverage (share of events it voted on),
    overlaps (share on which another voted too), conflicts (share on which another gave a
    different grade), and accuracy against ``truth`` (n grades, null where unknown) over the
    events it voted on; null without truth.
    """
    votes = vote(functions, interactions).with_columns(
        _truth=pl.lit(None, pl.Int8) if truth is None else truth.cast(pl.Int8)
    )
    rows = []
    for function in functions:
        mine = pl.col(function.name)
        others = [pl.col(f.name) for f in functions if f.name != function.name] or [pl.lit(None)]
        voted = mine.is_not_null()
        another = pl.any_horizontal([other.is_not_null() for other in others])
        different = pl.any_horizontal([(other != mine).fill_null(False) for other in others])
        rows.append(
            votes.select(
                function=pl.lit(function.name),
                votes=mine.drop_nulls().unique().sort().cast(pl.String).implode().list.join(", "),
                coverage=voted.mean(),
                overlaps=(voted & another).mean(),
                conflicts=(voted & different).mean(),
                accuracy=(mine == pl.col("_truth")).mean(),
            )
        )
    return pl.concat(rows)
