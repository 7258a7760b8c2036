"""The table of stored results, made of small ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as commands
from benchmarks.reporting import report
from benchmarks.reporting import results as stored_in
from benchmarks.sets.amazon_beauty import AMAZON_BEAUTY
from corank.errors import ConfigError
from corank.evaluate.report import Row


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stored_in, "RESULTS", tmp_path)
    return tmp_path


def put(folder: Path, protocol: str, *rows: Row, name: str = "shop") -> None:
    result: dict[str, Any] = {
        "dataset": name,
        "protocol": protocol,
        "commit": "0123456789abcdef",
        "machine": {"cores": 2},
        "versions": {},
        "data_sha256": "",
        "verdict": "so it is",
        "rows": [vars(row) for row in rows],
    }
    (folder / f"{name}-{protocol}.json").write_text(json.dumps(result))


def test_what_ours_took_is_told_and_not_what_a_peer_took(results: Path) -> None:
    put(
        results,
        "time",
        Row("corank", "all", "ndcg@10", 0.5, 0.4, 0.6),
        Row("corank", "cost", "fit_seconds", 600.0),
        Row("corank", "cost", "peak_memory_mb", 1024.0, 1024.0, 2048.0, 3),
        Row("corank", "cost", "recommend_p50_ms", 4.0),
        Row("corank", "cost", "recommend_p99_ms", 9.0),
        Row("peer", "cost", "fit_seconds", 60.0),
    )
    text = report.markdown()
    assert "**shop, time**: so it is. Commit 0123456789ab." in text
    assert "| **corank** | 0.5000 (0.4000 .. 0.6000) |" in text
    assert (
        "Fitted in 10 minutes on 2 cores; peak memory 2.0 GiB; a recommendation takes 4.0 ms "
        "(p50), 9.0 (p99)." in text
    )


def test_of_time_alone_nothing_but_time_is_told(results: Path) -> None:
    put(
        results,
        "10-fold",
        Row("corank", "all", "ndcg@10", 0.5),
        Row("corank", "cost", "fit_seconds", 60.0),
    )
    assert report.markdown().endswith("Fitted in 1 minutes on 2 cores.\n")


@pytest.mark.parametrize("protocol", ["time-ablation", "leave-one-out-ablation"])
def test_an_ablation_stands_as_its_protocol_does(results: Path, protocol: str) -> None:
    put(
        results,
        protocol,
        Row("corank - text", "all", "ndcg@10", 0.5),
        Row("corank", "all", "ndcg@10", 0.6),
    )
    rows = [line for line in report.markdown().splitlines() if line.startswith("| ")][2:]
    assert rows == ["| corank - text | 0.5000 |", "| **corank** | 0.6000 |"]


def test_what_a_run_keeps_on_its_way_is_no_result(results: Path) -> None:
    put(results, "time", Row("corank", "all", "ndcg@10", 0.5))
    (results / ".shop-10-fold-abc-0123456789ab.json").write_text('{"0/0": {}}')
    assert len(stored_in.stored()) == 1


def test_options_that_are_given_leave_the_others_of_their_section() -> None:
    plain = {"epochs": 3, "user_model": {"epochs": 10, "dropout": None}, "reranker": None}
    given = {"user_model": {"dropout": 0.2}, "reranker": {"depth": 9}}
    assert commands._merged(plain, given) == {
        "epochs": 3,
        "user_model": {"epochs": 10, "dropout": 0.2},
        "reranker": {"depth": 9},
    }


def test_a_variant_that_a_set_does_not_have_is_refused_with_those_that_it_has() -> None:
    assert commands._variant(AMAZON_BEAUTY, "interactions") == {"objective": "interactions"}
    with pytest.raises(ConfigError, match="no variant 'clicks'; it has interactions"):
        commands._variant(AMAZON_BEAUTY, "clicks")
