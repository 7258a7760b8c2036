"""Milvus Lite, which is the server's client and its answers in a file of one's own."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import corank
from benchmarks.sets.generated import queries, shop
from corank import EncoderConfig, FitConfig, Pipeline
from corank.bundle import save
from corank.errors import BundleError, ConfigError, UnreachableError
from corank.retrieve.exact import ExactIndex
from corank.retrieve.milvus import SERVER, TOKEN, MilvusIndex, address, reach, token_for
from corank.retrieve.vectors import check_reachable, load_index

ITEMS = 10_000


def unit(size: int, dim: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((size, dim)).astype(np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


@pytest.mark.parametrize(
    ("kind", "leads"),
    [
        ("faiss", None),
        ("milvus:vectors.db", "vectors.db"),
        ("milvus:/srv/vectors.db", "/srv/vectors.db"),
        ("milvus://host:19530", "http://host:19530"),
        ("milvus:https://host:443", "https://host:443"),
    ],
)
def test_a_kind_may_be_an_address(kind: str, leads: str | None) -> None:
    assert address(kind) == leads


@pytest.mark.parametrize("kind", ["milvus:", "milvus:host", "milvus://", "milvus:ftp://host"])
def test_an_address_that_leads_nowhere_is_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match="names no Milvus; expected milvus://host:19530"):
        FitConfig(index=kind)


@pytest.mark.parametrize("kind", ["milvus://root:secret@host:19530", "milvus:https://key@host"])
def test_a_password_is_not_written_into_bundles(kind: str) -> None:
    with pytest.raises(ConfigError, match=TOKEN) as error:
        FitConfig(index=kind)
    assert "secret" not in str(error.value)


def test_a_token_is_shown_to_the_server_that_was_named_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TOKEN, "root:Secret")
    assert token_for("http://ours:19530") == ""
    monkeypatch.setenv(SERVER, "milvus://ours:19530")
    assert token_for("http://ours:19530") == "root:Secret"
    for stranger in ("http://theirs:19530", "http://ours:1", "https://ours:19530", "a.db"):
        assert token_for(stranger) == ""


@pytest.mark.parametrize("uri", ["ftp://host", "http://root:a@host", "file.txt"])
def test_a_bundle_that_leads_nowhere_is_no_bundle(uri: str, tmp_path: Path) -> None:
    (tmp_path / "text.milvus.json").write_text(json.dumps({"uri": uri}))
    with pytest.raises(BundleError, match="names no Milvus"):
        load_index(tmp_path, "text", unit(3, 4, 0))


def test_nobody_who_answers_is_said_before_anything_is_fitted() -> None:
    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:9 does not answer"):
        check_reachable("milvus://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="not exist"):
        check_reachable("milvus:no/such/folder/vectors.db")


def test_the_same_vectors_are_sent_once_and_others_stand_beside_them(tmp_path: Path) -> None:
    file, one, other = str(tmp_path / "vectors.db"), unit(1_500, 8, 0), unit(1_500, 8, 1)
    first, second = MilvusIndex(one, file), MilvusIndex(other, file)
    client = reach(file)
    assert sorted(client.list_collections()) == sorted([first.collection, second.collection])
    stamp = client.describe_collection(first.collection)
    assert MilvusIndex(one.copy(), file).collection == first.collection
    assert client.describe_collection(first.collection) == stamp
    assert first.search(one[:3], 1).items.ravel().tolist() == [0, 1, 2]
    assert second.search(other[:3], 1).items.ravel().tolist() == [0, 1, 2]


def test_what_is_missing_is_sent_again(tmp_path: Path) -> None:
    file, vectors = str(tmp_path / "vectors.db"), unit(1_200, 8, 0)
    index = MilvusIndex(vectors, file)
    reach(file).delete(index.collection, ids=[*range(100, 900)])
    found = MilvusIndex(vectors, file).search(vectors[[500]], 5)
    assert found.items.tolist() == ExactIndex(vectors).search(vectors[[500]], 5).items.tolist()
    reach(file).drop_collection(index.collection)
    with pytest.raises(UnreachableError, match="does not answer as it should"):
        index.search(vectors[:1], 1)
    assert MilvusIndex(vectors, file).search(vectors[:1], 1).items.tolist() == [[0]]


def test_ten_thousand_items_are_found_as_in_process(tmp_path: Path, tiny_encoder: str) -> None:
    data = shop(ITEMS, seed=0)
    pipeline = Pipeline(
        corank.load_vertical("ecommerce"), EncoderConfig(name=tiny_encoder, max_tokens=32)
    )
    pipeline.fit(data.split("time")[0], FitConfig(epochs=0, index="exact"))
    here = pipeline.engine
    fit = {**dict(here.about["fit"]), "index": f"milvus:{tmp_path / 'vectors.db'}"}  # type: ignore[call-overload]
    save(replace(here, about={**here.about, "fit": fit}), None, tmp_path / "shop")
    moved = corank.load(tmp_path / "shop")
    assert isinstance(moved.signals.text_index, MilvusIndex)
    written = json.loads((tmp_path / "shop" / "vectors" / "text.milvus.json").read_text())
    assert written == {"uri": str(tmp_path / "vectors.db")}
    filters = (None, pl.col("price") < 20, pl.col("category").str.starts_with("Kitchen"))
    for query in queries(data.items, 12, seed=0):
        for where in filters:
            expected, found = (e.search(query, k=10, where=where) for e in (here, moved))
            assert [(a.item_id, a.score) for a in found] == [(a.item_id, a.score) for a in expected]
            assert len(found) == 10
    history = data.items["item_id"].head(3).to_list()
    expected, found = (engine.recommend(history, k=10) for engine in (here, moved))
    assert [a.item_id for a in found] == [a.item_id for a in expected]


SEARCH = """
import sys
import numpy as np
from corank.retrieve.milvus import MilvusIndex
vectors = np.load(sys.argv[2])
print(MilvusIndex(vectors, sys.argv[1]).search(vectors[[7]], 1).items.item())
"""


def test_another_process_finds_what_one_has_sent(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", unit(1_500, 8, 0))
    told = [str(tmp_path / "vectors.db"), str(tmp_path / "vectors.npy")]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SEARCH, *told], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.split()[-1] == "7"


def test_who_asks_for_more_than_milvus_returns_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corank.retrieve.milvus.MOST", 100)
    vectors = unit(1_500, 8, 0)
    index, exact = MilvusIndex(vectors, str(tmp_path / "vectors.db")), ExactIndex(vectors)
    for k in (60, 100, 101, 1_500):
        found, true = index.search(vectors[:2], k), exact.search(vectors[:2], k)
        assert np.array_equal(found.items, true.items), k


def test_a_connection_is_kept_for_each_token_and_asked_each_time(tmp_path: Path) -> None:
    file = tmp_path / "vectors.db"
    check_reachable(f"milvus:{file}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN, "root:Milvus")
        patch.setenv(SERVER, f"milvus:{file}")
        other = reach(str(file))
    assert reach(str(file)) is reach(str(file)) is not other
