"""Which rows of a table can be used, and every reason why the others cannot.

A *value* that cannot be used rejects its row; a *column* without a single usable value is an
error, because then it is the file that is wrong. Rows are known by their number in the file.
The module knows tables, not files.
"""

import datetime as dt
import types
from collections.abc import Mapping
from typing import cast

import dataframely as dy
import polars as pl

from corank.data.cast import blank, expected
from corank.data.cast import cast as cast_column
from corank.data.schema import TableName
from corank.errors import SchemaError

ROW, REASON = "_row_in_file", "_reason"

_CHECKS = {
    "nullability": "is missing",
    "min": "is too small",
    "max": "is too large",
    "min_exclusive": "is too small",
    "max_exclusive": "is too large",
    "min_length": "is empty",
    "max_length": "is too long",
    "nan": "is not a number (NaN)",
    "inf": "is infinite",
    "regex": "is malformed",
}


def validate(
    raw: pl.DataFrame, schema: type[dy.Schema], file: str, *, repaired: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (rows that obey the schema, typed as it says; row and reason of the others).

    Args:
        raw: the schema's columns as the file holds them, and the row number.
        schema: what each row must be. Of rows with one primary key, the first sound one is kept.
        file: its name, for messages.
        repaired: the file was not UTF-8, and U+FFFD stands where it was not.

    Raises:
        SchemaError: a column has more than one value, and none of them is of its type.
    """
    typed = raw.select(
        ROW, *(cast_column(raw[n], c.dtype).alias(n) for n, c in schema.columns().items())
    )
    miscast = _miscast(raw, typed, schema, file)
    reasons = list(miscast.values())
    if repaired:
        texts = [name for name in schema.column_names() if raw.schema[name] == pl.String]
        reasons += [_reason(raw, raw[n].str.contains("\ufffd"), f"{n}: not UTF-8") for n in texts]

    numbered = types.new_class(
        schema.__name__,
        (schema,),
        exec_body=lambda body: body.update({ROW: dy.UInt32(nullable=True)}),
    )
    broken = cast(type[dy.Schema], numbered).filter(typed).failure.details()
    for rule in broken.columns:
        column, _, failed = rule.partition("|")
        if rule not in typed.columns and rule != "primary_key":
            rows = _reason(broken, broken[rule] == "invalid", _say(rule))
            if failed == "nullability":  # a value that was given and could not be cast
                rows = rows.join(miscast[column], on=ROW, how="anti")
            reasons.append(rows)

    if key := schema.primary_key():
        sound = _without(typed, reasons)
        again = sound.select(~pl.struct(key).is_first_distinct()).to_series()
        reasons.append(_reason(sound, again, f"{', '.join(key)}: given before"))
    return _without(typed, reasons), per_row(reasons)


def relate(
    name: TableName, rows: pl.DataFrame, tables: Mapping[TableName, pl.DataFrame], now: dt.datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (rows that fit the other tables and the clock; row and reason of the others)."""
    reasons = [_unknown(rows, tables, "item_id", "items")]
    if name in ("interactions", "labels") and "users" in tables:
        reasons.append(_unknown(rows, tables, "user_id", "users"))
    if name == "interactions":
        late = rows["timestamp"] > now
        reasons.append(_reason(rows, late, f"timestamp: later than now, {now:%Y-%m-%d %H:%M}"))
    return _without(rows, reasons), per_row(reasons)


def per_row(reasons: list[pl.DataFrame]) -> pl.DataFrame:
    """Return one line per rejected row, all its reasons joined."""
    return (
        pl.concat([pl.DataFrame(schema={ROW: pl.UInt32, REASON: pl.String}), *reasons])
        .group_by(ROW, maintain_order=True)
        .agg(pl.col(REASON).str.join("; "))
        .sort(ROW)
    )


def _miscast(
    raw: pl.DataFrame, typed: pl.DataFrame, schema: type[dy.Schema], file: str
) -> dict[str, pl.DataFrame]:
    """Find the values that are given but are not of their column's type, by column."""
    reasons = {}
    for name, column in schema.columns().items():
        given = ~blank(raw[name], column.dtype)
        lost = given & typed[name].is_null()
        if lost.sum() > 1 and lost.sum() == given.sum():
            raise SchemaError(
                f"{file}: no value of column {name!r} is {expected(column)}; the first is "
                f"{raw[name].filter(lost)[0]!r}. Mend the column, or map the right one: "
                f"--column theirs={name}, or columns={{'theirs': {name!r}}}."
            )
        reasons[name] = _reason(raw, lost, f"{name}: not {expected(column)}")
    return reasons


def _unknown(
    rows: pl.DataFrame, tables: Mapping[TableName, pl.DataFrame], column: str, table: TableName
) -> pl.DataFrame:
    strange = ~rows[column].is_in(tables[table][column].implode())
    return _reason(rows, strange, f"{column}: not among the {table}")


def _reason(frame: pl.DataFrame, mask: pl.Series, why: str) -> pl.DataFrame:
    return frame.filter(mask).select(ROW, pl.lit(why).alias(REASON))


def _without(rows: pl.DataFrame, reasons: list[pl.DataFrame]) -> pl.DataFrame:
    return rows.join(per_row(reasons), on=ROW, how="anti", maintain_order="left")


def _say(rule: str) -> str:
    """Turn a dataframely rule's name, such as ``price|min``, into a reason."""
    column, _, name = rule.partition("|")
    if not name:
        return f"breaks the rule {rule.replace('_', ' ')!r}"
    return f"{column}: {check(name)}"


def broken(schema: type[dy.Schema], rows: pl.DataFrame) -> str:
    """Say which rules of a schema how many of these rows break; nothing where all obey."""
    counts = schema.filter(rows).failure.counts()
    return ", ".join(f"{rule} ({n:,} of {rows.height:,})" for rule, n in counts.items())


def check(name: str) -> str:
    """Say what a value does that fails dataframely's check of this name, such as ``min``."""
    return _CHECKS.get(name, f"breaks the check {name!r}")
