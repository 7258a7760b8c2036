"""One file as it lies on disk: its encoding, its format, and where it is damaged.

The module knows no schema.
"""

import codecs
import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl


def scan(path: Path) -> pl.LazyFrame:
    """Scan a parquet, csv or jsonl file; csv columns are text."""
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    if path.suffix == ".csv":
        return pl.scan_csv(path, infer_schema=False)
    return pl.scan_ndjson(path, infer_schema_length=None)


@contextmanager
def utf8(path: Path) -> Iterator[Path]:
    """Yield a file that is valid UTF-8: ``path``, or a copy where each bad byte became U+FFFD."""
    if path.suffix == ".parquet" or _is_utf8(path):
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with (
            path.open(encoding="utf-8", errors="replace", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
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


def where(path: Path) -> str:
    """Name the first line of a text file that is out of line, where one can be found."""
    if path.suffix == ".parquet":
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            reader = csv.reader(file)
            width = len(next(reader, []))
            lines = (reader.line_num for row in reader if len(row) > width)
        else:
            lines = (n for n, line in enumerate(file, 1) if line.strip() and not _is_object(line))
        try:
            line = next(lines, 0)
        except csv.Error:
            line = reader.line_num
    return f" (line {line})" if line else ""


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, parse_constant=_refuse), dict)
    except ValueError:
        return False


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
