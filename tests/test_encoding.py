"""Bulk encoding: shards that many processes make, and that a stopped run goes on from."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corank import load_vertical, verticals
from corank.cli import main
from corank.data.text import render, template_columns
from corank.encoding import Catalogue, Share, encode
from corank.errors import BundleError, ConfigError, DataError, SchemaError
from corank.pipeline import Pipeline


@pytest.fixture(scope="module")
def bundle(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "shop"
    pipeline.save(path)
    return path


@pytest.fixture(scope="module")
def items(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "items.parquet"
    pipeline.engine.items.write_parquet(path)
    return path


def read(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "*.parquet")


def test_shards_hold_what_the_catalogue_was_encoded_to(
    pipeline: Pipeline, bundle: Path, items: Path, tmp_path: Path
) -> None:
    found = encode(bundle, items, tmp_path / "out", shard=70)
    catalogue = pipeline.engine.items
    assert (found.items, found.shards) == (catalogue.height, -(-catalogue.height // 70))
    assert (found.made, found.before) == (found.shards, 0)
    done = read(tmp_path / "out")
    assert done["item_id"].equals(catalogue["item_id"])
    assert done.schema["vector"] == pl.Array(pl.Float32, found.dim)
    assert np.allclose(done["vector"].to_numpy(), pipeline.engine.signals.text_vectors, atol=1e-5)


def test_processes_make_every_shard_once(bundle: Path, items: Path, tmp_path: Path) -> None:
    each = [encode(bundle, items, tmp_path, shard=40, share=Share(n, 3)) for n in range(3)]
    assert sum(found.made for found in each) == each[0].shards
    assert max(found.made for found in each) - min(found.made for found in each) <= 1
    assert len([*tmp_path.glob("*.parquet")]) == each[0].shards


def test_a_stopped_run_goes_on(bundle: Path, items: Path, tmp_path: Path) -> None:
    first = encode(bundle, items, tmp_path, shard=50)
    before = read(tmp_path)
    stamps = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.parquet")}
    (tmp_path / "00002.parquet").unlink()
    (tmp_path / ".making").mkdir(exist_ok=True)
    (tmp_path / ".making" / ".part-1234-00002.parquet").write_bytes(b"half of one")
    again = encode(bundle, items, tmp_path, shard=50)
    assert not (tmp_path / ".making").exists()
    assert (again.made, again.before) == (1, first.shards - 1)
    changed = {f.name for f in tmp_path.glob("0*") if f.stat().st_mtime_ns != stamps[f.name]}
    assert changed == {"00002.parquet"}
    assert read(tmp_path).equals(before)


def test_a_csv_is_read_too(bundle: Path, items: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(items).head(5)
    table.drop("released").write_csv(tmp_path / "some.csv")
    encode(bundle, tmp_path / "some.csv", tmp_path / "out")
    assert read(tmp_path / "out")["item_id"].equals(table["item_id"])


@pytest.mark.parametrize("name", sorted(verticals()))
def test_texts_are_those_that_the_vertical_reads(name: str, tmp_path: Path) -> None:
    vertical = load_vertical(name)
    assert vertical.sample
    catalogue = vertical.read_sample().items
    edges = vertical.sample / "edges.csv" if vertical.joins else None
    with Catalogue.open(vertical.sample / "items.csv", vertical, edges) as opened:
        assert opened.rows == catalogue.height
        parts = pl.concat([opened.part(start, 100) for start in range(0, opened.rows, 100)])
    assert parts["item_id"].equals(catalogue["item_id"])
    texts = [render(vertical.item_text, each).to_list() for each in (parts, catalogue)]
    assert texts[0] == texts[1]
    if edges is None:
        with pytest.raises(ConfigError, match="fills no column along edges"):
            Catalogue.open(vertical.sample / "items.csv", vertical, tmp_path / "e.csv").__enter__()


def test_what_is_no_utf8_is_read_and_what_is_no_value_is_named(tmp_path: Path) -> None:
    shop, path = load_vertical("ecommerce"), tmp_path / "items.csv"
    columns = template_columns(shop.item_text)
    header = f"item_id,{','.join(columns)}\n"
    path.write_bytes((header + ",".join(["A", *["caf\xe9"] * len(columns)])).encode("latin-1"))
    with Catalogue.open(path, shop, None) as opened:
        assert opened.part(0, 9).row(0) == ("A", *["caf\ufffd"] * len(columns))
    path.write_text(header + ",".join(["", *["x"] * len(columns)]))
    with (
        Catalogue.open(path, shop, None) as opened,
        pytest.raises(DataError, match="row 1: item_id=None is not text"),
    ):
        opened.part(0, 9)


def test_a_vertical_that_reads_another_text_by_now_is_refused(
    bundle: Path, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(load_vertical("ecommerce"), item_text="{brand}")
    monkeypatch.setattr("corank.bundle.load_vertical", lambda _: changed)
    with pytest.raises(BundleError, match=r"reads '\{brand\}'\. Fit it again"):
        encode(bundle, items, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("other", ["shard", "rows", "items"])
def test_vectors_of_two_runs_are_not_mixed(
    bundle: Path, items: Path, tmp_path: Path, other: str
) -> None:
    out = tmp_path / "out"
    encode(bundle, items, out, shard=100)
    before = read(out)
    changed, shard = items, 100
    if other != "shard":
        changed, table = tmp_path / "items.parquet", pl.read_parquet(items)
        (table.head(7) if other == "rows" else table.reverse()).write_parquet(changed)
    else:
        shard = 60
    with pytest.raises(DataError, match=f"another run: it differs in .*{other}"):
        encode(bundle, changed, out, shard=shard)
    assert read(out).equals(before)


def test_what_cannot_be_encoded_is_said(bundle: Path, items: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BundleError):
        encode(tmp_path / "none", items, out)
    with pytest.raises(DataError, match="expected a file of parquet, csv, jsonl"):
        encode(bundle, tmp_path / "items.xlsx", out)
    with pytest.raises(DataError, match="cannot be read"):
        encode(bundle, tmp_path / "nothing.parquet", out)
    pl.read_parquet(items).rename({"title": "titel"}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(SchemaError, match=r"no column 'title'.*Did you mean 'titel'"):
        encode(bundle, tmp_path / "t.parquet", out)
    with pytest.raises(ConfigError, match="1 item at least"):
        encode(bundle, items, out, shard=0)
    assert not out.exists()
    pl.read_parquet(items).write_parquet(tmp_path / "own.parquet")
    with pytest.raises(DataError, match="a folder of its own"):
        encode(bundle, items, tmp_path)


@pytest.mark.parametrize(("rank", "size"), [("8", "8"), ("-1", "2"), ("0", "0"), ("x", "2")])
def test_a_rank_that_makes_no_sense_is_refused(rank: str, size: str) -> None:
    with pytest.raises(ConfigError, match=f"RANK={rank} and WORLD_SIZE={size}: expected"):
        Share.told({"RANK": rank, "WORLD_SIZE": size})


def test_two_launched_processes_encode_one_catalogue(
    bundle: Path, items: Path, tmp_path: Path
) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    out = tmp_path / "out"
    given = ["--items", str(items), "--out", str(out), "--shard", "60", "--json"]
    done = subprocess.run(
        [*launch, "-m", "corank", "encode", str(bundle), *given],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    shards = -(-pl.read_parquet(items).height // 60)
    assert told["made"] == -(-shards // 2)
    assert len([*out.glob("*.parquet")]) == shards
    again = encode(bundle, items, tmp_path / "alone")
    assert np.allclose(
        read(out)["vector"].to_numpy(), read(tmp_path / "alone")["vector"].to_numpy(), atol=1e-5
    )
    assert again.items == told["items"]


def test_the_command_says_when_all_is_there(
    bundle: Path, items: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    given = ["encode", str(bundle), "--items", str(items), "--out", str(tmp_path), "--shard", "99"]
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)  # several here would share the cores
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(given) == 0
    assert "Not all shards are there yet" in capsys.readouterr().out
    monkeypatch.setenv("RANK", "1")
    assert main(given) == 0
    assert not capsys.readouterr().out
    monkeypatch.delenv("RANK")
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "0 shards made here" in said and f"pl.scan_parquet('{tmp_path}/*.parquet')" in said
