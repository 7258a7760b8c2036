"""Files to tables: find, read lazily, cast, validate, and quarantine what breaks a rule.

A row that cannot be used is never dropped silently: it goes to ``rejects.parquet`` with its
file, its row number and every reason, and for each table rows in = rows kept + rows rejected.
A *column* that cannot be used (missing, misspelled, of the wrong type throughout) is an error.
The module does not know verticals: it is handed the schemas.
"""

import codecs
import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import dataframely as dy
import polars as pl

from corank.data.files import atomic
from corank.data.schema import TableName
from corank.data.text import MAX_CHARS
from corank.errors import DataError, SchemaError, nearest

FORMATS = ("parquet", "csv", "jsonl")
REQUIRED: tuple[TableName, ...] = ("items", "interactions")
_ROW, _REASON = "row", "reason"


@dataclass
class TableIntake:
    """What happened to one file: rows in = kept + rejected."""

    file: str
    rows: int
    kept: int
    reasons: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """Rows that were quarantined."""
        return self.rows - self.kept


@dataclass
class Intake:
    """What happened to every file of a folder. ``str()`` is the table that users see."""

    tables: dict[TableName, TableIntake] = field(default_factory=dict)
    rejects: Path | None = None

    def __str__(self) -> str:
        lines = []
        for table in self.tables.values():
            lines.append(
                f"{table.file}: {table.rows:,} rows in = {table.kept:,} kept "
                f"+ {table.rejected:,} rejected"
            )
            lines += [f"    {count:,} x {reason}" for reason, count in table.reasons.items()]
            lines += [f"    note: {note}" for note in table.notes]
        if self.rejects:
            lines.append(f"rejected rows and their reasons: {self.rejects}")
        return "\n".join(lines)


def read_tables(
    folder: Path,
    schemas: Mapping[TableName, type[dy.Schema]],
    *,
    columns: Mapping[str, str],
    rejects: Path | None,
    now: dt.datetime,
) -> tuple[dict[TableName, pl.DataFrame], Intake]:
    """Read and validate every table found in ``folder``.

    Args:
        folder: holds ``items.*`` and ``interactions.*``, and may hold ``users.*`` and
            ``queries.*``; each as parquet, csv or jsonl.
        schemas: the schema of each table.
        columns: the file's column name -> the schema's, applied to every table.
        rejects: where to write the quarantined rows; ``folder/rejects.parquet`` by default.
        now: events later than this are from the future, and rejected.

    Raises:
        DataError: a required file is missing, empty or unreadable, or nothing of it is usable.
        SchemaError: a column is missing, misspelled, or of the wrong type throughout.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Expected a folder with items.* and interactions.*.")
    intake, tables, rejected = Intake(), {}, []
    for name, schema in schemas.items():
        path = _find(folder, name)
        if path is None:
            continue
        raw, notes = _load(path, schema, columns)
        kept, bad = _validate(raw, schema, path.name)
        if name in ("interactions", "queries"):
            kept, bad = _relate(name, kept, bad, tables, now)
        intake.tables[name] = _count(path.name, raw, kept, bad, notes)
        rejected.append(_as_rejects(path.name, raw, bad))
        if kept.is_empty():
            raise DataError(
                f"No row of {path} is usable: {intake.tables[name].reasons}. "
                "Mend the file, or map its columns with columns={'theirs': 'ours'}."
            )
        tables[name] = kept.drop(_ROW)
    _write_rejects(pl.concat(rejected), rejects or folder / "rejects.parquet", intake)
    return tables, intake


def _find(folder: Path, name: TableName) -> Path | None:
    found = [path for f in FORMATS if (path := folder / f"{name}.{f}").is_file()]
    if len(found) > 1:
        raise DataError(
            f"{folder} holds {' and '.join(p.name for p in found)}. Keep one file per table."
        )
    if not found and name in REQUIRED:
        here = sorted(p.name for p in folder.iterdir())[:8]
        raise DataError(
            f"{folder} holds no {name} file. Expected {name}.parquet, .csv or .jsonl; "
            f"found {', '.join(here) or 'nothing'}." + nearest(f"{name}.csv", here)
        )
    return found[0] if found else None


def _load(
    path: Path, schema: type[dy.Schema], columns: Mapping[str, str]
) -> tuple[pl.DataFrame, list[str]]:
    """Scan, rename, keep the schema's columns; add the row number in the file."""
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty. Expected rows with {', '.join(schema.column_names())}.")
    with _utf8(path) as readable:
        try:
            frame = _scan(readable, path.suffix).with_row_index(_ROW, offset=1)
            theirs = frame.collect_schema().names()
            frame = frame.rename({a: b for a, b in columns.items() if a in theirs})
            found = frame.collect_schema().names()
            notes = _check_columns(path, schema, found)
            wanted = [c for c in schema.column_names() if c in found]
            raw = frame.select(_ROW, *wanted).collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error
    if raw.is_empty():
        raise DataError(f"{path} holds a header and no row.")
    missing = [
        pl.lit(None, dtype=c.dtype).alias(n) for n, c in schema.columns().items() if n not in found
    ]
    return raw.with_columns(missing), notes


def _scan(path: Path, suffix: str) -> pl.LazyFrame:
    if suffix == ".parquet":
        return pl.scan_parquet(path)
    if suffix == ".csv":
        return pl.scan_csv(path, infer_schema=False)
    return pl.scan_ndjson(path, infer_schema_length=None)


@contextmanager
def _utf8(path: Path) -> Iterator[Path]:
    """Yield a file that is valid UTF-8: ``path``, or a copy where each bad byte became U+FFFD."""
    if path.suffix == ".parquet" or _is_utf8(path):
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with path.open(encoding="utf-8", errors="replace", newline="") as source:
            with copy.open("w", encoding="utf-8", newline="") as target:
                while block := source.read(1 << 20):
                    target.write(block)
        yield copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _check_columns(path: Path, schema: type[dy.Schema], found: list[str]) -> list[str]:
    known = schema.columns()
    unknown = [c for c in found if c not in known and c != _ROW]
    for name, column in known.items():
        if name in found:
            continue
        hint = nearest(name, unknown)
        if hint or not column.nullable:
            raise SchemaError(
                f"{path} has no column {name!r} (it has {', '.join(found[1:])})."
                + (f"{hint} Map it with columns={{'theirs': {name!r}}}." if hint else "")
            )
    notes = [f"column {name!r} is absent; read as null" for name in known if name not in found]
    return notes + [f"column {name!r} is not part of the schema; ignored" for name in unknown]


def _validate(
    raw: pl.DataFrame, schema: type[dy.Schema], file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split into (kept, typed as the schema) and (row number, reason) of the rest."""
    names = schema.column_names()
    typed = raw.with_columns(_cast(n, raw.schema[n], c.dtype) for n, c in schema.columns().items())
    failed = {
        name: raw[name].is_not_null() & typed[name].is_null() for name in names
    }
    reasons = []
    for name, mask in failed.items():
        if not mask.any():
            continue
        what = f"{name}: not {_expected(schema.columns()[name])}"
        if mask.sum() == raw[name].is_not_null().sum() and raw.height > 1:
            example = raw[name].filter(mask)[0]
            raise SchemaError(f"{file}: no value of column {what}; the first is {example!r}.")
        reasons.append(_reason(raw, mask, what))
    reasons += [
        _reason(raw, raw[n].cast(pl.String).str.contains("\ufffd").fill_null(False), f"{n}: not UTF-8")
        for n in names
        if raw.schema[n] == pl.String
    ]
    key = schema.primary_key()
    if key:
        again = typed.select(pl.struct(key).is_first_distinct().not_()).to_series()
        reasons.append(_reason(raw, again, f"{', '.join(key)}: given before"))
        typed = typed.filter(~again)
    unusable = pl.concat([reason.get_column(_ROW) for reason in reasons])
    numbered = type(schema.__name__, (schema,), {_ROW: dy.UInt32()})
    kept, failure = numbered.filter(typed.filter(~pl.col(_ROW).is_in(unusable.implode())))
    broken = failure.details()
    reasons += [
        _reason(broken, broken[rule] == "invalid", _say(rule)) for rule in failure.counts()
    ]
    return pl.DataFrame(kept), _per_row(reasons)


def _relate(
    name: TableName,
    kept: pl.DataFrame,
    bad: pl.DataFrame,
    tables: Mapping[TableName, pl.DataFrame],
    now: dt.datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reject rows that name an unknown item or user, or come from the future."""
    items = tables["items"]["item_id"]
    reasons = [_reason(kept, ~kept["item_id"].is_in(items.implode()), "item_id: not among the items")]
    if name == "interactions":
        if "users" in tables:
            users = tables["users"]["user_id"]
            unknown = ~kept["user_id"].is_in(users.implode())
            reasons.append(_reason(kept, unknown, "user_id: not among the users"))
        late = kept["timestamp"] > now
        reasons.append(_reason(kept, late, f"timestamp: later than now, {now:%Y-%m-%d %H:%M}"))
    worse = _per_row(reasons)
    return kept.join(worse, on=_ROW, how="anti", maintain_order="left"), pl.concat([bad, worse])


def _cast(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Cast one column; what cannot be cast becomes null."""
    column = pl.col(name)
    if given == wanted or given == pl.Null:
        return column.cast(wanted)
    if given == pl.String:
        column = column.str.strip_chars()
        if wanted == pl.Boolean:
            words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
            return column.str.to_lowercase().replace_strict(
                words, default=None, return_dtype=pl.Boolean
            )
        if wanted == pl.Datetime:
            iso = column.str.strip_suffix("Z").str.replace(" ", "T", literal=True)
            dated = iso + pl.when(iso.str.contains("T")).then(pl.lit("")).otherwise(pl.lit("T00:00:00"))
            return pl.coalesce(
                dated.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False),
                dated.str.to_datetime("%Y-%m-%dT%H:%M", strict=False),
                _epoch(column.cast(pl.Int64, strict=False)),
            ).alias(name)
        if wanted == pl.Date:
            return column.str.to_date("%Y-%m-%d", strict=False)
        if wanted.is_integer():
            return column.cast(pl.Float64, strict=False).cast(wanted, strict=False)
    if wanted == pl.Datetime and given.is_numeric():
        return _epoch(column.cast(pl.Int64, strict=False)).alias(name)
    if isinstance(given, pl.Datetime) and given.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(wanted, strict=False)


def _epoch(number: pl.Expr) -> pl.Expr:
    """Unix time to Datetime: from 1e11 on it can only be milliseconds (1e11 s is year 5138)."""
    milliseconds = pl.when(number.abs() < 10**11).then(number * 1000).otherwise(number)
    return pl.from_epoch(milliseconds, time_unit="ms").cast(pl.Datetime("us"))


def _expected(column: dy.Column) -> str:
    """Name a column's type as a person would."""
    if isinstance(column, dy.Enum):
        return "one of " + ", ".join(column.categories)
    words = {dy.Bool: "true or false", dy.Datetime: "a time such as 2026-01-31T12:00:00", dy.Date: "a date such as 2026-01-31", dy.String: "text"}
    for kind, word in words.items():
        if isinstance(column, kind):
            return word
    return "a whole number" if column.dtype.is_integer() else "a number"


def _say(rule: str) -> str:
    """Turn a dataframely rule's name (``price|min``) into a reason."""
    column, _, check = rule.partition("|")
    words = {"nullability": "is missing", "min": "is too small", "max": "is too large", "min_length": "is empty", "max_length": "is too long", "nan": "is not a number (NaN)", "inf": "is infinite", "check": "is not allowed", "regex": "is malformed"}
    return f"{column}: {words.get(check, check)}" if check else rule.replace("_", " ")


def _reason(frame: pl.DataFrame, mask: pl.Series, why: str) -> pl.DataFrame:
    return frame.filter(mask.fill_null(False)).select(_ROW, pl.lit(why).alias(_REASON))


def _per_row(reasons: list[pl.DataFrame]) -> pl.DataFrame:
    """One line per rejected row, all its reasons joined."""
    return (
        pl.concat(reasons)
        .group_by(_ROW, maintain_order=True)
        .agg(pl.col(_REASON).unique(maintain_order=True).str.join("; "))
        .sort(_ROW)
    )


def _count(file: str, raw: pl.DataFrame, kept: pl.DataFrame, bad: pl.DataFrame, notes: list[str]) -> TableIntake:
    reasons = bad.group_by(_REASON).len().sort("len", _REASON, descending=[True, False])
    texts = [c for c in kept.columns if kept.schema[c] == pl.String]
    long = kept.select(pl.any_horizontal(pl.col(texts).str.len_chars() > MAX_CHARS).sum()).item()
    if long:
        notes = [*notes, f"{long:,} rows hold a text over {MAX_CHARS:,} characters; models read its start"]
    return TableIntake(file, raw.height, kept.height, dict(reasons.iter_rows()), notes)


def _as_rejects(file: str, raw: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    fields = [c for c in raw.columns if c != _ROW]
    return raw.join(bad, on=_ROW, how="inner", maintain_order="left").select(
        pl.lit(file).alias("file"), _ROW, _REASON, pl.struct(fields).struct.json_encode().alias("record")
    )


def _write_rejects(rejected: pl.DataFrame, path: Path, intake: Intake) -> None:
    if rejected.is_empty():
        return
    try:
        with atomic(path) as part:
            rejected.write_parquet(part)
    except OSError as error:
        raise DataError(
            f"{len(rejected)} rows were rejected and cannot be kept in {path}: {error}. "
            "Name a writable file: read(folder, rejects='rejects.parquet')."
        ) from error
    intake.rejects = path
