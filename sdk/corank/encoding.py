"""Vectors of a catalogue of any size, in shards, by many processes; may be stopped at any time.

A shard is a parquet file of ids and vectors that is written whole or not at all, so that whoever
comes later sees what is done. The n-th of several processes takes every so-manieth shard; they need
not know each other, nor run on one machine, as long as they see one folder. Reads a bundle's
encoder and a table as its vertical declares it; knows nothing of what vectors are for. Torch-free.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Self

import polars as pl

from corank.bundle import BUNDLE, as_declared, identity
from corank.compress.runtime import TextEncoder
from corank.data.cast import blank, cast, expected
from corank.data.files import atomic
from corank.data.graph import join
from corank.data.read import FORMATS
from corank.data.scan import scan, utf8
from corank.data.text import render, template_columns
from corank.errors import ConfigError, DataError, SchemaError, nearest
from corank.progress import bar
from corank.vertical import Vertical

SHARD = 50_000  # items
EDGE = ("source", "relation", "target")
ABOUT, MAKING = "encoding.json", ".making"
"""What says which run a folder is of, and where shards lie until they are whole."""


class Share(NamedTuple):
    """Which of several processes this is, from 0, and of how many."""

    process: int = 0
    of: int = 1

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> Self:
        """Return what ``accelerate launch`` or ``torchrun`` told this process.

        Raises:
            ConfigError: what it told makes no sense.
        """
        told = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
        try:
            share = cls(*map(int, told))
        except ValueError:
            share = cls(0, 0)
        if not 0 <= share.process < share.of:
            raise ConfigError(
                f"RANK={told[0]} and WORLD_SIZE={told[1]}: expected a whole number of processes, "
                "and a rank from 0 to one less."
            )
        return share


@dataclass(frozen=True)
class Encoded:
    """What a run found and did."""

    items: int  # of the whole table
    dim: int
    shards: int  # of the whole table
    before: int  # of this process's shards that were there already
    made: int  # by this process, now
    seconds: float
    items_per_second: float


def encode(
    bundle: Path,
    items: Path,
    out: Path,
    *,
    edges: Path | None = None,
    shard: int = SHARD,
    share: Share | None = None,
) -> Encoded:
    """Encode this process's shards of a table of items as a bundle's catalogue was.

    Columns are read as the vertical's schema wants them, but no row is set aside: what it would
    not allow is an error.

    Args:
        bundle: whose encoder reads, and whose declaration says what of an item.
        items: parquet, csv or jsonl with ``item_id`` and the columns that are read.
        edges: the vertical's knowledge graph, in such a file; columns are filled along it first.
            Without it, they are taken as they stand.
        out: folder of the shards, ``00000.parquet`` and so on: item_id, vector (dim floats of unit
            length), in the table's order. What lies there of the same run is kept.
        shard: items in each.
        share: which process this is; by default, what the environment says.

    Raises:
        BundleError: there is no bundle, it is damaged, or its vertical reads another text by now.
        UnknownVerticalError: the bundle's vertical is not installed.
        DataError: a table or a value cannot be read, or vectors of something else lie in ``out``.
        SchemaError: a table lacks a column.
        ConfigError: a shard is to hold nothing, or edges are given to a vertical that has none.
    """
    if shard < 1:
        raise ConfigError(f"shard is {shard}; a shard holds 1 item at least.")
    share = share or Share.told(os.environ)
    manifest = BUNDLE.open(bundle)
    vertical = as_declared(bundle, manifest)
    with Catalogue.open(items, vertical, edges) as catalogue:
        rows = catalogue.rows
        about = {"bundle": identity(bundle), "items": _sha256(items), "rows": rows, "shard": shard}
        _claim(out, about | ({"edges": _sha256(edges)} if edges else {}))
        encoder, began = TextEncoder.load(bundle / "encoder"), time.perf_counter()
        shards = -(-rows // shard)
        mine = range(share.process, shards, share.of)
        missing = [number for number in mine if not (out / _name(number)).exists()]
        total = sum(min(shard, rows - number * shard) for number in missing)
        with bar() as bars:
            task = bars.add_task(f"encoding {items.name}", total=total, visible=not share.process)
            for number in missing:
                part = catalogue.part(number * shard, shard)
                texts = render(vertical.item_text, part)
                vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
                done = pl.DataFrame({"item_id": part["item_id"], "vector": vectors})
                whole = out / MAKING / _name(number)
                with atomic(whole) as file:
                    done.write_parquet(file)
                whole.replace(out / _name(number))  # only now does a reader of the folder see it
    seconds, made = time.perf_counter() - began, len(missing)
    found = Encoded(rows, encoder.dim, shards, len(mine) - made, made, seconds, total / seconds)
    if complete(found, out):  # nobody makes one any more
        shutil.rmtree(out / MAKING, ignore_errors=True)
    return found


@dataclass(frozen=True)
class Catalogue:
    """A table of items on disk, of which parts are read as the vertical wants them."""

    path: Path
    table: pl.LazyFrame
    columns: tuple[str, ...]
    vertical: Vertical
    edges: pl.DataFrame | None  # source, relation, target

    @classmethod
    @contextmanager
    def open(cls, path: Path, vertical: Vertical, edges: Path | None) -> Iterator[Self]:
        """Scan it; what is no UTF-8 is read from a copy in which it is. See `encode`."""
        if edges and not vertical.joins:
            raise ConfigError(f"The vertical {vertical.name!r} fills no column along edges.")
        columns, joins = ["item_id", *template_columns(vertical.item_text)], vertical.joins
        if edges:
            columns += [each for one in joins for each in (one.of, one.column)]
        with ExitStack() as opened:
            known = None
            if edges:
                lines = _scanned(opened.enter_context(_readable(edges)), edges, EDGE)
                known = _collected(lines.select(pl.col(EDGE).cast(pl.String)).unique(), edges)
            table = _scanned(opened.enter_context(_readable(path)), path, columns)
            yield cls(path, table, tuple(dict.fromkeys(columns)), vertical, known)

    @property
    def rows(self) -> int:
        """How many items it holds."""
        return int(_collected(self.table.select(pl.len()), self.path).item())

    def part(self, start: int, length: int) -> pl.DataFrame:
        """Return some of its rows, their columns of the schema's types and filled along edges.

        Raises:
            DataError: a value is none of its column's type.
        """
        given = _collected(self.table.slice(start, length).select(self.columns), self.path)
        kinds = self.vertical.items.columns()
        read = {name: cast(given[name], kinds[name].dtype) for name in self.columns}
        for name, column in read.items():
            wrong = column.is_null()
            if name != "item_id":
                wrong &= ~blank(given[name], kinds[name].dtype)
            if wrong.any():
                row = wrong.arg_true()[0]
                raise DataError(
                    f"{self.path}, row {start + row + 1}: {name}={given[name][row]!r} is not "
                    f"{expected(kinds[name])}."
                )
        part = pl.DataFrame(read)
        return part if self.edges is None else join(part, self.edges, self.vertical.joins)


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Yield a file that can be scanned."""
    if path.suffix.removeprefix(".") not in FORMATS:
        raise DataError(f"{path} is no table; expected a file of {', '.join(FORMATS)}.")
    if not path.is_file():
        raise DataError(f"{path} cannot be read: it is not there.")
    with utf8(path) as readable:
        yield readable


def _scanned(readable: Path, path: Path, columns: Iterable[str]) -> pl.LazyFrame:
    """Scan a table, and see that it has these columns."""
    table = scan(readable)
    known = _collected(table.limit(0), path).columns
    for column in columns:
        if column not in known:
            raise SchemaError(
                f"{path} has no column {column!r}, which is read of each row; it has "
                f"{', '.join(known)}." + nearest(column, known)
            )
    return table


def _collected(table: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return table.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from error


def _sha256(table: Path) -> str:
    with table.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(number: int) -> str:
    return f"{number:05}.parquet"


def _claim(out: Path, about: dict[str, object]) -> None:
    """Check that what lies in the folder, if anything does, is of the same run."""
    file = out / ABOUT
    if not file.exists():
        if out.exists() and any(out.glob("*.parquet")):
            raise DataError(f"{out} holds other files; name a folder of its own.")
        with atomic(file) as part:
            part.write_text(json.dumps(about, indent=1), "utf-8")
        return
    known = json.loads(file.read_text("utf-8"))
    if differing := [name for name in about if known.get(name) != about[name]]:
        raise DataError(
            f"{out} holds vectors of another run: it differs in {', '.join(differing)}. Name "
            "another folder, or remove that one."
        )


def told(found: Encoded, out: Path) -> dict[str, object]:
    """Return a run's figures as a machine reads them."""
    return {**asdict(found), "out": str(out), "complete": complete(found, out)}


def complete(found: Encoded, out: Path) -> bool:
    """Whether all shards are there, those of other processes too."""
    return all((out / _name(number)).exists() for number in range(found.shards))
