"""Vectors of a catalogue of any size, in shards, by many processes; may be stopped at any time.

A shard is a parquet file of ids and vectors that is written whole or not at all, so that whoever
comes later sees what is done. The n-th of several processes takes every so-manieth shard; they need
not know each other, nor run on one machine, as long as they see one folder. Reads a bundle's
encoder and a table; knows nothing of what vectors are for. Torch-free.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Self

import polars as pl

from corank.bundle import BUNDLE, identity
from corank.compress.runtime import TextEncoder
from corank.data.files import atomic
from corank.data.read import FORMATS
from corank.data.scan import scan
from corank.data.text import render, template_columns
from corank.errors import ConfigError, DataError, SchemaError, nearest
from corank.progress import bar

SHARD = 50_000  # items
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
    bundle: Path, items: Path, out: Path, *, shard: int = SHARD, share: Share | None = None
) -> Encoded:
    """Encode this process's shards of a table of items as a bundle's catalogue was.

    Args:
        bundle: whose encoder reads, and whose declaration says what of an item.
        items: parquet, csv or jsonl with ``item_id`` and the columns that are read.
        out: folder of the shards, ``00000.parquet`` and so on: item_id, vector (dim floats of unit
            length), in the table's order. What lies there of the same run is kept.
        shard: items in each.
        share: which process this is; by default, what the environment says.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        DataError: the table cannot be read, or vectors of something else lie in ``out``.
        SchemaError: it lacks a column.
        ConfigError: a shard is to hold nothing.
    """
    if shard < 1:
        raise ConfigError(f"shard is {shard}; a shard holds 1 item at least.")
    share = share or Share.told(os.environ)
    manifest = BUNDLE.open(bundle)
    table, columns = _table(items, manifest["item_text"])
    rows = int(table.select(pl.len()).collect().item())
    about = {
        "bundle": identity(bundle), "items": _sha256(items), "rows": rows, "shard": shard,
    }  # fmt: skip
    _claim(out, about)
    encoder, began = TextEncoder.load(bundle / "encoder"), time.perf_counter()
    shards = -(-rows // shard)
    mine = range(share.process, shards, share.of)
    missing = [number for number in mine if not (out / _name(number)).exists()]
    total = sum(min(shard, rows - number * shard) for number in missing)
    with bar() as bars:
        task = bars.add_task(f"encoding {items.name}", total=total, visible=not share.process)
        for number in missing:
            part = table.slice(number * shard, shard).select(columns).collect()
            texts = render(manifest["item_text"], part)
            vectors = encoder.encode_items(texts, progress=lambda n: bars.advance(task, n))
            done = pl.DataFrame({"item_id": part["item_id"].cast(pl.String), "vector": vectors})
            whole = out / MAKING / _name(number)
            with atomic(whole) as file:
                done.write_parquet(file)
            whole.replace(out / _name(number))  # only now does a reader of the folder see it
    with suppress(OSError):  # another process still makes one
        (out / MAKING).rmdir()
    seconds = time.perf_counter() - began
    made = len(missing)
    speed = total / seconds
    return Encoded(rows, encoder.dim, shards, len(mine) - made, made, seconds, speed)


def _sha256(table: Path) -> str:
    with table.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(number: int) -> str:
    return f"{number:05}.parquet"


def _table(items: Path, template: str) -> tuple[pl.LazyFrame, list[str]]:
    """Return the table, and the columns of it that are needed."""
    if items.suffix.removeprefix(".") not in FORMATS:
        raise DataError(f"{items} is no table; expected a file of {', '.join(FORMATS)}.")
    try:
        table = scan(items)
        known = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{items} cannot be read: {error}") from error
    wanted = ["item_id", *template_columns(template)]
    for column in wanted:
        if column not in known:
            raise SchemaError(
                f"{items} has no column {column!r}, which is read of each item; it has "
                f"{', '.join(known)}." + nearest(column, known)
            )
    return table, wanted


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
