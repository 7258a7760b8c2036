"""Ways to hold an encoder's numbers, in miniature."""

import json
from pathlib import Path

import pytest

from benchmarks import precisions
from benchmarks.reporting import results
from benchmarks.sets.crowdflower import CROWDFLOWER
from corank.compress import int8

pytest.importorskip("onnx_ir")


def test_every_way_is_made_and_what_it_loses_is_told(
    crowdflower: Path, tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(type(CROWDFLOWER), "source", lambda _: crowdflower)
    monkeypatch.setattr(int8, "TABLE", 100)

    def broken(*_: object) -> precisions.Made:
        raise ValueError("no such thing\nand more")

    monkeypatch.setitem(precisions.WAYS, "broken", broken)
    rows, path = precisions.run("crowdflower", texts=20, rounds=2, seed=0, model=tiny_encoder)
    failed = json.loads(path.read_text("utf-8"))["about"]["ways that failed"]
    assert failed == {"broken": "ValueError: no such thing"}
    found = {(row.system, row.metric): row.value for row in rows if row.split == "all"}
    for way in precisions.WAYS.keys() - failed:
        assert found[way, "texts_per_second"] > 0 and 0 < found[way, "ndcg@10"] <= 1
        assert 0.8 < found[way, "cosine"] <= 1 + 1e-6, way
    exact, ours = precisions.EXACT, "corank/int8"
    assert found[exact, "ndcg@10_lost"] == 0 and found[exact, f"speedup_over/{exact}"] == 1
    assert found[ours, "size_mb"] < 0.6 * found[exact, "size_mb"]
    assert found["bf16, by torch", "size_mb"] == found[exact, "size_mb"] / 2
    for way in precisions.FIXED:
        assert found[way, "cosine_in_batch"] == pytest.approx(1, abs=1e-5)
    by_layer = {
        way: [r.value for r in rows if (r.system, r.metric) == (way, "product_error")]
        for way in precisions.FIXED
    }
    plain, _, smoothed, compensated = (sum(errors) for errors in by_layer.values())
    assert len({len(errors) for errors in by_layer.values()}) == 1
    assert compensated < smoothed <= plain
