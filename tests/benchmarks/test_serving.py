"""A generated shop, and what serving it takes."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks import answering, serving
from benchmarks.reporting import results
from benchmarks.sets.generated import queries, shop
from corank import EncoderConfig
from corank.compress import int8


def test_a_generated_shop_is_the_seeds_alone_and_its_judgements_are_of_its_items() -> None:
    one, again, other = shop(900, 3), shop(900, 3), shop(900, 4)
    assert one.items.equals(again.items) and one.queries.equals(again.queries)
    assert not one.items["title"].equals(other.items["title"])
    assert one.items["item_id"].n_unique() == one.items.height == 900
    assert set(one.queries["item_id"]) <= set(one.items["item_id"])
    assert one.interactions.is_empty() and one.queries.height > 200
    sizes = one.queries.with_columns(pl.col("item_id").str.replace(r"-\d+$", "").alias("made_of"))
    assert sizes.group_by("query", "made_of").len()["len"].max() == 5


def test_what_serving_takes_is_measured(
    tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(int8, "TABLE", 100)
    monkeypatch.setattr(serving, "QUERIES", 40)
    monkeypatch.setattr(serving, "ROUNDS", 2)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    monkeypatch.setattr(answering, "SERVING", Path(sys.executable))
    rows, path = serving.run(items=600, seed=0, encoder=encoder, max_drop=0.9)
    found = {row.metric: row.value for row in rows}
    assert 0 < found["search_p50_ms"] <= found["search_p99_ms"] < 1_000
    assert 0 < found["first_answer_seconds"] < 60 and 50 < found["memory_mb"] < 4_000
    rates = [found[f"answers_per_second@{n}"] for n in (1, 2, 4, 8)]
    assert min(rates) > 0.2 * 1_000 / found["search_p50_ms"] > 0
    assert json.loads(path.read_text("utf-8"))["protocol"] == "serving-600"
    assert "in an install for serving" in json.loads(path.read_text("utf-8"))["verdict"]
    (p50,) = (row for row in rows if row.metric == "search_p50_ms")
    assert p50.low is not None and p50.high is not None and p50.low <= p50.value <= p50.high


def test_no_query_is_asked_twice_and_each_is_of_one_items_words() -> None:
    items = shop(900, 3).items
    asked = queries(items, 200, 0)
    assert len({*asked}) == 200 and asked == queries(items, 200, 0) != queries(items, 200, 1)
    titles = [title.split() for title in items["title"]]
    for query in asked[:20]:
        assert any({*query.split()} <= {*title} for title in titles), query
    with pytest.raises(ValueError, match="have no 50 queries"):
        queries(items.head(1).with_columns(title=pl.lit("red lamp")), 50, 0)
