"""Who asks, and when: time of day, device, price band, the running session, stated interests.

The one place for context. A domain declares questions about an event, each answered by a
category:

    Context("daypart", pl.col("timestamp").dt.hour() // 6)
    Context("device", pl.col("device"))
    Context("price_band", pl.col("price_band"))     # a column of the users

An expression reads the columns of the interactions (times are UTC) and of the users, and is null
where it does not know: as in labelling functions, ``when().then()`` without ``otherwise``. What a
training event answers teaches `corank.rank.lift` which items are chosen when; what a request
answers is looked up there. The session needs no declaration: it is how many of the newest items of
a history followed one another, and the request, within half an hour. Nor do the interests: the text
that a vertical's ``user_text`` renders of the user is read as the oldest item of the history.

Rules may ask for columns of the interactions and users too, as they are: see `asker`. Knows tables;
knows no models.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from corank.data.validate import check
from corank.errors import DeclarationError, RequestError, nearest

SESSION = "session"
STATED = "stated"
SESSION_GAP = dt.timedelta(minutes=30)
"""A longer silence ends a session."""
PREFIX = "context:"
"""Of a context's column in a table of moments."""
ASKER = "asker:"
"""Of a column that rules ask for, in a table of moments."""

Moments = pl.DataFrame
"""One row per case: ``session`` (Int32, how many of the history's newest items belong to the
running session), ``stated`` (String, the interests that the user has stated, or nothing), a
String column ``context:<name>`` for each context, and a column ``asker:<name>`` for each that rules
ask for; both are null where unknown."""


def asker(column: str) -> pl.Expr:
    """Return a column of whoever asks, for the condition of a rule.

    It is a column of the vertical's users or interactions, and null where a request does not say:

        Require("suitable", pl.col("risk_class") <= asker("risk_tolerance"))

    Such a condition is asked of some items at a time, so a mean over a column would be of those.
    """
    return pl.col(ASKER + column)


@dataclass(frozen=True, eq=False)
class Context:
    """A question about the moment of an event.

    Args:
        name: what explanations call it.
        category: over the columns of an interaction and of its user; null where it is not known.

    Raises:
        DeclarationError: the name is no identifier, or is taken.
    """

    name: str
    category: pl.Expr

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name in (SESSION, STATED):
            raise DeclarationError(
                f"A context cannot be called {self.name!r}. Give it a short name of letters, "
                "digits and underscores, such as 'daypart'; 'session' and 'stated' are taken."
            )

    @property
    def column(self) -> str:
        """Its column in a table of moments."""
        return PREFIX + self.name


_hour = pl.col("timestamp").dt.hour()
DAYPART = Context(
    "daypart",
    pl.when(_hour < 6)
    .then(pl.lit("night"))
    .when(_hour < 12)
    .then(pl.lit("morning"))
    .when(_hour < 18)
    .then(pl.lit("afternoon"))
    .when(_hour < 24)  # not otherwise: an unknown hour is no evening
    .then(pl.lit("evening")),
)
WEEKEND = Context("weekend", pl.col("timestamp").dt.weekday() > 5)
DEVICE = Context("device", pl.col("device"))
"""What most domains ask; ``device`` is a column of their interactions."""


def nothing_known(n: int) -> Moments:
    """Return the moments of ``n`` cases of which nothing is known."""
    nothing = {SESSION: pl.lit(0, pl.Int32), STATED: pl.lit("")}
    return pl.select(pl.repeat(value, n).alias(name) for name, value in nothing.items())


def circumstances(
    contexts: Sequence[Context],
    events: pl.DataFrame,
    users: pl.DataFrame,
    asked: Sequence[str] = (),
) -> pl.DataFrame:
    """Answer every context for every event, and what rules ask: the columns of `Moments`.

    Raises:
        DeclarationError: an expression names a column that neither table has, or fails.
    """
    joined = _with_users(events, users) if contexts or asked else events
    known = [joined[name].alias(ASKER + name) for name in asked]
    return pl.DataFrame([*_categories(contexts, joined), *known])


def moment(
    contexts: Sequence[Context],
    columns: Mapping[str, dy.Column],
    given: Mapping[str, Any],
    session: int,
    stated: str,
    asked: Sequence[str] = (),
) -> Moments:
    """Return the moment of one request.

    Args:
        contexts: what the domain asks.
        columns: of interactions and users.
        given: what is known of some of them; a string is read as the column's type, and a time
            that names its zone becomes UTC.
        session: how many of the history's newest items belong to the running session.
        stated: interests, in words.
        asked: columns that rules ask for.

    Raises:
        RequestError: a column is unknown, or a value cannot be read or is not allowed in it.
    """
    for name in given:
        if name not in columns:
            raise RequestError(
                f"The moment names {name!r}, which is no column of the interactions or users "
                f"({', '.join(columns)})." + nearest(str(name), columns)
            )
    about = [pl.Series(SESSION, [session], pl.Int32), pl.Series(STATED, [stated], pl.String)]
    if not given:
        return pl.DataFrame(about)
    wanted = {name for context in contexts for name in context.category.meta.root_names()}
    row = pl.DataFrame(
        [
            _value(name, given.get(name), column)
            for name, column in columns.items()
            if name in given or name in wanted or name in asked
        ]
    )
    known = [row[name].alias(ASKER + name) for name in asked]
    return pl.DataFrame([*about, *_categories(contexts, row), *known])


def in_session(positives: pl.DataFrame) -> pl.DataFrame:
    """Number the events of each session from 1: user_id, timestamp -> one Int32 column.

    Args:
        positives: by user and time.
    """
    pause = pl.col("timestamp").diff().over("user_id")
    begins = (pause.is_null() | (pause > SESSION_GAP)).cast(pl.Int32)
    numbered = positives.with_columns(_begun=begins.cum_sum().over("user_id"))
    return numbered.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user_id", "_begun").alias(SESSION)
    )


def _with_users(events: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    new = [name for name in users.columns if name not in events.columns]
    return events.join(
        users.select("user_id", *new), on="user_id", how="left", maintain_order="left"
    )


def _categories(contexts: Sequence[Context], rows: pl.DataFrame) -> list[pl.Series]:
    """Answer every context, in one go if nothing is wrong with any."""
    try:
        every = [each.category.cast(pl.String).alias(each.column) for each in contexts]
        found = rows.with_columns(every)
        return [found.get_column(each.column) for each in contexts]
    except pl.exceptions.PolarsError:
        return [_category(context, rows) for context in contexts]


def _category(context: Context, rows: pl.DataFrame) -> pl.Series:
    try:
        found = rows.with_columns(context.category.alias(context.column)).get_column(context.column)
        return found.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(f"Context {context.name!r} cannot be read: {error}") from error


def _value(name: str, value: Any, column: dy.Column) -> pl.Series:
    """One value as its column holds it; a rule that asks for it must be able to trust it."""
    dtype = column.dtype
    try:
        if isinstance(value, Mapping):
            raise TypeError  # polars casts one to nearly anything
        if dtype.is_integer() and (
            isinstance(value, bool) or (isinstance(value, float) and not value.is_integer())
        ):
            raise TypeError  # polars would cut it
        if isinstance(value, str) and isinstance(dtype, pl.Datetime):
            value = pl.Series([value]).str.to_datetime(time_unit=dtype.time_unit).item()
        known = {"true": True, "false": False}.get(str(value).lower(), value)
        found = pl.Series(name, [known if dtype == pl.Boolean else value]).cast(dtype)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise RequestError(
            f"The moment's {name}={value!r} cannot be read as {dtype}, which the column holds."
        ) from error
    if value is not None and (rules := column.validation_rules(pl.col(name))):
        held = found.to_frame().select(**rules).row(0, named=True)
        if broken := [rule for rule, holds in held.items() if not holds]:
            about = f" The column holds: {column.description}." if column.description else ""
            raise RequestError(f"The moment's {name}={value!r} {check(broken[0])}.{about}")
    return found
