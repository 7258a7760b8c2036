"""Encoders side by side, in miniature: every system in a process of its own."""

import json
from pathlib import Path

import pytest

from benchmarks import encoding, results
from benchmarks.crowdflower import CROWDFLOWER
from benchmarks.peers.encoders import SYSTEMS

pytest.importorskip("sentence_transformers")


def test_every_system_is_timed_and_what_is_missing_is_named(
    crowdflower: Path, tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(type(CROWDFLOWER), "source", lambda _: crowdflower)
    monkeypatch.setattr(encoding, "BACKENDS", str(tmp_path / "python"))
    rows, path = encoding.run(texts=120, rounds=2, seed=0, model=tiny_encoder)
    stored = json.loads(path.read_text("utf-8"))
    failed = stored["about"]["systems that failed"]
    assert all("make backends" in said for said in failed.values())
    assert {*failed} == {each for each in SYSTEMS if each != encoding.PEER}
    found = {(row.system, row.metric): row.value for row in rows}
    assert found["sentence-transformers", "speedup_over/sentence-transformers"] == 1
    for system in ("corank", "corank/int8"):
        assert found[system, "texts_per_second"] > 0 and found[system, "query_p50_ms"] > 0
        assert found[system, "cosine_in_batch"] == pytest.approx(1, abs=1e-5)
    assert found["corank", "cosine"] == pytest.approx(1, abs=1e-4)
    assert 0.99 < found["corank/int8", "cosine"] < 1
    shares = [row.value for row in rows if row.split == "profile"]
    assert found["corank/int8", "share_of_limit"] == shares.pop(0) > 0
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0
    assert found["corank/int8", "bundle_mb"] < found["corank", "bundle_mb"]
