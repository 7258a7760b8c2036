"""Columns as files hold them, cast to the types a schema wants; what cannot be cast is null.

Nothing is rounded or cut to fit: 3.7 is not a whole number, 2 is neither true nor false, and a
list is not text. The module knows one column, not rules.
"""

import dataframely as dy
import polars as pl

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TIMES = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y%m%dT%H%M%S%#z", "%Y%m%dT%H%M%#z")
DAYS = (19_000_101, 21_001_231)
"""Numbers from and to which eight digits are a date."""
_OFFSET = r"T.*(Z|[+-]\d\d(:?\d\d)?)$"
_COLUMN = "column"


def cast(given: pl.Series, wanted: pl.DataType) -> pl.Series:
    """Return ``given`` as ``wanted``, null where a value is not one of that type.

    Text is read generously: white space around it does not count, whole numbers may end in
    ``.0``, true and false may be yes and no or 1 and 0. Times are ISO 8601, converted to UTC
    when they hold an offset, or Unix seconds, milliseconds, microseconds or nanoseconds. Eight
    digits are a date (20260131), as Unix seconds they would lie in August 1970.
    """
    if given.dtype == wanted:
        return given
    if given.dtype in (pl.Categorical, pl.Enum):
        given = given.cast(pl.String)
    if _convertible(given.dtype, wanted):
        column = given.alias(_COLUMN).to_frame()
        return column.select(_expression(given.dtype, wanted)).to_series()
    return pl.Series(_COLUMN, [None], wanted).new_from_index(0, len(given))


def blank(given: pl.Series, wanted: pl.DataType) -> pl.Series:
    """Where ``given`` holds nothing: null, or white space where no text is wanted."""
    if given.dtype != pl.String or wanted == pl.String:
        return given.is_null()
    return given.is_null() | (given.str.strip_chars() == "")


def expected(column: dy.Column) -> str:
    """Name what a column holds as a person would."""
    if isinstance(column, dy.Enum):
        return "one of " + ", ".join(column.categories)
    words = {
        dy.String: "text",
        dy.Bool: "true or false",
        dy.Datetime: "a time such as 2026-01-31T12:00:00",
        dy.Date: "a date such as 2026-01-31",
    }
    for kind, word in words.items():
        if isinstance(column, kind):
            return word
    if column.dtype.is_numeric():
        return "a whole number" if column.dtype.is_integer() else "a number"
    return f"a value of type {column.dtype}"


def _convertible(given: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a value of one type can be one of the other."""
    if given == pl.Null or given.is_nested() or wanted.is_nested():
        return given == pl.Null or given.base_type() == wanted.base_type()
    if given == pl.String or given.is_numeric():
        return given == pl.String or not wanted.is_temporal() or wanted == pl.Datetime
    if given.is_temporal() and wanted.is_temporal():
        return given in (pl.Date, pl.Datetime)
    return wanted == pl.String and given != pl.Binary


def _expression(given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    column = pl.col(_COLUMN)
    if given == pl.String:
        column = column.str.strip_chars()
    if given == pl.Null or wanted.is_nested():
        return column.cast(wanted, strict=False)
    if wanted == pl.Boolean:
        return _boolean(column, given)
    if wanted.is_integer():
        number = column.cast(pl.Float64, strict=False)
        whole = pl.when(number == number.round()).then(number).cast(wanted, strict=False)
        return whole if given.is_float() else pl.coalesce(column.cast(wanted, strict=False), whole)
    if wanted == pl.Datetime:
        return _datetime(column, given).cast(wanted)
    if wanted == pl.Date and given == pl.String:
        return column.str.to_date("%Y-%m-%d", strict=False)
    if wanted == pl.Enum:
        column = column.cast(pl.String)
    return column.cast(wanted, strict=False)


def _boolean(column: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given.is_numeric():
        return pl.when((column == 0) | (column == 1)).then(column == 1)
    return column.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)


def _datetime(column: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Read as UTC without a time zone, in microseconds."""
    if given.is_float():
        return _epoch(column)
    if given.is_numeric():
        return _epoch(column.cast(pl.Int64, strict=False))
    if given != pl.String:
        zone = getattr(given, "time_zone", None)
        return (
            column.cast(pl.Datetime("us", zone))
            .dt.convert_time_zone("UTC")
            .dt.replace_time_zone(None)
        )
    iso = (
        column.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00")
        .str.replace(r"^(\S+)\s+", "${1}T")
        .str.replace(r"\s+", "")
    )
    zoned = pl.when(iso.str.contains(_OFFSET)).then(iso).otherwise(iso + "Z")
    times = [zoned.str.to_datetime(form, time_unit="us", strict=False) for form in _TIMES]
    numbers = [column.cast(kind, strict=False) for kind in (pl.Int64, pl.Float64)]
    return pl.coalesce(
        *(time.dt.replace_time_zone(None) for time in times),
        *(_epoch(number) for number in numbers),
    )


def _epoch(number: pl.Expr) -> pl.Expr:
    """Unix time to Datetime; its size tells the unit: 1e11 seconds is the year 5138."""
    size = number.abs()
    digits = number.cast(pl.Int64, strict=False).cast(pl.String)
    day = digits.str.to_date("%Y%m%d", strict=False).cast(pl.Datetime("us"))
    microseconds = (
        pl.when(size < 10**11)
        .then(number * 10**6)
        .when(size < 10**14)
        .then(number * 10**3)
        .when(size < 10**17)
        .then(number)
        .otherwise(number // 10**3)
    )
    seconds = microseconds.cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    return pl.when(number.is_between(*DAYS)).then(day).otherwise(seconds)
