"""Encoders side by side, in miniature: every system in a process of its own."""

import json
from pathlib import Path

import pytest

from benchmarks import latency
from benchmarks.peers.encoders import BACKENDS
from benchmarks.reporting import report, results
from benchmarks.sets.crowdflower import CROWDFLOWER
from corank import ShrinkConfig

pytest.importorskip("sentence_transformers")


def test_every_system_is_timed_and_what_is_missing_is_named(
    crowdflower: Path, tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(type(CROWDFLOWER), "source", lambda _: crowdflower)
    monkeypatch.setattr(latency, "PYTHON", str(tmp_path / "python"))
    few = ShrinkConfig(layers=1, epochs=1, min_steps=1)
    rows, path = latency.run(
        "crowdflower", texts=120, rounds=2, seed=0, shrink=few, model=tiny_encoder
    )
    stored = json.loads(path.read_text("utf-8"))
    failed = stored["about"]["systems that failed"]
    assert all("make backends" in said for said in failed.values())
    assert {*failed} == {each for each in BACKENDS if each != latency.PEER}
    found = {(row.system, row.metric): row.value for row in rows}
    assert found["sentence-transformers", "speedup_over/sentence-transformers"] == 1
    ours = "corank", "corank/int8", "corank/int8, fewer layers"
    for system in ours:
        assert found[system, "texts_per_second"] > 0 and found[system, "peak_memory_mb"] > 10
        times = [found[system, f"query_{name}_ms"] for name in ("p50", "p95", "p99")]
        assert 0 < times[0] <= times[1] <= times[2]
        assert found[system, "cosine_in_batch"] == pytest.approx(1, abs=1e-5)
        assert 0 < found[system, "ndcg@10"] <= 1
    assert found["corank", "cosine"] == pytest.approx(1, abs=1e-4)
    assert found["corank", "ndcg@10"] == found["sentence-transformers", "ndcg@10"]
    assert found["corank", "ndcg@10_lost"] == 0
    assert 0.99 < found["corank/int8", "cosine"] < 1
    shares = [row.value for row in rows if row.split == "profile"]
    assert found["corank/int8", "share_of_limit"] == shares.pop(0) > 0
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0
    assert found["corank/int8", "peak_memory_mb"] < found["sentence-transformers", "peak_memory_mb"]
    whole, small, smallest = (found[system, "size_mb"] for system in ours)
    assert 0.3 > whole > small > smallest > 0  # each its own files, no other's
    readme = tmp_path / "README.md"
    readme.write_text(f"{report.START}{report.END}", "utf-8")
    (tmp_path / "docs").mkdir()
    report.write(tmp_path)
    assert "| crowdflower, latency | texts_per_second |" in readme.read_text("utf-8")
    assert "**crowdflower, latency**" in (tmp_path / "docs" / "benchmarks.md").read_text("utf-8")
    assert (tmp_path / "docs" / "latency.png").read_bytes()[1:4] == b"PNG"
