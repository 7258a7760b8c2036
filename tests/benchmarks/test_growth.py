"""What growth costs: the exponents, and a run on small catalogues."""

import json
from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.reporting import results
from corank import EncoderConfig
from corank.compress import int8
from corank.errors import ConfigError


def test_exponents_are_those_that_the_figures_were_made_with() -> None:
    powers = {name: 0.3 * place for place, name in enumerate(growth.GROWING)}
    found = {n: {name: 7 * n**power for name, power in powers.items()} for n in (10, 500, 9_000)}
    assert growth.exponents(found) == pytest.approx(
        {f"{name}_exponent": power for name, power in powers.items()}
    )
    found[10]["index_seconds"] = 0.0
    assert "index_seconds_exponent" not in growth.exponents(found)


def test_one_size_says_nothing_of_growth() -> None:
    with pytest.raises(ConfigError, match="two sizes"):
        growth.run([500, 500], seed=0)


@pytest.mark.slow
def test_catalogues_of_two_sizes_are_made_served_and_kept(
    tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(growth, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(results, "current_commit", lambda: "0123456789ab")
    monkeypatch.setattr(int8, "TABLE", 100)
    monkeypatch.setattr(growth, "START", 400)
    monkeypatch.setattr(growth, "MAX_DROP", 0.9)
    monkeypatch.setattr(growth, "QUERIES", 40)
    encoder = EncoderConfig(name=tiny_encoder, max_tokens=32)
    rows, path = growth.run([900, 300], seed=0, encoder=encoder)
    found = {(row.split, row.metric): row.value for row in rows}
    for size in ("300 items", "900 items"):
        assert 0 < found[size, "nearest_p50_ms"] < found[size, "search_p50_ms"] < 1_000
        assert 50 < found[size, "memory_mb"] < found[size, "peak_memory_mb"] < 8_000
    assert found["300 items", "bundle_mb"] < found["900 items", "bundle_mb"]
    assert 0 < found["growth", "bundle_mb_exponent"] < 1.1
    assert json.loads(path.read_text("utf-8"))["protocol"] == "growth"
    monkeypatch.setattr(growth, "_measured", lambda *_: pytest.fail("measured again"))
    assert growth.run([300, 900], seed=0, encoder=encoder)[0] == rows
