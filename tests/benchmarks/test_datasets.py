"""Public files become a vertical's tables, exactly; a missing file is asked for by name."""

import datetime as dt
import json
import re
from pathlib import Path

import polars as pl
import pytest

import corank
from benchmarks import __main__ as commands
from benchmarks.arguments import DOMAINS
from benchmarks.sets.amazon_beauty import AMAZON_BEAUTY as BEAUTY
from benchmarks.sets.catalogue import DATASETS, KNOWN
from benchmarks.sets.datasets import ANY_EDITION, EDITIONS, PublicSet
from corank.errors import DataError


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A miniature of the public files, in their own formats."""
    folder = tmp_path / "amazon-beauty"
    folder.mkdir()
    (folder / "beauty_sequential_p5ids.txt").write_text("1 1 3 2\n2 3 1\n")
    ids = {"1": "B0001", "2": "7806397051", "3": "B0003", "4": "B0004"}
    (folder / "beauty_datamaps.json").write_text(json.dumps({"id2item": ids, "user2id": {}}))
    numbers = {"B0001": 0, "7806397051": 7, "B0003": 2, "B0004": 9}
    (folder / "beauty_item_id_to_int.json").write_text(json.dumps(numbers))
    (folder / "beauty_products_lookup.csv").write_text(
        "global_product_id,name\n"
        '0,"Nail polish, red &amp; gold"\n'
        "2,\n"
        '7,  Shea butter &#39;pure&#39; "soft" — 50 ml \n'
    )
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    return folder


def test_beauty_becomes_items_and_interactions(public: Path, tmp_path: Path) -> None:
    BEAUTY.prepare(BEAUTY.source(), tmp_path / "out")
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert items.rows() == [
        ("B0001", "Nail polish, red & gold"),
        ("7806397051", "Shea butter 'pure' \"soft\" — 50 ml"),
        ("B0003", "untitled"),  # blank in the public file
        ("B0004", "untitled"),  # not in it
    ]
    interactions = pl.read_parquet(tmp_path / "out" / "interactions.parquet")
    day = dt.datetime(2000, 1, 1)
    assert interactions.columns == ["user_id", "item_id", "event", "timestamp"]
    assert interactions.rows() == [
        ("1", "B0001", "purchase", day),
        ("1", "B0003", "purchase", day + dt.timedelta(weeks=1)),
        ("1", "7806397051", "purchase", day + dt.timedelta(weeks=2)),
        ("2", "B0003", "purchase", day),
        ("2", "B0001", "purchase", day + dt.timedelta(weeks=1)),
    ]


def test_another_edition_of_a_file_is_named_before_anything_is_measured(
    public: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ANY_EDITION)
    monkeypatch.setattr("sys.argv", ["benchmarks", "accuracy", "--dataset", "amazon-beauty"])
    assert commands.main() == 3
    said = capsys.readouterr().err
    expected = json.loads(EDITIONS.read_text("utf-8"))["amazon-beauty"]
    assert f"{public / 'beauty_sequential_p5ids.txt'} is another edition" in said
    assert f"expected {expected['beauty_sequential_p5ids.txt']}" in said


def test_editions_are_known_of_every_file_and_no_other() -> None:
    known = json.loads(EDITIONS.read_text("utf-8"))
    assert {name: {*files} for name, files in known.items()} == {
        name: {*dataset.files} for name, dataset in KNOWN.items()
    }


def test_what_is_prepared_reads_without_a_reject(public: Path, tmp_path: Path) -> None:
    BEAUTY.prepare(public, tmp_path / "out")
    data = BEAUTY.vertical.read(tmp_path / "out")
    assert data.intake
    assert {name: table.rejected for name, table in data.intake.tables.items()} == {
        "items": 0,
        "interactions": 0,
    }
    assert data.positives.height == 5


def test_missing_files_are_named_with_where_they_are_published(public: Path) -> None:
    (public / "beauty_datamaps.json").unlink()
    (public / "beauty_products_lookup.csv").unlink()
    with pytest.raises(DataError) as caught:
        BEAUTY.source()
    message = str(caught.value)
    assert f"amazon-beauty needs files that are not in {public}:" in message
    assert "  beauty_datamaps.json: id2item: item number -> ASIN\n" in message
    assert "  beauty_products_lookup.csv: columns global_product_id" in message
    assert "beauty_sequential_p5ids.txt" not in message
    assert BEAUTY.home_page in message
    assert BEAUTY.licence in message


def test_the_hash_changes_with_any_file(public: Path) -> None:
    before = BEAUTY.sha256()
    assert before == BEAUTY.sha256()
    with (public / "beauty_sequential_p5ids.txt").open("a") as file:
        file.write("3 4 1\n")
    assert BEAUTY.sha256() != before


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_every_set_names_its_files_source_and_licence(
    dataset: PublicSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DATASETS[dataset.name] is dataset
    assert dataset.protocols
    assert dataset.home_page
    assert dataset.licence
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        dataset.source()
    for name, what in dataset.files.items():
        assert f"  {name}: {what}\n" in str(caught.value)


def test_every_vertical_has_public_data() -> None:
    assert sorted(corank.verticals()) == DOMAINS


def test_a_vertical_is_measured_on_each_of_its_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORANK_DATA", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["benchmarks", "accuracy", "--vertical", "ads"])
    assert commands.main() == 3
    assert re.search("(openbandit|upworthy) needs files", capsys.readouterr().err)
