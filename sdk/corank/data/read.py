"""Files to tables: find, read lazily, cast, validate, and quarantine what breaks a rule.

A row that cannot be used is never dropped silently: it goes to ``rejects.parquet`` with its
file, its row number (the first after the header is 1), every reason and the values it held, and
for each table rows in = rows kept + rows rejected. A *column* that cannot be used (missing,
misspelled, of the wrong type throughout) is an error. The module does not know verticals: it is
handed the schemas.
"""

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dataframely as dy
import polars as pl

from corank.data.files import atomic
from corank.data.scan import scan, utf8, where
from corank.data.schema import TableName
from corank.data.text import MAX_CHARS
from corank.data.validate import REASON, ROW, relate, validate
from corank.errors import DataError, SchemaError, nearest

FORMATS = ("parquet", "csv", "jsonl")
BEHAVIOUR: tuple[TableName, ...] = ("interactions", "queries")
"""One of them at least is needed: there is nothing to learn otherwise."""


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


@dataclass(frozen=True)
class _Loaded:
    """The schema's columns of one file as it holds them, numbered by row."""

    raw: pl.DataFrame
    notes: list[str]
    repaired: bool  # it was not UTF-8


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
        folder: holds ``items.*`` and ``interactions.*`` or ``queries.*`` or both, and may hold
            ``users.*``, ``labels.*`` and ``edges.*``; each as parquet, csv or jsonl.
        schemas: the schema of each table; a table follows those it refers to.
        columns: the files' column names -> the schema's, applied to every table.
        rejects: where to write the quarantined rows; ``folder/rejects.parquet`` by default. A
            file left there by an earlier reading is replaced, or removed if nothing is rejected.
        now: events later than this are from the future, and rejected. UTC if it has no zone.

    Raises:
        DataError: a required file is missing, empty or unreadable, or nothing of it is usable.
        SchemaError: a column is missing, misspelled, or of the wrong type throughout.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder. Expected one with items.*, and interactions.* or queries.*."
        )
    paths = _paths(folder, schemas)
    _check_mapping(paths.values(), columns)
    now = now.astimezone(dt.UTC).replace(tzinfo=None) if now.tzinfo else now
    intake = Intake()
    tables: dict[TableName, pl.DataFrame] = {}
    rejected: list[pl.DataFrame] = []
    path_of_rejects = rejects or folder / "rejects.parquet"
    for name, path in paths.items():
        schema = schemas[name]
        loaded = _load(path, schema, columns)
        kept, bad = validate(loaded.raw, schema, path.name, repaired=loaded.repaired)
        if name in ("interactions", "queries", "labels"):
            kept, worse = relate(name, kept, tables, now)
            bad = pl.concat([bad, worse])
        intake.tables[name] = _count(path.name, loaded, kept, bad)
        rejected.append(_as_rejects(path.name, loaded.raw, bad))
        if kept.is_empty():
            _write_rejects(pl.concat(rejected), path_of_rejects, intake)
            raise DataError(
                f"No row of {path} is usable. Mend the file, or map its columns: "
                f"{_map('theirs', 'ours')}.\n{intake}"
            )
        tables[name] = kept.drop(ROW)
    _write_rejects(pl.concat(rejected), path_of_rejects, intake)
    return tables, intake


def _paths(folder: Path, tables: Iterable[TableName]) -> dict[TableName, Path]:
    """Return the file of each table that is there.

    Raises:
        DataError: items are missing, all behaviour is, or a table has two files.
    """
    paths = {name: path for name in tables if (path := _find(folder, name))}
    missing = "items" if "items" not in paths else "interactions"
    if "items" not in paths or not any(name in paths for name in BEHAVIOUR):
        here = sorted(p.name for p in folder.iterdir())[:8]
        raise DataError(
            f"{folder} holds no {missing} file. Expected {missing}.parquet, .csv or .jsonl"
            + (", or judged queries in queries.*" if missing in BEHAVIOUR else "")
            + f"; found {', '.join(here) or 'nothing'}."
            + nearest(f"{missing}.csv", here)
        )
    return paths


def _find(folder: Path, name: TableName) -> Path | None:
    found = [path for f in FORMATS if (path := folder / f"{name}.{f}").is_file()]
    if len(found) > 1:
        raise DataError(
            f"{folder} holds {' and '.join(p.name for p in found)}. Keep one file per table."
        )
    return found[0] if found else None


def _load(path: Path, schema: type[dy.Schema], columns: Mapping[str, str]) -> _Loaded:
    """Scan, rename, keep the schema's columns and number the rows."""
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty. Expected rows with {', '.join(schema.column_names())}.")
    with utf8(path) as readable:
        try:
            frame = scan(readable)
            theirs = frame.collect_schema().names()
            ours = [columns.get(name, name) for name in theirs]
            notes = _check_columns(path, schema, ours, columns)
            frame = frame.rename(dict(zip(theirs, ours, strict=True)))
            wanted = [name for name in schema.column_names() if name in ours]
            raw = frame.select(wanted).with_row_index(ROW, offset=1).collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{path} cannot be read as {path.suffix[1:]}{where(readable)}: "
                f"{str(error).splitlines()[0]}. Mend or remove what is there."
            ) from error
        repaired = readable != path
    if raw.is_empty():
        raise DataError(
            f"{path} holds a header and no row. Expected rows with "
            f"{', '.join(schema.column_names())}."
        )
    absent = [
        pl.lit(None, column.dtype).alias(name)
        for name, column in schema.columns().items()
        if name not in ours
    ]
    return _Loaded(raw.with_columns(absent), notes, repaired)


def _check_columns(
    path: Path, schema: type[dy.Schema], found: list[str], mapping: Mapping[str, str]
) -> list[str]:
    """Return notes on columns that are absent or not needed; raise where one is needed.

    An optional column may be absent, but not when another is spelt almost like it: then it is
    misspelled, unless the mapping names that other one.
    """
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise SchemaError(
            f"{path} has two columns for {twice[0]!r}: itself and one that columns={mapping} maps "
            "to it. Keep one."
        )
    known = schema.columns()
    unknown = [name for name in found if name not in known]
    unmapped = [name for name in unknown if name not in mapping.values()]
    for name, column in known.items():
        misspelled = difflib.get_close_matches(name, unmapped, n=1, cutoff=0.8)
        if name not in found and (misspelled or not column.nullable):
            raise SchemaError(
                f"{path} has no column {name!r} (it has {', '.join(found)})."
                + nearest(name, unmapped)
                + f" Map it: {_map((misspelled or ['theirs'])[0], name)}."
            )
    notes = [f"column {name!r} is absent; read as null" for name in known if name not in found]
    return notes + [f"column {name!r} is not part of the schema; ignored" for name in unknown]


def _map(theirs: str, ours: str) -> str:
    """Say how a column is given another name, by command and in Python."""
    return f"--column {theirs}={ours}, or columns={{{theirs!r}: {ours!r}}}"


def _check_mapping(paths: Iterable[Path], columns: Mapping[str, str]) -> None:
    """See that what is mapped stands in some file."""
    known: set[str] = set()
    for path in paths if columns else ():
        with utf8(path) as readable, suppress(pl.exceptions.PolarsError):  # told when it is read
            known.update(scan(readable).collect_schema().names())
    for theirs, ours in columns.items():
        if theirs not in known:
            raise SchemaError(
                f"{theirs!r} is to be read as {ours!r}, and no file has such a column; there are "
                f"{', '.join(sorted(known))}." + nearest(theirs, known)
            )


def _count(file: str, loaded: _Loaded, kept: pl.DataFrame, bad: pl.DataFrame) -> TableIntake:
    reasons = bad.group_by(REASON).len().sort("len", REASON, descending=[True, False])
    long = pl.any_horizontal(pl.col(pl.String).str.len_chars() > MAX_CHARS).sum()
    notes = [*loaded.notes]
    if count := kept.select(long).item():
        notes.append(
            f"{count:,} rows hold a text over {MAX_CHARS:,} characters; models read its start"
        )
    return TableIntake(file, loaded.raw.height, kept.height, dict(reasons.iter_rows()), notes)


def _as_rejects(file: str, raw: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    rows = raw.join(bad, on=ROW, how="inner", maintain_order="left")
    values = [
        # JSON has no NaN and no infinity: a column that holds one is kept as text
        pl.col(name).cast(pl.String) if kind.is_float() and not _finite(rows[name]) else name
        for name, kind in raw.drop(ROW).schema.items()
    ]
    return rows.select(
        pl.lit(file).alias("file"),
        pl.col(ROW).alias("row"),
        pl.col(REASON).alias("reason"),
        pl.struct(values).struct.json_encode().alias("record"),
    )


def _finite(numbers: pl.Series) -> bool:
    return bool(numbers.is_finite().all())


def _write_rejects(rejected: pl.DataFrame, path: Path, intake: Intake) -> None:
    if rejected.is_empty():
        if path.is_file():
            path.unlink()
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
